// The order of values, as Java's compareTo has it for each SQL type.
#pragma once
#include <cmath>
#include <compare>

#include "engine/java/utf16.h"
#include "engine/types/column.h"

namespace engine {

// -0.0 before 0.0, NaN after everything.
inline std::strong_ordering compare_doubles(double a, double b) {
  if (a < b) return std::strong_ordering::less;
  if (a > b) return std::strong_ordering::greater;
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) <=> std::isnan(b);
  return std::signbit(b) <=> std::signbit(a);
}

// Two values of one scalar type that are not null.
std::strong_ordering compare_rows(const Column& a, size_t a_row, const Column& b, size_t b_row);

}  // namespace engine
