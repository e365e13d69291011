// The input topics of a task that other queries write. When the task reads the end of such a topic, rows may still be
// missing: those that the other queries will make from records which existed when the task took its snapshot of the
// log. This class determines whether such rows are missing (by TopicWriters), so that the task waits for them before it
// takes records of another input.
#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/exec/topic_writers.h"

namespace engine {

// A task first reads the progress of the writers, and then takes a snapshot of the log. A "moment" is a list of
// offsets: the ends of the writers' inputs in one such snapshot. Writers have "passed" the moment when all rows that
// they make from records before these offsets can be read. In each round the task calls:
//
//   add_positions()   reads the writers' versions, and whether the writers have passed the noted moment
//   poll              takes a snapshot, with the rows of all writers that had passed before
//   see()             reads the ends of the writers' inputs in the snapshot
//   note_moment()     the writers must pass these ends; idle writers have passed them already
//
// Threads: the task's. Owner: the InputHeads of the task.
class AwaitedTopics {
 public:
  // Returns the index of the topic with these writers; adds the topic if it is new.
  size_t add(const TopicWritersPtr& writers);
  bool empty() const { return topics_.empty(); }
  // Returns whether a query writes at least one of the topics.
  bool is_any_written() const;

  // Appends the inputs of the writers to the positions to poll. Only their ends are needed, not
  // their records.
  void add_positions(std::vector<std::pair<PartitionRef, Offset>>& positions);
  // Reads the poll results of the inputs that add_positions() has appended. Returns the results that follow them in
  // `polled`.
  std::span<const Polled> see(std::span<const Polled> polled);
  // Sets the moment to the last snapshot. From now on, has_passed() requires that the writers have
  // processed everything that could be read in that snapshot.
  void note_moment();
  // Returns whether any query writes the topic. If none does, no row has to be awaited.
  bool is_written(size_t topic) const { return !topics_[topic].ends.empty(); }
  // Returns whether the writers had already passed the moment when the last snapshot was taken. If
  // so, the snapshot has all rows that have to be awaited.
  bool has_passed(size_t topic) const { return topics_[topic].state == State::Passed; }
  // Returns whether the writers have passed the moment only after the last snapshot was taken. The
  // awaited rows are then in the next snapshot.
  bool is_new(size_t topic) const { return topics_[topic].state == State::PassedSince; }
  // Returns the id of a query that has not passed the noted moment yet.
  const std::string& awaited(size_t topic) const { return topics_[topic].writers->awaited(); }

 private:
  enum class State : uint8_t { Awaited, PassedSince, Passed };
  struct Topic {
    TopicWritersPtr writers;
    std::vector<Offset> ends;  // ends of the writers' inputs in the last snapshot
    uint64_t version = 0;      // TopicWriters::version() before that snapshot
    State state = State::Awaited;
  };
  std::vector<Topic> topics_;
};

}  // namespace engine
