#include "engine/types/row_codec.h"

#include <cassert>

#include "base/bytes.h"

namespace engine {

namespace {

// Appends the value of a row. The types are from the schema, and the parser bounds their depth, so
// the recursion is safe.
void encode_value(const Column& column, size_t row, std::string& out) {
  const TypeKind kind = column.type().kind();
  switch (kind) {
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      append_varint(out, zigzag(column.data<int32_t>()[row]));
      break;
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      append_varint(out, zigzag(column.data<int64_t>()[row]));
      break;
    case TypeKind::String:
    case TypeKind::Bytes: {
      const auto text = column.data<std::string_view>()[row];
      append_varint(out, text.size());
      out += text;
      break;
    }
    case TypeKind::Array:
    case TypeKind::Map: {
      const auto ends = column.offsets();
      append_varint(out, ends[row + 1] - ends[row]);
      for (uint32_t item = ends[row]; item < ends[row + 1]; ++item) {
        std::vector<const Column*> parts;
        for (size_t part = 0; part < column.child_count(); ++part)
          parts.push_back(&column.child(part));
        encode_row(parts, item, out);
      }
      break;
    }
    case TypeKind::Struct: {
      std::vector<const Column*> parts;
      for (size_t part = 0; part < column.child_count(); ++part)
        parts.push_back(&column.child(part));
      encode_row(parts, row, out);
      break;
    }
    case TypeKind::Boolean:
      out += static_cast<char>(column.data<uint8_t>()[row]);
      break;
    case TypeKind::Double:
      out.append(reinterpret_cast<const char*>(&column.data<double>()[row]), 8);
      break;
    case TypeKind::Decimal:
      out.append(reinterpret_cast<const char*>(&column.data<Int128>()[row]), 16);
      break;
    case TypeKind::Null:
      break;
  }
}

template <class T>
void append_raw(Column& column, std::string_view bytes) {
  T value{};
  if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  column.append(value);
}

void decode_columns(ByteReader& in, std::span<Column* const> columns, RowStrings strings);

void decode_value(ByteReader& in, Column& column, RowStrings strings) {
  switch (column.type().kind()) {
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      column.append(static_cast<int32_t>(in.signed_varint()));
      break;
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      column.append(in.signed_varint());
      break;
    case TypeKind::String:
    case TypeKind::Bytes: {
      const std::string_view text = in.bytes(in.varint());
      strings == RowStrings::Copy ? column.append_copy(text) : column.append(text);
      break;
    }
    case TypeKind::Array:
    case TypeKind::Map: {
      std::vector<Column*> parts;
      for (size_t part = 0; part < column.child_count(); ++part)
        parts.push_back(&column.child(part));
      for (uint64_t left = in.varint(); left > 0 && in.ok(); --left)
        decode_columns(in, parts, strings);
      column.close_list();
      break;
    }
    case TypeKind::Struct: {
      std::vector<Column*> parts;
      for (size_t part = 0; part < column.child_count(); ++part)
        parts.push_back(&column.child(part));
      decode_columns(in, parts, strings);
      column.close_struct();
      break;
    }
    case TypeKind::Boolean:
      append_raw<uint8_t>(column, in.bytes(1));
      break;
    case TypeKind::Double:
      append_raw<double>(column, in.bytes(8));
      break;
    case TypeKind::Decimal:
      append_raw<Int128>(column, in.bytes(16));
      break;
    case TypeKind::Null:
      column.append_null();
      break;
  }
}

void decode_columns(ByteReader& in, std::span<Column* const> columns, RowStrings strings) {
  const std::string_view nulls = in.bytes((columns.size() + 7) / 8);
  for (size_t i = 0; i < columns.size(); ++i) {
    const bool is_null = !in.ok() || ((static_cast<uint8_t>(nulls[i / 8]) >> (i % 8)) & 1) != 0;
    is_null ? columns[i]->append_null() : decode_value(in, *columns[i], strings);
  }
}

template <class T>
void put(Column& column, size_t row, T value) {
  column.data<T>()[row] = value;
  column.validity().set(row);
}
template <class T>
void put_raw(Column& column, size_t row, std::string_view bytes) {
  T value{};
  if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  put(column, row, value);
}

void put_value(ByteReader& in, Column& column, size_t row) {
  switch (column.type().kind()) {
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return put(column, row, static_cast<int32_t>(in.signed_varint()));
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return put(column, row, in.signed_varint());
    case TypeKind::String:
    case TypeKind::Bytes:
      return put(column, row, column.heap().add(in.bytes(in.varint())));
    case TypeKind::Boolean:
      return put_raw<uint8_t>(column, row, in.bytes(1));
    case TypeKind::Double:
      return put_raw<double>(column, row, in.bytes(8));
    case TypeKind::Decimal:
      return put_raw<Int128>(column, row, in.bytes(16));
    default:
      assert(column.type().is_null());
  }
}

Error not_of_the_table() {
  return {ErrorCode::CorruptRecord, "a stored row does not have the columns of its table"};
}

}  // namespace

void encode_row(std::span<const Column* const> columns, size_t row, std::string& out) {
  const size_t bits_at = out.size();
  out.append((columns.size() + 7) / 8, '\0');
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i]->is_null(row))
      out[bits_at + i / 8] = static_cast<char>(out[bits_at + i / 8] | (1 << (i % 8)));
    else
      encode_value(*columns[i], row, out);
  }
}

Status decode_row(std::string_view bytes, std::span<Column* const> columns, RowStrings strings) {
  ByteReader in(bytes);
  decode_columns(in, columns, strings);
  if (!in.ok() || !in.at_end()) return not_of_the_table();
  return {};
}

Status decode_row_at(std::string_view bytes, std::span<Column* const> columns, size_t row) {
  ByteReader in(bytes);
  const std::string_view nulls = in.bytes((columns.size() + 7) / 8);
  for (size_t i = 0; i < columns.size() && in.ok(); ++i)
    if (((static_cast<uint8_t>(nulls[i / 8]) >> (i % 8)) & 1) == 0) put_value(in, *columns[i], row);
  if (!in.ok() || !in.at_end()) return not_of_the_table();
  return {};
}

}  // namespace engine
