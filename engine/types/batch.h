// A few thousand rows on their way through a query, as columns.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/types/column.h"

namespace engine {

// What the columns of the batches at one place in a plan are called. Sources put keys first, then
// values, then the system columns that the query mentions.
struct LayoutColumn {
  std::string
      source;  // the source's name or alias that qualifies the column; empty where there is none
  std::string name;
  SqlType type;
};
using Layout = std::vector<LayoutColumn>;

// A batch of a stream carries inserts; a batch of a table carries changes.
//
//   present   old_present   in a stream                 in a table
//   1         0             a record                    a new row
//   1         1             -                           an update: `old_columns` has the old row
//   0         1             -                           a delete
//   0         0             a record with a null value  a delete of a row that was not there
//
// In a row that is not present the key columns are set and the others are null.
// A column that no step reads may be a null pointer.
// Invariants: all columns, timestamps and bitmaps are `rows` long; old_columns is empty (streams,
// or nobody downstream asks for it) or has as many columns as `columns`.
struct Batch {
  size_t rows = 0;
  std::vector<ColumnPtr> columns;
  std::vector<int64_t> timestamps;  // event time, ms since 1970
  std::vector<int64_t> offsets;     // of the source record that caused the row
  int32_t partition = 0;  // in which that record lies, unless `partitions` tells it row by row
  std::vector<int32_t>
      partitions;  // empty, or one a row: of batches merged from several partitions
  // That record's headers as they lie in a record batch; empty when no row has any. They go where
  // the row goes, as in Kafka Streams.
  std::vector<std::string> raw_headers;
  // Where an exchange has carried them: the bytes of the rows' keys (TypeKind::Bytes), for the operator
  // right behind it. Not among what gather() and the others copy.
  ColumnPtr keys;
  Bitmap present;
  std::vector<ColumnPtr> old_columns;
  Bitmap old_present;

  bool has_old() const { return !old_columns.empty(); }
  int32_t partition_of(size_t row) const {
    return partitions.empty() ? partition : partitions[row];
  }
  // Gives the newest row the record that a row of another batch came from: where it lies, and its headers.
  void append_record_of(const Batch& source, size_t row) {
    offsets.push_back(source.offsets[row]);
    if (!source.partitions.empty()) partitions.push_back(source.partitions[row]);
    if (!source.raw_headers.empty()) raw_headers.push_back(source.raw_headers[row]);
  }
  // The rows named, in that order.
  Batch gather(std::span<const uint32_t> which) const;
  Batch slice(size_t first, size_t count) const;
  // The rows from `first` on, with strings of their own.
  Batch owned(size_t first) const;
  // Rows of several batches of one layout and without old rows, in the order given.
  static Batch merge(std::span<const Batch* const> sources,
                     std::span<const Column::SourceRow> rows);
};

}  // namespace engine
