#include "server/tasks/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <utility>

#include "base/log.h"
#include "base/task_id.h"
#include "engine/exec/recompute.h"
#include "engine/exec/slow_row.h"
#include "server/metadata/query_topics.h"
#include "server/net/slice_meter.h"

namespace server {

namespace {

// The intervals of the checks for checkpoints: normally, and while the memory for state is full.
constexpr int64_t kTickMs = 500, kTickOfFullMs = 20;
// While state takes too much memory, a task with more state than kLittleState waits until a
// checkpoint contains its state, which can then leave memory. While scans keep too much state in
// memory, they are ended, but only if the tasks of the shard have at least kMuchState.
constexpr size_t kLittleState = 1 << 20, kMuchState = 32 << 20;
// A task may be held (stopped between two commits) for a reader. Between two holds it may work for
// at least this time, if it has enough work.
constexpr int64_t kMostWorkUs = 20'000;
// The topic id in the keys that new_wake_key() returns. wake() finds waiting tasks by a topic and a
// partition, and no topic has this id.
constexpr Uuid kWakeKeys{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
// The longest time for which a loop steps tasks before it serves its sockets: `short_us` if a
// socket or a message waits, otherwise `long_us`.
constexpr Loop::SliceLength kTurn{.short_us = 500, .long_us = 1'000};

// Returns the text of ShardTaskReport::positions. Partitions of an exchange between two stages have
// no topic name.
std::string positions_of(engine::Task& task) {
  std::string text;
  for (const engine::Task::Input& input : task.inputs()) {
    if (input.partition.topic == kGeneratedRows)
      return fmt::format("generated@{}", input.next.value());
    const std::string& topic = task.stage().inputs()[input.input]->step().topic;
    text +=
        fmt::format("{}{}-{}@{}", text.empty() ? "" : ", ", input.is_exchange ? "exchange" : topic,
                    input.partition.partition.value(), input.next.value());
  }
  return text;
}

// Removes waiters whose receiver no longer exists.
void forget_expired(std::vector<ShardTask::Waiter>& waiters) {
  std::erase_if(waiters, [](const ShardTask::Waiter& waiter) { return waiter.receiver.expired(); });
}

// While a reader waits for a materialized view, the view begins its next computation without a
// pause.
void note_readers(ShardTask& task) {
  if (engine::RecomputeOperator* view = task.task->stage().view())
    view->set_awaited(!task.waiters.empty() || (task.at_barrier && task.at_barrier->stands));
}

size_t state_bytes_of(const ShardTask& task) {
  size_t bytes = 0;
  for (const engine::Store* store : task.task->stage().stores()) bytes += store->memory_bytes();
  return bytes;
}

size_t scan_bytes_of(const ShardTask& task) {
  size_t bytes = 0;
  for (const engine::Store* store : task.task->stage().stores()) bytes += store->scan_bytes();
  return bytes;
}

// Logs a row whose processing takes so long that users notice.
void tell_of(const engine::SlowRow& row, int64_t now_us, std::string& last_error) {
  const int64_t seconds = (now_us - row.begun_us()) / 1'000'000;
  if (seconds > 0)
    last_error =
        fmt::format("waits: one record's expressions, for {} s so far (partition {}, offset {})",
                    seconds, row.row().partition_of(0), row.row().offsets.front());
}

bool is_transient(const ShardTask& task) { return static_cast<bool>(task.after_step); }

}  // namespace

Shard::Shard(uint32_t number, storage::Log& log, Subscriptions& subscriptions,
             engine::SharedRecords& shared_records, MemoryBudget& memory, const Clock& clock,
             OnFailure on_failure)
    : number_(number),
      loop_(fmt::format("shard-{}", number)),
      log_(log),
      clock_(clock),
      subscriptions_(subscriptions),
      shared_records_(shared_records),
      memory_(memory),
      on_failure_(std::move(on_failure)),
      sink_(
          log, loop_,
          [this] {
            for (const auto& [id, tasks] : tasks_)
              for (const auto& task : tasks) schedule(*task);
          },
          [this](const DurableCommit& commit) { committed(commit); }) {}

Result<std::unique_ptr<Shard>> Shard::make(uint32_t number, storage::Log& log,
                                           Subscriptions& subscriptions,
                                           engine::SharedRecords& shared_records,
                                           MemoryBudget& memory, const Clock& clock,
                                           OnFailure on_failure) {
  std::unique_ptr<Shard> shard(
      new Shard(number, log, subscriptions, shared_records, memory, clock, std::move(on_failure)));
  shard->sources_ = TRY(LogSources::open(log));
  shard->generator_timer_ = std::make_unique<Timer>(
      shard->loop_, "generators", [raw = shard.get()] { raw->wake_generators(); });
  shard->rest_timer_ = std::make_unique<Timer>(shard->loop_, "resting views",
                                               [raw = shard.get()] { raw->wake_rested(); });
  shard->follow_timer_ = std::make_unique<Timer>(shard->loop_, "standby tasks",
                                                 [raw = shard.get()] { raw->follow_all(); });
  shard->timer_ =
      std::make_unique<Timer>(shard->loop_, "checkpoints", [raw = shard.get()] { raw->tick(); });
  return shard;
}

Shard::~Shard() {
  stop_thread();
  for (const auto& [query, tables] : shared_)
    for (const auto& table : tables) table->close();
}

void Shard::start_thread() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Shard::stop_thread() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

// --- Waking

void Shard::wake(std::span<const storage::TopicPartition> partitions) {
  bool was_empty;
  {
    std::lock_guard lock(woken_mutex_);
    was_empty = woken_.empty();
    woken_.insert(woken_.end(), partitions.begin(), partitions.end());
  }
  if (was_empty) loop_.post([this] { take_woken(); });
}

void Shard::take_woken() {
  std::vector<storage::TopicPartition> woken;
  {
    std::lock_guard lock(woken_mutex_);
    woken.swap(woken_);
  }
  for (const storage::TopicPartition& partition : woken) {
    if (const auto found = readers_.find(to_engine(partition)); found != readers_.end())
      for (ShardTask* task : found->second) schedule(*task);
    if (const auto found = followers_.find(to_engine(partition)); found != followers_.end())
      for (ShardTask* task : found->second)
        if (task->task->is_held_up()) schedule(*task);
  }
}

void Shard::subscribe(Readers& readers, const engine::PartitionRef& partition, ShardTask& task) {
  std::vector<ShardTask*>& its = readers[partition];
  if (its.empty()) subscriptions_.add(to_storage(partition), number_);
  its.push_back(&task);
}

void Shard::unsubscribe(Readers& readers, const engine::PartitionRef& partition, ShardTask& task) {
  const auto found = readers.find(partition);
  if (found == readers.end()) return;
  std::erase(found->second, &task);
  if (!found->second.empty()) return;
  subscriptions_.remove(to_storage(partition), number_);
  readers.erase(found);
}

// --- Tasks

ShardTask& Shard::add(std::unique_ptr<ShardTask> task) {
  ShardTask& added = *task;
  assert(is_transient(added) || journals_.contains(added.journal));
  assert(!added.standby || !added.own_sink);  // a task that another node runs commits nothing here
  added.memory.emplace(memory_);
  charge_memory(added);
  added.task->share(shared_records_);
  for (const engine::Task::Input& input : added.task->inputs()) {
    subscribe(readers_, input.partition, added);
    if (input.writer) subscribe(followers_, input.writer->progress, added);
  }
  if (added.wake_key) followers_[*added.wake_key].push_back(&added);
  if (run_aside_)
    added.task->run_aside_by([this](std::function<void()> work, std::function<void()> done) {
      run_aside_([this, work = std::move(work), done = std::move(done)] {
        work();
        loop_.post(done);
      });
    });
  added.task->on_answer([this, &added] {
    // A task normally reports its failure in a step. A paused task is not stepped, so its failure
    // is reported here.
    publish(added);
    report_failure(added);
    attend(added);
    if (added.at_barrier) check_standing(added);
    if (added.task->waits_for_answer()) schedule(added);
  });
  if (!is_transient(added)) {
    start_timer();  // the journal may already have had data without a checkpoint before the restart
    if (!added.backings.empty()) evictable_.push_back(&added);
    // A checkpoint may have ended while the task was built, and so contain all data of the task.
    const JournalCheckpoints& checkpoints = *journals_.at(added.journal)->checkpoints;
    if (checkpoints.has_stored_all_of(added.task->id()))
      added.task->note_stored(added.task->last_durable());
    if (const auto why = checkpoints.why_lost(added.task->id())) added.task->give_up(*why);
  }
  if (added.view && !is_transient(added)) share(added);
  publish(added);
  tasks_[added.query_id].push_back(std::move(task));
  schedule(added);
  if (added.generator) {
    generators_.push_back(&added);
    start_generators();
  }
  return added;
}

void Shard::remove(ShardTask& task) {
  assert(!is_reporting_);
  for (const engine::Task::Input& input : task.task->inputs()) {
    unsubscribe(readers_, input.partition, task);
    if (input.writer) unsubscribe(followers_, input.writer->progress, task);
  }
  if (task.wake_key) followers_.erase(*task.wake_key);
  if (task.shared) unshare(task);
  if (task.is_queued) std::erase(ready_, &task);
  if (task.is_attended) std::erase(attended_, &task);
  if (task.generator) std::erase(generators_, &task);
  if (task.standby) std::erase(followers_behind_, &task);
  std::erase(evictable_, &task);
  std::erase(resting_, &task);
  for (ShardTask::Waiter& waiter : std::exchange(task.waiters, {}))
    waiter.reached(Error{ErrorCode::UndefinedObject, "the query has ended"});
  break_barrier(task, {ErrorCode::ObjectState, "its tasks have ended"});
  task.view.reset();  // so that the callbacks below find no table
  for (const ShardTask::Hold& hold : std::exchange(task.holds, {}))
    if (hold.awaited) hold.awaited->one();
  const auto query = tasks_.find(task.query_id);
  assert(query != tasks_.end());
  const auto at = std::ranges::find(query->second, &task, &std::unique_ptr<ShardTask>::get);
  assert(at != query->second.end());
  std::unique_ptr<ShardTask> removed = std::move(*at);
  query->second.erase(at);
  if (query->second.empty()) tasks_.erase(query);
  stepping_ == &task ? removed_.push_back(std::move(removed)) : destroy(std::move(removed));
}

void Shard::destroy(std::unique_ptr<ShardTask> task) {
  // A look-up may still wait until rows that the task has already shown are durable. give_up() ends this wait with the
  // error, because the task will not report it.
  task->task->give_up({ErrorCode::UndefinedObject, "the query has ended"});
  const std::shared_ptr<engine::Stage> stage = engine::Task::end(std::move(task->task));
  release_in_slices([stage] { return stage->release_some(); });
}

void Shard::release_in_slices(std::function<bool()> release_some) {
  leftovers_.push_back(std::move(release_some));
  if (leftovers_.size() == 1) this->release_some();
}

void Shard::release_some() {
  const int64_t until_us = clock_.monotonic_us() + kTurn.long_us / 2;
  while (!leftovers_.empty() && clock_.monotonic_us() < until_us)
    if (!leftovers_.front()()) leftovers_.pop_front();
  if (!leftovers_.empty()) loop_.post_rest("memory of ended tasks", [this] { release_some(); });
}

void Shard::remove_query(const std::string& query_id) {
  const auto query = tasks_.find(query_id);
  if (query == tasks_.end()) return;
  std::vector<ShardTask*> found;
  for (const auto& task : query->second)
    if (!is_transient(*task)) found.push_back(task.get());
  for (ShardTask* task : found) remove(*task);
}

void Shard::pause_query(const std::string& query_id, bool is_paused) {
  const auto query = tasks_.find(query_id);
  if (query == tasks_.end()) return;
  for (const auto& task : query->second) {
    if (is_transient(*task)) continue;
    task->is_paused = is_paused;
    if (is_paused) break_barrier(*task, {ErrorCode::ObjectState, "it is paused"});
    schedule(*task);
  }
}

// Returns whether the task may do a step. A paused persistent task first finishes the work that it
// has begun, because look-ups wait for this work. A paused transient task does not: the rest of its
// work may be a whole table, more than its client can receive now.
bool Shard::may_step(const ShardTask& task) {
  if (task.standby) return false;
  if (task.admitted_holds > 0) return !stands(task);
  const bool finishes = !is_transient(task) && task.task->has_unfinished();
  const bool takes_none = task.is_paused || (task.at_barrier && task.at_barrier->is_prepared);
  return !task.held_back_since_us && (!takes_none || finishes);
}

void Shard::schedule(ShardTask& task) {
  if (task.is_queued || !may_step(task)) return;
  task.is_queued = true;
  ready_.push_back(&task);
  if (slice_is_posted_) return;
  slice_is_posted_ = true;
  loop_.post_slice("tasks", [this] { run_slice(); });
}

// Steps the tasks one after the other, for up to kTurn.long_us, or for kTurn.short_us if a socket
// or a message waits. Then returns to the loop.
void Shard::run_slice() {
  slice_is_posted_ = false;
  const int64_t begun_us = clock_.monotonic_us();
  while (!ready_.empty() && !loop_.is_slice_over(clock_.monotonic_us() - begun_us, kTurn)) {
    ShardTask& task = *ready_.front();
    ready_.pop_front();
    task.is_queued = false;
    if (may_step(task)) step(task);
  }
  if (ready_.empty() || slice_is_posted_) return;
  slice_is_posted_ = true;
  loop_.post_rest("tasks", [this] { run_slice(); });
}

void Shard::step(ShardTask& task) {
  loop_.slices().next(task.task->id());
  stepping_ = &task;
  const uint64_t records_before = task.task->metrics().records_in;
  using Intake = engine::Task::Intake;
  const bool takes_none = task.is_paused || task.admitted_holds > 0 ||
                          (task.at_barrier && task.at_barrier->is_prepared);
  const engine::StepResult result = task.task->step(takes_none ? Intake::None : Intake::Records);
  // While rows of a record are left, the counter is not exact and may decrease
  // (Task::update_positions()).
  const uint64_t taken = std::max(task.task->metrics().records_in, records_before) - records_before;
  if (taken > 0) task.rate.add(taken, clock_.monotonic_us());
  // The task's checkpoint is overdue, so the task is held back: more output would only fill the
  // journal. It can wait, because its input is in the log.
  if (is_overdue(task))
    hold_back(task);
  else if (task.held_back_since_us)
    release_held_back(task);
  evict(task, taken);
  charge_memory(task);
  if (result == engine::StepResult::More) schedule(task);
  attend(task);
  report_failure(task);
  check_waiters(task);
  if (task.at_barrier) check_standing(task);
  note_standing(task);
  rest(task);
  // A task without more work may be held again immediately.
  if (result != engine::StepResult::More) task.works_until_us = 0;
  admit_holds(task);
  if (task.after_step) task.after_step(result);
  stepping_ = nullptr;
  for (auto& removed : std::exchange(removed_, {})) destroy(std::move(removed));
}

// Schedules the next step of the task at the time of Task::wakes_at_us().
void Shard::rest(ShardTask& task) {
  const std::optional<int64_t> wakes_at_us = task.task->wakes_at_us();
  if (!wakes_at_us) return;
  if (std::ranges::find(resting_, &task) == resting_.end()) resting_.push_back(&task);
  wake_rested();
}

void Shard::wake_rested() {
  const int64_t now_us = clock_.monotonic_us();
  std::optional<int64_t> next_us;
  std::erase_if(resting_, [&](ShardTask* task) {
    const std::optional<int64_t> wakes_at_us = task->task->wakes_at_us();
    if (wakes_at_us && *wakes_at_us > now_us)
      next_us = std::min(next_us.value_or(*wakes_at_us), *wakes_at_us);
    else if (wakes_at_us)
      schedule(*task);
    return !wakes_at_us || *wakes_at_us <= now_us;
  });
  if (next_us) rest_timer_->start_once((*next_us - now_us + 999) / 1000);
}

// Charges the task's memory to the budget. The budget counts in steps of a few kilobytes, so most
// calls do not change the counters that threads share.
void Shard::charge_memory(ShardTask& task) {
  if (is_transient(task)) return;  // a session is charged for its memory
  const size_t scan_bytes = scan_bytes_of(task);
  task.memory->state.resize(state_bytes_of(task) - scan_bytes);
  task.memory->scans.resize(scan_bytes);
  // Scans are ended here and not at the next tick. Each change is copied for each scan, so a few
  // hundred scans could take gigabytes before that tick.
  if (const size_t excess = scan_bytes > 0 ? memory_.excess_of_scans() : 0; excess > 0)
    end_scans(task, excess);
}

void Shard::report_failure(ShardTask& task) {
  if (task.failure_is_reported || is_transient(task) || !task.task->failure()) return;
  task.failure_is_reported = true;
  break_barrier(task, {ErrorCode::ObjectState, "it has failed"});
  is_reporting_ = true;
  on_failure_(task);
  is_reporting_ = false;
}

// --- Tasks that another node runs

void Shard::carried_out(const std::vector<FollowedCommit>& commits) {
  for (const FollowedCommit& each : commits) {
    committed(each.durable);
    const auto query = tasks_.find(std::string(query_of(each.durable.task)));
    if (query == tasks_.end()) continue;
    const auto found = std::ranges::find_if(query->second, [&](const auto& task) {
      return !is_transient(*task) && task->task->id() == each.durable.task;
    });
    if (found == query->second.end()) continue;
    ShardTask& task = **found;
    if (task.own_sink) task.own_sink->answered(each.durable.sequence, each.durable.commit);
    if (!task.standby) continue;
    if (task.standby->waiting.empty()) {
      task.standby->since_us = clock_.monotonic_us();
      followers_behind_.push_back(&task);
    }
    task.standby->waiting.push_back(each);
    task.standby->waiting_bytes += each.commit->entry.size();
  }
  follow_all();
}

void Shard::follow_all() {
  for (ShardTask* task : std::vector<ShardTask*>(followers_behind_)) follow(*task);
  std::erase_if(followers_behind_,
                [](const ShardTask* task) { return task->standby->waiting.empty(); });
  constexpr int64_t kPauseMs = 5;
  if (!followers_behind_.empty()) return follow_timer_->start_once(kPauseMs);
  for (const auto& done : std::exchange(await_followers_, {})) done();
}

// Applies the waiting commits to the table of a standby task. A scan shows a table as it was when
// the scan began, and a standby task does not keep old rows for scans. So the commits wait until
// the scans have ended. They wait at most kPatienceUs, and only until they have kMostBytes; after
// that the scans are ended with an error.
void Shard::follow(ShardTask& task) {
  constexpr int64_t kPatienceUs = 5'000'000;
  constexpr size_t kMostBytes = 32 << 20;
  ShardTask::Standby& standby = *task.standby;
  const bool is_read = task.admitted_holds > 0 ||
                       std::ranges::any_of(task.task->stage().stores(), [](engine::Store* store) {
                         // removes scans that have ended from the store's list
                         (void)store->overtake_scans(0);
                         return store->layers().has_scans();
                       });
  if (is_read && clock_.monotonic_us() - standby.since_us < kPatienceUs &&
      standby.waiting_bytes < kMostBytes)
    return;
  if (is_read) end_scans(task, SIZE_MAX);
  for (const FollowedCommit& each : std::exchange(standby.waiting, {})) {
    assert(each.commit->sequence == each.durable.sequence);
    if (task.task->failure()) continue;
    auto entry = engine::decode_journal(each.commit->entry);
    if (entry && !standby.keeps_state) {
      entry->changes = {};
      entry->sizes = {};
    }
    const Status followed =
        entry ? task.task->follow(*entry, each.durable.sequence, each.durable.commit)
              : Status(entry.error());
    if (!followed) give_up(task, followed.error());
  }
  standby.waiting_bytes = 0;
  charge_memory(task);
  check_waiters(task);
}

void Shard::when_followed(std::function<void()> done) {
  if (followers_behind_.empty()) return done();
  await_followers_.push_back(std::move(done));
}

// --- Tasks that generate rows

// Starts the timer of generators, with the interval of the fastest generator.
void Shard::start_generators() {
  std::optional<int64_t> interval_ms;
  std::erase_if(generators_, [&](const ShardTask* task) {
    const auto its = task->generator->interval_ms();
    if (its) interval_ms = std::min(interval_ms.value_or(*its), *its);
    return !its && task->task->committed().front() >= task->generator->due();
  });
  if (generators_.empty()) return generator_timer_->stop();
  generator_timer_->start_once(interval_ms.value_or(kTickMs));
}

void Shard::wake_generators() {
  for (ShardTask* task : generators_)
    if (task->generator->due() > task->task->inputs().front().next) schedule(*task);
  start_generators();
}

void Shard::wake_waiting() {
  for (ShardTask* task : attended_)
    if (!task->task->waits_for().empty()) schedule(*task);
}

// --- Waiters

void Shard::check_waiters(ShardTask& task) {
  if (task.waiters.empty()) return;
  std::vector<ShardTask::Waiter> reached;
  std::erase_if(task.waiters, [&](ShardTask::Waiter& waiter) {
    const auto& inputs = task.task->inputs();
    const bool passed = !task.task->shows_again() && task.task->has_published() &&
                        std::ranges::all_of(waiter.targets, [&](const auto& target) {
                          for (size_t i = 0; i < inputs.size(); ++i)
                            if (inputs[i].partition == target.first &&
                                task.task->visible_position(i) < target.second)
                              return false;
                          return true;
                        });
    if (passed || task.task->failure()) reached.push_back(std::move(waiter));
    return passed || task.task->failure();
  });
  note_readers(task);
  for (ShardTask::Waiter& waiter : reached) task.task->when_durable(std::move(waiter.reached));
}

void Shard::when_passed(const std::string& query_id, int stage,
                        const std::vector<std::pair<engine::PartitionRef, Offset>>& targets,
                        const std::weak_ptr<const void>& receiver,
                        std::function<void(Status)> passed) {
  std::vector<ShardTask*> concerned;
  if (const auto query = tasks_.find(query_id); query != tasks_.end())
    for (const auto& task : query->second)
      if (task->stage == stage && !is_transient(*task)) concerned.push_back(task.get());
  const auto countdown = std::make_shared<Countdown>(concerned.size() + 1, std::move(passed));
  for (ShardTask* task : concerned) {
    forget_expired(task->waiters);
    task->waiters.push_back(
        {targets, receiver, [countdown](Status status) { countdown->one(std::move(status)); }});
    check_waiters(*task);
    rest(*task);
    attend(*task);
  }
  countdown->one();
}

engine::PartitionRef Shard::new_wake_key() {
  static std::atomic<int32_t> last = 0;
  return {kWakeKeys, PartitionId(++last)};
}

// Publishes the task's durable positions (server/tasks/query_progress.h). The change wakes joins
// that read the task's output and wait until the positions have passed their targets.
void Shard::publish(const ShardTask& task) {
  if (!task.progress) return;
  std::vector<ProgressOfQuery::Target> positions;
  const auto& inputs = task.task->inputs();
  positions.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    positions.emplace_back(inputs[i].partition, task.task->durable_positions()[i]);
  const engine::TaskMetrics& metrics = task.task->metrics();
  task.progress->publish(task.stage, task.number, positions,
                         {metrics.records_late, metrics.records_in});
}

Shard::Passed Shard::passed(
    const std::string& query_id, int stage,
    const std::vector<std::pair<engine::PartitionRef, Offset>>& targets) const {
  Passed passed;
  const auto query = tasks_.find(query_id);
  if (query == tasks_.end()) return passed;
  const std::map<engine::PartitionRef, Offset> ends(targets.begin(), targets.end());
  for (const auto& task : query->second) {
    if (task->stage != stage || is_transient(*task)) continue;
    ++passed.tasks;
    passed.all = passed.all && !task->task->shows_again() && task->task->has_published();
    passed.records += static_cast<int64_t>(task->task->rows_shown_again());
    const auto& inputs = task->task->inputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      const auto target = ends.find(inputs[i].partition);
      if (target == ends.end()) continue;
      const auto status = log_.find_partition(to_storage(inputs[i].partition));
      const Offset start = std::min(status ? status->log_start() : Offset(0), target->second);
      const Offset at = std::clamp(task->task->durable_positions()[i], start, target->second);
      passed.all = passed.all && task->task->shows_durably(i, target->second);
      passed.records += at - start;
      passed.of_records += target->second - start;
    }
  }
  return passed;
}

// --- Holding tasks between two commits

// Returns whether the task is between two commits. This includes a failed task, because it does no
// further work.
bool Shard::stands(const ShardTask& task) {
  return task.task->is_between_commits() || task.task->failure();
}

void Shard::hold(const std::string& query_id, const void* holder, std::function<void()> standing) {
  const std::vector<ShardTask*> tasks = materializers(query_id);
  const auto countdown = std::make_shared<Countdown>(
      tasks.size() + 1, [standing = std::move(standing)](const Status&) { standing(); });
  for (ShardTask* task : tasks) {
    task->holds.push_back({holder, countdown});
    admit_holds(*task);
  }
  countdown->one();
}

// Stops the task for all waiting requests to hold it (hold()), unless the task is held already, or has worked for a
// shorter time than the last hold took.
void Shard::admit_holds(ShardTask& task) {
  if (task.holds.size() == task.admitted_holds || task.admitted_holds > 0) return;
  const int64_t now_us = clock_.monotonic_us();
  if (task.is_queued && now_us < task.works_until_us) return;
  for (ShardTask::Hold& hold : task.holds) hold.is_admitted = true;
  task.admitted_holds = task.holds.size();
  task.held_since_us = now_us;
  schedule(task);
  note_standing(task);
}

void Shard::note_standing(ShardTask& task) {
  if (task.admitted_holds == 0 || !stands(task)) return;
  // The callbacks run after the loop below, because a callback may release its hold.
  std::vector<std::shared_ptr<Countdown>> reached;
  for (ShardTask::Hold& hold : task.holds)
    if (hold.is_admitted && hold.awaited) reached.push_back(std::exchange(hold.awaited, nullptr));
  for (const auto& countdown : reached) countdown->one();
}

void Shard::release(const std::string& query_id, const void* holder) {
  for (ShardTask* task : materializers(query_id)) {
    const size_t held = task->admitted_holds;
    std::erase_if(task->holds, [&](const ShardTask::Hold& hold) {
      if (hold.holder != holder) return false;
      task->admitted_holds -= hold.is_admitted ? 1 : 0;
      return true;
    });
    if (held == 0 || task->admitted_holds > 0) continue;
    const int64_t now_us = clock_.monotonic_us();
    task->works_until_us = now_us + std::min(now_us - task->held_since_us, kMostWorkUs);
    schedule(*task);
    admit_holds(*task);
  }
}

bool Shard::is_held(const ShardTask& task, const void* holder) {
  const auto hold = std::ranges::find(task.holds, holder, &ShardTask::Hold::holder);
  return hold != task.holds.end() && hold->is_admitted;
}

// --- Reports

std::vector<ShardTask*> Shard::materializers(const std::string& query_id) {
  std::vector<ShardTask*> found;
  const auto query = tasks_.find(query_id);
  if (query == tasks_.end()) return found;
  for (const auto& task : query->second)
    if (task->view) found.push_back(task.get());
  return found;
}

void Shard::share(ShardTask& task) {
  task.shared = std::make_shared<engine::SharedTable>(task.plan, task.number, task.view);
  const std::lock_guard lock(shared_mutex_);
  shared_[task.query_id].push_back(task.shared);
}

void Shard::unshare(const ShardTask& task) {
  task.shared->close();
  const std::lock_guard lock(shared_mutex_);
  const auto query = shared_.find(task.query_id);
  std::erase(query->second, task.shared);
  if (query->second.empty()) shared_.erase(query);
}

std::vector<std::shared_ptr<engine::SharedTable>> Shard::shared_tables(
    const std::string& query_id) {
  const std::lock_guard lock(shared_mutex_);
  const auto query = shared_.find(query_id);
  if (query == shared_.end()) return {};
  return query->second;
}

std::optional<int64_t> Shard::lag_of(const ShardTask& entry) const {
  const engine::Task& task = *entry.task;
  if (entry.generator)
    return std::max<int64_t>(0, entry.generator->due() - task.durable_positions().front());
  int64_t lag = 0;
  for (size_t i = 0; i < task.inputs().size(); ++i) {
    const auto status = log_.find_partition(to_storage(task.inputs()[i].partition));
    if (!status) return std::nullopt;
    lag += std::max<int64_t>(0, status->readable_end() - task.durable_positions()[i]);
  }
  return lag;
}

std::vector<InputPosition> Shard::positions(std::span<const std::string> queries) const {
  std::vector<InputPosition> positions;
  for (const std::string& id : queries) {
    const auto tasks = tasks_.find(id);
    if (tasks == tasks_.end()) continue;
    for (const auto& task : tasks->second) {
      const auto& inputs = task->task->inputs();
      for (size_t i = 0; i < inputs.size(); ++i)
        if (!inputs[i].is_exchange)
          positions.push_back({id, inputs[i].partition, task->task->durable_positions()[i]});
    }
  }
  return positions;
}

std::vector<ShardTaskReport> Shard::reports() const {
  std::vector<ShardTaskReport> reports;
  for (const std::string& id : persistent_queries())
    report(id, ReportDetail::WithPositions, reports);
  return reports;
}

std::vector<std::string> Shard::persistent_queries() const {
  std::vector<std::string> ids;
  for (const auto& [id, tasks] : tasks_)
    if (!tasks.empty() && !is_transient(*tasks.front())) ids.push_back(id);
  return ids;
}

void Shard::report(const std::string& query_id, ReportDetail detail,
                   std::vector<ShardTaskReport>& to) const {
  const auto tasks = tasks_.find(query_id);
  if (tasks == tasks_.end()) return;
  const int64_t now_us = clock_.monotonic_us();
  for (const auto& task : tasks->second) {
    if (is_transient(*task)) continue;
    ShardTaskReport& report = to.emplace_back();
    report.query_id = query_id;
    report.task_id = task->task->id();
    report.stage = task->stage;
    report.epoch = task->task->epoch();
    if (detail == ReportDetail::WithPositions) report.positions = positions_of(*task->task);
    report.metrics = task->task->metrics();
    if (!task->task->waits_for().empty())
      report.metrics.last_error = "waits: " + task->task->waits_for();
    if (const engine::SlowRow* row = task->task->slow_row())
      tell_of(*row, now_us, report.metrics.last_error);
    report.awaited_query = task->task->awaited_query();
    report.metrics.records_per_second = task->rate.per_second(now_us);
    report.lag_records = lag_of(*task);
    report.has_failed = task->task->failure().has_value();
    report.is_paused = task->is_paused;
    report.is_standby = task->standby.has_value();
    for (const engine::Store* store : task->task->stage().stores())
      report.state_entries += store->size();
    report.held_back_us = task->held_back_us;
    if (task->held_back_since_us) report.held_back_us += now_us - *task->held_back_since_us;
    report.backlog = journals_.at(task->journal)->checkpoints->backlog_of(report.task_id);
    report.state_bytes = report.memory_bytes = state_bytes_of(*task);
  }
}

// --- The timer. It checks only the tasks in attended_, so idle tasks cost nothing.

bool Shard::needs_attention(const ShardTask& task) {
  return !task.waiters.empty() || task.held_back_since_us || !task.task->waits_for().empty();
}

void Shard::attend(ShardTask& task) {
  if (task.is_attended || !needs_attention(task)) return;
  task.is_attended = true;
  attended_.push_back(&task);
  start_timer();
}

// Starts the timer, or changes it to the short interval. Only tick() changes it back to the long
// interval: a timer that was restarted by each call would never expire.
void Shard::start_timer() {
  const bool is_fast = memory_.is_state_full();
  if (timer_->is_running() && (timer_is_fast_ || !is_fast)) return;
  timer_is_fast_ = is_fast;
  timer_->start_every(is_fast ? kTickOfFullMs : kTickMs);
}

void Shard::tick() {
  const bool is_dirty = tick_journals();
  // Look-ups also bring state into memory, so the memory of all tasks is counted again.
  if (std::exchange(has_read_state_, false))
    for (ShardTask* task : evictable_) charge_memory(*task);
  std::erase_if(attended_, [&](ShardTask* task) {
    charge_memory(*task);
    if (task->held_back_since_us && !is_overdue(*task)) release_held_back(*task);
    forget_expired(task->waiters);
    note_readers(*task);
    if (!task->task->waits_for().empty()) schedule(*task);
    task->is_attended = needs_attention(*task);
    return !task->is_attended;
  });
  if (memory_.is_state_full() && !is_evicting_) {
    is_evicting_ = true;
    left_alone_ = 0;
    evict_idle();
  }
  if (memory_.holds_too_much_state()) overtake_scans();
  if (attended_.empty() && !is_dirty) {
    timer_->stop();
  } else if (timer_is_fast_ && !memory_.is_state_full()) {
    timer_->stop();
    start_timer();
  }
}

// --- Journals

void Shard::own(PartitionId journal, std::unique_ptr<JournalCheckpoints> checkpoints) {
  const auto [place, is_new] =
      journals_.emplace(journal, std::make_unique<Journal>(std::move(checkpoints), memory_));
  assert(is_new);  // two owners of one journal would each make checkpoints of it
}

void Shard::committed(const DurableCommit& commit) {
  journals_.at(commit.journal)->checkpoints->add(commit);
  start_timer();
}

void Shard::drop_journalled(const std::string& prefix, std::vector<std::function<void()>>& left) {
  for (const auto& [number, journal] : journals_)
    left.push_back(journal->checkpoints->drop(prefix));
  start_timer();  // the timer trims a journal that was kept for these tasks
}

// Ends the tasks of a journal that JournalCheckpoints has found lost: entries of these tasks in the journal are missing
// or damaged. The tasks still have all of their state in memory, but they must not continue, because a restart could
// not restore their next commits.
void Shard::end_lost(PartitionId number, const JournalCheckpoints& checkpoints) {
  std::vector<std::pair<ShardTask*, Error>> lost;
  for (const auto& [id, tasks] : tasks_)
    for (const auto& task : tasks)
      if (!is_transient(*task) && task->journal == number)
        if (auto why = checkpoints.why_lost(task->task->id()))
          lost.emplace_back(task.get(), *std::move(why));
  for (auto& [task, why] : lost) {
    task->is_lost = true;
    why.code = ErrorCode::DataCorrupted;
    give_up(*task, std::move(why));
  }
}

void Shard::give_up(ShardTask& task, Error why) {
  task.task->give_up(std::move(why));
  report_failure(task);
  check_waiters(task);
}

void Shard::end_reading(const storage::TopicPartition& partition, const Error& why) {
  const auto found = readers_.find(to_engine(partition));
  if (found == readers_.end()) return;
  for (ShardTask* task : found->second) {
    if (!is_transient(*task)) continue;
    task->task->give_up(why);
    schedule(*task);  // a step reports the error to the task's owner
  }
}

void Shard::hold_back(ShardTask& task) {
  if (!task.held_back_since_us) task.held_back_since_us = clock_.monotonic_us();
  attend(task);
}

void Shard::release_held_back(ShardTask& task) {
  task.held_back_us += clock_.monotonic_us() - *task.held_back_since_us;
  task.held_back_since_us.reset();
  schedule(task);
}

bool Shard::is_overdue(const ShardTask& task) const {
  if (is_transient(task)) return false;
  const JournalCheckpoints& checkpoints = *journals_.at(task.journal)->checkpoints;
  if (checkpoints.is_overdue()) return true;
  // State can leave memory only after a checkpoint contains it, so a checkpoint is useful now.
  return memory_.is_state_overfull() && state_bytes_of(task) > kLittleState &&
         checkpoints.backlog_of(task.task->id()).journal_bytes > 0;
}

// Called when a checkpoint contains the task's state up to `commit`. State that leaves the memory
// from now on must be found in this checkpoint. The open snapshot of the state store may be older
// than the checkpoint, so it is closed.
void Shard::note_stored(const std::string& task_id, TaskSequence commit) {
  state_->end();
  const auto query = tasks_.find(std::string(query_of(task_id)));
  if (query == tasks_.end()) return;
  for (const auto& task : query->second)
    if (task->task->id() == task_id) task->task->note_stored(commit);
}

// --- State that does not fit into memory

// Removes state of the task from memory after the task has read `records` records. It examines more
// entries than the records can have brought into memory, because most entries are examined twice
// before they are removed.
void Shard::evict(ShardTask& task, uint64_t records) {
  constexpr size_t kLookedAt = 64, kLookedAtForRecord = 4;
  if (!is_transient(task) && memory_.is_state_full())
    task.task->evict(kLookedAt + kLookedAtForRecord * records);
}

// Removes state of all tasks from memory in slices, including tasks that do no steps. Ends when
// nothing more can be removed, because the rest is kept for scans or for commits whose checkpoint
// is not complete.
void Shard::evict_idle() {
  constexpr size_t kLookedAt = 4'096, kRounds = 3;
  const int64_t until_us = clock_.monotonic_us() + kTurn.long_us / 2;
  for (; memory_.is_state_full() && left_alone_ < kRounds * evictable_.size();
       evictable_.push_back(evictable_.front()), evictable_.pop_front()) {
    if (clock_.monotonic_us() >= until_us)
      return loop_.post_rest("eviction", [this] { evict_idle(); });
    ShardTask& task = *evictable_.front();
    left_alone_ = task.task->evict(kLookedAt) > 0 ? 0 : left_alone_ + 1;
    charge_memory(task);
  }
  is_evicting_ = false;
}

// Ends all scans, because they keep state in memory. Does nothing if the tasks have little state,
// because ending scans would then free little memory.
void Shard::overtake_scans() {
  size_t bytes = 0;
  for (const ShardTask* task : evictable_) bytes += state_bytes_of(*task);
  if (bytes < kMuchState) return;
  for (ShardTask* task : evictable_) end_scans(*task, SIZE_MAX);
}

// Ends scans of the task to free `bytes`. Frees the scans' copies of rows now, because their
// readers may not return for an hour.
void Shard::end_scans(ShardTask& task, size_t bytes) {
  for (const engine::StoreScanPtr& scan : task.task->overtake_scans(bytes))
    release_in_slices([scan] { return scan->release_some(); });
  task.memory->scans.resize(scan_bytes_of(task));
}

// Ticks all journals. Returns whether one of them has further work.
bool Shard::tick_journals() {
  using Memory = JournalCheckpoints::Memory;
  const bool is_waited_for = std::ranges::any_of(
      attended_, [](const ShardTask* task) { return task->held_back_since_us.has_value(); });
  const Memory memory = is_waited_for && memory_.is_state_overfull()    ? Memory::Exhausted
                        : memory_.is_tight() || memory_.is_state_full() ? Memory::Tight
                                                                        : Memory::Enough;
  bool is_dirty = false;
  for (const auto& [number, journal] : journals_) {
    journal->checkpoints->tick(memory);
    for (const auto& [task, commit] : journal->checkpoints->take_stored())
      note_stored(task, commit);
    if (journal->checkpoints->take_has_lost()) end_lost(number, *journal->checkpoints);
    journal->frozen.resize(journal->checkpoints->memory_bytes());
    is_dirty |= journal->checkpoints->is_dirty();
  }
  return is_dirty;
}

}  // namespace server
