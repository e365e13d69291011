// A value or an error. All functions report failure by returning a Result (docs/adr/0002).
#pragma once
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "base/errors.h"

// The place of an error in a statement's text. Line and column count from 1, offset (in bytes) from
// 0.
struct TextPosition {
  uint32_t line = 1, column = 1, offset = 0;
  bool operator==(const TextPosition&) const = default;
};

struct Error {
  ErrorCode code;
  std::string message;  // the failure, in user terms, without a full stop
  // `detail` has facts, `hint` the user's remedy, in whole sentences
  std::string detail = {}, hint = {};
  std::optional<TextPosition> position = {};  // where in the statement's text the error is
  std::string context = {};                   // the place, for instance "COPY orders, line 4711"
  std::string ksqldb = {};  // the message in ksqlDB's words, where its test cases expect them

  Error&& at(TextPosition where) && {
    if (!position) position = where;
    return std::move(*this);
  }
  Error&& with_hint(std::string text) && {
    hint = std::move(text);
    return std::move(*this);
  }
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {  // nodiscard is why this class exists
 public:
  using tl::expected<T, Error>::expected;
  // Defined explicitly, because otherwise `return {}` would first fill the whole object, including
  // the error, with zeros.
  Result()  // NOLINT: not the compiler's
      requires(std::is_void_v<T> || std::is_default_constructible_v<T>) {}
  Result(Error error)
      : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}  // NOLINT: implicit
  T take() && {
    if constexpr (!std::is_void_v<T>) return *std::move(*this);
  }
};
using Status = Result<void>;

// Yields the value, or leaves the function with the error. Works for Status, too. Do not nest TRY
// (-Wshadow) or use it in a coroutine; a lambda that uses TRY must name its return type.
#define TRY(expr)                                \
  ({                                             \
    auto tried = (expr);                         \
    if (!tried) return std::move(tried).error(); \
    std::move(tried).take();                     \
  })
