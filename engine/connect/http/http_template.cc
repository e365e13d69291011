#include "engine/connect/http/http_template.h"

#include <fmt/format.h>

#include <algorithm>

namespace engine {

namespace {

void append_percent_encoded(std::string& to, std::string_view text) {
  constexpr std::string_view kUnreserved = "-._~";
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || kUnreserved.find(c) != kUnreserved.npos;
    if (is_plain)
      to += c;
    else
      to += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
}

void append_text(std::string& to, std::string_view text, TemplateEscape escape) {
  if (escape == TemplateEscape::Url) return append_percent_encoded(to, text);
  if (escape == TemplateEscape::None) {
    to += text;
    return;
  }
  const std::string quoted = json_tree_text({.kind = JsonKind::String, .text = std::string(text)});
  to += std::string_view(quoted).substr(1, quoted.size() - 2);
}

}  // namespace

Result<HttpTemplate> HttpTemplate::parse(std::string_view text) {
  HttpTemplate made;
  while (!text.empty()) {
    const size_t begin = text.find("${");
    if (begin != 0) {
      made.parts_.push_back({.text = std::string(text.substr(0, begin))});
      if (begin == text.npos) break;
      text.remove_prefix(begin);
    }
    const size_t end = text.find('}');
    if (end == text.npos) return Error{ErrorCode::InvalidParameter, "a field ${ has no end }"};
    const std::string_view name = text.substr(2, end - 2);
    text.remove_prefix(end + 1);
    constexpr std::pair<std::string_view, Field> kFields[] = {
        {"topic", Field::Topic},   {"partition", Field::Partition},
        {"offset", Field::Offset}, {"timestamp", Field::Timestamp},
        {"key", Field::Key},       {"value", Field::Value}};
    const std::string_view first = name.substr(0, name.find('.'));
    const auto field =
        std::ranges::find(kFields, first, &std::pair<std::string_view, Field>::first);
    Part part;
    if (field != std::end(kFields)) part.field = field->second;
    std::string_view rest = name.substr(first.size());
    while (rest.size() > 1) {
      rest.remove_prefix(1);
      part.members.emplace_back(rest.substr(0, rest.find('.')));
      rest.remove_prefix(part.members.back().size());
    }
    if (field == std::end(kFields) || !rest.empty() ||
        (!part.members.empty() && part.field != Field::Value))
      return Error{
          ErrorCode::InvalidParameter,
          fmt::format("${{{}}} is not a field of a record", name),
          {},
          "The fields are ${topic}, ${partition}, ${offset}, ${timestamp}, ${key}, ${value} "
          "and ${value.NAME}."};
    made.parts_.push_back(std::move(part));
  }
  return made;
}

Result<std::string> HttpTemplate::fill(const TemplateRecord& record, TemplateEscape escape) const {
  std::string text;
  for (const Part& part : parts_) {
    switch (part.field) {
      case Field::Text:
        text += part.text;
        break;
      case Field::Topic:
        append_text(text, record.topic, escape);
        break;
      case Field::Partition:
        text += std::to_string(record.partition);
        break;
      case Field::Offset:
        text += std::to_string(record.offset);
        break;
      case Field::Timestamp:
        text += std::to_string(record.timestamp_ms);
        break;
      case Field::Key:
        append_text(text, record.key, escape);
        break;
      case Field::Value: {
        if (record.value == nullptr)
          return Error{ErrorCode::InvalidText, "the value is not JSON, and has no fields"};
        const JsonTree* value = record.value;
        for (const std::string& member : part.members)
          value = value == nullptr ? nullptr : value->find(member);
        if (value != nullptr && value->kind == JsonKind::String)
          append_text(text, value->text, escape);
        else if (escape == TemplateEscape::Url)
          append_percent_encoded(text, value == nullptr ? "null" : json_tree_text(*value));
        else
          text += value == nullptr ? "null" : json_tree_text(*value);
        break;
      }
    }
  }
  return text;
}

bool HttpTemplate::uses_key() const {
  return std::ranges::any_of(parts_, [](const Part& part) { return part.field == Field::Key; });
}

bool HttpTemplate::uses_value() const {
  return std::ranges::any_of(parts_, [](const Part& part) { return part.field == Field::Value; });
}

bool HttpTemplate::is_of_record() const {
  return std::ranges::any_of(parts_, [](const Part& part) {
    return part.field != Field::Text && part.field != Field::Topic;
  });
}

std::string_view HttpTemplate::beginning() const {
  if (parts_.empty() || parts_[0].field != Field::Text) return {};
  return parts_[0].text;
}

}  // namespace engine
