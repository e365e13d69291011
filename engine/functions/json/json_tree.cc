#include "engine/functions/json/json_tree.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "engine/types/ascii.h"
#include "engine/types/text_json.h"
#include "engine/types/text_number.h"

namespace engine::json {

namespace {

namespace ondemand = simdjson::ondemand;

Error invalid_json() { return Error{ErrorCode::InvalidText, "Invalid JSON format"}; }

// Returns a number without an exponent, as Java's exact decimals print it: "1.50" is kept, "15e2"
// becomes 1500 and "15E-3" becomes 0.015.
std::string plain_number(std::string_view text) {
  const size_t exponent_at = text.find_first_of("eE");
  if (exponent_at == std::string_view::npos) return text == "-0" ? "0" : std::string(text);
  // A number whose exponent is beyond kMostZeros is kept as written; without an exponent, it could
  // fill the memory.
  constexpr int64_t kMostZeros = 1000;
  std::string_view exponent_text = text.substr(exponent_at + 1);
  if (exponent_text.starts_with('+')) exponent_text.remove_prefix(1);
  const int64_t exponent = parse_bigint(exponent_text).value_or(INT64_MAX);
  if (exponent > kMostZeros || exponent < -kMostZeros) return std::string(text);
  std::string digits(text.substr(0, exponent_at));
  const bool negative = digits[0] == '-';
  if (negative) digits.erase(0, 1);
  const size_t point = std::min(digits.find('.'), digits.size());
  int64_t whole = static_cast<int64_t>(point) + exponent;  // number of digits before the point
  if (point < digits.size()) digits.erase(point, 1);
  if (whole <= 0) {
    digits.insert(0, static_cast<size_t>(1 - whole), '0');
    whole = 1;
  }
  const auto size = static_cast<size_t>(whole);
  if (digits.size() < size) digits.append(size - digits.size(), '0');
  if (digits.size() > size) digits.insert(size, 1, '.');
  const size_t first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
  digits.erase(0, digits[first] == '.' ? first - 1 : first);
  return negative ? "-" + digits : digits;
}

// Reads a number, true, false or null.
Result<Node> literal(std::string_view token) {
  token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
  if (token == "null") return Node{Node::Kind::Null, {}, {}};
  if (token == "true" || token == "false") return Node{Node::Kind::Boolean, std::string(token), {}};
  if (!is_json_number(token)) return invalid_json();
  return Node{Node::Kind::Number, plain_number(token), {}};
}

Result<Node> read(ondemand::value value, int depth);

Result<Node> read_array(ondemand::array array, int depth) {
  Node node{Node::Kind::Array, {}, {}};
  for (auto item : array) {
    ondemand::value value;
    if (item.get(value) != simdjson::SUCCESS) return invalid_json();
    node.members.push_back({{}, TRY(read(value, depth + 1))});
  }
  return node;
}

Result<Node> read_object(ondemand::object object, int depth) {
  Node node{Node::Kind::Object, {}, {}};
  absl::flat_hash_map<std::string, size_t> known;
  for (auto field : object) {
    std::string_view name;
    ondemand::value value;
    if (field.unescaped_key().get(name) != simdjson::SUCCESS) return invalid_json();
    std::string key(name);  // a copy, since reading the value may overwrite the buffer of `name`
    if (field.value().get(value) != simdjson::SUCCESS) return invalid_json();
    Node member = TRY(read(value, depth + 1));
    const auto [at, is_new] = known.try_emplace(key, node.members.size());
    if (is_new)
      node.members.push_back({std::move(key), std::move(member)});
    else
      node.members[at->second].value = std::move(member);
  }
  return node;
}

// Reads a document, or a value in it.
template <class Source>
Result<Node> read_any(Source&& source, int depth) {
  if (depth > kMaxDepth) return too_deep();
  ondemand::json_type type;
  if (source.type().get(type) != simdjson::SUCCESS) {
    // For a word that is not a JSON value, simdjson reports no type.
    return invalid_json();
  }
  switch (type) {
    case ondemand::json_type::array: {
      ondemand::array array;
      if (source.get_array().get(array) != simdjson::SUCCESS) return invalid_json();
      return read_array(array, depth);
    }
    case ondemand::json_type::object: {
      ondemand::object object;
      if (source.get_object().get(object) != simdjson::SUCCESS) return invalid_json();
      return read_object(object, depth);
    }
    case ondemand::json_type::string: {
      std::string_view text;
      if (source.get_string().get(text) != simdjson::SUCCESS) return invalid_json();
      return Node{Node::Kind::String, std::string(text), {}};
    }
    default:
      break;
  }
  std::string_view token;
  if constexpr (requires { source.raw_json_token().get(token); }) {
    if (source.raw_json_token().get(token) != simdjson::SUCCESS) return invalid_json();
  } else {
    token = source.raw_json_token();
  }
  return literal(token);
}

Result<Node> read(ondemand::value value, int depth) { return read_any(value, depth); }

}  // namespace

Error too_deep() { return Error{ErrorCode::LimitExceeded, "JSON is nested too deeply"}; }

bool Node::is_integer() const {
  return kind == Kind::Number && text.find_first_of(".eE") == std::string::npos;
}

const Node* Node::find(std::string_view name) const {
  const auto found = std::ranges::find(members, name, &Member::name);
  return found == members.end() ? nullptr : &found->value;
}

void append(std::string& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::Missing:
      return;
    case Node::Kind::Null:
      out += "null";
      return;
    case Node::Kind::String:
      return append_json_string(out, node.text);
    case Node::Kind::Boolean:
    case Node::Kind::Number:
      out += node.text;
      return;
    default:
      break;
  }
  const bool is_object = node.kind == Node::Kind::Object;
  out += is_object ? '{' : '[';
  for (size_t i = 0; i < node.members.size(); ++i) {
    if (i > 0) out += ',';
    if (is_object) {
      append_json_string(out, node.members[i].name);
      out += ':';
    }
    append(out, node.members[i].value);
  }
  out += is_object ? '}' : ']';
}

std::string field_text(const Node& node) {
  if (node.kind == Node::Kind::String) return node.text;
  std::string text;
  append(text, node);
  return text;
}

struct Parser::State {
  ondemand::parser parser;
  std::string padded;
};

Parser::Parser() : state_(std::make_unique<State>()) {}
Parser::~Parser() = default;

Result<Node> Parser::parse(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return Node();
  std::string& padded = state_->padded;
  padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  padded = text;
  ondemand::document document;
  const simdjson::padded_string_view view(padded.data(), padded.size(), padded.capacity());
  if (state_->parser.iterate(view).get(document) != simdjson::SUCCESS) return invalid_json();
  return read_any(document, 0);
}

}  // namespace engine::json
