// Compares values in the order of Java's compareTo for each SQL type, and in that of PostgreSQL.
#pragma once
#include <cmath>
#include <compare>

#include "engine/java/utf16.h"
#include "engine/types/column.h"

namespace engine {

// Compares doubles as Java does: -0.0 precedes 0.0, and NaN is greater than all other values.
inline std::strong_ordering compare_doubles(double a, double b) {
  if (a < b) return std::strong_ordering::less;
  if (a > b) return std::strong_ordering::greater;
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) <=> std::isnan(b);
  return std::signbit(b) <=> std::signbit(a);
}

// Compares two values of the same scalar type that are not null.
std::strong_ordering compare_rows(const Column& a, size_t a_row, const Column& b, size_t b_row);

// Compares two values in PostgreSQL's order, for SELECTs over tables. -0.0 equals 0.0, bytes are
// unsigned, and types that are stored as text are compared by their comparable form
// (comparable_kernel()). Arrays and rows are compared item by item, with nulls last, and then by
// length. For maps, only equality is defined.
std::strong_ordering compare_as_postgres(const Column& a, size_t a_row, const Column& b,
                                         size_t b_row);
inline std::strong_ordering compare_doubles_as_postgres(double a, double b) {
  if (a < b) return std::strong_ordering::less;
  if (a > b) return std::strong_ordering::greater;
  return std::isnan(a) <=> std::isnan(b);
}

}  // namespace engine
