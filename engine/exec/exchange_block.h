// Blocks of rows between two stages of a query, column by column. Each record of an exchange is one block, and each of
// its rows has its own offset, so that a task may stop at any row. The block carries the key bytes that decided the
// partition, so that the reader does not encode them again. Format: docs/formats/exchange.md
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/types/batch.h"

namespace engine {

// Key and value columns of an exchange's schema.
struct ExchangeColumns {
  std::vector<int> keys, values;
};

// Merge position of each row of a time-ordered exchange: readers merge the rows of several lanes by it.
struct MergeTimes {
  std::vector<int64_t>
      order_times;  // greatest time of the row's partition so far; empty: the timestamps
  std::vector<int64_t> source_offsets;  // offset of the record that the row was made from
};

// Appends the rows of the batch that `rows` names. `keys`: their key bytes, indexed by row of the batch. `order_times`:
// for a time-ordered exchange, indexed by row; the offsets of the batch are then written too. Empty otherwise.
void encode_exchange_block(const Batch& batch, const Column& keys, const ExchangeColumns& columns,
                           std::span<const int64_t> order_times, std::span<const uint32_t> rows,
                           std::string& out);

// Returns the number of rows in a block record of an exchange; 0 for a single row in the format that preceded blocks
// (engine/exec/exchange_codec.h). Fails with CorruptRecord if the record is neither.
Result<size_t> rows_of_exchange_block(std::string_view bytes);

// Rows decoded from consecutive blocks. The caller creates the columns, by the schema; the key columns of the old side
// are not filled. Strings are views into the blocks.
struct ExchangeRows {
  std::vector<int64_t> timestamps;
  MergeTimes merge;  // time-ordered exchanges only
  Bitmap present, old_present;
  std::vector<std::string> raw_headers;      // empty if no row has headers
  Column keys{TypeKind::Bytes};              // the key bytes
  std::vector<Column> columns, old_columns;  // old ones: tables only
  size_t size() const { return timestamps.size(); }
};

// Adds the rows of the block. Fails with CorruptRecord; `out` must not be used after that.
Status decode_exchange_block(std::string_view bytes, const ExchangeColumns& columns,
                             ExchangeRows& out);

}  // namespace engine
