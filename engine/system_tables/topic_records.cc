#include "engine/system_tables/topic_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "engine/functions/session_zone.h"
#include "engine/sql/records_call.h"
#include "engine/types/ascii.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

SystemTable make_records_table() {
  SystemTable table{std::string(kRecordsSchema), std::string(kRecordsTable), {}};
  const auto add = [&](std::string name, SqlType type) {
    table.columns.columns.push_back({.name = std::move(name), .type = std::move(type)});
  };
  add("PARTITION", TypeKind::Integer);
  add("OFFSET", TypeKind::Bigint);
  add("TIME", TypeKind::Timestamp);
  add("KEY", TypeKind::String);
  add("VALUE", TypeKind::String);
  add("KEY_FORMAT", TypeKind::String);
  add("VALUE_FORMAT", TypeKind::String);
  add("KEY_SCHEMA", TypeKind::Integer);
  add("VALUE_SCHEMA", TypeKind::Integer);
  add("HEADERS",
      SqlType::array(SqlType::structure({{"KEY", TypeKind::String}, {"VALUE", TypeKind::Bytes}})));
  add("RAW_KEY", TypeKind::Bytes);
  add("RAW_VALUE", TypeKind::Bytes);
  add("TRANSACTION", TypeKind::String);
  add("ERROR", TypeKind::String);
  for (const std::string_view argument : kRecordsArguments)
    add(records_column(argument), TypeKind::String);
  add(records_column(kRecordsGiven), TypeKind::String);
  return table;
}

Error wrong_argument(std::string_view argument, std::string_view value, std::string_view needed) {
  return {ErrorCode::InvalidParameter,
          fmt::format("{} => '{}' of RECORDS must be {}", lower_case(argument), value, needed)};
}

std::optional<int64_t> number_in_text(std::string_view text) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// Parses '0:1700,1:42', which the notice of an earlier call contains.
std::optional<std::map<int32_t, int64_t>> positions_in(std::string_view text) {
  std::map<int32_t, int64_t> positions;
  while (true) {
    const std::string_view part = text.substr(0, text.find(','));
    const size_t colon = part.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto partition = number_in_text(part.substr(0, colon)),
               offset = number_in_text(part.substr(colon + 1));
    if (!partition || *partition > INT32_MAX || !offset) return std::nullopt;
    positions[static_cast<int32_t>(*partition)] = *offset;
    if (part.size() == text.size()) return positions;
    text.remove_prefix(part.size() + 1);
  }
}

Status take_argument(std::string_view argument, const std::string& text, const EvalContext& context,
                     RecordsRequest& request) {
  if (argument == "TOPIC") {
    request.topic = text;
  } else if (argument == "PARTITION") {
    const auto number = number_in_text(text);
    if (!number || *number > INT32_MAX)
      return wrong_argument(argument, text, "the number of a partition");
    request.partition = static_cast<int32_t>(*number);
  } else if (argument == "FROM_OFFSET") {
    request.from_offset = number_in_text(text);
    if (request.from_offset) return {};
    auto positions = positions_in(text);
    if (!positions)
      return wrong_argument(argument, text,
                            "an offset, or offsets by partition such as '0:1700,1:42'");
    request.positions = *std::move(positions);
  } else if (argument == "FROM_TIME") {
    request.from_time_ms = number_in_text(text);
    if (!request.from_time_ms)
      request.from_time_ms = parse_timestamp_in(session_zone(context).get(), text);
    if (!request.from_time_ms)
      return wrong_argument(argument, text,
                            "a time such as '2024-05-01 09:00', or milliseconds since 1970");
  } else if (argument == "DIRECTION") {
    if (text != "newest" && text != "oldest")
      return wrong_argument(argument, text, "'newest' or 'oldest': the records that come first");
    request.is_newest_first = text == "newest";
  } else {
    const auto bytes = number_in_text(text);
    if (!bytes || *bytes == 0 || static_cast<uint64_t>(*bytes) > RecordsRequest::kMostBytes)
      return wrong_argument(argument, text,
                            fmt::format("from 1 to {}", RecordsRequest::kMostBytes));
    request.max_bytes = static_cast<size_t>(*bytes);
  }
  return {};
}

}  // namespace

const SystemTable& records_table() {
  static const SystemTable table = make_records_table();
  return table;
}

Result<RecordsRequest> records_request(std::span<const SystemTextFilter> wanted,
                                       const EvalContext& context) {
  const auto text_of = [&](std::string_view argument) -> const std::string* {
    const auto place =
        static_cast<size_t>(records_table().columns.index_of(records_column(argument)));
    const auto found = std::ranges::find(wanted, place, &SystemTextFilter::column);
    return found == wanted.end() ? nullptr : &found->text;
  };
  const std::string* given = text_of(kRecordsGiven);
  if (!given)
    return Error{ErrorCode::NotSupported,
                 "millrace_catalog.records can be read only by a call of RECORDS, and not by "
                 "EXPLAIN ANALYZE",
                 {},
                 "For example: SELECT * FROM RECORDS('topic')."};
  RecordsRequest request;
  for (const std::string_view argument : kRecordsArguments) {
    const std::string* text = text_of(argument);
    const bool is_given =
        ("," + *given + ",").find("," + std::string(argument) + ",") != std::string::npos;
    if (text && is_given) TRY(take_argument(argument, *text, context, request));
    if (!text && is_given)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("the argument \"{}\" of RECORDS must be a constant or a parameter",
                               lower_case(argument))};
  }
  if (request.from_time_ms && (request.from_offset || !request.positions.empty()))
    return Error{ErrorCode::InvalidParameter,
                 "RECORDS takes from_offset or from_time, and not both"};
  if (request.partition && !request.positions.empty())
    return Error{ErrorCode::InvalidParameter,
                 "RECORDS takes partition, or offsets by partition in from_offset, and not both"};
  return request;
}

}  // namespace engine
