#include "engine/exec/task.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <functional>

#include "base/log.h"
#include "base/log_rate.h"
#include "engine/exec/batch_bytes.h"
#include "engine/exec/recompute.h"
#include "engine/expr/null_failures.h"
#include "records/batch.h"

namespace engine {

namespace {

constexpr uint64_t kUncounted = UINT64_MAX;  // no commit has recorded the size yet

// All tasks share this limit for log lines about records, because many queries may read the same
// bad records.
SharedLogRate& record_lines() {
  static SharedLogRate rate(10);
  return rate;
}

}  // namespace

// Counts the records that failed, were late or had a time far ahead, and keeps a line about each of
// them for the processing log. The server's own log gets a line for each of the first hundred
// records, and later one line for every ten thousand. This rate limit is shared by all tasks, so
// that the log stays readable.
class Task::Log final : public ProcessingLog {
 public:
  explicit Log(Task& task) : task_(task.id_), metrics_(task.metrics_), owner_(task) {}

  void record_failed(const Error& error, int32_t partition, int64_t offset) override {
    add(ProcessingErrorType::RecordProcessing, error.message, owner_.current_topic(), partition,
        offset);
    if (!is_null_failure(error.message)) value_failed(1, error, partition, offset);
  }
  void more_records_failed(uint64_t count, bool are_nulls) override {
    if (owner_.options_.processing_log) lines.add_more(count);
    if (!are_nulls) metrics_.values_failed += count;
    metrics_.records_failed += count;
  }
  void add(ProcessingErrorType type, std::string_view message, const std::string& topic,
           int32_t partition, int64_t offset) {
    if (owner_.options_.processing_log)
      lines.add({type, std::string(message), topic, partition, offset});
    metrics_.last_error = fmt::format("{} (partition {}, offset {})", message, partition, offset);
    if (type == ProcessingErrorType::Deserialization && metrics_.records_unreadable++ == 0)
      metrics_.first_unreadable =
          fmt::format("partition {}, offset {}: {}", partition, offset, message);
    if (is_shown(metrics_.records_failed, 1))
      warn("record failed task={} partition={} offset={} failures={} error=\"{}\"", task_,
           partition, offset, metrics_.records_failed, message);
  }
  void records_late(uint64_t count, std::string_view message, int32_t partition,
                    int64_t offset) override {
    note(count, message, partition, offset);
    if (is_shown(metrics_.records_late, count))
      warn("records late task={} count={} partition={} offset={} late={} first=\"{}\"", task_,
           count, partition, offset, metrics_.records_late, message);
  }
  void windows_expired(uint64_t count) override { metrics_.windows_expired += count; }
  void records_ahead(uint64_t count, std::string_view message, int32_t partition,
                     int64_t offset) override {
    note(count, message, partition, offset);
    if (is_shown(metrics_.records_ahead, count))
      warn("records ahead task={} count={} partition={} offset={} ahead={} first=\"{}\"", task_,
           count, partition, offset, metrics_.records_ahead, message);
  }

  void results_lost(uint64_t count, std::string_view message, int32_t partition,
                    int64_t offset) override {
    note(count, message, partition, offset);
    metrics_.last_error = fmt::format("{} (partition {}, offset {})", message, partition, offset);
    value_failed(count, Error{ErrorCode::OutOfRange, std::string(message)}, partition, offset);
    metrics_.records_failed += count;  // SHOW QUERIES has one column for all kinds of errors
    if (is_shown(results_lost_, count))
      warn("results lost task={} count={} partition={} offset={} first=\"{}\"", task_, count,
           partition, offset, message);
  }
  // Deleted records count as failed, because the query has never read them.
  void records_lost(const LostRecords& lost, const std::string& topic, int32_t partition) {
    const std::string message =
        fmt::format("records {} to {} were deleted before the query had read them",
                    lost.first_offset.value(), lost.end_offset.value() - 1);
    if (owner_.options_.processing_log)
      lines.add({ProcessingErrorType::RecordProcessing, message, topic, partition,
                 lost.first_offset.value()});
    metrics_.last_error = fmt::format("{} (partition {})", message, partition);
    metrics_.records_failed +=
        static_cast<uint64_t>(lost.end_offset.value() - lost.first_offset.value());
    warn("records lost to retention task={} topic={} partition={} first={} end={}", task_, topic,
         partition, lost.first_offset.value(), lost.end_offset.value());
  }

  ProcessingLogBuffer lines;  // lines for the next commit's processing log

 private:
  void value_failed(uint64_t count, const Error& error, int32_t partition, int64_t offset) {
    metrics_.values_failed += count;
    // The failures in a batch are reported for one expression after the other, so a record may be
    // reported after later records.
    auto& first = metrics_.first_failed_value;
    if (!first || (first->partition == partition && offset < first->offset))
      first = {error, partition, offset};
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) {
    const auto not_shown = record_lines().admit(owner_.eval_->clock.monotonic_us());
    if (!not_shown) return;
    std::string line = fmt::format(format, std::forward<Args>(args)...);
    if (*not_shown > 0) line += fmt::format(" not_shown={}", *not_shown);
    log_warn("{}", line);
  }
  // Adds one line for all records of one kind in a batch.
  void note(uint64_t count, std::string_view message, int32_t partition, int64_t offset) {
    if (owner_.options_.processing_log)
      lines.add({ProcessingErrorType::RecordProcessing,
                 count == 1 ? std::string(message)
                            : fmt::format("{}; {} records of this batch", message, count),
                 owner_.current_topic(), partition, offset});
  }
  // Adds `count` to the counter. Returns whether the record is to be logged.
  static bool is_shown(uint64_t& counter, uint64_t count) {
    constexpr uint64_t kShownInFull = 100, kThenEach = 10'000;
    const uint64_t before = counter;
    counter += count;
    return before < kShownInFull || before / kThenEach != counter / kThenEach;
  }

  const std::string& task_;
  TaskMetrics& metrics_;
  const Task& owner_;
  uint64_t results_lost_ = 0;  // results without a value since this task was created
};

Task::Task(std::string id, std::vector<Input> inputs, Sources& sources, Sink* sink,
           const Clock& clock, uint64_t seed, SharedProperties properties, TaskOptions options)
    : id_(std::move(id)),
      inputs_(std::move(inputs)),
      sources_(sources),
      sink_(sink),
      options_(options),
      max_rows_(options.max_rows_per_step),
      rows_at_once_(options.max_rows_per_step),
      properties_(std::move(properties)),
      random_(seed),
      budget_(clock),
      slice_(clock),
      eval_(new EvalContext{clock, random_, properties_.get(), &budget_}),
      log_(std::make_unique<Log>(*this)),
      context_(new TaskContext{*eval_, budget_, slice_, *log_, options.merge_updates, &sequences_,
                               options.schemas}) {
  context_->views = options.views;
  for (const Input& input : inputs_) bootstrapped_ &= input.limit.bootstrap_end <= input.next;
}

Task::~Task() { *alive_ = false; }

Result<std::unique_ptr<Task>> Task::make(std::string id, const StagePlan& plan,
                                         std::vector<Input> inputs, StageEnd end, Sources& sources,
                                         Sink* sink, const Clock& clock, uint64_t seed,
                                         SharedProperties properties, TaskOptions options) {
  std::unique_ptr<Task> task(new Task(std::move(id), std::move(inputs), sources, sink, clock, seed,
                                      std::move(properties), options));
  task->stage_ = TRY(Stage::build(plan, *task->context_, std::move(end)));
  task->last_scalars_ = task->scalars();
  for (uint32_t store = 0; store < task->stage_->stores().size(); ++store)
    task->last_sizes_.push_back({store, kUncounted});
  if (!task->bootstrapped_) task->stage_->begin_bootstrap();
  task->begin_reading();
  return task;
}

// Creates the heads of the inputs, which read from the positions of the inputs.
void Task::begin_reading() {
  std::vector<HeadSource> sources;
  committed_.clear();
  for (const Input& input : inputs_) {
    assert(input.input < stage_->inputs().size());
    sources.push_back({stage_->inputs()[input.input], input.partition, input.input, input.next,
                       input.limit.stop_at, input.writer, input.topic_writers});
    committed_.push_back(input.next);
    const std::vector<bool> used = decoded_columns(stage_->inputs()[input.input]->step());
    const auto columns = static_cast<size_t>(std::ranges::count(used, true));
    if (columns > 0)
      max_rows_ = std::min(max_rows_, std::max<size_t>(1, options_.max_cells_per_step / columns));
  }
  durable_positions_ = committed_;
  heads_ = std::make_unique<InputHeads>(std::move(sources),
                                        HeadLimits{max_rows_, options_.max_bytes_per_step});
}

Status Task::restore(const JournalEntry& entry, TaskSequence commit) {
  for (const InputPosition& position : entry.positions) {
    const auto input = std::ranges::find_if(inputs_, [&](const Input& known) {
      return known.input == position.input && known.partition == position.partition;
    });
    if (input == inputs_.end())
      return Error{ErrorCode::CorruptRecord,
                   fmt::format("the journal of {} names an unknown input", id_)};
    input->next = position.next;
  }
  if (!entry.scalars.empty()) {
    std::span<const int64_t> left(entry.scalars);
    stage_->restore_scalars(left);
    restore_counters(left);
    last_scalars_ = entry.scalars;
  }
  if (!entry.last_error.empty()) metrics_.last_error = last_error_ = entry.last_error;
  sequences_.restore(entry.outputs);
  StateChangeReader changes(entry.changes.bytes());
  for (StateEntry changed; changes.next(changed);) {
    if (changed.store >= stage_->stores().size())
      return Error{ErrorCode::CorruptRecord,
                   fmt::format("the journal of {} names an unknown store", id_)};
    TRY(stage_->stores()[changed.store]->restore(changed, static_cast<uint64_t>(commit.value())));
  }
  for (const StoreSize& size : entry.sizes) {
    const auto known = std::ranges::find(last_sizes_, size.store, &StoreSize::store);
    if (known == last_sizes_.end())
      return Error{ErrorCode::CorruptRecord,
                   fmt::format("the journal of {} counts an unknown store", id_)};
    known->entries = size.entries;
  }
  return {};
}

void Task::open_stores(const FindBacking& find_backing) {
  const auto& stores = stage_->stores();
  for (uint32_t store = 0; store < stores.size(); ++store)
    stores[store]->open_over(find_backing(store));
}

// If the checkpoint records the number of entries of each store, the stores read their entries from
// it when they need them. Older versions did not record these numbers, so the stores of their
// checkpoints are loaded into memory.
void Task::begin_restore(const JournalEntry& checkpoint) {
  is_open_ = !last_sizes_.empty() && checkpoint.sizes.size() == last_sizes_.size() &&
             stage_->stores()[last_sizes_.front().store]->layers().backing() != nullptr;
}

bool Task::loads(uint32_t store) const { return !is_open_ || store >= stage_->stores().size(); }

// Compares the number of entries in each store with the recorded number, because a missing entry
// would not be noticed otherwise.
Status Task::check_sizes() {
  for (const StoreSize& last : last_sizes_) {
    Store& store = *stage_->stores()[last.store];
    if (is_open_) store.restore_size(last.entries);
    if (store.is_counted() && last.entries != kUncounted && store.size() != last.entries)
      return Error{ErrorCode::CorruptRecord,
                   fmt::format("store {} of {} has {} entries where there should be {}", last.store,
                               id_, store.size(), last.entries)};
  }
  return {};
}

Status Task::resume_after(TaskEpoch epoch, TaskSequence last_sequence, ProducerId producer) {
  // No commit is in flight: a commit of the former epoch would otherwise be counted in the new epoch.
  assert(in_flight_ == 0 && !unsent_);
  sequences_.set_producer(producer);
  epoch_ = epoch;
  sequence_ = durable_ = last_sequence;
  for (Store* store : stage_->stores())
    store->begin_commit(static_cast<uint64_t>(last_sequence.value()) + 1);
  begin_reading();
  return check_sizes();
}

Status Task::follow(const JournalEntry& entry, TaskSequence commit, CommitId as_of) {
  if (commit <= durable_) return {};
  if (commit != durable_ + 1)
    return Error{ErrorCode::CorruptRecord, fmt::format("{} is at commit {}, and commit {} came",
                                                       id_, durable_.value(), commit.value())};
  const ReadGate::Change change(gate_.get());
  TRY(restore(entry, commit));
  sequence_ = durable_ = commit;
  durable_as_of_ = as_of;
  for (size_t i = 0; i < inputs_.size(); ++i) committed_[i] = inputs_[i].next;
  durable_positions_ = committed_;
  for (Store* store : stage_->stores())
    store->begin_commit(static_cast<uint64_t>(commit.value()) + 1);
  return {};
}

void Task::note_stored(TaskSequence commit) {
  const ReadGate::Change change(gate_.get());
  for (Store* store : stage_->stores()) store->note_stored(static_cast<uint64_t>(commit.value()));
}

// Returns the scalars of all operators (Operator::append_scalars), followed by the task's own numbers.
std::vector<int64_t> Task::scalars() const {
  std::vector<int64_t> scalars = stage_->scalars();
  for (const uint64_t count : {metrics_.records_in, metrics_.records_failed, metrics_.records_late,
                               metrics_.records_ahead, metrics_.windows_expired})
    scalars.push_back(static_cast<int64_t>(count));
  // only a replaced table has this scalar
  if (shown_revision_ > 0) scalars.push_back(shown_revision_);
  return scalars;
}

void Task::restore_counters(std::span<const int64_t> scalars) {
  if (scalars.size() < 4) return;  // an older version did not record these counters
  metrics_.records_in = records_begun_ = static_cast<uint64_t>(scalars[0]);
  metrics_.records_failed = static_cast<uint64_t>(scalars[1]);
  metrics_.records_late = static_cast<uint64_t>(scalars[2]);
  metrics_.records_ahead = static_cast<uint64_t>(scalars[3]);
  if (scalars.size() > 4) metrics_.windows_expired = static_cast<uint64_t>(scalars[4]);
  if (scalars.size() > 5) shown_revision_ = scalars[5];
}

StepResult Task::step(Intake intake) {
  ReadGate::Change change(gate_.get());
  is_stepping_ = true;
  const StepResult result = step_once(intake);
  is_stepping_ = false;
  change.end();
  tell_reached();
  return result;
}

StepResult Task::step_once(Intake intake) {
  if (failure_) return StepResult::Failed;
  if (unsent_ && !submit()) return StepResult::Idle;
  if (failure_) return StepResult::Failed;
  waits_for_answer_ =
      in_flight_ >= options_.max_commits_in_flight || stage_->awaited() || stage_->waits_aside();
  if (waits_for_answer_) return StepResult::Idle;
  if (has_rest()) {
    has_looked_ = false;
    slice_.begin(options_.slice);
    const Status done = work_off();
    return done ? finish_step() : fail(done.error());
  }
  if (intake == Intake::None) return has_worked_ ? finish_step() : StepResult::Idle;
  if (shows_again()) {
    const Status shown = show_some_again();
    return shown ? finish_step() : fail(shown.error());
  }
  const Status done = take_records();
  if (done) own_rest();
  sources_.release();
  if (done) begin_at_cut();
  return done ? finish_step() : fail(done.error());
}

// After a plan was replaced, the table's topic has rows that were computed by the former plan,
// while look-ups return rows of the new plan. Therefore the task writes all rows of the table once
// more before it takes the next record. If the task is restarted before it has finished, it begins
// again with the first row; some rows are then written twice, which does no harm.
Status Task::show_some_again() {
  slice_.begin(options_.slice);
  has_looked_ = false;
  const TaskOptions::ShowAgain& what = *options_.show_again;
  Materialized& table = stage_->table_of(what.store);
  if (!shown_again_) shown_again_ = table.begin_scan();
  constexpr size_t kEntriesAtOnce = 512;
  while (!has_rest() && !slice_.is_spent()) {
    bool is_last = false;
    Batch rows = TRY(table.next_rows(*shown_again_, kEntriesAtOnce, is_last));
    has_worked_ = true;
    rows_shown_again_ += rows.rows;
    slice_.spend_rows(std::max<size_t>(rows.rows, 1));
    rows.columns.resize(what.width);  // removes the column ROWTIME
    TRY(stage_->push_again(what.store, std::move(rows)));
    if (!is_last) continue;
    shown_again_.reset();
    shown_revision_ = what.revision;
    break;
  }
  return {};
}

// Takes the next records, and processes them as far as the slice allows.
Status Task::take_records() {
  slice_.begin(options_.slice);  // the time for decoding counts in the slice, too
  const std::vector<Polled> polled =
      TRY(sources_.poll(heads_->positions(), options_.max_bytes_per_step));
  has_looked_ = true;
  draw_cut(polled);
  Result<std::vector<Run>> runs = heads_->take(polled, row_limit());
  if (!runs) {
    failed_at_ = heads_->failed_at();
    return std::move(runs).error();
  }
  ExchangeOutput* const output = stage_->time_ordered_output();
  for (Run& run : *runs) {
    if (output && stage_->inputs()[inputs_[run.source].input]->step().kind == SourceKind::Stream)
      output->note_taken(run.batch);
    runs_.push_back(std::move(run));
  }
  const uint64_t before = rows_taken_;
  TRY(work_off());
  // The next step takes only as many rows as this slice has begun to process, because the remaining rows must be
  // copied at the end of the slice. A table writes its rows in one piece. If the rows of this piece are scattered
  // in memory, the slice takes too long; then the next step takes fewer rows as well.
  constexpr size_t kFewest = 64, kFewestInOnePiece = 512;
  const size_t taken = rows_taken_ - before;
  if (!runs_.empty())
    rows_at_once_ = std::max(kFewest, taken);
  else if (slice_.is_overrun())
    rows_at_once_ = std::min(std::max(kFewestInOnePiece, taken / 2), options_.max_rows_per_step);
  else
    rows_at_once_ = std::min(rows_at_once_ * 2, options_.max_rows_per_step);
  return {};
}

// Processes first the unfinished rows of the operators, then one run (rows for one input) after the
// other, until the slice is used up.
Status Task::work_off() {
  while (has_rest()) {
    // While a view (whose plan has a RecomputeOperator) only reads its inputs, there is nothing to
    // commit.
    const bool only_reads = stage_->only_reads();
    if (!only_reads) has_worked_ = !options_.is_transient;
    if (stage_->has_rest()) {
      const bool was_held_back = !stage_->may_commit();
      TRY(stage_->resume());
      if (only_reads && !stage_->only_reads()) has_worked_ = true;
      // If a commit was due but had to wait for the end of a block, it is made now, before a new
      // block is begun. Otherwise each slice might end within a block, and the commit would grow
      // without limit.
      if (was_held_back && stage_->may_commit()) break;
    } else {
      if (prefetched_runs_ == 0) prefetch_runs();
      --prefetched_runs_;
      Run run = std::move(runs_.front());
      runs_.pop_front();
      rows_taken_ += run.batch.rows;
      records_begun_ += run.batch.rows;
      rows_of_run_ = run.batch.rows;
      current_stage_input_ = inputs_[run.source].input;
      failed_at_ = {run.source, Offset(run.batch.offsets.front())};
      TRY(stage_->inputs()[current_stage_input_]->process(std::move(run.batch), 0));
    }
    if (slice_.is_spent() || stage_->awaited() || stage_->waits_aside()) break;
  }
  return {};
}

// ---- Materialized views

// Sets the next cut: the present ends of all inputs, up to which the view will be computed. Does
// nothing if the view waits for its interval or shows everything already. All ends come from one
// snapshot of the log, so the records of one statement are either all before the cut or all after
// it.
void Task::draw_cut(std::span<const Polled> polled) {
  const RecomputeOperator* const view = stage_->view();
  if (!view || !cut_.empty() || view->due_at_us() > eval_->clock.monotonic_us()) return;
  bool has_news = view->is_dirty();
  std::vector<Offset> ends;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (!polled[i].status) return;  // reported when the next record is needed
    ends.push_back(std::max(polled[i].readable_end, inputs_[i].next));
    has_news = has_news || visible_.empty() || ends.back() > visible_[i];
  }
  if (!has_news) return;
  cut_ = std::move(ends);
  heads_->limit(cut_);
}

// Begins to compute the view if all records before the offsets in cut_ were taken.
void Task::begin_at_cut() {
  if (cut_.empty() || has_rest()) return;
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (heads_->taken(i) < cut_[i]) return;
  if (stage_->view()->is_dirty()) return stage_->view()->begin_run();
}

// If the view contains all records before cut_, moves cut_ to visible_, so that the task reads the
// records after it. Readers see these rows of the view when the present commit is durable.
void Task::end_cut() {
  if (cut_.empty() || has_rest() || stage_->view()->is_dirty()) return;
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (inputs_[i].next < cut_[i]) return;
  visible_ = std::exchange(cut_, {});
  heads_->limit({});
  has_looked_ = false;  // records that arrived after the cut were not polled yet
  if (const std::optional<Error>& error = stage_->view()->state().error)
    metrics_.last_error = error->message;
  pending_visible_.emplace_back(last_begun(), visible_);
  show(durable_);
}

void Task::show(TaskSequence durable) {
  while (!pending_visible_.empty() && pending_visible_.front().first <= durable) {
    durable_visible_ = std::move(pending_visible_.front().second);
    pending_visible_.pop_front();
  }
}

std::optional<int64_t> Task::wakes_at_us() const {
  const RecomputeOperator* const view = stage_->view();
  if (!view || failure_ || !cut_.empty() || waits_for_answer_ || unsent_) return std::nullopt;
  bool has_news = view->is_dirty() || visible_.empty();
  for (size_t i = 0; !has_news && i < inputs_.size(); ++i) has_news = inputs_[i].next > visible_[i];
  return has_news ? std::optional(view->due_at_us()) : std::nullopt;
}

// Fetches the store entries of several runs together. If sources alternate, each run has few records, so fetching for
// one run at a time would be slow.
void Task::prefetch_runs() {
  std::array<std::string_view, Store::kPrefetchedAtOnce> keys;
  prefetched_runs_ = std::min(runs_.size(), keys.size());
  if (prefetched_runs_ == 1) return;
  for (size_t i = 0; i < prefetched_runs_; ++i)
    if (const ColumnPtr& key_bytes = runs_[i].batch.columns.back())
      keys[i] = key_bytes->data<std::string_view>().front();
  stage_->prefetch(std::span(keys).first(prefetched_runs_));
}

void Task::own_rest() {
  heads_->own();
  if (!has_rest()) return;
  stage_->own_rest();
  bytes_of_rest_ = 0;
  for (Run& run : runs_) {
    run.batch = run.batch.owned(0);
    bytes_of_rest_ += bytes_of(run.batch);
  }
}

const std::string& Task::topic_of(uint32_t stage_input) const {
  return stage_->inputs()[stage_input]->step().topic;
}

void Task::run_aside_by(RunAside run_aside) {
  context_->run_aside = [this, run_aside = std::move(run_aside)](std::function<void()> work) {
    run_aside(std::move(work), [this, alive = alive_] {
      if (*alive && answered_) answered_();
    });
  };
}

// Computes the position of each input: its first record that is not finished.
void Task::update_positions() {
  for (size_t i = 0; i < inputs_.size(); ++i) inputs_[i].next = heads_->taken(i);
  size_t rows_left = 0;  // unfinished rows of the last run that was begun
  if (has_rest()) {
    const auto is_left = [&](uint32_t stage_input, int32_t partition, int64_t offset) {
      for (Input& input : inputs_)
        if (input.input == stage_input && input.partition.partition.value() == partition)
          input.next = std::min(input.next, Offset(offset));
    };
    stage_->visit_rest([&](int32_t partition, int64_t offset) {
      if (offset < 0) return;  // rows that a push query shows first have no record
      is_left(current_stage_input_, partition, offset);
      ++rows_left;
    });
    for (const Run& run : runs_)
      for (size_t row = 0; row < run.batch.rows; ++row)
        is_left(inputs_[run.source].input, run.batch.partition_of(row), run.batch.offsets[row]);
  }
  // If several of the unfinished rows come from one record (for example the rows of one table function), the count
  // is not exact. No commit is made in this state.
  metrics_.records_in = records_begun_ - std::min(rows_left, rows_of_run_);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    assert(inputs_[i].next >= committed_[i]);  // a durable record is never processed again
    for (const LostRecords& lost : heads_->take_lost(i))
      log_->records_lost(lost, topic_of(inputs_[i].input), inputs_[i].partition.partition.value());
    for (const RecordFailure& failure : heads_->failures_before(i, inputs_[i].next))
      log_->add(ProcessingErrorType::Deserialization, failure.message, topic_of(inputs_[i].input),
                inputs_[i].partition.partition.value(), failure.offset.value());
  }
  if (const StreamTime* seen = stage_->stream_time(); seen && !reads_exchange())
    metrics_.stream_time = *seen;
}

bool Task::reads_exchange() const { return std::ranges::any_of(inputs_, &Input::is_exchange); }

bool Task::has_more_input() const {
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (heads_->has_more(i)) return true;
  return false;
}

// Returns whether a position has moved since the last commit.
bool Task::has_moved() const {
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (inputs_[i].next != committed_[i]) return true;
  return false;
}

StepResult Task::finish_step() {
  update_positions();
  end_cut();
  if (!has_rest())
    if (const Status shown = finish_bootstrap(); !shown) return fail(shown.error());
  // While the task had a rest, it did not poll its inputs. They may have new records by now, so the
  // task must be stepped again.
  bool more = has_rest() ||
              (has_more_input() && !heads_->is_held_up() && heads_->waits_for().empty()) ||
              !has_looked_;
  more |= stage_->tidy();
  if (!options_.is_transient && (has_worked_ || has_moved()) && stage_->may_commit())
    return commit(more);
  if (more) return StepResult::More;
  const bool is_finished = std::ranges::all_of(inputs_, [](const Input& input) {
    return input.limit.stop_at && input.next >= *input.limit.stop_at;
  });
  return is_finished ? StepResult::Finished : StepResult::Idle;
}

// Ends the bootstrap when all inputs have been read up to InputLimit::bootstrap_end. In this way a
// push query on a table shows each row of the table once, and then its changes.
Status Task::finish_bootstrap() {
  if (bootstrapped_) return {};
  for (const Input& input : inputs_)
    if (input.next < input.limit.bootstrap_end) return {};
  bootstrapped_ = true;
  return stage_->end_bootstrap();
}

size_t Task::evict(size_t max_entries) {
  const ReadGate::Change change(gate_.get());
  size_t evicted = 0;
  for (Store* store : stage_->stores()) evicted += store->evict(max_entries);
  return evicted;
}

std::vector<StoreScanPtr> Task::overtake_scans(size_t bytes) {
  std::vector<StoreScanPtr> overtaken;
  for (Store* store : stage_->stores())
    for (StoreScanPtr& scan : store->overtake_scans(bytes)) {
      bytes -= std::min(bytes, scan->memory_bytes());
      overtaken.push_back(std::move(scan));
    }
  return overtaken;
}

std::vector<StoreSize> Task::take_changed_sizes() {
  std::vector<StoreSize> changed;
  for (StoreSize& last : last_sizes_) {
    const size_t entries = stage_->stores()[last.store]->size();
    if (entries == last.entries) continue;
    last.entries = entries;
    changed.push_back(last);
  }
  return changed;
}

// Adds the progress for the readers of a time-ordered exchange to the commit, if a position has moved since the last
// commit.
void Task::tell_progress(TaskCommit& commit) {
  ExchangeOutput* const output = stage_->time_ordered_output();
  if (!output || !has_moved()) return;
  ExchangeOutput::Standing standing;
  for (const Input& input : inputs_) {
    standing.next.push_back(input.next);
    if (stage_->inputs()[input.input]->step().kind == SourceKind::Stream)
      standing.stream_next = input.next;
  }
  standing.is_at_end = !has_rest() && !has_more_input();
  commit.trims.push_back(output->tell_progress(std::move(standing)));
}

StepResult Task::commit(bool more) {
  assert(!unsent_ && !failure_);  // invariants 1 and 2
  TaskCommit commit;
  commit.task = id_;
  commit.epoch = epoch_;
  commit.sequence = sequence_ = sequence_ + 1;
  JournalEntry entry;
  tell_progress(commit);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].next == committed_[i]) continue;
    committed_[i] = inputs_[i].next;
    entry.positions.push_back({inputs_[i].input, inputs_[i].partition, inputs_[i].next});
    if (inputs_[i].is_exchange) commit.trims.emplace_back(inputs_[i].partition, inputs_[i].next);
  }
  begun_positions_.push_back(committed_);
  has_worked_ = false;
  std::vector<int64_t> now = scalars();
  if (now != last_scalars_) entry.scalars = last_scalars_ = std::move(now);
  for (uint32_t store = 0; store < stage_->stores().size(); ++store)
    stage_->stores()[store]->take_changes(store, entry.changes);
  stage_->take_outputs(commit.outputs);
  if (!log_->lines.empty())
    commit.outputs.push_back(
        log_->lines.take_batch(id_, eval_->clock.wall_ms(), *options_.processing_log, sequences_));
  stamp_append_times(commit.outputs);
  entry.outputs = sequences_.take_changed();
  entry.sizes = take_changed_sizes();
  if (metrics_.last_error != last_error_) entry.last_error = last_error_ = metrics_.last_error;
  commit.journal = encode_journal(std::move(entry));
  unsent_ = std::move(commit);
  if (!submit()) return StepResult::Idle;
  if (failure_) return StepResult::Failed;
  waits_for_answer_ = more && in_flight_ >= options_.max_commits_in_flight;
  return more && !waits_for_answer_ ? StepResult::More : StepResult::Idle;
}

void Task::stamp_append_times(std::vector<OutputBatch>& outputs) const {
  if (!options_.has_append_time) return;
  for (OutputBatch& output : outputs)
    if (options_.has_append_time(output.to.topic))
      records::set_log_append_time(output.bytes, eval_->clock.wall_ms());
}

bool Task::submit() {
  const TaskSequence sequence = unsent_->sequence;
  ++in_flight_;
  CommitDone done = [this, alive = alive_, sequence](Result<CommitId> result) {
    if (!*alive) return;
    committed(sequence, std::move(result));
    if (*alive && answered_) answered_();
  };
  if (!sink_->try_commit(*unsent_, done)) {
    --in_flight_;
    return false;
  }
  unsent_.reset();
  if (!waiting_.empty()) sink_->hurry();
  return true;
}

void Task::committed(TaskSequence sequence, Result<CommitId> result) {
  assert(in_flight_ > 0);
  --in_flight_;
  {
    // If the sink calls this function within try_commit(), step() already holds the lock.
    const ReadGate::Change change(is_stepping_ ? nullptr : gate_.get());
    if (!result) {
      if (!failure_) fail(std::move(result).error());
    } else {
      assert(sequence == durable_ + 1);
      durable_ = sequence;
      durable_as_of_ = *result;
      durable_positions_ = std::move(begun_positions_.front());
      begun_positions_.pop_front();
      show(durable_);
      std::erase_if(waiting_, [&](Waiting& waiter) {
        if (waiter.after > durable_) return false;
        reached_.emplace_back(std::move(waiter.then), Status());
        return true;
      });
    }
  }
  if (!is_stepping_) tell_reached();
}

void Task::when_durable(TaskSequence commit, std::function<void(Status)> then) {
  if (failure_) return then(failure_->error);
  commit = std::min(commit, last_begun());
  if (durable_ >= commit) return then({});
  waiting_.push_back({commit, std::move(then)});
  if (in_flight_ > 0) sink_->hurry();
}

StepResult Task::fail(Error error) {
  const PartitionRef partition =
      inputs_.empty() ? PartitionRef{} : inputs_[failed_at_.source].partition;
  failure_ = TaskFailure{std::move(error), partition, failed_at_.offset};
  metrics_.last_error = fmt::format("{} (partition {}, offset {})", failure_->error.message,
                                    partition.partition.value(), failed_at_.offset.value());
  end_waiting();
  return StepResult::Failed;
}

void Task::give_up(Error why) {
  if (failure_) return;
  {
    const ReadGate::Change change(is_stepping_ ? nullptr : gate_.get());
    metrics_.last_error = why.message;
    failure_ = TaskFailure{std::move(why), {}, {}};
    end_waiting();
  }
  if (!is_stepping_) tell_reached();
}

void Task::end_waiting() {
  for (Waiting& waiter : std::exchange(waiting_, {}))
    reached_.emplace_back(std::move(waiter.then), failure_->error);
}

void Task::tell_reached() {
  for (auto& [then, status] : std::exchange(reached_, {})) then(std::move(status));
}

}  // namespace engine
