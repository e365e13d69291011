#include "engine/json/json_reader.h"

namespace engine {

namespace {

// Enough for the deepest expression that the SQL parser accepts; each level of an expression takes
// two levels of JSON.
constexpr size_t kMaxDepth = 20'000;

}  // namespace

std::optional<JsonValue> JsonValue::find(std::string_view name) const {
  simdjson::dom::object object;
  if (element_.get(object)) return std::nullopt;
  simdjson::dom::element member;
  if (object.at_key(name).get(member)) return std::nullopt;
  return JsonValue(member, *problem_);
}

bool JsonValue::read(bool& to) const {
  return !element_.get(to) || fail("true or false was expected");
}

bool JsonValue::read(int64_t& to) const {
  return !element_.get(to) || fail("a whole number was expected");
}

bool JsonValue::read(std::string& to) const {
  std::string_view text;
  if (element_.get(text)) return fail("a text was expected");
  to = text;
  return true;
}

std::string JsonValue::json() const { return simdjson::minify(element_); }

bool JsonValue::fail(std::string problem) const {
  if (problem_->empty()) *problem_ = std::move(problem);
  return false;
}

std::string JsonValue::take_problem() const { return std::exchange(*problem_, {}); }

Result<JsonDocument> JsonDocument::parse(std::string_view text) {
  JsonDocument document;
  document.parser_ = std::make_unique<simdjson::dom::parser>();
  document.problem_ = std::make_unique<std::string>();
  auto error = document.parser_->allocate(text.size(), kMaxDepth);
  if (!error) error = document.parser_->parse(text.data(), text.size()).get(document.root_);
  if (error)
    return Error{ErrorCode::CorruptRecord,
                 std::string("not readable as JSON: ") + simdjson::error_message(error)};
  return document;
}

}  // namespace engine
