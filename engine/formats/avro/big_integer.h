// Converts whole numbers from and to big-endian two's complement of any size, which is the encoding
// of DECIMAL in Avro and Protobuf and of Java's BigInteger.
#pragma once
#include <optional>
#include <string_view>

#include "engine/types/value.h"

namespace engine {

// Decodes a number. Returns nothing for more than 128 bits.
inline std::optional<Int128> big_integer(std::string_view bytes) {
  if (bytes.empty()) return Int128{0};
  const bool is_negative = (static_cast<unsigned char>(bytes.front()) & 0x80) != 0;
  const char filler = is_negative ? '\xff' : '\0';
  while (bytes.size() > sizeof(Int128)) {
    if (bytes.front() != filler) return std::nullopt;
    bytes.remove_prefix(1);
  }
  auto value = is_negative ? ~static_cast<unsigned __int128>(0) : 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  const auto signed_value = static_cast<Int128>(value);
  if ((signed_value < 0) != is_negative) return std::nullopt;
  return signed_value;
}

// Returns the shortest encoding of the value. It is stored in `buffer`.
inline std::string_view big_integer_bytes(Int128 value, char (&buffer)[sizeof(Int128)]) {
  for (size_t i = sizeof(Int128); i > 0; --i) {
    buffer[i - 1] = static_cast<char>(value);
    value >>= 8;
  }
  size_t first = 0;
  while (first + 1 < sizeof(Int128)) {
    const bool is_filler = buffer[first] == '\0' || buffer[first] == '\xff';
    const bool keeps_sign = (buffer[first + 1] & 0x80) == (buffer[first] & 0x80);
    if (!is_filler || !keeps_sign) break;
    ++first;
  }
  return {buffer + first, sizeof(Int128) - first};
}

}  // namespace engine
