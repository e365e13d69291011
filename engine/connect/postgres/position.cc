#include "engine/connect/postgres/position.h"

#include <fmt/format.h>

#include <charconv>

#include "engine/connect/state_record.h"
#include "engine/formats/json/json_tree.h"

namespace engine {

namespace {

Error no_position(std::string_view offset_json) {
  return {ErrorCode::InvalidParameter,
          fmt::format("{} is not a position in the log of PostgreSQL", offset_json),
          {},
          "A position is {\"lsn_proc\": LSN as a number}."};
}

std::string keys_json(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& value : values) out += (out.size() > 1 ? "," : "") + json_string(value);
  return out + "]";
}

std::optional<int64_t> optional_number_of(const JsonTree& object, std::string_view name) {
  const JsonTree* member = object.find(name);
  if (member == nullptr || member->kind != JsonKind::Number) return std::nullopt;
  int64_t number = 0;
  const char* const end = member->text.data() + member->text.size();
  const auto [stop, error] = std::from_chars(member->text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

bool flag_of(const JsonTree& object, std::string_view name) {
  const JsonTree* member = object.find(name);
  return member != nullptr && member->kind == JsonKind::Boolean && member->boolean;
}

std::optional<std::vector<std::string>> keys_of(const JsonTree& object, std::string_view name) {
  const JsonTree* member = object.find(name);
  if (member == nullptr || member->kind != JsonKind::Array) return std::nullopt;
  std::vector<std::string> keys;
  for (const JsonTree& item : member->items) keys.push_back(item.text);
  return keys;
}

}  // namespace

std::string pg_log_partition(std::string_view prefix) {
  return JsonObjectText().text("server", prefix).take();
}

std::string pg_log_offset(const PgLogPosition& position) {
  JsonObjectText offset;
  if (position.in_snapshot) offset.flag("in_snapshot", true);
  if (position.commit_lsn != 0)
    offset.number("lsn_commit", static_cast<int64_t>(position.commit_lsn));
  offset.number("lsn_proc", static_cast<int64_t>(position.processed));
  if (position.changes != 0) offset.number("n", position.changes);
  return offset.take();
}

std::string pg_copy_partition(std::string_view prefix, std::string_view table) {
  return JsonObjectText().text("server", prefix).text("table", table).take();
}

std::string pg_copy_offset(const PgCopy& copy) {
  std::string segments = "[";
  for (const PgCopy::Segment& segment : copy.segments) {
    JsonObjectText each;
    if (segment.after) each.json("after", keys_json(*segment.after));
    each.number("lsn", static_cast<int64_t>(segment.lsn));
    segments += (segments.size() > 1 ? "," : "") + each.take();
  }
  JsonObjectText offset;
  offset.flag("done", copy.is_done);
  if (copy.last_key) offset.json("last_key", keys_json(*copy.last_key));
  return offset.json("segments", segments + "]").take();
}

Status read_pg_position(std::string_view prefix, std::string_view partition_json,
                        std::string_view offset_json, PgPositions& positions) {
  const JsonTree partition = TRY(parse_json_tree(partition_json));
  if (partition.text_of("server") != prefix) return {};
  const JsonTree offset = TRY(parse_json_tree(offset_json));
  if (const std::string table = partition.text_of("table"); !table.empty()) {
    PgCopy copy{.segments = {},
                .last_key = keys_of(offset, "last_key"),
                .is_done = flag_of(offset, "done")};
    if (const JsonTree* segments = offset.find("segments"))
      for (const JsonTree& each : segments->items)
        copy.segments.push_back({keys_of(each, "after"),
                                 static_cast<PgLsn>(optional_number_of(each, "lsn").value_or(0))});
    if (copy.segments.empty()) return no_position(offset_json);
    positions.copies.emplace_back(table, std::move(copy));
    return {};
  }
  const auto processed = optional_number_of(offset, "lsn_proc");
  if (!processed) return no_position(offset_json);
  positions.log = PgLogPosition{
      .processed = static_cast<PgLsn>(*processed),
      .commit_lsn = static_cast<PgLsn>(optional_number_of(offset, "lsn_commit").value_or(0)),
      .changes = optional_number_of(offset, "n").value_or(0),
      .in_snapshot = flag_of(offset, "in_snapshot")};
  return {};
}

}  // namespace engine
