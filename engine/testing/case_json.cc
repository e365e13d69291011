#include "engine/testing/case_json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "engine/types/text_json.h"

namespace engine {
namespace {

constexpr int kMaxDepth = 200;

namespace ondemand = simdjson::ondemand;

std::string_view trimmed(std::string_view token) {
  const size_t end = token.find_last_not_of(" \t\r\n");
  return token.substr(0, end == token.npos ? 0 : end + 1);
}

simdjson::error_code read(ondemand::value value, CaseJson& to, int depth);

simdjson::error_code read_array(ondemand::value value, CaseJson& to, int depth) {
  to.kind = CaseJsonKind::Array;
  ondemand::array array;
  if (const auto error = value.get_array().get(array)) return error;
  for (auto element : array) {
    ondemand::value item;
    if (const auto error = element.get(item)) return error;
    if (const auto error = read(item, to.items.emplace_back(), depth + 1)) return error;
  }
  return simdjson::SUCCESS;
}

simdjson::error_code read_object(ondemand::value value, CaseJson& to, int depth) {
  to.kind = CaseJsonKind::Object;
  ondemand::object object;
  if (const auto error = value.get_object().get(object)) return error;
  for (auto field : object) {
    std::string_view name;
    if (const auto error = field.unescaped_key().get(name)) return error;
    const std::string owned(name);
    std::erase_if(to.members, [&](const auto& member) { return member.first == owned; });
    CaseJson& member = to.members.emplace_back(owned, CaseJson{}).second;
    ondemand::value item;
    if (const auto error = field.value().get(item)) return error;
    if (const auto error = read(item, member, depth + 1)) return error;
  }
  return simdjson::SUCCESS;
}

simdjson::error_code read(ondemand::value value, CaseJson& to, int depth) {
  if (depth > kMaxDepth) return simdjson::DEPTH_ERROR;
  ondemand::json_type type;
  if (const auto error = value.type().get(type)) return error;
  switch (type) {
    case ondemand::json_type::array:
      return read_array(value, to, depth);
    case ondemand::json_type::object:
      return read_object(value, to, depth);
    case ondemand::json_type::number: {
      to.kind = CaseJsonKind::Number;
      to.text = trimmed(value.raw_json_token());
      double ignored;  // checks the spelling
      const auto error = value.get_double().get(ignored);
      return error == simdjson::NUMBER_ERROR && to.text.size() > 17 ? simdjson::SUCCESS : error;
    }
    case ondemand::json_type::string: {
      to.kind = CaseJsonKind::String;
      std::string_view text;
      const auto error = value.get_string().get(text);
      to.text = text;
      return error;
    }
    case ondemand::json_type::boolean:
      to.kind = CaseJsonKind::Boolean;
      return value.get_bool().get(to.boolean);
    case ondemand::json_type::null:
      return value.is_null() ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
  }
  return simdjson::UNEXPECTED_ERROR;
}

// A document that is one scalar is none of on-demand's values: an array around it makes it one.
simdjson::error_code read_document(std::string_view text, CaseJson& to) {
  const simdjson::padded_string padded("[" + std::string(text) + "]");
  ondemand::parser parser;
  ondemand::document document;
  if (const auto error = parser.iterate(padded).get(document)) return error;
  ondemand::value value;
  if (const auto error = document.get_value().get(value)) return error;
  CaseJson list;
  if (const auto error = read(value, list, 0)) return error;
  if (list.items.size() != 1) return simdjson::TAPE_ERROR;
  to = std::move(list.items.front());
  return simdjson::SUCCESS;
}

void append(std::string& out, const CaseJson& node) {
  switch (node.kind) {
    case CaseJsonKind::Null:
      out += "null";
      break;
    case CaseJsonKind::Boolean:
      out += node.boolean ? "true" : "false";
      break;
    case CaseJsonKind::Number:
      out += node.text;
      break;
    case CaseJsonKind::String:
      append_json_string(out, node.text);
      break;
    case CaseJsonKind::Array:
      out += '[';
      for (size_t i = 0; i < node.items.size(); ++i) {
        if (i > 0) out += ',';
        append(out, node.items[i]);
      }
      out += ']';
      break;
    case CaseJsonKind::Object:
      out += '{';
      for (size_t i = 0; i < node.members.size(); ++i) {
        if (i > 0) out += ',';
        append_json_string(out, node.members[i].first);
        out += ':';
        append(out, node.members[i].second);
      }
      out += '}';
      break;
  }
}

}  // namespace

const CaseJson* CaseJson::find(std::string_view name) const {
  for (const auto& [member, value] : members)
    if (member == name) return &value;
  return nullptr;
}

std::string CaseJson::text_of(std::string_view name) const {
  const CaseJson* member = find(name);
  return member && member->kind == CaseJsonKind::String ? member->text : "";
}

Result<CaseJson> parse_case_json(std::string_view text) {
  CaseJson node;
  if (const auto error = read_document(text, node))
    return Error{ErrorCode::InvalidText,
                 fmt::format("not JSON: {}", simdjson::error_message(error))};
  return node;
}

std::string case_json_text(const CaseJson& node) {
  std::string out;
  append(out, node);
  return out;
}

}  // namespace engine
