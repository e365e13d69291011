// A JSON document as a tree that keeps the spelling of numbers and the order of members, for
// schemas and for the cases of the test format, where 1.0, 1 and 1E0 are different results.
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
  std::string text = {};             // for a String: its characters; for a Number: its spelling
  std::vector<JsonTree> items = {};  // set for an Array
  // for an Object: its members in order, with distinct names
  std::vector<std::pair<std::string, JsonTree>> members = {};

  bool is_null() const { return kind == JsonKind::Null; }
  // Returns nullptr if this is not an object or does not have the member.
  const JsonTree* find(std::string_view name) const;
  // Returns the text of a string member; empty if it does not exist.
  std::string text_of(std::string_view name) const;
  bool operator==(const JsonTree&) const = default;
};

// Parses a text. If a member occurs twice, the last one counts. Fails with InvalidText for a text
// that is not one JSON value, or that has more than 200 levels.
Result<JsonTree> parse_json_tree(std::string_view text);

// Prints the tree without blanks, with the original spelling of numbers.
std::string json_tree_text(const JsonTree& node);

}  // namespace engine
