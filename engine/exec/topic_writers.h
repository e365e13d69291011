// How far the queries have come that write a topic, as a task that reads the topic and orders it with others sees them.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/exec/ports.h"

namespace engine {

// A moment is a list of the ends of inputs(), all as of one snapshot of the log. The writers have passed it when
// everything that they make of the records before these ends can be read, whatever lies between: several queries one
// behind the other, with several stages each. The server supplies it from the progress that tasks publish.
//
// Threads: the task's that reads the topic. Owner: the inputs of that task; all partitions of one topic share one.
class TopicWriters {
 public:
  virtual ~TopicWriters() = default;
  // The partitions of topics that the writers read. Empty: no query writes the topic, or the reader is itself one of the
  // queries before it (a cycle), and nothing is waited for. Valid until the next call.
  virtual std::span<const PartitionRef> inputs() = 0;
  // Begins a moment: `ends` has one entry for each of the inputs() of the last call.
  virtual void note_moment(std::span<const Offset> ends) = 0;
  // Whether the writers have passed the moment: snapshots taken from now on have all of its rows. If they have not, the
  // task is woken when one of them has come further.
  virtual bool have_passed() = 0;
  // Grows with each commit of a writer. If it is the same before a snapshot was taken and after have_passed() has
  // returned true, that snapshot has the rows already.
  virtual uint64_t version() const = 0;
  // The query that have_passed() has found behind; empty after it has returned true.
  virtual const std::string& awaited() const = 0;
};
using TopicWritersPtr = std::shared_ptr<TopicWriters>;

}  // namespace engine
