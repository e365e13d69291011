#include "engine/types/row_columns.h"

#include <cassert>
#include <cstring>

#include "base/bytes.h"

namespace engine {

namespace {

// Sets the value of a row that is null, and marks the row as not null.
template <class T>
void put_number(Column& column, size_t row, T value) {
  column.data<T>()[row] = value;
  column.validity().set(row);
}
template <class T>
void put_bytes(ByteReader& in, Column* column, size_t row) {
  const std::string_view bytes = in.bytes(sizeof(T));
  if (!column || bytes.size() != sizeof(T)) return;
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  put_number(*column, row, value);
}

// Reads one value of row_codec.h into the row of the column, if it is not null.
void read_value(ByteReader& in, TypeKind kind, Column* column, size_t row) {
  switch (kind) {
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time: {
      const int64_t value = in.signed_varint();
      if (column) put_number(*column, row, static_cast<int32_t>(value));
      return;
    }
    case TypeKind::Bigint:
    case TypeKind::Timestamp: {
      const int64_t value = in.signed_varint();
      if (column) put_number(*column, row, value);
      return;
    }
    case TypeKind::String:
    case TypeKind::Bytes: {
      const std::string_view bytes = in.bytes(in.varint());
      if (column) put_number(*column, row, column->heap().add(bytes));
      return;
    }
    case TypeKind::Boolean:
      return put_bytes<uint8_t>(in, column, row);
    case TypeKind::Double:
      return put_bytes<double>(in, column, row);
    case TypeKind::Decimal:
      return put_bytes<Int128>(in, column, row);
    default:
      assert(kind == TypeKind::Null);
  }
}

}  // namespace

RowColumns::RowColumns(std::span<Column* const> columns, const std::vector<bool>& wanted)
    : null_bytes_((columns.size() + 7) / 8) {
  assert(wanted.size() == columns.size());
  size_t end = columns.size();
  while (end > 0 && !wanted[end - 1]) --end;
  for (size_t i = 0; i < end; ++i)
    parts_.push_back({columns[i]->type().kind(), wanted[i] ? columns[i] : nullptr});
}

Status RowColumns::decode_at(std::string_view bytes, size_t row) const {
  if (parts_.empty()) return {};
  ByteReader in(bytes);
  const std::string_view nulls = in.bytes(null_bytes_);
  for (size_t i = 0; i < parts_.size() && in.ok(); ++i)
    if (((static_cast<uint8_t>(nulls[i / 8]) >> (i % 8)) & 1) == 0)
      read_value(in, parts_[i].kind, parts_[i].column, row);
  if (in.ok()) return {};
  return Error{ErrorCode::CorruptRecord, "a stored row does not have the columns of its table"};
}

}  // namespace engine
