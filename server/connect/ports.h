// The interfaces between the runtime of connectors and the outside systems. Each outside system has
// a folder that implements them. Threads, commits, restarts and states of tasks are in the runtime.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "engine/connect/sink_objects.h"
#include "engine/connect/transforms/connect_record.h"

namespace server {

// How far a source was read, in one part (a "partition") of the outside system. As in Kafka
// Connect, both members are canonical JSON objects, for example {"filename":"a.csv"} and
// {"position":120}. A SourcePosition without an offset removes the stored position.
struct SourcePosition {
  std::string partition_json;
  std::optional<std::string> offset_json;
  bool operator==(const SourcePosition&) const = default;
};
using SourcePositions = std::vector<SourcePosition>;

struct SourceRecord {
  std::string topic;
  // Records with the same order key go to the same partition, and stay in their order. Messages
  // show the key as the place of a record.
  std::string order_key;
  std::optional<std::string> key, value;
  // Place of the record in the source: its number, counted from 1, and the position of its first byte, counted from 0.
  int64_t number = 0, byte = 0;
  std::vector<engine::ConnectHeader> headers = {};
  std::optional<int64_t> timestamp_ms = std::nullopt;  // nothing: the time of the commit
};

// The names that Kafka Connect gives to the steps in which a record can fail.
inline constexpr std::string_view kConversionStage = "VALUE_CONVERTER";
inline constexpr std::string_view kTransformStage = "TRANSFORMATION";
inline constexpr std::string_view kTaskStage = "TASK_PUT";

// A record that cannot be converted, or for which a transform or the outside system has failed.
struct BadRecord {
  Error error;        // its message names the place: "in/a.csv, line 7: ...", "orders-3@1742: ..."
  std::string bytes;  // the record in the source, or the value in the topic
  std::string_view stage = kConversionStage;
};

// Records of a source, and the positions in the outside system after them. One commit makes both durable, so a restart
// neither repeats nor loses a record.
struct SourceBatch {
  std::vector<SourceRecord> records;
  std::vector<BadRecord> bad;
  SourcePositions positions;
  bool has_more = false;  // more records can be read without a pause
  bool is_empty() const { return records.empty() && bad.empty() && positions.empty(); }
};

// Reads one outside system for one task. After a failed call the reader is unusable: the runtime
// creates a new reader, which starts at the committed positions.
//
// Errors: if is_permanent(error) is true, the task becomes FAILED; after all other errors it is
// restarted later.
//
// Threads: the task's. Owner: the task.
class SourceReader {
 public:
  virtual ~SourceReader() = default;
  // Opens the outside system. `positions` are all positions that the task has committed.
  virtual Status start(const SourcePositions& positions) = 0;
  // Called after start(). A reader that gets its records from other threads calls `wake` when
  // records have arrived, on any thread, and not after its destruction. Other readers ignore
  // `wake`; the task calls their poll() again and again.
  virtual void on_ready(std::function<void()> /*wake*/) {}
  // Called when the task was paused and its last commit is durable. The pause lasts until the next
  // poll().
  virtual void on_pause() {}
  // Returns the next records, about as many as the limits permit. May wait a short time for them.
  struct Limits {
    size_t max_bytes, max_records;
  };
  virtual Result<SourceBatch> poll(const Limits& limits) = 0;
  // Called when the batch with these positions is durable. The outside system may now delete the
  // data before these positions.
  virtual Status confirm(const SourcePositions& positions) = 0;
  // Returns how many bytes of the source were not read yet; nothing if this is not known.
  virtual std::optional<int64_t> lag_bytes() const { return std::nullopt; }
};

// Whether a restart would lead to the same error, because the configuration, a right or a record is
// wrong.
bool is_permanent(const Error& error);

// A record of a topic that is given to a sink.
struct SinkRecord {
  std::string topic;
  PartitionId partition;
  Offset offset;
  int64_t timestamp_ms = 0;
  std::optional<std::string> key, value;
  std::vector<engine::ConnectHeader> headers = {};
};

// The functions of its task that a writer may call while it waits for the outside system.
struct TaskWait {
  // Waits; returns false if the task must stop.
  std::function<bool(int64_t ms)> wait_for;
  // Reports that an attempt has failed, and that another one follows.
  std::function<void(const Error& why)> on_retry;
};

// Writes objects (such as files) into one outside system for one task. The runtime decides which
// records belong to an object. The writer must convert equal records to equal bytes, so that an
// object that is written again after a crash has the same content as before.
//
// Threads: the task's. Owner: the task.
class SinkWriter {
 public:
  virtual ~SinkWriter() = default;
  // Called before start(). A writer that waits for another system uses `wait`, so that a task can stop meanwhile.
  virtual void use(TaskWait /*wait*/) {}
  virtual Status start() = 0;
  // Returns the memory in bytes that the writer needs for one object, in addition to the records that it gets.
  virtual size_t object_memory() const { return 0; }
  // Returns a name for the object whose first record is `first`. Fails if an object with this name exists and was not
  // written by this connector. `first_ms` is the timestamp of the record.
  virtual Result<std::string> object_name(std::string_view topic, PartitionId partition,
                                          Offset first, int64_t first_ms) = 0;
  // Returns whether a record with the timestamp `ms` may be in the object whose first record has `first_ms`.
  virtual bool may_share_object(int64_t /*first_ms*/, int64_t /*ms*/) const { return true; }
  // Begins an object. Its name is already stored in __connect_state, so if an object of this name
  // exists, this connector completed it before a crash.
  virtual Status begin(const engine::SinkObject& object) = 0;
  // Writes the records to the object. Returns the records that it left out because they cannot be
  // written.
  virtual Result<std::vector<BadRecord>> write(const std::vector<SinkRecord>& records) = 0;
  // Makes the object durable under its name.
  virtual Status finish() = 0;
  // Returns whether the complete object exists in the outside system. Called if the topic no longer
  // has all records of the object, so that the object cannot be written again.
  virtual Result<bool> exists(const engine::SinkObject& object) = 0;
};

}  // namespace server
