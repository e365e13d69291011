// Decodes record batches of the log into column batches. For a table, InputOperator then applies
// the decoded records to the table (engine/exec/input.h).
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

// Returns the number of bytes that Kafka Streams appends to a windowed key: the start of the
// window; for a session, the end and the start.
inline size_t window_suffix_size(const SourceWindow& window) {
  return window.type == WindowType::Session ? 16 : 8;
}

// A record that could not be read and is left out.
struct RecordFailure {
  Offset offset;
  std::string message;
};

// Decoded records of one partition for the operators. The batch has one more column than the layout
// of the input: the bytes of the records' keys.
struct DecodedChunk {
  Batch batch;
  Offset next;                          // offset of the first record after the chunk
  std::vector<RecordFailure> failures;  // in order, one per record
  size_t unpack_bytes_left;             // unused rest of DecodeRange::unpack_bytes
  MergeTimes merge = {};                // set for rows from a time-ordered exchange
  // The reason why the record at `next` cannot be read yet: its schema is being fetched. Empty if
  // the record need not wait.
  std::string waits_for = {};
};

// The range of records to decode.
struct DecodeRange {
  Offset from, end{INT64_MAX};  // offsets: records in [from, end)
  size_t max_rows = SIZE_MAX;
  size_t max_bytes = SIZE_MAX;     // limit for keys and values; one record is always decoded
  size_t unpack_bytes = SIZE_MAX;  // limit for decompressed bytes; larger batches take more calls
  // For exchanges: a call may return more than `max_rows` rows in order to end with a whole block,
  // because each further call would decode the whole block again.
  bool whole_blocks = false;
};

// Decodes the records of one input. It keeps no decoded records, so that one decoder can decode
// records in advance and for several tasks.
//
// Threads: the task's. A decoder that several tasks share (SharedRecords) is used by one of them at a time.
class RecordDecoder {
 public:
  struct Options {
    const SchemaLookup* schemas = nullptr;  // schemas that records refer to; null: none
    // If set, a record without a usable time ends the query; otherwise the record is left out.
    bool fails_on_invalid_times = false;
    bool operator==(const Options&) const = default;
  };
  static Result<std::unique_ptr<RecordDecoder>> make(const InputStep& step, const Layout& layout,
                                                     Options options);

  // Decodes the records of the range. Records that cannot be read are left out; the caller reports
  // each of them once, when it has taken the records before it. The strings are views into the
  // bytes of the log, unless the batch is compressed. Decoding ends before a damaged batch. Fails
  // with CorruptRecord if the first batch is damaged.
  Result<DecodedChunk> decode(std::span<const LogBatch> batches, int32_t partition,
                              DecodeRange range, RecordCursor& cursor);

  // Decodes keys of stored rows of a table into key columns and window bounds. The strings of the columns are views
  // into `keys`.
  Status read_stored_keys(std::span<const std::string_view> keys, std::vector<Column>& columns);

  const InputStep& step() const { return step_; }
  const Layout& layout() const { return layout_; }
  const Options& options() const { return options_; }
  const std::vector<bool>& decoded() const { return decoded_; }

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
  // Returns the window suffix of each record's key; empty if the input has no windows.
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
  const bool may_wait_;  // whether a record may refer to a schema that must be fetched first
  const std::vector<bool> decoded_;  // see decoded_columns()
  std::vector<bool> read_;           // decoded columns, and keys that are re-encoded
  std::vector<int> key_columns_, value_columns_, header_columns_;  // indexes in the layout
  ExchangeColumns exchange_columns_;
  int timestamp_column_ = -1;
  std::optional<TimePattern> timestamp_pattern_;
  std::unique_ptr<Reader> key_reader_, value_reader_;
  // Encodes keys for the store again if the keys of a table contain schema ids. So equal keys have
  // equal bytes, whatever schema they name.
  std::unique_ptr<Writer> key_writer_;
};

}  // namespace engine
