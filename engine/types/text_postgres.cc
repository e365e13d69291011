#include "engine/types/text_postgres.h"

#include "engine/types/text_bytes.h"
#include "engine/types/text_json.h"
#include "engine/types/text_number.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

// PostgreSQL marks years before 1 as BC; we have no such dates to show, and ISO's sign will do.
void append_postgres_timestamp(std::string& out, int64_t ms) {
  const auto [days, ms_of_day] = split_timestamp(ms);
  append_date(out, days);
  out += ' ';
  append_time_full(out, ms_of_day);
  out += "+00";
}

void append_jsonb(std::string& out, const Column& column, size_t row) {
  append_json_value(out, column, row, JsonTimes::Iso);
}

bool equals_null(std::string_view text) {
  if (text.size() != 4) return false;
  for (size_t i = 0; i < 4; ++i)
    if ((text[i] | 0x20) != "null"[i]) return false;
  return true;
}

bool needs_quotes(std::string_view text) {
  return text.empty() || equals_null(text) ||
         text.find_first_of("{},\"\\ \t\n\r\v\f") != std::string_view::npos;
}

void append_array(std::string& out, const Column& column, size_t row) {
  const Column& elements = column.child(0);
  const uint32_t begin = column.offsets()[row], end = column.offsets()[row + 1];
  std::string text;
  out += '{';
  for (uint32_t i = begin; i < end; ++i) {
    if (i != begin) out += ',';
    if (elements.is_null(i)) {
      out += "NULL";
      continue;
    }
    text.clear();
    append_postgres_text(text, elements, i);
    if (!needs_quotes(text)) {
      out += text;
      continue;
    }
    out += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  out += '}';
}

}  // namespace

void append_postgres_text(std::string& out, const Column& column, size_t row) {
  switch (column.type().kind()) {
    case TypeKind::Null:
      return;
    case TypeKind::Boolean:
      out += column.data<uint8_t>()[row] != 0 ? 't' : 'f';
      return;
    case TypeKind::Integer:
      return append_bigint(out, column.data<int32_t>()[row]);
    case TypeKind::Bigint:
      return append_bigint(out, column.data<int64_t>()[row]);
    case TypeKind::Double:
      return append_double_postgres(out, column.data<double>()[row]);
    case TypeKind::Decimal:
      return append_decimal(out, column.data<Int128>()[row], column.type().scale());
    case TypeKind::String:
      out += column.data<std::string_view>()[row];
      return;
    case TypeKind::Bytes:
      out += "\\x";
      return append_hex(out, column.data<std::string_view>()[row], HexCase::Lower);
    case TypeKind::Date:
      return append_date(out, column.data<int32_t>()[row]);
    case TypeKind::Time:
      return append_time_full(out, column.data<int32_t>()[row]);
    case TypeKind::Timestamp:
      return append_postgres_timestamp(out, column.data<int64_t>()[row]);
    case TypeKind::Array:
      if (column.type().element().kind() == TypeKind::Array) return append_jsonb(out, column, row);
      return append_array(out, column, row);
    case TypeKind::Map:
    case TypeKind::Struct:
      return append_jsonb(out, column, row);
  }
}

}  // namespace engine
