#include "client/admin/reset_plan.h"

#include <fmt/format.h>

#include <vector>

#include "client/flags.h"

namespace client {

namespace {

// Splits a line of CSV. A field may be in quotes, with quotes inside it doubled, because names of
// groups may contain commas and quotes.
Result<std::vector<std::string>> csv_fields(std::string_view line) {
  std::vector<std::string> fields(1);
  bool is_quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && is_quoted && i + 1 < line.size() && line[i + 1] == '"')
      fields.back() += line[i++];
    else if (line[i] == '"')
      is_quoted = !is_quoted;
    else if (line[i] == ',' && !is_quoted)
      fields.emplace_back();
    else
      fields.back() += line[i];
  }
  if (is_quoted) return Error{ErrorCode::InvalidParameter, "a quote is not closed"};
  return fields;
}

Status add_line(std::string_view line, const std::string& only_group, ResetPlan& plan) {
  std::vector<std::string> fields = TRY(csv_fields(line));
  if (fields.size() == 3 && !only_group.empty()) fields.insert(fields.begin(), only_group);
  if (fields.size() != 4)
    return Error{ErrorCode::InvalidParameter, only_group.empty()
                                                  ? "expected group,topic,partition,offset"
                                                  : "expected topic,partition,offset"};
  const auto partition = parse_number(fields[2], 0, INT32_MAX);
  const auto offset = parse_number(fields[3], 0, INT64_MAX);
  if (!partition || !offset)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("{},{} are not a partition and an offset", fields[2], fields[3])};
  plan[fields[0]][{fields[1], PartitionId{static_cast<int32_t>(*partition)}}] = *offset;
  return {};
}

}  // namespace

Result<ResetPlan> parse_reset_plan(std::string_view text, const std::string& only_group) {
  ResetPlan plan;
  for (size_t begin = 0, number = 1; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (const Status added = add_line(line, only_group, plan); !added)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("line {}: {}", number, added.error().message)};
  }
  return plan;
}

}  // namespace client
