// Parses statements for tests of the parser.
#pragma once
#include <gtest/gtest.h>

#include <string_view>

#include "engine/sql/parse.h"

namespace engine {

// Returns the only statement of the text, which must be a T. After a failure, returns a default T.
template <class T>
T parse_as(std::string_view text) {
  Result<std::vector<ParsedStatement>> script = parse_script(text);
  if (!script) {
    ADD_FAILURE() << text << "\n" << script.error().message;
    return T{};
  }
  if (script->size() != 1 || !std::holds_alternative<T>(script->front().statement)) {
    ADD_FAILURE() << text << "\nis not one statement of the expected kind";
    return T{};
  }
  return std::get<T>(std::move(script->front().statement));
}

// Returns the error of a text, which must have one.
inline Error error_of(std::string_view text) {
  const Result<std::vector<ParsedStatement>> script = parse_script(text);
  if (!script) return script.error();
  ADD_FAILURE() << text << "\nparses";
  return Error{ErrorCode::Internal, ""};
}

}  // namespace engine
