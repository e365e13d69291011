// Calls a function of the registry with single values.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/types/value.h"

namespace functions_test {

struct Typed {
  engine::SqlType type;
  engine::Value value;

  Typed(engine::SqlType of, engine::Value is) : type(std::move(of)), value(std::move(is)) {}
  Typed(const char* text);       // NOLINT: STRING
  Typed(int32_t number);         // NOLINT: INTEGER
  Typed(int64_t number);         // NOLINT: BIGINT
  Typed(double number);          // NOLINT: DOUBLE
  Typed(bool flag);              // NOLINT: BOOLEAN
  Typed(std::nullptr_t);         // NOLINT: a NULL literal
  Typed(std::vector<Typed> of);  // NOLINT: an ARRAY
};
Typed bytes(std::string content);
Typed map(std::vector<std::pair<Typed, Typed>> entries);

// Calls the function with a batch of two rows, once with columns and once with constants; both
// results must be equal. Returns the row's error, or an error if no overload matches. The wall
// clock always returns 2020-01-01T00:00:00Z.
Result<engine::Value> call(std::string_view name, std::vector<Typed> args);
// Calls the function. Returns the JSON of the result, or "error: ...", as a text for short tests.
std::string shown(std::string_view name, std::vector<Typed> args);

}  // namespace functions_test
