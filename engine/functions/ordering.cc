#include "engine/functions/ordering.h"

#include <algorithm>

#include "engine/types/postgres_types.h"

namespace engine {

std::strong_ordering compare_rows(const Column& a, size_t a_row, const Column& b, size_t b_row) {
  using Text = std::string_view;
  switch (a.type().kind()) {
    case TypeKind::Boolean:
      return a.data<uint8_t>()[a_row] <=> b.data<uint8_t>()[b_row];
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return a.data<int32_t>()[a_row] <=> b.data<int32_t>()[b_row];
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return a.data<int64_t>()[a_row] <=> b.data<int64_t>()[b_row];
    case TypeKind::Double:
      return compare_doubles(a.data<double>()[a_row], b.data<double>()[b_row]);
    case TypeKind::Decimal: {
      const Int128 left = a.data<Int128>()[a_row], right = b.data<Int128>()[b_row];
      return left < right   ? std::strong_ordering::less
             : left > right ? std::strong_ordering::greater
                            : std::strong_ordering::equal;
    }
    case TypeKind::String:
      return compare_utf16(a.data<Text>()[a_row], b.data<Text>()[b_row]);
    case TypeKind::Bytes:
      return compare_signed_bytes(a.data<Text>()[a_row], b.data<Text>()[b_row]);
    default:
      return std::strong_ordering::equal;
  }
}

namespace {

// Compares items of arrays and fields of rows. Nulls are equal to each other and last.
std::strong_ordering compare_parts(const Column& a, size_t a_row, const Column& b, size_t b_row) {
  const bool a_null = a.is_null(a_row), b_null = b.is_null(b_row);
  if (a_null || b_null) return a_null <=> b_null;
  return compare_as_postgres(a, a_row, b, b_row);
}

}  // namespace

std::strong_ordering compare_as_postgres(const Column& a, size_t a_row, const Column& b,
                                         size_t b_row) {
  using Text = std::string_view;
  const SqlType& type = a.type();
  switch (type.kind()) {
    case TypeKind::Double:
      return compare_doubles_as_postgres(a.data<double>()[a_row], b.data<double>()[b_row]);
    case TypeKind::String:
      if (type.label() == label::kNone || !has_comparable_form(type)) break;
      return comparable_text(type, a.data<Text>()[a_row]) <=>
             comparable_text(b.type(), b.data<Text>()[b_row]);
    case TypeKind::Bytes:
      return a.data<Text>()[a_row] <=> b.data<Text>()[b_row];
    case TypeKind::Array: {
      const uint32_t a_begin = a.offsets()[a_row], a_end = a.offsets()[a_row + 1];
      const uint32_t b_begin = b.offsets()[b_row], b_end = b.offsets()[b_row + 1];
      for (uint32_t i = 0; i < std::min(a_end - a_begin, b_end - b_begin); ++i)
        if (const auto order = compare_parts(a.child(0), a_begin + i, b.child(0), b_begin + i);
            order != 0)
          return order;
      return a_end - a_begin <=> b_end - b_begin;
    }
    case TypeKind::Struct:
      for (size_t i = 0; i < a.child_count(); ++i)
        if (const auto order = compare_parts(a.child(i), a_row, b.child(i), b_row); order != 0)
          return order;
      return std::strong_ordering::equal;
    case TypeKind::Map:
      return a.same(a_row, b, b_row) ? std::strong_ordering::equal : std::strong_ordering::less;
    default:
      break;
  }
  return compare_rows(a, a_row, b, b_row);
}

}  // namespace engine
