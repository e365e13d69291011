// Columns as bytes, one after the other: what a block of rows between two stages of a query is made of
// (engine/exec/exchange_block.h). Outlives a process: docs/formats/exchange.md has the layout.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "engine/types/column.h"

namespace engine {

// Appends the rows named, in that order.
void encode_column(const Column& column, std::span<const uint32_t> rows, std::string& out);
// Appends `rows` rows, whose strings are views into the reader's bytes, to a column of the type that
// was written. Where the bytes are damaged the reader is not ok() afterwards, and the column is not to
// be used; what it takes up is in proportion to them.
void decode_column(ByteReader& in, size_t rows, Column& out);

// Numbers, and rows of bit marks, as columns have them.
void encode_numbers(std::span<const int64_t> numbers, std::string& out);
void decode_numbers(ByteReader& in, size_t count, std::vector<int64_t>& out);
// `bits` of these rows.
void encode_bits(const Bitmap& bits, std::span<const uint32_t> rows, std::string& out);
void decode_bits(ByteReader& in, size_t rows, Bitmap& out);

}  // namespace engine
