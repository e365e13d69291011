// Recognizes texts of look-ups that differ only in their keys.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types/value.h"

namespace server::pg {

// The shape of a SELECT: its text, in which each literal after an equals sign in the WHERE clause
// is replaced by a parameter. The caller has to check that the statement with parameters has the
// same meaning.
struct LiteralShape {
  std::string text;
  std::vector<engine::SqlType> types;  // types of the literals, in the order of the text
  std::vector<engine::Value> values;

  bool is_like(const LiteralShape& other) const {
    return text == other.text && types == other.types;
  }
};

// Returns nothing if the text has no such literals, or has parts that only a parser can read:
// comments, escapes, literals with a prefix, several statements.
std::optional<LiteralShape> shape_of(std::string_view text);

}  // namespace server::pg
