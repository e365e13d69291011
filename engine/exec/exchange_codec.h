// The older format of records in an exchange, which was used before exchange_block.h. It is still
// read, because a data directory may have such records that no task has read yet. Layout of a
// record's value: one byte of flags (1: a new row, 2: an old row), then size as a varint and bytes
// of each present row.
#pragma once
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "engine/types/row_codec.h"

namespace engine {

inline constexpr uint8_t kHasNewRow = 1, kHasOldRow = 2;

struct ExchangeValue {
  bool has_new = false, has_old = false;
  std::string_view new_row, old_row;
};

inline void encode_exchange_row(std::span<const Column* const> columns, size_t row,
                                std::string& scratch, std::string& out) {
  scratch.clear();
  encode_row(columns, row, scratch);
  append_varint(out, scratch.size());
  out += scratch;
}

// Decodes the value of a record; nullopt if the bytes are damaged.
inline std::optional<ExchangeValue> decode_exchange_value(std::string_view bytes) {
  ByteReader in(bytes);
  ExchangeValue value;
  const auto flags = in.be<uint8_t>();
  value.has_new = (flags & kHasNewRow) != 0;
  value.has_old = (flags & kHasOldRow) != 0;
  if (value.has_new) value.new_row = in.bytes(in.varint());
  if (value.has_old) value.old_row = in.bytes(in.varint());
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return value;
}

}  // namespace engine
