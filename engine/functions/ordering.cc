#include "engine/functions/ordering.h"

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

}  // namespace engine
