// Code that several kernels share: null bitmaps of results, and dispatch by memory layout. Used
// only by the source files in this folder.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "engine/functions/kernel.h"

namespace engine {

// Calls f.template operator()<T>(), where T is the element type of the kind's array. Not for
// STRUCT.
template <class F>
decltype(auto) with_layout(TypeKind kind, F&& f) {
  switch (kind) {
    case TypeKind::Null:
    case TypeKind::Boolean:
      return f.template operator()<uint8_t>();
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return f.template operator()<int32_t>();
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return f.template operator()<int64_t>();
    case TypeKind::Double:
      return f.template operator()<double>();
    case TypeKind::Decimal:
      return f.template operator()<Int128>();
    case TypeKind::String:
    case TypeKind::Bytes:
      return f.template operator()<std::string_view>();
    default:
      assert(false);
      return f.template operator()<uint8_t>();
  }
}

// Returns the rows in which no argument is null.
inline Bitmap valid_in_all(std::span<const Argument> args, size_t rows) {
  Bitmap valid(rows, true);
  for (const Argument& arg : args) {
    if (!arg.is_constant)
      valid.intersect(arg.column->validity());
    else if (arg.column->is_null(0))
      return Bitmap(rows, false);
  }
  return valid;
}

// Sets the values of null rows to zero, as Column requires.
template <class T>
void zero_nulls(std::span<T> data, const Bitmap& valid) {
  const auto words = valid.words();
  for (size_t word = 0; word < words.size(); ++word) {
    if (words[word] == ~uint64_t{0}) continue;
    const size_t end = std::min(data.size(), (word + 1) * 64);
    for (size_t row = word * 64; row < end; ++row)
      if (!valid.test(row)) data[row] = T{};
  }
}

// Makes the given rows null, including the fields of a STRUCT.
void clear_rows(Column& column, const Bitmap& rows);

}  // namespace engine
