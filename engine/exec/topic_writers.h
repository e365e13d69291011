// Progress of the queries that write a topic, for a task that reads the topic and merges it with others by time.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/exec/ports.h"

namespace engine {

// A moment is a list of the ends of inputs(), as of one snapshot of the log. The writers have passed the moment when
// all rows that they make from the records before these ends can be read, even through several queries in sequence
// with several stages each. The server implements this interface with the progress that tasks publish.
//
// Threads: the thread of the reading task. Owner: the inputs of the reading task. All partitions of one topic share
// one object.
class TopicWriters {
 public:
  virtual ~TopicWriters() = default;
  // Returns the partitions of topics that the writers read. Empty if no query writes the topic, or if the reader is
  // itself one of the queries before the topic (a cycle); in both cases no row is awaited. Valid until the next call.
  virtual std::span<const PartitionRef> inputs() = 0;
  // Notes the moment. `ends` has one entry for each of the inputs() of the last call.
  virtual void note_moment(std::span<const Offset> ends) = 0;
  // Returns whether the writers have passed the moment, so that snapshots taken from now on have all awaited rows.
  // Otherwise the task is woken when one of the writers has made progress.
  virtual bool have_passed() = 0;
  // Returns a number that grows with each commit of a writer. If the number did not change between the time before a
  // snapshot and the time when have_passed() returned true, the snapshot already has the rows.
  virtual uint64_t version() const = 0;
  // Returns the id of a query that had not passed the moment in the last have_passed(); empty if that call returned
  // true.
  virtual const std::string& awaited() const = 0;
};
using TopicWritersPtr = std::shared_ptr<TopicWriters>;

}  // namespace engine
