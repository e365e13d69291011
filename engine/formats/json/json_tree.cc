#include "engine/formats/json/json_tree.h"

// Calls of simdjson that could throw do not compile.
#define SIMDJSON_EXCEPTIONS 0
#include <fmt/format.h>
#include <simdjson.h>

#include <unordered_map>

#include "engine/types/text_json.h"

namespace engine {
namespace {

constexpr int kMaxDepth = 200;

namespace ondemand = simdjson::ondemand;

std::string_view trimmed(std::string_view token) {
  const size_t end = token.find_last_not_of(" \t\r\n");
  return token.substr(0, end == token.npos ? 0 : end + 1);
}

// If several members have the same name, keeps only the value of the last one, at the place of the
// first.
void keep_last_of_each(std::vector<std::pair<std::string, JsonTree>>& members) {
  std::unordered_map<std::string_view, size_t> last;
  last.reserve(members.size());
  for (size_t i = 0; i < members.size(); ++i) last[members[i].first] = i;
  if (last.size() == members.size()) return;
  std::vector<std::pair<std::string, JsonTree>> kept;
  kept.reserve(last.size());
  std::vector<bool> stays(members.size());
  for (const auto& [name, index] : last) stays[index] = true;
  for (size_t i = 0; i < members.size(); ++i)
    if (stays[i]) kept.push_back(std::move(members[i]));
  members = std::move(kept);
}

simdjson::error_code read(ondemand::value value, JsonTree& to, int depth);

simdjson::error_code read_array(ondemand::value value, JsonTree& to, int depth) {
  to.kind = JsonKind::Array;
  ondemand::array array;
  if (const auto error = value.get_array().get(array)) return error;
  for (auto element : array) {
    ondemand::value item;
    if (const auto error = element.get(item)) return error;
    if (const auto error = read(item, to.items.emplace_back(), depth + 1)) return error;
  }
  return simdjson::SUCCESS;
}

simdjson::error_code read_object(ondemand::value value, JsonTree& to, int depth) {
  to.kind = JsonKind::Object;
  ondemand::object object;
  if (const auto error = value.get_object().get(object)) return error;
  for (auto field : object) {
    std::string_view name;
    if (const auto error = field.unescaped_key().get(name)) return error;
    JsonTree& member = to.members.emplace_back(std::string(name), JsonTree{}).second;
    ondemand::value item;
    if (const auto error = field.value().get(item)) return error;
    if (const auto error = read(item, member, depth + 1)) return error;
  }
  keep_last_of_each(to.members);
  return simdjson::SUCCESS;
}

simdjson::error_code read(ondemand::value value, JsonTree& to, int depth) {
  if (depth > kMaxDepth) return simdjson::DEPTH_ERROR;
  ondemand::json_type type;
  if (const auto error = value.type().get(type)) return error;
  switch (type) {
    case ondemand::json_type::array:
      return read_array(value, to, depth);
    case ondemand::json_type::object:
      return read_object(value, to, depth);
    case ondemand::json_type::number: {
      to.kind = JsonKind::Number;
      to.text = trimmed(value.raw_json_token());
      double ignored;  // the conversion validates the number
      const auto error = value.get_double().get(ignored);
      return error == simdjson::NUMBER_ERROR && to.text.size() > 17 ? simdjson::SUCCESS : error;
    }
    case ondemand::json_type::string: {
      to.kind = JsonKind::String;
      std::string_view text;
      const auto error = value.get_string().get(text);
      to.text = text;
      return error;
    }
    case ondemand::json_type::boolean:
      to.kind = JsonKind::Boolean;
      return value.get_bool().get(to.boolean);
    case ondemand::json_type::null: {
      bool is_null = false;  // set if the word is null, and not another word with n
      if (const auto error = value.is_null().get(is_null)) return error;
      return is_null ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
    }
  }
  return simdjson::UNEXPECTED_ERROR;
}

// Parses a document. The text is wrapped in an array, because the on-demand parser has no value for
// a document that is one scalar.
simdjson::error_code read_document(std::string_view text, JsonTree& to) {
  const simdjson::padded_string padded("[" + std::string(text) + "]");
  ondemand::parser parser;
  ondemand::document document;
  if (const auto error = parser.iterate(padded).get(document)) return error;
  ondemand::value value;
  if (const auto error = document.get_value().get(value)) return error;
  JsonTree list;
  if (const auto error = read(value, list, 0)) return error;
  if (list.items.size() != 1) return simdjson::TAPE_ERROR;
  to = std::move(list.items.front());
  return simdjson::SUCCESS;
}

void append(std::string& out, const JsonTree& node) {
  switch (node.kind) {
    case JsonKind::Null:
      out += "null";
      break;
    case JsonKind::Boolean:
      out += node.boolean ? "true" : "false";
      break;
    case JsonKind::Number:
      out += node.text;
      break;
    case JsonKind::String:
      append_json_string(out, node.text);
      break;
    case JsonKind::Array:
      out += '[';
      for (size_t i = 0; i < node.items.size(); ++i) {
        if (i > 0) out += ',';
        append(out, node.items[i]);
      }
      out += ']';
      break;
    case JsonKind::Object:
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

const JsonTree* JsonTree::find(std::string_view name) const {
  for (const auto& [member, value] : members)
    if (member == name) return &value;
  return nullptr;
}

std::string JsonTree::text_of(std::string_view name) const {
  const JsonTree* member = find(name);
  return member && member->kind == JsonKind::String ? member->text : "";
}

Result<JsonTree> parse_json_tree(std::string_view text) {
  JsonTree node;
  if (const auto error = read_document(text, node))
    return Error{ErrorCode::InvalidText,
                 fmt::format("not JSON: {}", simdjson::error_message(error))};
  return node;
}

std::string json_tree_text(const JsonTree& node) {
  std::string out;
  append(out, node);
  return out;
}

}  // namespace engine
