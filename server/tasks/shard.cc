#include "server/tasks/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "server/net/slice_meter.h"
#include "server/tasks/shard/task_helpers.h"

namespace server {

namespace {

// The intervals of the checks for checkpoints: normally, and while the memory for state is full.
constexpr int64_t kTickMs = 500, kTickOfFullMs = 20;

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

void Shard::report_failure(ShardTask& task) {
  if (task.failure_is_reported || is_transient(task) || !task.task->failure()) return;
  task.failure_is_reported = true;
  break_barrier(task, {ErrorCode::ObjectState, "it has failed"});
  is_reporting_ = true;
  on_failure_(task);
  is_reporting_ = false;
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

}  // namespace server
