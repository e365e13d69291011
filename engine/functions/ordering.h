// The order of values, as Java's compareTo has it for each SQL type, and as PostgreSQL has it.
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

// The same as PostgreSQL has it, for SELECTs over tables: -0.0 is 0.0, bytes have no sign, types that are kept as text
// compare by their comparable form. Arrays and rows compare item by item, a null after all else, then by their length.
// Of maps only whether they are equal.
std::strong_ordering compare_as_postgres(const Column& a, size_t a_row, const Column& b,
                                         size_t b_row);
inline std::strong_ordering compare_doubles_as_postgres(double a, double b) {
  if (a < b) return std::strong_ordering::less;
  if (a > b) return std::strong_ordering::greater;
  return std::isnan(a) <=> std::isnan(b);
}

}  // namespace engine
