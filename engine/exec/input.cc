#include "engine/exec/input.h"

#include <algorithm>

namespace engine {

InputOperator::InputOperator(TaskContext& context, const InputStep& step, const Layout& layout,
                             std::unique_ptr<RecordDecoder> decoder)
    : Operator(context),
      step_(step),
      layout_(layout),
      decoder_(std::move(decoder)),
      rows_(step.window ? RowStore::Order::ByKey : RowStore::Order::None) {
  const size_t rowtime = step_.schema.columns.size();
  for (size_t i = 0; i < rowtime; ++i)
    if (step_.schema.columns[i].role != ColumnRole::Key && step_.used[i])
      stored_columns_.push_back(static_cast<int>(i));
  // The store keeps the time of a row anyway, so ROWTIME needs no column. ROWPARTITION and
  // ROWOFFSET must be stored.
  for (const size_t i : {rowtime + 1, rowtime + 2})
    if (step_.exchange < 0 && step_.used[i]) stored_columns_.push_back(static_cast<int>(i));
}

Result<std::unique_ptr<InputOperator>> InputOperator::make(TaskContext& context,
                                                           const InputStep& step,
                                                           const Layout& layout) {
  if (step.generator) {
    std::unique_ptr<InputOperator> input(new InputOperator(context, step, layout, nullptr));
    input->generator_ = TRY(RowGenerator::make(*step.generator, step.schema));
    return input;
  }
  RecordDecoder::Options options;
  options.schemas = context.schemas;
  options.fails_on_invalid_times =
      context.eval.property("ksql.timestamp.throw.on.invalid", "false") == "true";
  auto decoder = TRY(RecordDecoder::make(step, layout, options));
  return std::unique_ptr<InputOperator>(
      new InputOperator(context, step, layout, std::move(decoder)));
}

// Returns the generated rows that are due. Their layout ends with the system columns of the source,
// which no step reads, and the key bytes.
DecodedChunk InputOperator::generate(std::span<const LogBatch> due, int32_t partition,
                                     const DecodeRange& range) const {
  DecodedChunk chunk{{}, range.from, {}, range.unpack_bytes};
  int64_t end = range.from.value();
  for (const LogBatch& batch : due) end = std::max(end, batch.last_offset.value() + 1);
  end = std::min(end, range.end.value());
  const auto count = std::min(static_cast<size_t>(end - range.from.value()), range.max_rows);
  chunk.batch = generator_->rows(range.from.value(), count, context().eval.clock.wall_ms());
  chunk.batch.partition = partition;
  chunk.batch.columns.resize(layout_.size() + 1);
  chunk.next = range.from + static_cast<int64_t>(count);
  return chunk;
}

Status InputOperator::process(Batch batch, size_t) {
  if (step_.store >= 0) {
    rest_ = Rest{std::move(batch)};
    return apply_some();
  }
  const ColumnPtr keys = batch.columns.back();
  batch.columns.pop_back();
  if (step_.exchange >= 0) batch.keys = keys;
  return push(std::move(batch));
}

Status InputOperator::resume() {
  if (is_blocked()) return {};
  if (rest_) TRY(apply_some());
  return may_go_on() ? show_some() : Status{};
}

void InputOperator::visit_rest(const VisitRecord& visit) const {
  if (!rest_) return;
  for (size_t row = rest_->row; row < rest_->batch.rows; ++row)
    visit(rest_->batch.partition_of(row), rest_->batch.offsets[row]);
}

void InputOperator::own_rest() {
  if (rest_) rest_ = Rest{rest_->batch.owned(rest_->row)};
}

}  // namespace engine
