#include "engine/exec/recompute.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <utility>

#include "base/log.h"
#include "engine/exec/view_computation.h"
#include "engine/types/row_codec.h"

namespace engine {

namespace {

// Number of rows that are copied, or compared with the result, between two checks of the clock,
// when the store is read from beginning to end.
constexpr size_t kGatheredAtOnce = 512;
// Number of rows that are looked up in the store between two checks of the clock. Each look-up may wait for the disk.
constexpr size_t kComparedAtOnce = Slice::kBlockFetches;
// A view rests this many times as long as its last run took. An incremental run is short and works on the thread of the
// task, so its share of the time is smaller.
constexpr int64_t kRestFactor = 4, kIncrementalRestFactor = 20;
// An incremental view whose expressions took too long this often in a row stays recomputed.
constexpr int kMostTimeouts = 3;
constexpr int64_t kDefaultIntervalMs = 100;
constexpr int64_t kDefaultMostRows = 1'000'000;

int64_t number_setting(const EvalContext& eval, const std::string& name, int64_t otherwise) {
  const std::string_view text = eval.property(name, "");
  int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && read.ec == std::errc() && number > 0 ? number : otherwise;
}

// Returns a key under which the rows of a stream are in the order of their partition and offset.
std::string key_of_record(int32_t partition, int64_t offset) {
  std::string key(12, '\0');
  for (int i = 0; i < 4; ++i)
    key[static_cast<size_t>(i)] = static_cast<char>(partition >> (24 - 8 * i));
  for (int i = 0; i < 8; ++i)
    key[static_cast<size_t>(4 + i)] = static_cast<char>(offset >> (56 - 8 * i));
  return key;
}

// Returns whether a scan failed because it was ended to free memory (Layers::overtake_scans). The
// scan is then begun again: the store has not changed in between.
bool is_overtaken(const Result<bool>& scanned) {
  return !scanned && scanned.error().code == ErrorCode::ObjectState;
}

std::vector<int> columns_used_by(const InputOperator& input, size_t columns) {
  std::vector<int> used;
  for (size_t i = 0; i < columns; ++i)
    if (input.step().used[i]) used.push_back(static_cast<int>(i));
  return used;
}

}  // namespace

struct RecomputeOperator::Run {
  // The parts from Put on write rows.
  enum class Part : uint8_t { Gather, Compute, Settle, Put, Apply, Find, Erase };
  Part part = Part::Gather;
  // Used while rows are gathered.
  size_t port = 0;
  StoreScanPtr scan = {};
  std::vector<std::vector<Batch>> inputs = {};
  uint64_t input_rows = 0;
  // Used while computing.
  std::shared_ptr<ViewComputation> computation = {};
  // Used while putting and erasing.
  size_t next = 0;
  std::vector<std::string> gone = {};
  uint64_t changed_rows = 0;
  bool is_incremental = false;
  bool has_written = false;  // the view may show a part of the changes
};

RecomputeOperator::RecomputeOperator(TaskContext& context, const RecomputeStep& step,
                                     const Layout& layout, std::vector<InputOperator*> inputs)
    : JoinedTableOperator(context, layout, std::vector<bool>(layout.size(), true), false),
      step_(step),
      inputs_(std::move(inputs)),
      interval_us_(1'000 * number_setting(context.eval, "view.interval", kDefaultIntervalMs)),
      most_rows_(static_cast<uint64_t>(
          number_setting(context.eval, "view.recompute.rows", kDefaultMostRows))) {}

RecomputeOperator::~RecomputeOperator() {
  if (run_ && run_->computation) run_->computation->cancel();
}

Result<std::unique_ptr<RecomputeOperator>> RecomputeOperator::make(
    TaskContext& context, const RecomputeStep& step, const Layout& layout,
    std::vector<InputOperator*> inputs) {
  if (!context.views) return Error{ErrorCode::NotSupported, "a materialized view cannot run here"};
  std::unique_ptr<RecomputeOperator> made(
      new RecomputeOperator(context, step, layout, std::move(inputs)));
  for (const int store : step.stream_stores)
    made->streams_.push_back(store < 0 ? nullptr : std::make_unique<RowStore>());
  made->key_count_ = step.view->has_row_id ? 1 : step.view->identity.size();
  // A view of an older version has an input that does not pass on the old rows, so it is recomputed.
  ViewMode mode = mode_of(*step.view, context.eval.property(std::string(kViewMode), ""));
  if (mode.plan && (made->streams_.front() || made->inputs_.front()->step().old_too))
    made->plan_ = std::move(mode.plan);
  return made;
}

// Without a state the next run reads all rows, so the changes need not be known.
void RecomputeOperator::take_changes(const Batch& batch) {
  if (const Status taken = state_of_rows_->take(batch); !taken) drop_state(taken.error());
}

// The next run reads all rows. After an error that would occur again, the view stays recomputed until a restart.
void RecomputeOperator::drop_state(const Error& why) {
  // Freeing a large state takes several slices, so another thread frees it.
  if (state_of_rows_ && context().run_aside)
    context().run_aside([state = std::shared_ptr<IncrementalState>(
                             std::move(state_of_rows_))]() mutable { state.reset(); });
  state_of_rows_.reset();
  const bool is_limit = why.code == ErrorCode::LimitExceeded && ++timeouts_ == kMostTimeouts;
  if (why.code != ErrorCode::Internal && why.code != ErrorCode::OutOfMemory && !is_limit) return;
  plan_.reset();
  log_warn("a view is recomputed instead of kept by its changes input={} reason=\"{}\"",
           inputs_.front()->step().topic, why.message);
}

// Returns null if the view is not incremental.
std::unique_ptr<IncrementalState> RecomputeOperator::empty_state() const {
  if (!plan_) return nullptr;
  auto made = IncrementalState::make(step_, *plan_, layout(), key_count_, context().eval,
                                     context().views->memory());
  return made ? std::move(made).take() : nullptr;
}

// The rows of a table are already in the store of its input, so only the rows of a stream are
// stored here.
Status RecomputeOperator::process(Batch batch, size_t port) {
  is_dirty_ = is_dirty_ || batch.rows > 0;
  if (state_of_rows_) {
    take_changes(batch);
    context().slice.spend_rows(batch.rows);
  }
  if (!streams_[port]) return {};
  const std::vector<int> used = columns_used_by(*inputs_[port], batch.columns.size());
  std::vector<const Column*> columns;
  for (const int index : used) columns.push_back(batch.columns[static_cast<size_t>(index)].get());
  for (size_t row = 0; row < batch.rows; ++row) {
    if (!batch.present.test(row)) continue;  // a record without a value has no row
    RowStore::Row stored{{}, batch.timestamps[row]};
    encode_row(columns, row, stored.bytes);
    TRY(streams_[port]->put(key_of_record(batch.partition_of(row), batch.offsets[row]),
                            std::move(stored)));
  }
  context().slice.spend_rows(batch.rows);
  return {};
}

Status RecomputeOperator::readable() const {
  if (!state_.error) return {};
  return *state_.error;
}

bool RecomputeOperator::is_publishing() const {
  return run_ && (run_->part >= Run::Part::Put || run_->has_written);
}

bool RecomputeOperator::only_reads() const { return run_ && run_->part < Run::Part::Put; }

bool RecomputeOperator::waits_aside() const {
  return run_ && run_->part == Run::Part::Compute && !run_->computation->is_done();
}

RowStore& RecomputeOperator::rows_of_port(size_t port) {
  return streams_[port] ? *streams_[port] : inputs_[port]->rows();
}

void RecomputeOperator::begin_run() {
  assert(!run_);
  run_ = std::make_unique<Run>();
  state_.running_since_us = context().eval.clock.monotonic_us();
  run_->inputs.resize(inputs_.size());
  if (state_of_rows_) run_->part = Run::Part::Settle;
  is_dirty_ = false;
  for (size_t port = 0; port < inputs_.size(); ++port)
    run_->input_rows += rows_of_port(port).size();
  if (run_->input_rows <= most_rows_) return;
  end_run(Error{
      ErrorCode::LimitExceeded,
      fmt::format("the inputs of the view have {} rows, and it may read at most {}",
                  run_->input_rows, most_rows_),
      "The view is computed from all rows of its inputs whenever they change.",
      "Delete rows, or SET view.recompute.rows to a greater number, DROP the view and CREATE it "
      "again."});
}

Status RecomputeOperator::resume() {
  while (run_ && !is_blocked()) {
    switch (run_->part) {
      case Run::Part::Gather:
        TRY(gather_some());
        break;
      case Run::Part::Compute:
        if (!run_->computation->is_done()) return {};
        TRY(take_result());
        break;
      case Run::Part::Settle:
        TRY(settle_some());
        break;
      case Run::Part::Put:
        TRY(put_some());
        break;
      case Run::Part::Apply:
        TRY(apply_some());
        break;
      case Run::Part::Find:
        TRY(find_gone());
        break;
      case Run::Part::Erase:
        TRY(erase_some());
        break;
    }
    if (!may_go_on()) return {};
  }
  return run_ ? Status{} : show_some();
}

Result<Batch> RecomputeOperator::stream_rows(size_t port, std::span<const StoredRow> rows) const {
  Batch out;
  out.rows = rows.size();
  out.present = Bitmap(out.rows, true);
  out.offsets.assign(out.rows, -1);
  const size_t width = inputs_[port]->step().used.size();
  const std::vector<int> used = columns_used_by(*inputs_[port], width);
  const Layout& layout = inputs_[port]->layout();
  std::vector<Column> columns;
  std::vector<Column*> pointers;
  for (const int index : used) columns.emplace_back(layout[static_cast<size_t>(index)].type);
  for (Column& column : columns) pointers.push_back(&column);
  for (const auto& [key, row] : rows) {
    TRY(decode_row(row->bytes, pointers, RowStrings::Copy));
    out.timestamps.push_back(row->timestamp);
  }
  out.columns.resize(width);
  for (size_t i = 0; i < used.size(); ++i)
    out.columns[static_cast<size_t>(used[i])] =
        std::make_shared<const Column>(std::move(columns[i]));
  return out;
}

// Copies the next rows of an input, together with their keys, because ViewRunner::run() gets the
// rows in the order of their keys.
Status RecomputeOperator::gather_some() {
  Run& run = *run_;
  if (run.port == inputs_.size()) {
    compute();
    return {};
  }
  RowStore& store = rows_of_port(run.port);
  if (!run.scan) run.scan = store.begin_scan();
  std::vector<StoredRow> rows;
  RowStore::Loose loose;
  const Result<bool> has_more = store.scan(*run.scan, kGatheredAtOnce, loose,
                                           [&](std::string_view key, const RowStore::Row& row) {
                                             rows.emplace_back(key, &row);
                                             return true;
                                           });
  if (is_overtaken(has_more)) {
    run.scan.reset();
    run.inputs[run.port].clear();
    return {};
  }
  if (!has_more) return has_more.error();
  if (!rows.empty()) {
    Batch batch =
        TRY(streams_[run.port] ? stream_rows(run.port, rows) : inputs_[run.port]->rows_of(rows));
    Column keys(TypeKind::Bytes);
    for (const auto& [key, row] : rows) keys.append_copy(key);
    batch.keys = std::make_shared<const Column>(std::move(keys));
    run.inputs[run.port].push_back(std::move(batch));
    context().slice.spend_rows(rows.size());
  }
  if (*has_more) return {};
  run.scan.reset();
  ++run.port;
  return {};
}

void RecomputeOperator::compute() {
  Run& run = *run_;
  run.part = Run::Part::Compute;
  run.computation = std::make_shared<ViewComputation>(
      step_, layout(), key_count_, std::move(run.inputs), *context().views, context().eval);
  if (plan_ && keeps_state(*step_.view, *plan_)) run.computation->fill(empty_state());
  if (!context().run_aside) return run.computation->run();
  context().run_aside([computation = run.computation] { computation->run(); });
}

Status RecomputeOperator::take_result() {
  const Status& status = run_->computation->status();
  if (!status) {
    end_run(status.error());
    return {};
  }
  run_->part = Run::Part::Put;
  const bool is_filled = !plan_ || keeps_state(*step_.view, *plan_);
  state_of_rows_ = is_filled ? run_->computation->take_state() : empty_state();
  if (const auto& error = run_->computation->fill_error()) drop_state(*error);
  return {};
}

// Prepares the changes of an incremental view. Nothing is written before this part has ended, so after an error all rows
// can be read instead.
Status RecomputeOperator::settle_some() {
  const Result<bool> has_more = state_of_rows_->finish_some();
  if (!has_more) {
    drop_state(has_more.error());
    run_->part = Run::Part::Gather;
  } else if (!*has_more) {
    run_->part = Run::Part::Apply;
    run_->is_incremental = true;
  }
  return {};
}

// Writes the changed rows of an incremental view, and lists those that are to be deleted.
Status RecomputeOperator::apply_some() {
  Run& run = *run_;
  if (!state_of_rows_->has_changes()) {
    run.part = Run::Part::Erase;
    return {};
  }
  Result<NetChanges> next = state_of_rows_->next_changes(kComparedAtOnce);
  if (!next) {  // a key that cannot be written; the complete run fails with the same error
    drop_state(next.error());
    run.gone.clear();
    run.is_incremental = false;
    run.has_written = true;
    run.part = Run::Part::Gather;
    return {};
  }
  NetChanges changes = std::move(next).take();
  std::vector<uint32_t> changed;
  const int64_t now_ms = context().eval.clock.wall_ms();
  for (uint32_t row = 0; row < changes.rows.rows; ++row) {
    if (!changes.rows.present.test(row)) {
      run.gone.push_back(std::move(changes.keys[row]));
      continue;
    }
    const RowStore::Row* before = TRY(rows().find(changes.keys[row]));
    if (before && before->bytes == changes.bytes[row]) continue;
    TRY(rows().put(changes.keys[row], {std::move(changes.bytes[row]), now_ms}));
    changed.push_back(row);
  }
  if (changed.empty()) return {};
  Batch put;
  put.rows = changed.size();
  put.present = Bitmap(put.rows, true);
  for (const ColumnPtr& column : changes.rows.columns)
    put.columns.push_back(std::make_shared<const Column>(column->gather(changed)));
  return push_changes(std::move(put));
}

Status RecomputeOperator::push_changes(Batch changes) {
  const int64_t now_ms = context().eval.clock.wall_ms();
  changes.timestamps.assign(changes.rows, now_ms);
  changes.offsets.assign(changes.rows, -1);
  changes.partitions.clear();
  changes.raw_headers.clear();
  run_->changed_rows += changes.rows;
  context().slice.spend_rows(changes.rows);
  return give(std::move(changes));
}

// Writes the rows of the result that the store does not have, or has with other values.
Status RecomputeOperator::put_some() {
  Run& run = *run_;
  const std::vector<ComputedRow>& computed = run.computation->rows();
  const std::vector<Batch>& batches = run.computation->batches();
  if (run.next == computed.size()) {
    run.part = rows().size() == computed.size() ? Run::Part::Erase : Run::Part::Find;
    run.next = 0;
    return {};
  }
  std::vector<Column::SourceRow> changed;
  std::vector<const Column*> columns;
  std::optional<uint32_t> columns_of;
  const int64_t now_ms = context().eval.clock.wall_ms();
  const size_t end = std::min(computed.size(), run.next + kComparedAtOnce);
  for (; run.next < end; ++run.next) {
    const auto& [key, place] = computed[run.next];
    if (columns_of != place.source) {
      columns.clear();
      for (const ColumnPtr& column : batches[place.source].columns) columns.push_back(column.get());
      columns_of = place.source;
    }
    RowStore::Row now{{}, now_ms};
    encode_row(columns, place.row, now.bytes);
    const RowStore::Row* before = TRY(rows().find(key));
    if (before && before->bytes == now.bytes) continue;
    TRY(rows().put(key, std::move(now)));
    changed.push_back(place);
  }
  if (changed.empty()) return {};
  std::vector<const Batch*> sources;
  for (const Batch& batch : batches) sources.push_back(&batch);
  Batch changes = Batch::merge(sources, changed);
  changes.present = Bitmap(changes.rows, true);
  return push_changes(std::move(changes));
}

// Finds the rows of the store that the result no longer has.
Status RecomputeOperator::find_gone() {
  Run& run = *run_;
  const std::vector<ComputedRow>& computed = run.computation->rows();
  if (!run.scan) run.scan = rows().begin_scan();
  RowStore::Loose loose;
  const Result<bool> has_more = rows().scan(
      *run.scan, kGatheredAtOnce, loose, [&](std::string_view key, const RowStore::Row&) {
        if (!std::ranges::binary_search(computed, key, {}, &ComputedRow::key))
          run.gone.emplace_back(key);
        return true;
      });
  context().slice.spend_rows(kGatheredAtOnce);
  if (is_overtaken(has_more)) {
    run.scan.reset();
    run.gone.clear();
    return {};
  }
  if (!has_more) return has_more.error();
  if (*has_more) return {};
  run.scan.reset();
  run.part = Run::Part::Erase;
  return {};
}

Status RecomputeOperator::erase_some() {
  Run& run = *run_;
  if (run.next == run.gone.size()) {
    end_run(std::nullopt);
    return {};
  }
  std::vector<Column> columns;
  std::vector<Column*> pointers;
  for (const LayoutColumn& column : layout()) columns.emplace_back(column.type);
  for (Column& column : columns) pointers.push_back(&column);
  Batch changes;
  const size_t end = std::min(run.gone.size(), run.next + kComparedAtOnce);
  for (; run.next < end; ++run.next) {
    const auto before = TRY(rows().erase(run.gone[run.next]));
    if (!before) continue;
    TRY(decode_row(before->bytes, pointers, RowStrings::Copy));
    ++changes.rows;
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i >= key_count_) {
      columns[i].clear();
      columns[i].resize(changes.rows);
    }
    changes.columns.push_back(std::make_shared<const Column>(std::move(columns[i])));
  }
  changes.present = Bitmap(changes.rows, false);
  return changes.rows == 0 ? Status{} : push_changes(std::move(changes));
}

void RecomputeOperator::end_run(std::optional<Error> error) {
  const int64_t now_us = context().eval.clock.monotonic_us();
  ++state_.runs;
  state_.last_run_us = now_us - *state_.running_since_us;
  state_.running_since_us.reset();
  state_.last_run_at_ms = context().eval.clock.wall_ms();
  state_.input_rows = run_->input_rows;
  state_.changed_rows = run_->changed_rows;
  state_.error = std::move(error);
  if (run_->is_incremental) timeouts_ = 0;
  const int64_t factor = run_->is_incremental ? kIncrementalRestFactor : kRestFactor;
  state_.due_at_us = now_us + std::max(interval_us_, factor * state_.last_run_us);
  // Freeing the rows of a large view takes several slices, so another thread frees them.
  if (run_->computation && context().run_aside)
    context().run_aside(
        [computation = std::move(run_->computation)]() mutable { computation.reset(); });
  run_.reset();
}

}  // namespace engine
