// Decodes the output of an engine without the engine's own readers, and compares it with the
// expected output of a case.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/formats/spec.h"
#include "engine/testing/case_json.h"
#include "engine/types/schema.h"

namespace engine {

// A decimal with its spelling. 1.10 and 1.1 differ, as in Java's BigDecimal.equals().
struct SpelledDecimal {
  bool is_negative = false;
  std::string digits;  // the digits without leading zeros; empty for zero
  int64_t scale = 0;   // digits after the point; -7 for 1E7
  bool operator==(const SpelledDecimal&) const = default;
};
// Returns the decimal; nullopt if the text is not a number.
std::optional<SpelledDecimal> read_decimal(std::string_view text);

enum class ObservedKind : uint8_t {
  Null,
  Boolean,
  Integer,
  Double,
  Decimal,
  Text,
  Bytes,
  List,
  Object
};

struct Observed {
  ObservedKind kind = ObservedKind::Null;
  bool boolean = false;
  int64_t integer = 0;
  double number = 0;
  SpelledDecimal decimal = {};
  std::string text = {};  // for Text and Bytes; the spelling of numbers, for messages
  std::vector<Observed> items = {};
  std::vector<std::pair<std::string, Observed>> fields = {};
};

enum class NumberReading : uint8_t {
  Exact,    // JSON numbers with a point or exponent are compared by spelling
  Rounded,  // such numbers are compared as doubles, within 1e-6
};

// Decodes a key or a value. Fails if the bytes are not in the format.
Result<Observed> read_observed(const std::optional<std::string>& bytes, const FormatSpec& format,
                               std::span<const ColumnDef> columns, NumberReading numbers);

// Returns an empty text if both match, otherwise the place and the difference, for example "A[1]:
// expected 1.0, got 1".
std::string mismatch(const CaseJson& expected, const Observed& actual);

// Returns JSON-like text for messages, which is cut if it is long.
std::string to_text(const Observed& observed);

}  // namespace engine
