// Reads JSON text that JsonWriter has written. Include this file only in .cc files, because it
// includes simdjson.
#pragma once
#include <simdjson.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engine {

// One value of a document; valid as long as the document. The document keeps the first problem of
// any value; values that are read after a problem have no meaning.
class JsonValue {
 public:
  JsonValue(simdjson::dom::element element, std::string& problem)
      : element_(element), problem_(&problem) {}

  // Returns the member of an object, or nothing if it is absent.
  std::optional<JsonValue> find(std::string_view name) const;

  // Each read() returns false if the value is of another kind.
  bool read(bool& to) const;
  bool read(int64_t& to) const;
  bool read(std::string& to) const;
  bool is_null() const { return element_.is_null(); }
  bool is_text() const { return element_.is_string(); }
  bool is_array() const { return element_.is_array(); }
  bool is_object() const { return element_.is_object(); }

  // Calls `read_item(JsonValue)` for each item, until one call returns false.
  template <class ReadItem>
  bool each_item(ReadItem&& read_item) const {
    simdjson::dom::array items;
    if (element_.get(items)) return fail("a list was expected");
    for (const simdjson::dom::element item : items)
      if (!read_item(JsonValue(item, *problem_))) return false;
    return true;
  }
  // Calls `read_member(name, JsonValue)` for each member, until one call returns false.
  template <class ReadMember>
  bool each_member(ReadMember&& read_member) const {
    simdjson::dom::object members;
    if (element_.get(members)) return fail("an object was expected");
    for (const auto& [name, value] : members)
      if (!read_member(name, JsonValue(value, *problem_))) return false;
    return true;
  }

  // Returns the value as JSON text, for callers that keep the text without interpreting it.
  std::string json() const;
  // Keeps the problem if it is the first one in the document. Returns false.
  bool fail(std::string problem) const;
  // Returns the first problem in the document, and clears it.
  std::string take_problem() const;

 private:
  simdjson::dom::element element_;
  std::string* problem_;
};

class JsonDocument {
 public:
  // Parses a text. Fails with CorruptRecord if the text is not JSON.
  static Result<JsonDocument> parse(std::string_view text);

  JsonValue root() const { return {root_, *problem_}; }

 private:
  JsonDocument() = default;

  std::unique_ptr<simdjson::dom::parser> parser_;  // owns the memory to which the elements point
  simdjson::dom::element root_;
  std::unique_ptr<std::string> problem_;
};

}  // namespace engine
