// Texts of look-ups that differ only in the keys that they name.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types/value.h"

namespace server::pg {

// A SELECT in whose WHERE clause a parameter stands for each literal that something is said to equal. Whether the statement
// means the same then is for whoever analyses it to find out.
struct LiteralShape {
  std::string text;
  std::vector<engine::SqlType> types;  // of the literals, in the order of the text
  std::vector<engine::Value> values;

  bool is_like(const LiteralShape& other) const {
    return text == other.text && types == other.types;
  }
};

// Nothing where there are no such literals, or something stands in the text that takes a parser to read: comments, escapes,
// literals with a prefix, several statements.
std::optional<LiteralShape> shape_of(std::string_view text);

}  // namespace server::pg
