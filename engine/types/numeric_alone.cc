#include "engine/types/numeric_alone.h"

#include <fmt/format.h>

#include <string>

#include "engine/types/postgres_types.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

Error lost_digits(std::string_view number) {
  constexpr size_t kShown = 100;
  return {
      ErrorCode::OutOfRange,
      fmt::format("{}{} has more decimal places than the {} of a NUMERIC without a precision: "
                  "declare for example NUMERIC(38, 20), or ROUND() the number",
                  number.substr(0, kShown), number.size() > kShown ? "..." : "", kScaleOfNumeric)};
}

}  // namespace

Result<Int128> numeric_alone(std::string_view text) {
  auto rounded = parse_decimal(text, kMaxDecimalPrecision, kScaleOfNumeric, Rounding::HalfUp);
  if (!rounded || parse_decimal(text, kMaxDecimalPrecision, kScaleOfNumeric, Rounding::Exact))
    return rounded;
  return lost_digits(text);
}

Result<Int128> numeric_alone(Decimal number) {
  auto rounded = rescale(number, kMaxDecimalPrecision, kScaleOfNumeric, Rounding::HalfUp);
  if (!rounded || rescale(number, kMaxDecimalPrecision, kScaleOfNumeric, Rounding::Exact))
    return rounded;
  return lost_digits(decimal_text(number.unscaled, number.scale));
}

Result<Int128> numeric_alone(double number) {
  std::string shortest;
  append_double_postgres(shortest, number);
  return numeric_alone(std::string_view(shortest));
}

}  // namespace engine
