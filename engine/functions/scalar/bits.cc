// Bitwise operators on numbers as in PostgreSQL (&, |, #, ~, << and >>), and the bits of BYTES.
#include <fmt/format.h>

#include <bit>
#include <string>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"

namespace engine {

namespace {

template <class Number>
Number bit_and(Number a, Number b) {
  return a & b;
}
template <class Number>
Number bit_or(Number a, Number b) {
  return a | b;
}
template <class Number>
Number bit_xor(Number a, Number b) {
  return a ^ b;
}
template <class Number>
Number bit_not(Number a) {
  return ~a;
}
// Shifts a number. As in PostgreSQL, which uses the processor's instruction, only the remainder of
// `places` divided by the width of the number counts.
template <class Number>
Number shift_left(Number a, int32_t places) {
  using Unsigned = std::make_unsigned_t<Number>;
  return static_cast<Number>(static_cast<Unsigned>(a) << (places & (8 * int{sizeof a} - 1)));
}
template <class Number>
Number shift_right(Number a, int32_t places) {
  return a >> (places & (8 * int{sizeof a} - 1));
}

// ---- Bits of BYTES. As in PostgreSQL, bit 0 is the lowest bit of the first byte.

constexpr int64_t kBitsOfByte = 8;

Status check_index(std::string_view bytes, int64_t index) {
  const auto count = static_cast<int64_t>(bytes.size()) * kBitsOfByte;
  if (index >= 0 && index < count) return {};
  return Error{ErrorCode::OutOfRange,
               fmt::format("index {} out of valid range, 0..{}", index, count - 1)};
}
Result<int32_t> get_bit(std::string_view bytes, int64_t index) {
  TRY(check_index(bytes, index));
  const auto byte = static_cast<unsigned char>(bytes[static_cast<size_t>(index / kBitsOfByte)]);
  return (byte >> (index % kBitsOfByte)) & 1;
}
Result<std::string> set_bit(std::string_view bytes, int64_t index, int32_t value) {
  TRY(check_index(bytes, index));
  if (value != 0 && value != 1) return Error{ErrorCode::InvalidParameter, "new bit must be 0 or 1"};
  std::string changed(bytes);
  char& byte = changed[static_cast<size_t>(index / kBitsOfByte)];
  const int mask = 1 << (index % kBitsOfByte);
  byte = static_cast<char>(value == 1 ? byte | mask : byte & ~mask);
  return changed;
}
int64_t bit_count(std::string_view bytes) {
  int64_t count = 0;
  for (const char byte : bytes) count += std::popcount(static_cast<unsigned char>(byte));
  return count;
}

constexpr FunctionDef kBitDefs[] = {
    {.name = "get_bit",
     .signature = "(BYTES bytes, BIGINT index) -> INT",
     .doc = "A bit of bytes; bit 0 is the lowest bit of the first byte.",
     .example = "GET_BIT(TO_BYTES('02', 'hex'), 1) = 1",
     .kernel = row_kernel<get_bit>},
    {.name = "set_bit",
     .signature = "(BYTES bytes, BIGINT index, INT value) -> BYTES",
     .doc = "The bytes with a bit set to 0 or 1; bit 0 is the lowest bit of the first byte.",
     .example = "SET_BIT(TO_BYTES('02', 'hex'), 0, 1) = TO_BYTES('03', 'hex')",
     .kernel = row_kernel<set_bit>},
    {.name = "bit_count",
     .signature = "(BYTES bytes) -> BIGINT",
     .doc = "The number of bits with the value 1.",
     .example = "BIT_COUNT(TO_BYTES('0f01', 'hex')) = 5",
     .kernel = row_kernel<bit_count>},
    {.name = "bitand",
     .signature = "(INT a, INT b) -> INT",
     .doc = "The bits that are set in both numbers; a & b in PostgreSQL's syntax.",
     .example = "BITAND(12, 10) = 8",
     .kernel = row_kernel<bit_and<int32_t>>},
    {.name = "bitand",
     .signature = "(BIGINT a, BIGINT b) -> BIGINT",
     .doc = "The bits that are set in both numbers; a & b in PostgreSQL's syntax.",
     .example = "BITAND(10000000000, 1024) = 1024",
     .kernel = row_kernel<bit_and<int64_t>>},
    {.name = "bitor",
     .signature = "(INT a, INT b) -> INT",
     .doc = "The bits that are set in at least one of the numbers; a | b in PostgreSQL's syntax.",
     .example = "BITOR(12, 10) = 14",
     .kernel = row_kernel<bit_or<int32_t>>},
    {.name = "bitor",
     .signature = "(BIGINT a, BIGINT b) -> BIGINT",
     .doc = "The bits that are set in at least one of the numbers; a | b in PostgreSQL's syntax.",
     .example = "BITOR(10000000000, 1) = 10000000001",
     .kernel = row_kernel<bit_or<int64_t>>},
    {.name = "bitxor",
     .signature = "(INT a, INT b) -> INT",
     .doc = "The bits that are set in exactly one of the numbers; a # b in PostgreSQL's syntax.",
     .example = "BITXOR(12, 10) = 6",
     .kernel = row_kernel<bit_xor<int32_t>>},
    {.name = "bitxor",
     .signature = "(BIGINT a, BIGINT b) -> BIGINT",
     .doc = "The bits that are set in exactly one of the numbers; a # b in PostgreSQL's syntax.",
     .example = "BITXOR(10000000001, 1) = 10000000000",
     .kernel = row_kernel<bit_xor<int64_t>>},
    {.name = "bitnot",
     .signature = "(INT a) -> INT",
     .doc = "Each bit inverted; ~ a in PostgreSQL's syntax.",
     .example = "BITNOT(12) = -13",
     .kernel = row_kernel<bit_not<int32_t>>},
    {.name = "bitnot",
     .signature = "(BIGINT a) -> BIGINT",
     .doc = "Each bit inverted; ~ a in PostgreSQL's syntax.",
     .example = "BITNOT(10000000000) = -10000000001",
     .kernel = row_kernel<bit_not<int64_t>>},
    {.name = "shift_left",
     .signature = "(INT a, INT places) -> INT",
     .doc = "The bits shifted left; a << places in PostgreSQL's syntax.",
     .example = "SHIFT_LEFT(1, 4) = 16",
     .kernel = row_kernel<shift_left<int32_t>>},
    {.name = "shift_left",
     .signature = "(BIGINT a, INT places) -> BIGINT",
     .doc = "The bits shifted left; a << places in PostgreSQL's syntax.",
     .example = "SHIFT_LEFT(10000000000, 1) = 20000000000",
     .kernel = row_kernel<shift_left<int64_t>>},
    {.name = "shift_right",
     .signature = "(INT a, INT places) -> INT",
     .doc = "The bits shifted right, with the sign kept; a >> places in PostgreSQL's syntax.",
     .example = "SHIFT_RIGHT(-16, 2) = -4",
     .kernel = row_kernel<shift_right<int32_t>>},
    {.name = "shift_right",
     .signature = "(BIGINT a, INT places) -> BIGINT",
     .doc = "The bits shifted right, with the sign kept; a >> places in PostgreSQL's syntax.",
     .example = "SHIFT_RIGHT(20000000000, 1) = 10000000000",
     .kernel = row_kernel<shift_right<int64_t>>},
};

}  // namespace

const FunctionFamily kBitFunctions{"POSTGRESQL", kBitDefs};

}  // namespace engine
