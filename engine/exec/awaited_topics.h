// Input topics of a task that other queries write. If a partition of such a topic is empty, this class determines
// whether the partition can still receive rows made from records that the task could read at a certain moment
// (TopicWriters).
#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/exec/topic_writers.h"

namespace engine {

// A task reads the progress of the writers before it takes a snapshot, and notes moments as of that snapshot. In each
// round it calls:
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

  // Appends the inputs of the writers, which are polled for their ends only.
  void add_positions(std::vector<std::pair<PartitionRef, Offset>>& positions);
  // Reads the poll results of the inputs that add_positions() has appended. Returns the results that follow them in
  // `polled`.
  std::span<const Polled> see(std::span<const Polled> polled);
  // Notes a moment. From now on has_passed() requires that the writers have passed everything that could be read in the
  // last snapshot.
  void note_moment();
  // Returns whether a query writes the topic. If not, no row is awaited.
  bool is_written(size_t topic) const { return !topics_[topic].ends.empty(); }
  // Returns whether the writers had passed the noted moment before the last snapshot was taken, so that the snapshot
  // has all rows that this moment awaits.
  bool has_passed(size_t topic) const { return topics_[topic].state == State::Passed; }
  // Returns whether the writers passed the noted moment only after the last snapshot was taken. The awaited rows are
  // then in the next snapshot.
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
