#include "server/sql/read/pull_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/exec/used_columns.h"
#include "engine/expr/null_failures.h"
#include "engine/query/pull_columns.h"
#include "engine/types/column_bytes.h"

namespace server {

namespace {

constexpr Loop::SliceLength kSlice{.short_us = 100, .long_us = 500};
// Number of entries that are read before the clock is read again.
constexpr size_t kEntriesBetweenLooks = 512;
constexpr size_t kFirstPortionRows = 128, kMaxPortionRows = 2'048;
// The scan pauses while this number of its portions has been sent and not shown.
constexpr int kMaxUntaken = 2;
// Portion size while undelivered answers take much memory.
constexpr size_t kShortPortionRows = 16;

Error task_is_gone() {
  return {ErrorCode::UndefinedObject, "a task that keeps the table has ended"};
}

}  // namespace

// A portion that waits until all rows that it shows are durable. If it is dropped together with its
// task, it sends an error instead, since the look-up waits for an answer.
class PullScan::Unsent {
 public:
  Unsent(std::shared_ptr<PullScan> scan, std::shared_ptr<PullPortion> portion)
      : scan_(std::move(scan)), portion_(std::move(portion)) {}
  ~Unsent() {
    if (tasks_left_ > 0) scan_->send(task_is_gone());
  }
  Unsent(const Unsent&) = delete;
  Unsent& operator=(const Unsent&) = delete;

  void add_task() { ++tasks_left_; }
  void one_durable(Status status) {
    if (!status && status_) status_ = std::move(status);
    if (--tasks_left_ > 0) return;
    if (status_)
      scan_->send(std::move(portion_));
    else
      scan_->send(task_is_gone());  // the commit of the rows failed
  }

 private:
  const std::shared_ptr<PullScan> scan_;
  std::shared_ptr<PullPortion> portion_;
  size_t tasks_left_ = 1;  // starts at 1: the scan itself counts as a task until it has asked all
  Status status_;
};

struct PullScan::Found {
  engine::Batch rows;
  Seen seen;
};

void PullPortion::add(engine::Batch batch) {
  for (const engine::ColumnPtr& column : batch.columns)
    if (column) bytes += engine::bytes_of(*column);
  rows += batch.rows;
  batches.push_back(std::move(batch));
}

PullScan::PullScan(Shard& shard, const Clock& clock, std::shared_ptr<const PullRequest> request,
                   Answer answer)
    : shard_(shard),
      clock_(clock),
      request_(std::move(request)),
      answer_(std::move(answer)),
      random_(static_cast<uint64_t>(clock.monotonic_us())),
      budget_(clock, &is_cancelled_),
      rows_left_(request_->is_shaped_there && request_->plan->limit
                     ? static_cast<size_t>(*request_->plan->limit)
                     : SIZE_MAX),
      entries_left_(request_->most_entries),
      portion_rows_(kFirstPortionRows) {
  if (!request_->is_shaped_there) return;
  shaper_.emplace(*request_->plan);
  // The rows below are filtered early, before all columns are decoded. The shaper evaluates the filter again, so an
  // early filter must have the same result each time.
  if (request_->plan->keys || !request_->used || !engine::is_repeatable(*request_->plan)) return;
  if (request_->top) top_.emplace(*request_->top);
  std::vector<bool> first = engine::filter_columns(*request_->plan);
  if (top_)
    for (const engine::SortKey& key : top_->top().keys) first[key.column] = true;
  if (first == *request_->used || (!top_ && !request_->plan->filter)) return;
  decoded_first_ = std::move(first);
  if (request_->plan->filter) early_filter_.emplace(*request_->plan->filter);
}

// An early filter decodes its columns twice for the needed rows. If many rows are needed, this costs more than it saves.
bool PullScan::filters_early() const {
  constexpr size_t kLeastSaving = 4;
  return decoded_first_ && (top_ || needed_ * kLeastSaving <= seen_);
}

std::vector<uint32_t> PullScan::needed_of(const engine::Batch& rows,
                                          const engine::EvalContext& eval) {
  std::vector<uint32_t> all(rows.rows);
  std::iota(all.begin(), all.end(), 0u);
  std::vector<uint32_t> needed = all;
  if (early_filter_) {
    engine::RowErrors errors(rows.rows);
    needed = early_filter_->select(rows.columns, rows.rows, eval, errors);
    if (!engine::refuse_failures(errors)) return all;  // the shaper reports the error
  }
  if (top_) top_->keep(rows.columns, needed);
  seen_ += rows.rows;
  needed_ += needed.size();
  return needed;
}

// The store entries of a scan that was ended early may take much memory, and the task adds to them
// as long as they exist. They may only be released on the task's loop, but the last reference to
// the scan may end on another thread.
PullScan::~PullScan() {
  const auto release = [this](engine::StoreScanPtr& entries) {
    if (!entries) return;
    shard_.post([&shard = shard_, entries = std::move(entries)] {
      shard.release_in_slices([entries] { return entries->release_some(); });
    });
  };
  for (Scan& scan : scans_) release(scan.rows.entries);
  for (View& view : views_) release(view.look_up.entries);
}

void PullScan::begin(std::shared_ptr<HeldTables> held) {
  held_ = std::move(held);
  const std::vector<ShardTask*> tasks = shard_.materializers(request_->query_id);
  // If the query was restarted after its tasks were stopped, its new tasks are not held, so the scan
  // fails.
  if (held_ && !all_are_held()) return send(task_is_gone());
  // The scan fails for a replaced query, whose rows have other columns than the look-up was planned
  // for, and for a restarted query, which has fewer rows.
  if (!std::ranges::all_of(tasks, [&](const ShardTask* task) {
        return task->plan == request_->kept_by && has_passed(*task);
      }))
    return send(task_is_gone());
  std::span<const std::string> all_keys;
  if (request_->plan->keys) all_keys = *request_->plan->keys;
  const engine::WindowBounds& windows = request_->plan->windows;
  for (const ShardTask* task : tasks) {
    if (request_->keys_of.empty()) {
      views_.push_back({task->view, {all_keys, windows}});
    } else if (const auto keys = request_->keys_of.find(task->number);
               keys != request_->keys_of.end()) {
      views_.push_back({task->view, {keys->second, windows}});
    }
  }
  // A look-up by key keeps its tasks stopped until it has found all keys (run()).
  if (request_->plan->keys) return run();
  if (held_) return begin_scans();
  shard_.hold(request_->query_id, this, [self = shared_from_this()] { self->begin_scans(); });
}

bool PullScan::all_are_held() const {
  return std::ranges::all_of(shard_.materializers(request_->query_id),
                             [this](const ShardTask* task) { return held_->holds(*task); });
}

bool PullScan::has_passed(const ShardTask& task) const {
  if (!task.task->has_published()) return false;
  const auto& inputs = task.task->inputs();
  return std::ranges::all_of(request_->must_have_passed, [&](const auto& target) {
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].partition == target.first && task.task->visible_position(i) < target.second)
        return false;
    return true;
  });
}

void PullScan::begin_scans() {
  for (const View& its : views_) {
    Scan& scan = scans_.emplace_back();
    const auto view = its.table.lock();
    if (!view) continue;
    scan.rows = view->begin_scan();
    scan.as_of = view->task().last_begun();
  }
  if (!request_->is_one_of_several) {
    if (held_)
      held_->let_go(shard_, request_->query_id);
    else
      shard_.release(request_->query_id, this);
  }
  held_.reset();
  run();
}

void PullScan::go_on() {
  --untaken_;
  if (std::exchange(is_resting_, false)) run();
}

void PullScan::run_soon() {
  shard_.loop().post_rest("look-up", [self = shared_from_this()] { self->run(); });
}

void PullScan::run() {
  if (is_cancelled_ || is_over_) return held_.reset();
  // If a barrier is given up, its tasks continue. The rows of the remaining keys would then be from a later moment.
  if (held_ && !all_are_held()) return send(task_is_gone());
  auto portion = std::make_shared<PullPortion>();
  portion->tasks = views_.size();
  std::vector<Seen> seen;
  is_short_ = !request_->plan->keys && shard_.memory().has_many_answers();
  const size_t wanted_rows = is_short_ ? kShortPortionRows : portion_rows_;
  const size_t wanted_bytes =
      is_short_ ? MemoryBudget::kShortAnswerBytes : PullPortion::kLongBytes + 1;
  const int64_t begun_us = clock_.monotonic_us();
  const size_t entries = is_short_ ? kShortPortionRows : kEntriesBetweenLooks;
  const auto is_at_limit = [&] { return rows_left_ == 0 || entries_left_ == 0; };
  while (at_ < views_.size() && !is_at_limit() && portion->rows < wanted_rows &&
         portion->bytes < wanted_bytes) {
    Result<Found> found = next_rows(entries);
    if (!found) return send(note_damage(std::move(found).error()));
    entries_left_ -= std::min(entries, entries_left_);
    if (found->rows.rows > 0) portion->add(std::move(found->rows));
    if (seen.empty() || seen.back().view != found->seen.view)
      seen.push_back(std::move(found->seen));
    else
      seen.back().as_of = std::max(seen.back().as_of, found->seen.as_of);
    if (shard_.loop().is_slice_over(clock_.monotonic_us() - begun_us, kSlice)) break;
  }
  // The LIMIT may have removed rows of the last step, so rows may be left even if no entries are
  // left.
  portion->is_cut = is_at_limit();
  portion->is_last = at_ == views_.size() || portion->is_cut;
  if (portion->is_last) held_.reset();
  if (portion->rows >= portion_rows_) portion_rows_ = std::min(2 * portion_rows_, kMaxPortionRows);
  if (has_answered_ && portion->rows == 0 && !portion->is_last) return run_soon();
  if (portion->bytes > MemoryBudget::kShortAnswerBytes)
    portion->on_its_way.emplace(shard_.memory(), MemoryKind::Results).resize(portion->bytes);
  has_answered_ = true;
  is_over_ = portion->is_last;
  ++untaken_;
  send_when_durable(std::move(portion), seen);
}

// If the state of a task is damaged, ends the task, so that the status of its query shows the
// damage. Otherwise the damage could stay unnoticed for a long time, until another read finds it.
Error PullScan::note_damage(Error why) {
  if (why.code != ErrorCode::DataCorrupted) return why;
  for (ShardTask* task : shard_.materializers(request_->query_id))
    if (task->view == views_[at_].table.lock()) shard_.give_up(*task, why);
  why.message =
      fmt::format("table {} cannot be read: {}", request_->plan->table->name, why.message);
  return why;
}

Result<PullScan::Found> PullScan::next_rows(size_t entries) {
  Found found;
  found.seen.view = views_[at_].table.lock();
  if (!found.seen.view) return task_is_gone();
  engine::TableView& view = *found.seen.view;
  const engine::EvalContext eval{clock_, random_, &request_->properties, &budget_};
  budget_.begin({});
  bool is_last = true;
  if (request_->plan->keys) {
    engine::TableLookUp& look_up = views_[at_].look_up;
    found.rows = TRY(view.find(look_up, eval, found.seen.as_of));
    is_last = look_up.keys.empty();
  } else {
    Scan& scan = scans_[at_];
    const engine::EarlyFilter early{
        decoded_first_.value_or(std::vector<bool>()),
        [&](const engine::Batch& rows) { return needed_of(rows, eval); }};
    const engine::UsedColumns in_use(request_->used ? &*request_->used : nullptr,
                                     filters_early() ? &early : nullptr);
    engine::TableView::Slice slice = TRY(view.next_rows(scan.rows, entries, eval));
    // The commit is noted even for a slice without rows: a delete must be durable, too, before a
    // client sees its effect.
    found.seen.as_of = scan.as_of;
    found.rows = std::move(slice.rows);
    is_last = slice.is_last;
    if (is_last) scan.rows = {};
  }
  if (shaper_) {
    found.rows = TRY(shaper_->shape(std::move(found.rows), rows_left_, eval));
    rows_left_ -= found.rows.rows;
  }
  TRY(budget_.status());
  if (is_last) ++at_;
  return found;
}

void PullScan::send_when_durable(std::shared_ptr<PullPortion> portion,
                                 const std::vector<Seen>& seen) {
  // After a failure, a task still has the changes of its last, uncommitted batch in memory, and the aggregates of
  // one row may include different records. Only committed rows are shown. So the rows of this task are unavailable
  // until the task is built again.
  const auto shows_uncommitted = [](const Seen& each) {
    const engine::Task& task = each.view->task();
    return task.failure() && each.as_of > task.last_durable();
  };
  if (std::ranges::any_of(seen, shows_uncommitted)) return send(task_is_gone());
  const auto unsent = std::make_shared<Unsent>(shared_from_this(), std::move(portion));
  for (const auto& [view, as_of] : seen) {
    if (view->task().failure()) continue;
    unsent->add_task();
    view->task().when_durable(as_of,
                              [unsent](Status status) { unsent->one_durable(std::move(status)); });
  }
  unsent->one_durable({});
}

// Sends a portion, and then continues the scan. If the scan continued before, portions whose tasks
// wait for different commits could arrive in the wrong order.
void PullScan::send(Result<std::shared_ptr<PullPortion>> portion) {
  if (!portion) {
    is_over_ = true;
    held_.reset();
  }
  const bool is_long = portion && (*portion)->is_long();
  if (!is_cancelled_) answer_(std::move(portion));
  if (is_over_) return;
  // While a look-up keeps tasks stopped (held_), it does not wait until its client has taken the rows. The rows that
  // the client has not taken need little memory, because the number of keys is limited.
  is_resting_ = !held_ && (untaken_ >= kMaxUntaken || is_long || (is_short_ && untaken_ > 0));
  if (!is_resting_) run_soon();
}

}  // namespace server
