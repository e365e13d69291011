// A JSON document as a tree that keeps how its numbers are spelled and in which order its members
// stand: schemas, and the cases of the test format, where 1.0, 1 and 1E0 are different answers.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace engine {

enum class JsonKind : uint8_t { Null, Boolean, Number, String, Array, Object };

struct JsonTree {
  JsonKind kind = JsonKind::Null;
  bool boolean = false;
  std::string text = {};             // of a String: its characters; of a Number: its spelling
  std::vector<JsonTree> items = {};  // of an Array
  // Of an Object, in order, names distinct.
  std::vector<std::pair<std::string, JsonTree>> members = {};

  bool is_null() const { return kind == JsonKind::Null; }
  // nullptr when this is no object or has no such member.
  const JsonTree* find(std::string_view name) const;
  // The text of a member that is a string; empty when there is none.
  std::string text_of(std::string_view name) const;
  bool operator==(const JsonTree&) const = default;
};

// Of a member that occurs twice the last one counts. Fails with InvalidText on anything that is not
// one JSON value, or is nested deeper than 200.
Result<JsonTree> parse_json_tree(std::string_view text);

// Without blanks; numbers as they were spelled.
std::string json_tree_text(const JsonTree& node);

}  // namespace engine
