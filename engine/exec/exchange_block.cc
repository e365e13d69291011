#include "engine/exec/exchange_block.h"

#include <algorithm>

#include "base/bytes.h"
#include "engine/exec/exchange_codec.h"
#include "engine/types/column_codec.h"

namespace engine {

namespace {

// The first byte of a block. Older versions wrote single rows, whose first byte contains flags; all
// flags together are less than kBlock.
constexpr uint8_t kBlock = 16, kLastFlagsOfBefore = kHasNewRow | kHasOldRow;
// Flags of a block, for its optional parts. A part that the block does not need takes no bytes.
constexpr uint8_t kSomeAbsent = 1, kHasHeaders = 2, kHasOld = 4, kKeyIsColumn = 8,
                  kHasOrderTimes = 16, kHasSourceOffsets = 32;
constexpr uint8_t kAllFlags =
    kSomeAbsent | kHasHeaders | kHasOld | kKeyIsColumn | kHasOrderTimes | kHasSourceOffsets;

// Returns whether the key bytes of the rows equal the values of `column`, which is usual if the key
// consists of one text column. These bytes are then written only once.
bool is_key_itself(const Column& key, const Column& column, std::span<const uint32_t> rows) {
  if (column.type().kind() != TypeKind::String) return false;
  return std::ranges::all_of(rows, [&](const uint32_t row) {
    return key.is_null(row) == column.is_null(row) &&
           key.data<std::string_view>()[row] == column.data<std::string_view>()[row];
  });
}

void encode_headers(const Batch& batch, std::span<const uint32_t> rows, std::string& out) {
  std::vector<int64_t> sizes;
  for (const uint32_t row : rows)
    sizes.push_back(static_cast<int64_t>(batch.raw_headers[row].size()));
  encode_numbers(sizes, out);
  for (const uint32_t row : rows) out += batch.raw_headers[row];
}

void decode_headers(ByteReader& in, size_t rows, std::vector<std::string>& out) {
  std::vector<int64_t> sizes;
  decode_numbers(in, rows, sizes);
  for (const int64_t size : sizes) {
    if (size < 0) return in.fail();
    out.emplace_back(in.bytes(static_cast<size_t>(size)));
  }
}

struct BlockHead {
  size_t rows = 0;
  uint8_t flags = 0;
};

BlockHead read_head(ByteReader& in) {
  BlockHead head;
  if (in.be<uint8_t>() != kBlock) in.fail();
  head.rows = in.varint();
  head.flags = in.be<uint8_t>();
  // Each row takes at least one byte for its time. Therefore a corrupt row count cannot cause a
  // large allocation.
  if (head.rows == 0 || head.rows > in.rest().size() || head.flags > kAllFlags) in.fail();
  return head;
}

// Decodes merge times and source offsets. Call after the timestamps are decoded.
void decode_merge_times(ByteReader& in, const BlockHead& head, ExchangeRows& out) {
  MergeTimes& merge = out.merge;
  const bool has_times = (head.flags & kHasOrderTimes) != 0;
  const bool has_offsets = (head.flags & kHasSourceOffsets) != 0;
  if (!in.ok()) return;
  const size_t first = out.size() - head.rows;
  // Either all blocks of an exchange have merge times (the order times of their rows), or none.
  if (merge.source_offsets.size() != (has_offsets ? first : 0) || (has_times && !has_offsets))
    return in.fail();
  const auto begin = out.timestamps.begin();
  if (has_times) {
    if (merge.order_times.empty())
      merge.order_times.assign(begin, begin + static_cast<ptrdiff_t>(first));
    decode_numbers(in, head.rows, merge.order_times);
  } else if (!merge.order_times.empty()) {
    merge.order_times.insert(merge.order_times.end(), begin + static_cast<ptrdiff_t>(first),
                             out.timestamps.end());
  }
  if (has_offsets) decode_numbers(in, head.rows, merge.source_offsets);
}

// Fills a text column with the bytes of the keys, from row `first` on.
void take_keys(const Column& keys, size_t first, Column& out) {
  out.resize(keys.size());
  const auto from = keys.data<std::string_view>();
  const auto to = out.data<std::string_view>();
  for (size_t row = first; row < keys.size(); ++row) {
    to[row] = from[row];
    if (!keys.is_null(row)) out.validity().set(row);
  }
}

// Decodes the old versions of the rows. Like the new versions, they consist of their value columns.
void decode_old(ByteReader& in, const BlockHead& head, const ExchangeColumns& columns,
                ExchangeRows& out) {
  const bool is_table = !out.old_columns.empty();
  const bool is_there = (head.flags & kHasOld) != 0;
  if (is_there && !is_table) return in.fail();
  if (!is_table) return;
  if (is_there)
    decode_bits(in, head.rows, out.old_present);
  else
    out.old_present.resize(out.old_present.size() + head.rows, false);
  for (const int index : columns.values) {
    Column& column = out.old_columns[static_cast<size_t>(index)];
    is_there ? decode_column(in, head.rows, column) : column.resize(column.size() + head.rows);
  }
}

}  // namespace

void encode_exchange_block(const Batch& batch, const Column& keys, const ExchangeColumns& columns,
                           std::span<const int64_t> order_times, std::span<const uint32_t> rows,
                           std::string& out) {
  const auto is_present = [&](const uint32_t row) { return batch.present.test(row); };
  const auto column_of = [](const std::vector<ColumnPtr>& side, int index) -> const Column& {
    return *side[static_cast<size_t>(index)];
  };
  uint8_t flags = 0;
  if (!std::ranges::all_of(rows, is_present)) flags |= kSomeAbsent;
  if (!batch.raw_headers.empty()) flags |= kHasHeaders;
  if (batch.has_old()) flags |= kHasOld;
  if (columns.keys.size() == 1 &&
      is_key_itself(keys, column_of(batch.columns, columns.keys.front()), rows))
    flags |= kKeyIsColumn;
  // The order times are not written if they equal the timestamps, which is the case if the records
  // are in the order of their times.
  const auto is_in_order = [&](const uint32_t row) {
    return order_times[row] == batch.timestamps[row];
  };
  if (!order_times.empty()) {
    flags |= kHasSourceOffsets;
    if (!std::ranges::all_of(rows, is_in_order)) flags |= kHasOrderTimes;
  }
  out += static_cast<char>(kBlock);
  append_varint(out, rows.size());
  out += static_cast<char>(flags);
  std::vector<int64_t> numbers(rows.size());
  const auto encode_of_rows = [&](std::span<const int64_t> from) {
    for (size_t i = 0; i < rows.size(); ++i) numbers[i] = from[rows[i]];
    encode_numbers(numbers, out);
  };
  encode_of_rows(batch.timestamps);
  if ((flags & kHasOrderTimes) != 0) encode_of_rows(order_times);
  if ((flags & kHasSourceOffsets) != 0) encode_of_rows(batch.offsets);
  if ((flags & kSomeAbsent) != 0) encode_bits(batch.present, rows, out);
  if ((flags & kHasHeaders) != 0) encode_headers(batch, rows, out);
  encode_column(keys, rows, out);
  if ((flags & kKeyIsColumn) == 0)
    for (const int index : columns.keys) encode_column(column_of(batch.columns, index), rows, out);
  for (const int index : columns.values) encode_column(column_of(batch.columns, index), rows, out);
  if ((flags & kHasOld) == 0) return;
  encode_bits(batch.old_present, rows, out);
  for (const int index : columns.values)
    encode_column(column_of(batch.old_columns, index), rows, out);
}

Result<size_t> rows_of_exchange_block(std::string_view bytes) {
  if (!bytes.empty() && static_cast<uint8_t>(bytes.front()) <= kLastFlagsOfBefore) return size_t{0};
  ByteReader in(bytes);
  const BlockHead head = read_head(in);
  if (!in.ok())
    return Error{ErrorCode::CorruptRecord, "a record of an exchange is not a block of rows"};
  return head.rows;
}

Status decode_exchange_block(std::string_view bytes, const ExchangeColumns& columns,
                             ExchangeRows& out) {
  ByteReader in(bytes);
  const BlockHead head = read_head(in);
  const size_t first = out.size();
  decode_numbers(in, head.rows, out.timestamps);
  for (size_t row = first; row < out.size(); ++row)
    if (out.timestamps[row] < 0) in.fail();
  decode_merge_times(in, head, out);
  if ((head.flags & kSomeAbsent) != 0)
    decode_bits(in, head.rows, out.present);
  else if (in.ok())
    out.present.resize(first + head.rows, true);
  if ((head.flags & kHasHeaders) != 0) {
    out.raw_headers.resize(first);
    decode_headers(in, head.rows, out.raw_headers);
  } else if (!out.raw_headers.empty() && in.ok()) {
    out.raw_headers.resize(first + head.rows);
  }
  decode_column(in, head.rows, out.keys);
  const auto column_at = [&](int index) -> Column& {
    return out.columns[static_cast<size_t>(index)];
  };
  const bool key_is_column = (head.flags & kKeyIsColumn) != 0;
  if (key_is_column && (columns.keys.size() != 1 ||
                        column_at(columns.keys.front()).type().kind() != TypeKind::String))
    in.fail();
  if (key_is_column && in.ok())
    take_keys(out.keys, first, column_at(columns.keys.front()));
  else
    for (const int index : columns.keys) decode_column(in, head.rows, column_at(index));
  for (const int index : columns.values) decode_column(in, head.rows, column_at(index));
  if (in.ok()) decode_old(in, head, columns, out);
  if (in.ok() && in.at_end()) return {};
  return Error{ErrorCode::CorruptRecord,
               "a block of rows does not have the columns of its exchange"};
}

}  // namespace engine
