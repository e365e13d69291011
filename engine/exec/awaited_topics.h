// The topics among a task's inputs that other queries write: whether a partition of such a topic, when it is empty, may
// still get rows for records that the task could read at a certain moment.
#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/exec/topic_writers.h"

namespace engine {

// A task looks how far the writers are before it takes a snapshot, and notes moments as of that snapshot:
//
//   add_positions()   the writers' versions, and whether they have passed the noted moment
//   poll              a snapshot: it has the rows of all that had passed before
//   see()             the ends of the writers' inputs in it
//   note_moment()     these ends are to be passed; idle writers have passed them at once
//
// Threads: the task's. Owner: its heads.
class AwaitedTopics {
 public:
  // The index of the topic with these writers, which is added when it is not known.
  size_t add(const TopicWritersPtr& writers);
  bool empty() const { return topics_.empty(); }
  bool is_any_written() const;

  // Appends the inputs of the writers, to be polled for their ends alone.
  void add_positions(std::vector<std::pair<PartitionRef, Offset>>& positions);
  // What came of them; returns what follows.
  std::span<const Polled> see(std::span<const Polled> polled);
  // From now on the writers are to pass what could be read in the last snapshot.
  void note_moment();
  // Whether a query writes the topic. If not, nothing is owed.
  bool is_written(size_t topic) const { return !topics_[topic].ends.empty(); }
  // Whether the last snapshot has all rows of the moment.
  bool has_passed(size_t topic) const { return topics_[topic].state == State::Passed; }
  // The writers have passed it after the last snapshot was taken: the next one has the rows.
  bool is_new(size_t topic) const { return topics_[topic].state == State::PassedSince; }
  // The query that is behind.
  const std::string& awaited(size_t topic) const { return topics_[topic].writers->awaited(); }

 private:
  enum class State : uint8_t { Awaited, PassedSince, Passed };
  struct Topic {
    TopicWritersPtr writers;
    std::vector<Offset> ends;  // of the writers' inputs, in the last snapshot
    uint64_t version = 0;      // before that
    State state = State::Awaited;
  };
  std::vector<Topic> topics_;
};

}  // namespace engine
