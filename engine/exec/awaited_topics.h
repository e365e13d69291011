// Input topics of a task that other queries write. If a partition of such a topic is empty, the task learns here
// whether it can still receive rows for records that the task could read at a certain moment.
#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/exec/topic_writers.h"

namespace engine {

// A task reads the progress of the writers before it takes a snapshot, and notes moments as of that snapshot:
//
//   add_positions()   the writers' versions, and whether they have passed the noted moment
//   poll              a snapshot: it has the rows of all writers that had passed before
//   see()             the ends of the writers' inputs in it
//   note_moment()     these ends are to be passed; idle writers have passed them at once
//
// Threads: the task's. Owner: its heads.
class AwaitedTopics {
 public:
  // Returns the index of the topic with these writers; adds the topic if it is new.
  size_t add(const TopicWritersPtr& writers);
  bool empty() const { return topics_.empty(); }
  bool is_any_written() const;

  // Appends the inputs of the writers, which are polled for their ends only.
  void add_positions(std::vector<std::pair<PartitionRef, Offset>>& positions);
  // Reads the poll results of these inputs, and returns the results behind them.
  std::span<const Polled> see(std::span<const Polled> polled);
  // Sets the moment: the writers are to pass everything that could be read in the last snapshot.
  void note_moment();
  // Returns whether a query writes the topic. If not, no row is awaited.
  bool is_written(size_t topic) const { return !topics_[topic].ends.empty(); }
  // Returns whether the last snapshot has all rows of the moment.
  bool has_passed(size_t topic) const { return topics_[topic].state == State::Passed; }
  // Returns whether the writers passed the moment after the last snapshot was taken: the next snapshot has the rows.
  bool is_new(size_t topic) const { return topics_[topic].state == State::PassedSince; }
  // Returns the name of the query that is behind.
  const std::string& awaited(size_t topic) const { return topics_[topic].writers->awaited(); }

 private:
  enum class State : uint8_t { Awaited, PassedSince, Passed };
  struct Topic {
    TopicWritersPtr writers;
    std::vector<Offset> ends;  // of the writers' inputs, in the last snapshot
    uint64_t version = 0;      // read before that snapshot
    State state = State::Awaited;
  };
  std::vector<Topic> topics_;
};

}  // namespace engine
