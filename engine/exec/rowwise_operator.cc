#include "engine/exec/rowwise_operator.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/types/row_size.h"

namespace engine {

namespace {

// If an evaluation takes longer than this, it is ended, and repeated with fewer rows or on another
// thread. The work of the ended evaluation is lost, so the limit is several times the usual time
// (well under a millisecond for 4,096 rows).
constexpr int64_t kMaxEvaluationUs = 5'000;
// If another thread has needed more CPU time than this for a row, the next row is evaluated on
// another thread, too, without an attempt on this thread.
constexpr int64_t kSlowUs = kMaxEvaluationUs / 2;
constexpr size_t kShrink = 8, kGrow = 2;
// Limit for a value that is evaluated on this thread, because no function checks the clock while it works on one
// value. Most functions need about a millisecond for a text of this size; the slowest functions, over arrays, take
// some tens of milliseconds.
constexpr size_t kMaxValueBytesHere = size_t{512} << 10;
// Limit for the values that one evaluation may produce. The next operators may process only a part
// of them in this slice; the rest has to be copied for the next slice.
constexpr size_t kMaxBytesAtOnce = size_t{8} << 20;
// Limit for the arrays, maps and structs of a row that is evaluated on this thread. Functions walk these values
// without allocating, so the memory limits do not stop them.
constexpr size_t kMaxItemBytesHere = size_t{128} << 10;
// If a batch has more items than this in arrays, maps and structs, the size of each row is checked.
// Most batches have fewer items.
constexpr size_t kManyItems = size_t{64} << 10;

size_t items_of(const Column& column) {
  size_t items = 0;
  for (size_t i = 0; i < column.child_count(); ++i)
    items += column.child(i).size() + items_of(column.child(i));
  return items;
}

}  // namespace

RowwiseOperator::~RowwiseOperator() {
  if (slow_row_) slow_row_->cancel();
}

Status RowwiseOperator::process(Batch batch, size_t) {
  assert(rest_.rows == 0 && !is_busy());
  rest_ = std::move(batch);
  row_ = 0;
  size_t items = 0;
  for (const ColumnPtr& column : rest_.columns)
    if (column) items += items_of(*column);
  has_many_items_ = context().run_aside && items > kManyItems;
  return resume();
}

Status RowwiseOperator::resume() {
  while (rest_.rows > 0 && !is_busy() && !is_blocked()) {
    std::optional<Part> part = next_part();
    if (part) TRY(take(std::move(part->batch), std::move(part->results)));
    if (slow_row_ || context().slice.is_spent()) break;
  }
  return {};
}

// Evaluates the next rows. Returns nullopt if no result is available yet. The next call then tries
// fewer rows, or takes the result of another thread, which evaluates the first row.
std::optional<RowwiseOperator::Part> RowwiseOperator::next_part() {
  if (slow_row_) {
    if (!slow_row_->is_done()) return std::nullopt;
    const std::shared_ptr<SlowRow> done = std::exchange(slow_row_, nullptr);
    // The limit applies to CPU time. By elapsed time, all rows would seem slow on a busy machine,
    // and would be evaluated on another thread one by one.
    is_slow_ = done->cpu_us() > kSlowUs;
    pass(1);
    return Part{done->row(), done->take_results()};
  }
  const size_t rows = is_slow_ ? 0 : rows_before_large(std::min(rest_.rows - row_, chunk_rows_));
  if (rows == 0) {
    hand_over();
    return std::nullopt;
  }
  const bool is_whole = rows == rest_.rows;
  Batch batch = is_whole ? std::move(rest_) : rest_.slice(row_, rows);
  std::optional<RowResults> results = evaluate(batch);
  if (is_whole) rest_ = results ? Batch() : std::move(batch);
  if (!results) {
    if (rows == 1) hand_over();
    chunk_rows_ = std::max<size_t>(1, rows / kShrink);
    return std::nullopt;
  }
  if (!is_whole) pass(rows);
  return Part{std::move(batch), *std::move(results)};
}

// Evaluates the rows. Returns nullopt if the evaluation was abandoned because it exceeded its time or memory limits,
// and the rows can be split or evaluated on another thread. If neither is possible, no limit applies, and a failure
// is an error of the row.
std::optional<RowResults> RowwiseOperator::evaluate(const Batch& batch) {
  EvalBudget& budget = context().budget;
  const bool may_stop = batch.rows > 1 || context().run_aside;
  const int64_t begun_us = budget.clock().monotonic_us();
  EvalBudget::Limits limits;
  if (may_stop) {
    limits.deadline_us = begun_us + kMaxEvaluationUs;
    limits.max_value_bytes = kMaxValueBytesHere;
    limits.max_bytes = kMaxBytesAtOnce;
  }
  budget.begin(limits);
  RowResults results = expressions_->run(batch, context().eval);
  if (may_stop && budget.spent() != EvalBudget::Spent::Nothing) return std::nullopt;
  const bool was_slow = budget.clock().monotonic_us() - begun_us > kSlowUs;
  if (chunk_rows_ <= batch.rows && !was_slow) chunk_rows_ *= kGrow;
  return results;
}

// Returns the number of rows before the next row whose arrays and maps are too large for this thread. Rows with large
// texts stay on this thread, because copying a text would take as long as most functions do.
size_t RowwiseOperator::rows_before_large(size_t rows) const {
  if (!has_many_items_) return rows;
  std::vector<size_t> bytes(rows);
  for (const ColumnPtr& column : rest_.columns)
    if (column && column->child_count() > 0) add_row_bytes(*column, row_, bytes);
  const auto is_large = [](size_t row_bytes) { return row_bytes > kMaxItemBytesHere; };
  return static_cast<size_t>(std::ranges::find_if(bytes, is_large) - bytes.begin());
}

// Removes `rows` rows from the beginning of the rest. Called when these rows are processed.
void RowwiseOperator::pass(size_t rows) {
  if ((row_ += rows) < rest_.rows) return;
  rest_ = {};
  row_ = 0;
}

void RowwiseOperator::hand_over() {
  slow_row_ =
      std::make_shared<SlowRow>(expressions_, rest_.slice(row_, 1).owned(0), context().eval);
  context().run_aside([row = slow_row_] { row->evaluate(); });
}

const SlowRow* RowwiseOperator::awaited() const {
  return slow_row_ && !slow_row_->is_done() ? slow_row_.get() : nullptr;
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
