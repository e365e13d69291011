// A few thousand rows that are passed from step to step of a query, stored as columns.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/types/column.h"

namespace engine {

// A column of the batches at one place in a plan. Sources put keys first, then values, then the
// system columns that the query uses.
struct LayoutColumn {
  std::string
      source;  // the source's name or alias that qualifies the column; empty where there is none
  std::string name;
  SqlType type;
};
using Layout = std::vector<LayoutColumn>;

// A batch of a stream contains inserts; a batch of a table contains changes.
//
//   present   old_present   in a stream                 in a table
//   1         0             a record                    a new row
//   1         1             -                           an update: `old_columns` has the old row
//   0         1             -                           a delete
//   0         0             a record with a null value  a delete of a row that did not exist
//
// In a row that is not present, the key columns are set and the others are null. A column that no
// step reads may be a null pointer. Invariants: all columns, timestamps and bitmaps are `rows`
// long; old_columns is empty (for streams, or if no later step needs it) or has as many columns as
// `columns`.
struct Batch {
  size_t rows = 0;
  std::vector<ColumnPtr> columns;
  std::vector<int64_t> timestamps;  // event time, ms since 1970
  std::vector<int64_t> offsets;     // offset of the source record of each row
  int32_t partition = 0;            // partition of that record, unless `partitions` is set
  // set after a merge of several partitions: the partition of each row
  std::vector<int32_t> partitions;
  // The headers of each row's source record, as encoded in a record batch; empty if no row has any.
  // A row keeps its headers through the query, as in Kafka Streams.
  std::vector<std::string> raw_headers;
  // After an exchange: the key bytes of the rows (TypeKind::Bytes), for the operator that directly
  // follows. gather() and the other functions do not copy them.
  ColumnPtr keys;
  Bitmap present;
  std::vector<ColumnPtr> old_columns;
  Bitmap old_present;

  bool has_old() const { return !old_columns.empty(); }
  int32_t partition_of(size_t row) const {
    return partitions.empty() ? partition : partitions[row];
  }
  // Appends the position and the headers of a row in another batch. Used while a row is being added
  // to this batch.
  void append_record_of(const Batch& source, size_t row) {
    offsets.push_back(source.offsets[row]);
    if (!source.partitions.empty()) partitions.push_back(source.partitions[row]);
    if (!source.raw_headers.empty()) raw_headers.push_back(source.raw_headers[row]);
  }
  // Returns the given rows, in the given order.
  Batch gather(std::span<const uint32_t> which) const;
  Batch slice(size_t first, size_t count) const;
  // Returns the rows from `first` on, with copies of their strings.
  Batch owned(size_t first) const;
  // Returns rows of several batches, in the given order. The batches have the same layout and no old rows.
  static Batch merge(std::span<const Batch* const> sources,
                     std::span<const Column::SourceRow> rows);
};

}  // namespace engine
