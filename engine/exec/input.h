// The first operator of a stage. Passes on the rows that were decoded from its topic or exchange.
// If the topic holds a table, it turns the records into changes of the table.
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

// Reads the rows of one topic or exchange. Rows may be decoded before they are processed. process()
// applies the records of a table to the table, so it must be called in the order in which the task
// takes the records of its inputs.
class InputOperator final : public Operator, public Materialized, public KeyedTable {
 public:
  static Result<std::unique_ptr<InputOperator>> make(TaskContext& context, const InputStep& step,
                                                     const Layout& layout);

  // Returns the decoder; null if the input generates its rows instead of reading records.
  RecordDecoder* decoder() { return decoder_.get(); }
  // Decodes the batches like RecordDecoder::decode(). If the rows are generated, the batches only
  // have the offsets of the rows that are due, and their bytes are not read.
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
  // apply_to_table() changes the table for all rows of a piece (see piece_rows_) before the first
  // change is passed on. So if the changes are passed on, no commit is made before the last change
  // of the piece is passed on.
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
  // The part of a batch that is not applied to the table yet: the rows from index `row` on.
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
  // A piece is a group of rows that are applied to the table together. All output of a piece is
  // written in one commit, so a piece has fewer rows if there is much output per row.
  static constexpr size_t kFirstPiece = 256, kMostBytesOfPiece = size_t{2} << 20;
  size_t piece_rows_ = kFirstPiece, rows_of_last_ = 0;
  uint64_t bytes_before_last_ = 0;
  bool suppresses_output_ = false;
  std::optional<ShownRows> showing_;       // rows that a push query shows first
  std::optional<RowGenerator> generator_;  // set if the rows are generated
};

}  // namespace engine
