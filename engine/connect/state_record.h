// The records of the topic __connect_state: the progress of connectors, with keys and values as JSON that any consumer
// can read. Layout: docs/formats/connect-state.md.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/uuid.h"

namespace engine {

inline constexpr std::string_view kConnectStateTopic = "__connect_state";
inline constexpr int32_t kConnectStatePartitions = 24;
// Returns the partition of __connect_state that has the records of a task.
PartitionId connect_state_partition(std::string_view connector, int32_t task);

// The keys: ["position", connector, partition], ["intent", connector, topic, partition],
// ["table", connector, table, version], ["state", connector, task], ["commit", connector, task].
//
// `partition` of a position is the JSON object that Kafka Connect's REST shows: {"filename":"a.csv"}.
std::string position_key(std::string_view connector, std::string_view partition_json);
std::string intent_key(std::string_view connector, std::string_view topic, PartitionId partition);
std::string table_key(std::string_view connector, std::string_view table, int32_t version);
// Returns the key of a record that each commit of a task contains. A commit succeeds only if the
// record with this key has not changed since the task read it. So a former task cannot commit after
// the task that has replaced it, even if the two read different files and share no other key.
std::string commit_key(std::string_view connector, int32_t task);
std::string task_state_key(std::string_view connector, int32_t task);
// Returns the key of a record that requests a restart of a task, in a cluster. The node that runs
// the task restarts it when the record changes.
std::string restart_key(std::string_view connector, int32_t task);

struct StateKey {
  std::string kind;       // position, intent, table, state, or the kind of a newer version
  std::string connector;  // name of the connector
  std::string rest;       // the third item of the key as JSON: the partition of a position
};
// Reads a key; returns nothing if the bytes have none of these forms.
std::optional<StateKey> parse_state_key(std::string_view key);

// The value of a position. It has the id of its connector: if a connector is dropped and another
// one gets the same name, the positions of the dropped connector are ignored.
struct PositionValue {
  std::string offset_json;  // a JSON object as in Kafka Connect's REST API
  Uuid connector;
  bool operator==(const PositionValue&) const = default;
};
std::string encode_position(const PositionValue& value);
Result<PositionValue> parse_position(std::string_view json);

// The value of a task's commit: its number, from 1.
struct CommitValue {
  int64_t commit = 0;
  Uuid connector;
};
std::string encode_commit(const CommitValue& value);
Result<CommitValue> parse_commit(std::string_view json);

// The figures of a task since it was started on its node.
struct TaskCounts {
  int64_t records = 0, bytes = 0, commits = 0, last_commit_us = 0;
  int64_t retries = 0, errors = 0, dead_letters = 0, restarts = 0, memory_bytes = 0;
  std::optional<int64_t> lag_bytes, lag_records;
  bool operator==(const TaskCounts&) const = default;
};

// The state of a task after its last change. After a restart of the server, this state is shown
// until the task reports a new one.
struct TaskStateValue {
  std::string state;  // for example RUNNING or FAILED
  std::string trace;
  Uuid connector;
  int64_t since_ms = 0;
  // The next two members are stored by a node of a cluster only, so that all nodes can show them.
  std::string worker = {};  // HOST:PORT of the node that runs the task
  TaskCounts counts = {};
  bool operator==(const TaskStateValue&) const = default;
};
std::string encode_task_state(const TaskStateValue& value);
Result<TaskStateValue> parse_task_state(std::string_view json);

// Returns the same JSON object with its members sorted by name and without blanks, so that equal
// positions give equal keys. Fails with InvalidText if the text is not a JSON object.
Result<std::string> canonical_json_object(std::string_view json);

// Builds a JSON object; the members are added in their order.
class JsonObjectText {
 public:
  JsonObjectText& text(std::string_view name, std::string_view value);
  JsonObjectText& number(std::string_view name, int64_t value);
  JsonObjectText& flag(std::string_view name, bool value);
  // `value` is JSON text, which is not quoted
  JsonObjectText& json(std::string_view name, std::string_view value);
  std::string take() { return out_ + "}"; }

 private:
  void key(std::string_view name);
  std::string out_ = "{";
};

// Returns the text as a JSON string.
std::string json_string(std::string_view text);

}  // namespace engine
