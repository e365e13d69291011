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
// Returns the key of the record that each commit of a task contains. Two tasks that read different files have only
// this key in common, and a commit succeeds only if its record has not changed; so an old task cannot commit after a
// new one.
std::string commit_key(std::string_view connector, int32_t task);
std::string task_state_key(std::string_view connector, int32_t task);

struct StateKey {
  std::string kind;       // position, intent, table, state; kinds of newer versions are kept
  std::string connector;  // name of the connector
  std::string rest;       // the third item as JSON: the partition of a position
};
// Returns nothing if the bytes do not have the form of one of these keys.
std::optional<StateKey> parse_state_key(std::string_view key);

// The value of a position. A record of an earlier connector with the same name has another id and does not count.
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

// The state of a task after its last change. It is shown after a start of the server until the task
// reports again.
struct TaskStateValue {
  std::string state;  // for example RUNNING or FAILED
  std::string trace;
  Uuid connector;
  int64_t since_ms = 0;
};
std::string encode_task_state(const TaskStateValue& value);
Result<TaskStateValue> parse_task_state(std::string_view json);

// Returns the object with its members in the order of their names and without blanks, so that equal positions have
// equal keys. Fails with InvalidText if the text is not a JSON object.
Result<std::string> canonical_json_object(std::string_view json);

// Builds a JSON object from top to bottom.
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
