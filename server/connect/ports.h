// The ports between the runtime of connectors and the outside systems. A folder per library implements them; the
// runtime has the threads, the commits, the restarts and the states.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace server {

// The progress in one part of the outside system, as in Kafka Connect: {"filename":"a.csv"} -> {"position":120}. Both
// are canonical JSON objects. Without an offset the position is removed.
struct SourcePosition {
  std::string partition_json;
  std::optional<std::string> offset_json;
  bool operator==(const SourcePosition&) const = default;
};
using SourcePositions = std::vector<SourcePosition>;

struct SourceRecord {
  std::string topic;
  std::string order_key;  // records with the same one go to the same partition, in their order
  std::optional<std::string> key, value;
};

// A record that cannot be converted.
struct BadSourceRecord {
  Error error;        // its message names the place: "in/a.csv, line 7: ..."
  std::string bytes;  // as in the source
};

// Records, and the positions after them. Both are one commit.
struct SourceBatch {
  std::vector<SourceRecord> records;
  std::vector<BadSourceRecord> bad;
  SourcePositions positions;
  bool has_more = false;  // more can be read at once
  bool is_empty() const { return records.empty() && bad.empty() && positions.empty(); }
};

// Reads one outside system for one task. A failed call leaves the reader unusable: the runtime makes a new one, which
// starts at the committed positions.
//
// Errors: a code for which is_permanent() holds sets the task to FAILED; with all others it is restarted later.
//
// Threads: the task's. Owner: the task.
class SourceReader {
 public:
  virtual ~SourceReader() = default;
  // Opens the outside system. `positions` are all committed positions of the task.
  virtual Status start(const SourcePositions& positions) = 0;
  // Returns the records after those of the last call, up to about `max_bytes` and `max_records`. May wait a short time.
  struct Limits {
    size_t max_bytes, max_records;
  };
  virtual Result<SourceBatch> poll(const Limits& limits) = 0;
  // Is called when the batch with these positions is durable: the outside system may forget what was read before.
  virtual Status confirm(const SourcePositions& positions) = 0;
  // Returns the bytes that exist and are not read yet, if this is known.
  virtual std::optional<int64_t> lag_bytes() const { return std::nullopt; }
};

// Whether the error will be the same after a restart: the configuration, a right or a record is wrong.
bool is_permanent(const Error& error);

// A record as a sink gets it.
struct SinkRecord {
  std::string topic;
  PartitionId partition;
  Offset offset;
  int64_t timestamp_ms = 0;
  std::optional<std::string> key, value;
};

// The first offset of a partition that the outside system does not have.
struct SinkPosition {
  std::string topic;
  PartitionId partition;
  Offset next;
  bool operator==(const SinkPosition&) const = default;
};

// The intent to write an object: the records that it will contain, stored before the first byte is written, so that a
// restart writes the same object again.
struct SinkIntent {
  std::string topic;
  PartitionId partition;
  Offset first, end;   // end: exclusive
  std::string object;  // its name in the outside system
  bool operator==(const SinkIntent&) const = default;
};

// Writes one outside system for one task. The runtime decides which records an object has; the writer makes objects
// that contain the same bytes for the same records.
//
// Threads: the task's. Owner: the task.
class SinkWriter {
 public:
  virtual ~SinkWriter() = default;
  virtual Status start() = 0;
  // Writes the object whole, in place of an earlier attempt. It is durable when the call returns.
  virtual Status write(const SinkIntent& intent, const std::vector<SinkRecord>& records) = 0;
};

}  // namespace server
