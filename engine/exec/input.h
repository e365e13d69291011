// First operator of a stage: passes on the rows that are decoded from its topic or exchange, and turns the records of
// a table into changes.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/exec/keyed_table.h"
#include "engine/exec/operator.h"
#include "engine/exec/record_decoder.h"
#include "engine/exec/row_generator.h"
#include "engine/exec/shown_rows.h"
#include "engine/plan/plan.h"
#include "engine/state/row_store.h"

namespace engine {

// Reads the rows of one topic or exchange. Decoding may run ahead of process(). process() applies a table's records
// to the table, and must therefore be called in the order in which the task takes its inputs.
class InputOperator final : public Operator, public Materialized, public KeyedTable {
 public:
  static Result<std::unique_ptr<InputOperator>> make(TaskContext& context, const InputStep& step,
                                                     const Layout& layout);

  // Returns the decoder; null if the input generates its rows instead of reading records.
  RecordDecoder* decoder() { return decoder_.get(); }
  // Decodes the batches, see RecordDecoder::decode(). For generated rows, the batches only give the offsets of the
  // rows that are due; their bytes are not read.
  Result<DecodedChunk> decode(std::span<const LogBatch> batches, int32_t partition,
                              DecodeRange range, RecordCursor& cursor) {
    if (generator_) return generate(batches, partition, range);
    return decoder_->decode(batches, partition, range, cursor);
  }

  Status process(Batch batch, size_t port) override;

  const InputStep& step() const { return step_; }
  const Layout& layout() const { return layout_; }
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
  // An input that pushes the changes of its table holds commits back, because it changes the rows of the table for a
  // whole piece before it pushes the first change.
  bool holds_commits_back() const override {
    return step_.store >= 0 && !step_.is_joined && !step_.may_repeat;
  }

 private:
  InputOperator(TaskContext& context, const InputStep& step, const Layout& layout,
                std::unique_ptr<RecordDecoder> decoder);

  DecodedChunk generate(std::span<const LogBatch> due, int32_t partition,
                        const DecodeRange& range) const;
  Result<Batch> rows_of_stored(std::vector<StoredRow> rows);
  Status show_some();
  // The part of a batch that is not applied to the table yet: rows from `row` on.
  struct Rest {
    Batch batch;
    size_t row = 0;
  };
  Status apply_some();
  void size_piece();
  Status apply_to_table(Batch batch);
  std::vector<const Column*> stored_columns(const std::vector<ColumnPtr>& columns) const;

  const InputStep step_;
  const Layout layout_;
  const std::unique_ptr<RecordDecoder> decoder_;
  std::vector<int> stored_columns_;  // columns in the table's store, without ROWTIME
  RowStore rows_;
  std::optional<Rest> rest_;
  // A piece is the rows that are applied to the table together. All its output is written in one commit, so a piece has
  // fewer rows if the output per row is large.
  static constexpr size_t kFirstPiece = 256, kMostBytesOfPiece = size_t{2} << 20;
  size_t piece_rows_ = kFirstPiece, rows_of_last_ = 0;
  uint64_t bytes_before_last_ = 0;
  bool suppresses_output_ = false;
  std::optional<ShownRows> showing_;       // rows that a push query shows first
  std::optional<RowGenerator> generator_;  // set if the rows are generated
};

}  // namespace engine
