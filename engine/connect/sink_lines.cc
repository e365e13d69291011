#include "engine/connect/sink_lines.h"

#include <algorithm>

#include "engine/formats/json/json_tree.h"

namespace engine {

namespace {

// Quotes a field if a reader would otherwise misread it: as several fields, as several records, or as NULL.
void append_field(std::string& to, std::string_view text, const CsvSettings& settings) {
  const bool is_plain = text.find(settings.separator) == std::string_view::npos &&
                        text.find(settings.quote) == std::string_view::npos &&
                        text.find_first_of("\r\n") == std::string_view::npos &&
                        text != settings.null_text.value_or("");
  if (is_plain) {
    to += text;
    return;
  }
  to += settings.quote;
  for (const char c : text) {
    if (c == settings.quote) to += c;
    to += c;
  }
  to += settings.quote;
}

bool is_same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

const JsonTree* find_member(const JsonTree& object, std::string_view name) {
  if (const JsonTree* exact = object.find(name)) return exact;
  const auto found = std::ranges::find_if(
      object.members, [&](const auto& member) { return is_same_name(member.first, name); });
  return found == object.members.end() ? nullptr : &found->second;
}

std::string scalar_text(const JsonTree& node) {
  return node.kind == JsonKind::String ? node.text : json_tree_text(node);
}

}  // namespace

Result<std::string> json_line(std::string_view value) {
  const JsonTree tree = TRY(parse_json_tree(value));
  // A value that is already one line is written unchanged.
  if (value.find_first_of("\r\n") == std::string_view::npos) return std::string(value);
  return json_tree_text(tree);
}

std::string csv_header(std::span<const std::string> names, const CsvSettings& settings) {
  std::string line;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) line += settings.separator;
    append_field(line, names[i], settings);
  }
  return line;
}

Result<std::string> csv_line(std::string_view value, std::span<const std::string> names,
                             const CsvSettings& settings) {
  const JsonTree tree = TRY(parse_json_tree(value));
  if (tree.kind != JsonKind::Object)
    return Error{ErrorCode::InvalidText, "the value is not a JSON object, as format csv needs it"};
  std::string line;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) line += settings.separator;
    const JsonTree* member = find_member(tree, names[i]);
    if (member == nullptr || member->is_null())
      line += settings.null_text.value_or("");
    else
      append_field(line, scalar_text(*member), settings);
  }
  return line;
}

Result<std::string> payload_text(std::string_view value) {
  const JsonTree tree = TRY(parse_json_tree(value));
  const JsonTree* payload = tree.find("payload");
  constexpr size_t kMembers = 2;
  if (payload == nullptr || tree.find("schema") == nullptr || tree.members.size() != kMembers)
    return Error{ErrorCode::InvalidText,
                 "JsonConverter with schemas.enable needs the members \"schema\" and \"payload\" "
                 "and no others",
                 {},
                 "Set value.converter.schemas.enable to false, or use "
                 "org.apache.kafka.connect.storage.StringConverter."};
  return scalar_text(*payload);
}

}  // namespace engine
