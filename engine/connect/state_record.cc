#include "engine/connect/state_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "engine/formats/json/json_tree.h"
#include "records/partitioner.h"

namespace engine {

namespace {

// The members of a task's state that have the figures of the task.
constexpr std::pair<std::string_view, int64_t TaskCounts::*> kCounts[] = {
    {"records", &TaskCounts::records},           {"bytes", &TaskCounts::bytes},
    {"commits", &TaskCounts::commits},           {"last_commit_us", &TaskCounts::last_commit_us},
    {"retries", &TaskCounts::retries},           {"errors", &TaskCounts::errors},
    {"dead_letters", &TaskCounts::dead_letters}, {"restarts", &TaskCounts::restarts},
    {"memory_bytes", &TaskCounts::memory_bytes},
};
constexpr std::pair<std::string_view, std::optional<int64_t> TaskCounts::*> kLags[] = {
    {"lag_bytes", &TaskCounts::lag_bytes},
    {"lag_records", &TaskCounts::lag_records},
};

int64_t number_of(const JsonTree& object, std::string_view name) {
  const JsonTree* member = object.find(name);
  int64_t number = 0;
  if (member != nullptr && member->kind == JsonKind::Number)
    std::from_chars(member->text.data(), member->text.data() + member->text.size(), number);
  return number;
}

Uuid uuid_of(std::string_view text) {
  Uuid id;
  size_t at = 0;
  for (uint8_t& byte : id.bytes) {
    if (at < text.size() && text[at] == '-') ++at;
    if (at + 2 > text.size()) return {};
    if (std::from_chars(text.data() + at, text.data() + at + 2, byte, 16).ec != std::errc())
      return {};
    at += 2;
  }
  return id;
}

void sort_members(JsonTree& node) {
  std::ranges::sort(node.members, {}, &std::pair<std::string, JsonTree>::first);
  for (auto& [name, value] : node.members) sort_members(value);
  for (JsonTree& item : node.items) sort_members(item);
}

Result<JsonTree> parse_object(std::string_view json) {
  JsonTree tree = TRY(parse_json_tree(json));
  if (tree.kind != JsonKind::Object)
    return Error{ErrorCode::InvalidText, fmt::format("{} is not a JSON object", json)};
  return tree;
}

}  // namespace

PartitionId connect_state_partition(std::string_view connector, int32_t task) {
  const PartitionId first = records::partition_for_key(connector, kConnectStatePartitions);
  return PartitionId((first.value() + task) % kConnectStatePartitions);
}

std::string json_string(std::string_view text) {
  return json_tree_text({.kind = JsonKind::String, .text = std::string(text)});
}

std::string position_key(std::string_view connector, std::string_view partition_json) {
  return fmt::format("[\"position\",{},{}]", json_string(connector), partition_json);
}
std::string intent_key(std::string_view connector, std::string_view topic, PartitionId partition) {
  return fmt::format("[\"intent\",{},{},{}]", json_string(connector), json_string(topic),
                     partition.value());
}
std::string table_key(std::string_view connector, std::string_view table, int32_t version) {
  return fmt::format("[\"table\",{},{},{}]", json_string(connector), json_string(table), version);
}
std::string commit_key(std::string_view connector, int32_t task) {
  return fmt::format("[\"commit\",{},{}]", json_string(connector), task);
}
std::string task_state_key(std::string_view connector, int32_t task) {
  return fmt::format("[\"state\",{},{}]", json_string(connector), task);
}

std::string restart_key(std::string_view connector, int32_t task) {
  return fmt::format("[\"restart\",{},{}]", json_string(connector), task);
}

std::optional<StateKey> parse_state_key(std::string_view key) {
  const auto tree = parse_json_tree(key);
  if (!tree || tree->kind != JsonKind::Array || tree->items.size() < 3) return std::nullopt;
  const auto& items = tree->items;
  if (items[0].kind != JsonKind::String || items[1].kind != JsonKind::String) return std::nullopt;
  return StateKey{items[0].text, items[1].text, json_tree_text(items[2])};
}

std::string encode_position(const PositionValue& value) {
  return JsonObjectText()
      .json("offset", value.offset_json)
      .text("connector", value.connector.to_string())
      .take();
}

Result<PositionValue> parse_position(std::string_view json) {
  const JsonTree tree = TRY(parse_object(json));
  const JsonTree* offset = tree.find("offset");
  if (offset == nullptr)
    return Error{ErrorCode::DataCorrupted, fmt::format("a position has no offset: {}", json)};
  return PositionValue{json_tree_text(*offset), uuid_of(tree.text_of("connector"))};
}

std::string encode_commit(const CommitValue& value) {
  return JsonObjectText()
      .number("commit", value.commit)
      .text("connector", value.connector.to_string())
      .take();
}

Result<CommitValue> parse_commit(std::string_view json) {
  const JsonTree tree = TRY(parse_object(json));
  return CommitValue{number_of(tree, "commit"), uuid_of(tree.text_of("connector"))};
}

std::string encode_task_state(const TaskStateValue& value) {
  JsonObjectText text;
  text.text("state", value.state)
      .text("trace", value.trace)
      .text("connector", value.connector.to_string())
      .number("since", value.since_ms);
  if (value.worker.empty()) return text.take();
  text.text("worker", value.worker);
  for (const auto& [name, member] : kCounts) text.number(name, value.counts.*member);
  for (const auto& [name, member] : kLags)
    if (const auto& lag = value.counts.*member) text.number(name, *lag);
  return text.take();
}

Result<TaskStateValue> parse_task_state(std::string_view json) {
  const JsonTree tree = TRY(parse_object(json));
  TaskStateValue value{tree.text_of("state"), tree.text_of("trace"),
                       uuid_of(tree.text_of("connector")), number_of(tree, "since"),
                       tree.text_of("worker")};
  for (const auto& [name, member] : kCounts) value.counts.*member = number_of(tree, name);
  for (const auto& [name, member] : kLags)
    if (tree.find(name) != nullptr) value.counts.*member = number_of(tree, name);
  return value;
}

Result<std::string> canonical_json_object(std::string_view json) {
  JsonTree tree = TRY(parse_object(json));
  sort_members(tree);
  return json_tree_text(tree);
}

void JsonObjectText::key(std::string_view name) {
  if (out_.size() > 1) out_ += ',';
  out_ += json_string(name);
  out_ += ':';
}
JsonObjectText& JsonObjectText::text(std::string_view name, std::string_view value) {
  key(name);
  out_ += json_string(value);
  return *this;
}
JsonObjectText& JsonObjectText::number(std::string_view name, int64_t value) {
  key(name);
  out_ += std::to_string(value);
  return *this;
}
JsonObjectText& JsonObjectText::flag(std::string_view name, bool value) {
  key(name);
  out_ += value ? "true" : "false";
  return *this;
}
JsonObjectText& JsonObjectText::json(std::string_view name, std::string_view value) {
  key(name);
  out_ += value;
  return *this;
}

}  // namespace engine
