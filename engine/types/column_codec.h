// Encodes columns as bytes, one after the other. The result is the content of a block of rows
// between two stages of a query (engine/exec/exchange_block.h). Stored blocks are read by later
// versions of the program; docs/formats/exchange.md has the layout.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "engine/types/column.h"

namespace engine {

// Appends the given rows of the column to `out`, in the given order.
void encode_column(const Column& column, std::span<const uint32_t> rows, std::string& out);
// Appends `rows` rows to `out`, whose type must be that of the encoded column. Strings are views
// into the reader's bytes. If the bytes are damaged, `in` is no longer ok() and the column must not
// be used; even then, its memory is at most proportional to the number of bytes.
void decode_column(ByteReader& in, size_t rows, Column& out);

// Encode and decode numbers and bitmaps in the format that they have in encoded columns.
void encode_numbers(std::span<const int64_t> numbers, std::string& out);
void decode_numbers(ByteReader& in, size_t count, std::vector<int64_t>& out);
// Appends the bits of the given rows.
void encode_bits(const Bitmap& bits, std::span<const uint32_t> rows, std::string& out);
void decode_bits(ByteReader& in, size_t rows, Bitmap& out);

}  // namespace engine
