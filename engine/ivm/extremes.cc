#include "engine/ivm/extremes.h"

#include "engine/functions/ordering.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

using Unsigned128 = unsigned __int128;

// Approximate bytes of an element of the map, without the characters of a long value.
constexpr size_t kBytesOfValue = 56;

size_t bytes_of(const std::string& value) { return kBytesOfValue + value.size(); }

// Encodes a number so that the bytes have the order of the numbers: big-endian, with an inverted sign.
template <class Bits>
std::string encode_number(Bits bits) {
  constexpr int kBits = 8 * static_cast<int>(sizeof(Bits));
  bits ^= Bits{1} << (kBits - 1);
  std::string out;
  for (int shift = kBits - 8; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift);
  return out;
}

template <class Bits>
Bits decode_number(std::string_view bytes) {
  Bits bits = 0;
  for (const char byte : bytes) bits = static_cast<Bits>(bits << 8) | static_cast<uint8_t>(byte);
  return bits ^ (Bits{1} << (8 * sizeof(Bits) - 1));
}

std::string encode_value(const Column& column, size_t row) {
  switch (column.type().kind()) {
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return encode_number(static_cast<uint32_t>(column.data<int32_t>()[row]));
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return encode_number(static_cast<uint64_t>(column.data<int64_t>()[row]));
    case TypeKind::Decimal:
      return encode_number(static_cast<Unsigned128>(column.data<Int128>()[row]));
    default:
      return std::string(column.data<std::string_view>()[row]);
  }
}

void append_decoded(std::string_view bytes, Column& out) {
  switch (out.type().kind()) {
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return out.append(static_cast<int32_t>(decode_number<uint32_t>(bytes)));
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return out.append(static_cast<int64_t>(decode_number<uint64_t>(bytes)));
    case TypeKind::Decimal:
      return out.append(static_cast<Int128>(decode_number<Unsigned128>(bytes)));
    default:
      return out.append_copy(bytes);
  }
}

}  // namespace

bool Extremes::supports(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
    case TypeKind::Decimal:
    case TypeKind::String:
      return !has_comparable_form(type);
    default:
      return false;
  }
}

bool Extremes::Less::operator()(std::string_view a, std::string_view b) const {
  return is_text ? compare_utf16(a, b) < 0 : a < b;
}

void Extremes::add(const Column& column, size_t row, int64_t weight) {
  if (column.is_null(row)) return;
  const auto [at, is_new] = values_.try_emplace(encode_value(column, row), 0);
  if (is_new) bytes_ += bytes_of(at->first);
  at->second += weight;
  if (at->second != 0) return;
  bytes_ -= bytes_of(at->first);
  values_.erase(at);
}

void Extremes::append_least(Column& out) const {
  values_.empty() ? out.append_null() : append_decoded(values_.begin()->first, out);
}

void Extremes::append_greatest(Column& out) const {
  values_.empty() ? out.append_null() : append_decoded(values_.rbegin()->first, out);
}

bool Extremes::are_valid() const {
  return values_.empty() || (values_.begin()->second > 0 && values_.rbegin()->second > 0);
}

}  // namespace engine
