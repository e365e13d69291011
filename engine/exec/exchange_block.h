// Blocks of rows that one stage of a query passes to the next one through an exchange, column by
// column. Each record of an exchange is one block. Each row of a block has an offset of its own, so
// that a task may stop at any row. The block also contains the key bytes of its rows, which have
// determined the partition, so that the reader need not encode them again. Format:
// docs/formats/exchange.md
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

// The place of each row in the order in which readers merge a time-ordered exchange. Each task that writes such an
// exchange has a partition of its own for each reading task (a lane); the reader merges the rows of its lanes by these
// values.
struct MergeTimes {
  // For each row, the highest record time so far in its source partition. Empty if these times are
  // equal to the timestamps of the rows.
  std::vector<int64_t> order_times;
  std::vector<int64_t> source_offsets;  // offset of the record that the row was made from
};

// Appends a block with the rows of the batch whose indexes are in `rows`. `keys` has the key bytes
// of each row of the batch. For a time-ordered exchange, `order_times` has the merge time of each
// row of the batch, and the block also contains the offsets of the rows. Otherwise `order_times` is
// empty.
void encode_exchange_block(const Batch& batch, const Column& keys, const ExchangeColumns& columns,
                           std::span<const int64_t> order_times, std::span<const uint32_t> rows,
                           std::string& out);

// Returns the number of rows in a record of an exchange. Returns 0 if the record is a single row in
// the older format (engine/exec/exchange_codec.h). Fails with CorruptRecord if the record is
// neither.
Result<size_t> rows_of_exchange_block(std::string_view bytes);

// Rows that were decoded from consecutive blocks. The caller creates the columns, which match the
// schema. The key columns in `old_columns` stay empty. Strings are views into the blocks.
struct ExchangeRows {
  std::vector<int64_t> timestamps;
  MergeTimes merge;  // set for time-ordered exchanges only
  Bitmap present, old_present;
  std::vector<std::string> raw_headers;      // empty if no row has headers
  Column keys{TypeKind::Bytes};              // key bytes of each row
  std::vector<Column> columns, old_columns;  // `old_columns`: tables only
  size_t size() const { return timestamps.size(); }
};

// Adds the rows of the block. Fails with CorruptRecord; `out` must not be used after that.
Status decode_exchange_block(std::string_view bytes, const ExchangeColumns& columns,
                             ExchangeRows& out);

}  // namespace engine
