// The progress of the queries that write a topic. A task needs it if it reads the topic and merges
// it with other inputs by time.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/exec/ports.h"

namespace engine {

// A "moment" is a list of the ends of inputs(), as of one snapshot of the log. The writers have
// passed the moment when all rows can be read that they make from records before these ends. This
// includes rows that pass through several queries with several stages each. The server implements
// this interface with the progress that tasks publish.
//
// Threads: the thread of the reading task. Owner: the inputs of the reading task. All partitions of one topic share
// one object.
class TopicWriters {
 public:
  virtual ~TopicWriters() = default;
  // Returns the partitions of topics that the writers read. Empty if no query writes the topic.
  // Also empty if the query of the reading task is itself one of the queries that feed the topic (a
  // cycle). In both cases no row is awaited. The result is valid until the next call.
  virtual std::span<const PartitionRef> inputs() = 0;
  // Stores the ends of the inputs() as the moment for have_passed(). `ends` has one entry for each of the inputs() that
  // the last call returned.
  virtual void note_moment(std::span<const Offset> ends) = 0;
  // Returns whether the writers have passed the moment, so that each snapshot taken from now on has
  // all awaited rows. If not, the task is woken when one of the writers has made progress.
  virtual bool have_passed() = 0;
  // Returns a number that grows with each commit of a writer. A caller reads it before it takes a
  // snapshot, and again when have_passed() has returned true. If the two numbers are equal, the
  // snapshot already has all awaited rows.
  virtual uint64_t version() const = 0;
  // Returns the id of a query that had not passed the moment at the last call of have_passed(): one of its tasks still
  // had to process records before the stored ends. Empty if that call returned true.
  virtual const std::string& awaited() const = 0;
};
using TopicWritersPtr = std::shared_ptr<TopicWriters>;

}  // namespace engine
