// Encodes single values of any type as bytes. Aggregate states store such bytes, and sets compare
// them. Used only in engine/functions.
#pragma once
#include <cassert>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "engine/types/row_codec.h"

namespace engine {

// Appends one value as bytes (row codec, one column).
inline void append_cell(const Column& column, size_t row, std::string& out) {
  const Column* const parts[] = {&column};
  encode_row(parts, row, out);
}
// Appends one value so that equal values have equal bytes: the entries of maps are sorted.
void append_canonical_cell(const Column& column, size_t row, std::string& out);
inline std::string canonical_cell(const Column& column, size_t row) {
  std::string cell;
  append_canonical_cell(column, row, cell);
  return cell;
}
// Appends the value of a cell to a column of its type. The cell must be valid.
inline void append_value_of(std::string_view cell, Column& out) {
  Column* const parts[] = {&out};
  [[maybe_unused]] const Status read = decode_row(cell, parts, RowStrings::Copy);
  assert(read);
}
// Reads a length and a cell; `in` fails if the cell is not a value of this type.
std::string take_cell(const SqlType& type, ByteReader& in);

}  // namespace engine
