// Blocks of rows between two stages of a query, column by column: each record of an exchange is one, and
// each of its rows has an offset of its own, so that a task may stop anywhere in it. Keys are carried as
// the bytes that decided the partition, so that nobody makes them again. docs/formats/exchange.md
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/types/batch.h"

namespace engine {

// Which columns of an exchange's schema are the key, and which the value.
struct ExchangeColumns {
  std::vector<int> keys, values;
};

// What readers of a time-ordered exchange have to know of each row, to merge it with those of other lanes.
struct MergeTimes {
  std::vector<int64_t>
      order_times;  // the greatest time of its partition so far; empty: the timestamps
  std::vector<int64_t> source_offsets;  // of the record that it was made of
};

// Appends the rows of the batch that are named. `keys`: their key bytes, numbered as the batch's rows.
// `order_times`: of a time-ordered exchange, numbered likewise; the batch's offsets go with them. Else empty.
void encode_exchange_block(const Batch& batch, const Column& keys, const ExchangeColumns& columns,
                           std::span<const int64_t> order_times, std::span<const uint32_t> rows,
                           std::string& out);

// How many rows a record of an exchange holds as a block; 0 where it is a single row in the form of
// before (engine/exec/exchange_codec.h). Fails with CorruptRecord where it is neither.
Result<size_t> rows_of_exchange_block(std::string_view bytes);

// What came out of blocks, one after the other. The columns, of the schema, are made by the caller;
// those of the keys on the old side are not filled. Strings are views into the blocks.
struct ExchangeRows {
  std::vector<int64_t> timestamps;
  MergeTimes merge;  // of time-ordered exchanges
  Bitmap present, old_present;
  std::vector<std::string> raw_headers;      // empty where no row has any
  Column keys{TypeKind::Bytes};              // the key bytes
  std::vector<Column> columns, old_columns;  // the old ones: of tables alone
  size_t size() const { return timestamps.size(); }
};

// Adds the block's rows. Fails with CorruptRecord; then nothing of `out` is to be used.
Status decode_exchange_block(std::string_view bytes, const ExchangeColumns& columns,
                             ExchangeRows& out);

}  // namespace engine
