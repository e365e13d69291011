// Record batches of the log become column batches. What a table makes of its records is the input's
// (engine/exec/input.h).
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/exec/exchange_block.h"
#include "engine/exec/ports.h"
#include "engine/exec/record_cursor.h"
#include "engine/formats/format.h"
#include "engine/java/java_time.h"
#include "engine/plan/plan.h"

namespace engine {

// The bytes that Kafka Streams appends to a windowed key: the start; of sessions the end, then the
// start.
inline size_t window_suffix_size(const SourceWindow& window) {
  return window.type == WindowType::Session ? 16 : 8;
}

// A record that could not be read, and is left out.
struct RecordFailure {
  Offset offset;
  std::string message;
};

// Decoded records of one partition, on their way to the operators. The batch has one column more
// than the input's layout: the records' key bytes.
struct DecodedChunk {
  Batch batch;
  Offset next;                          // the first record that is not in it
  std::vector<RecordFailure> failures;  // in order, one a record
  size_t unpack_bytes_left;             // of the range's
  MergeTimes merge = {};                // of rows out of a time-ordered exchange
  // Why the record at `next` cannot be read yet: its schema is on its way from elsewhere.
  std::string waits_for = {};
};

// Which records to decode.
struct DecodeRange {
  Offset from, end{INT64_MAX};  // offsets
  size_t max_rows = SIZE_MAX;
  size_t max_bytes = SIZE_MAX;     // of keys and values; one record at least
  size_t unpack_bytes = SIZE_MAX;  // that may come out of compressed batches, which go on next time
  // Of an exchange: more than `max_rows` rather than a block in parts, each of which decodes all of it.
  bool whole_blocks = false;
};

// Keeps nothing of what it has decoded: it may decode ahead, and for several tasks.
//
// Threads: the task's, or those of all tasks that share it, which are on one loop.
class RecordDecoder {
 public:
  struct Options {
    const SchemaLookup* schemas = nullptr;  // that records name; null: there are none
    // A record without a usable time ends the query; else it is left out.
    bool fails_on_invalid_times = false;
    bool operator==(const Options&) const = default;
  };
  static Result<std::unique_ptr<RecordDecoder>> make(const InputStep& step, const Layout& layout,
                                                     Options options);

  // What cannot be read is left out; the caller reports it once it is passed. The strings are views
  // into the log's bytes, unless the batch is compressed. Ends before a batch that is damaged; fails
  // with CorruptRecord when that is the first.
  Result<DecodedChunk> decode(std::span<const LogBatch> batches, int32_t partition,
                              DecodeRange range, RecordCursor& cursor);

  // Of rows that a table has stored: the columns of their keys, and the bounds of their windows. The columns'
  // strings are views of `keys`.
  Status read_stored_keys(std::span<const std::string_view> keys, std::vector<Column>& columns);

  const InputStep& step() const { return step_; }
  const Layout& layout() const { return layout_; }
  const Options& options() const { return options_; }

 private:
  struct Records;
  RecordDecoder(const InputStep& step, const Layout& layout, Options options);

  // --- Exchanges (decode_exchange.cc)
  Result<DecodedChunk> decode_blocks(std::span<const LogBatch> batches, int32_t partition,
                                     const DecodeRange& range, RecordCursor& cursor);
  ExchangeRows no_exchange_rows() const;
  Batch batch_of(ExchangeRows rows, int32_t partition) const;

  Result<DecodedChunk> decode_records(std::span<const LogBatch> batches, int32_t partition,
                                      DecodeRange range, RecordCursor& cursor,
                                      std::optional<RowProblem>& unavailable);
  Status collect(std::span<const LogBatch> batches, DecodeRange& range, RecordCursor& cursor,
                 Records& out) const;
  Error damaged(const Error& error, int32_t partition, Offset offset) const;
  Result<Batch> read_columns(Records& records, int32_t partition, std::vector<bool>& keep);
  // What says the windows, where there are some, one for each record.
  std::vector<std::string_view> read_keys(Records& records, std::vector<Column>& columns,
                                          std::vector<bool>& keep);
  std::vector<std::string_view> split_windowed_keys(Records& records, std::vector<Column>& columns,
                                                    std::vector<bool>& keep);
  void write_keys(const std::vector<Column>& columns, std::span<const std::string_view> windows,
                  Column& raw_keys, Records& records, std::vector<bool>& keep);
  void read_values(Records& records, std::vector<Column>& columns, std::vector<bool>& keep,
                   Batch& batch);
  void read_exchange_values(Records& records, std::vector<Column>& columns, std::vector<bool>& keep,
                            Batch& batch);
  void fill_system_columns(const Batch& batch, std::vector<Column>& columns) const;
  Status take_timestamps(Records& records, const std::vector<Column>& columns,
                         std::vector<bool>& keep, Batch& batch);
  std::optional<int64_t> timestamp_of(const Column& column, size_t row,
                                      std::string_view& problem) const;

  const InputStep step_;
  const Layout layout_;
  const Options options_;
  const bool may_wait_;  // for the schemas of records
  std::vector<bool>
      read_;  // columns of the layout: those that are used, and keys that are written anew
  std::vector<int> key_columns_, value_columns_, header_columns_;  // of the layout
  ExchangeColumns exchange_columns_;
  int timestamp_column_ = -1;
  std::optional<TimePattern> timestamp_pattern_;
  std::unique_ptr<Reader> key_reader_, value_reader_;
  // Of tables whose keys name schemas: writes them as the store has them, so that equal keys have equal bytes.
  std::unique_ptr<Writer> key_writer_;
};

}  // namespace engine
