#include "engine/exec/operator.h"

#include <algorithm>
#include <cassert>

namespace engine {

namespace {

// An evaluation over many rows that takes longer is given up, and made with fewer. What was done is
// lost, so it is a few times what a usual one takes (4,096 rows: well under a millisecond).
constexpr int64_t kMaxEvaluationUs = 5'000;
constexpr size_t kShrink = 8, kGrow = 2;

}  // namespace

void TaskContext::report(const RowErrors& errors, const Batch& batch) const {
  for (const RowErrors::Message& message : errors.messages())
    log.record_failed(message.text, batch.partition_of(message.row), batch.offsets[message.row]);
}

void TaskContext::report_present(const RowErrors& errors, const Batch& batch) const {
  for (const RowErrors::Message& message : errors.messages())
    if (batch.present.test(message.row))
      log.record_failed(message.text, batch.partition_of(message.row), batch.offsets[message.row]);
}

Status RowwiseOperator::process(Batch batch, size_t) {
  assert(rest_.rows == 0 && !is_busy());
  rest_ = std::move(batch);
  row_ = 0;
  return resume();
}

void RowwiseOperator::begin_evaluation(size_t rows) {
  evaluated_rows_ = rows;
  gave_up_ = false;
  EvalBudget::Limits limits;
  until_us_ = context().budget.clock().monotonic_us() + kMaxEvaluationUs;
  if (rows > 1) limits.deadline_us = until_us_;
  context().budget.begin(limits);
}

// To be asked at once: what is pushed on is evaluated on the same budget.
bool RowwiseOperator::gives_up() {
  was_slow_ = context().budget.clock().monotonic_us() > until_us_ - kMaxEvaluationUs / 2;
  return gave_up_ = evaluated_rows_ > 1 && context().budget.spent() != EvalBudget::Spent::Nothing;
}

Status RowwiseOperator::resume() {
  while (rest_.rows > 0 && !is_busy() && !is_blocked()) {
    const size_t rows = std::min(rest_.rows - row_, chunk_rows_);
    const bool is_whole = rows == rest_.rows;
    Batch part = is_whole ? std::move(rest_) : rest_.slice(row_, rows);
    if (is_whole) rest_ = {};
    begin_evaluation(rows);
    const Status done = take(part);
    if (gave_up_) {
      if (is_whole) rest_ = std::move(part);
      chunk_rows_ = std::max<size_t>(1, rows / kShrink);
    } else {
      if (!done) return done;
      if (chunk_rows_ <= rows && !was_slow_) chunk_rows_ *= kGrow;
      if (!is_whole && (row_ += rows) == rest_.rows) rest_ = {};
    }
    if (context().slice.is_spent()) break;
  }
  return {};
}

void RowwiseOperator::visit_rest(const VisitRecord& visit) const {
  for (size_t row = row_; row < rest_.rows; ++row)
    visit(rest_.partition_of(row), rest_.offsets[row]);
}

void RowwiseOperator::own_rest() {
  if (rest_.rows == 0) return;
  rest_ = rest_.owned(row_);
  row_ = 0;
}

}  // namespace engine
