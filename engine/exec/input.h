// Where a stage begins: record batches of the log become column batches; the records of a table
// become changes.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/exec/exchange_block.h"
#include "engine/exec/keyed_table.h"
#include "engine/exec/operator.h"
#include "engine/exec/ports.h"
#include "engine/exec/record_cursor.h"
#include "engine/exec/row_generator.h"
#include "engine/exec/shown_rows.h"
#include "engine/formats/format.h"
#include "engine/java/java_time.h"
#include "engine/plan/plan.h"
#include "engine/state/row_store.h"

namespace engine {

// A record that could not be read, and is left out.
struct RecordFailure {
  Offset offset;
  std::string message;
};

// Decoded records of one partition, on their way to the operators. The batch has one column more
// than the input's layout: the records' key bytes.
struct InputChunk {
  Batch batch;
  Offset next;                          // the first record that is not in it
  std::vector<RecordFailure> failures;  // in order, one a record
  size_t unpack_bytes_left;             // of the range's
  MergeTimes merge = {};                // of rows out of a time-ordered exchange
};

// Decoding keeps nothing and may be done ahead; process() is where a table's record meets the
// table, and so must be called in the order in which the task takes its inputs.
class InputOperator final : public Operator, public Materialized, public KeyedTable {
 public:
  static Result<std::unique_ptr<InputOperator>> make(TaskContext& context, const InputStep& step,
                                                     const Layout& layout);

  // Which records to decode.
  struct Range {
    Offset from, end{INT64_MAX};  // offsets
    size_t max_rows = SIZE_MAX;
    size_t max_bytes = SIZE_MAX;  // of keys and values; one record at least
    size_t unpack_bytes =
        SIZE_MAX;  // that may come out of compressed batches, which go on next time
    // Of an exchange: more than `max_rows` rather than a block in parts, each of which decodes all of it.
    bool whole_blocks = false;
  };
  // What cannot be read is left out; the caller reports it once it is passed. The strings are views
  // into the log's bytes, unless the batch is compressed. An input that generates takes of the batches the numbers
  // of the rows that are due, and no bytes. Ends before a batch that is damaged; fails
  // with CorruptRecord when that is the first.
  Result<InputChunk> decode(std::span<const LogBatch> batches, int32_t partition, Range range,
                            RecordCursor& cursor);

  Status process(Batch batch, size_t port) override;

  const InputStep& step() const { return step_; }
  RowStore* store() { return step_.store >= 0 ? &rows_ : nullptr; }
  RowStore& rows() override { return rows_; }
  Result<Batch> rows_of(std::span<const StoredRow> rows) override;

  Materialized* materialized() override { return step_.store >= 0 ? this : nullptr; }
  Result<Batch> rows_under(TableLookUp& look_up, TaskSequence& as_of) override;
  TableScan begin_scan() override;
  Result<Batch> next_rows(TableScan& scan, size_t entries, bool& is_last) override;

  void begin_bootstrap() override { suppresses_output_ = true; }
  Status end_bootstrap() override;

  bool has_rest() const override { return rest_.has_value() || showing_.has_value(); }
  Status resume() override;
  void visit_rest(const VisitRecord& visit) const override;
  void own_rest() override;
  // The rows of the table are changed for the whole batch when the first of them is pushed.
  bool holds_commits_back() const override {
    return step_.store >= 0 && !step_.is_joined && !step_.may_repeat;
  }

 private:
  struct Records;
  InputOperator(TaskContext& context, const InputStep& step, const Layout& layout);

  // --- Exchanges (input_exchange.cc)
  Result<InputChunk> decode_blocks(std::span<const LogBatch> batches, int32_t partition,
                                   const Range& range, RecordCursor& cursor);
  ExchangeRows no_exchange_rows() const;
  Batch batch_of(ExchangeRows rows, int32_t partition) const;

  InputChunk generate(std::span<const LogBatch> due, int32_t partition, const Range& range) const;
  Status collect(std::span<const LogBatch> batches, Range& range, RecordCursor& cursor,
                 Records& out) const;
  Error damaged(const Error& error, int32_t partition, Offset offset) const;
  Result<Batch> rows_of_stored(std::vector<StoredRow> rows);
  Status show_some();
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
  // What is left of a batch for the table: rows from `row` on.
  struct Rest {
    Batch batch;
    size_t row = 0;
  };
  Status apply_some();
  Status apply_to_table(Batch batch);
  std::vector<const Column*> stored_columns(const std::vector<ColumnPtr>& columns) const;

  const InputStep step_;
  const Layout layout_;
  std::vector<bool>
      read_;  // columns of the layout: those that are used, and keys that are written anew
  std::vector<int> key_columns_, value_columns_, header_columns_;  // of the layout
  ExchangeColumns exchange_columns_;
  std::vector<int> stored_columns_;  // of the layout: what a table's store keeps, ROWTIME aside
  int timestamp_column_ = -1;
  std::optional<TimePattern> timestamp_pattern_;
  std::unique_ptr<Reader> key_reader_, value_reader_;
  // Of tables whose keys name schemas: writes them as the store has them, so that equal keys have equal bytes.
  std::unique_ptr<Writer> key_writer_;
  RowStore rows_;
  std::optional<Rest> rest_;
  bool suppresses_output_ = false;
  std::optional<ShownRows> showing_;  // what a push query shows first
  std::optional<RowGenerator> generator_;  // where rows are made and not read
};

}  // namespace engine
