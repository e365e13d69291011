#include "server/tasks/query_supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "server/metadata/query_topics.h"
#include "storage/kv/damage.h"

namespace server {

namespace {

constexpr BackOff kRemovalPace{200, 30'000};
constexpr int64_t kRemovalsAtStopMs = 1'000;
constexpr int64_t kFirstPatienceMs = 500;

void add_hint(Error& error, std::string_view sentence) {
  if (!error.hint.empty()) error.hint += ' ';
  error.hint += sentence;
}

}  // namespace

void QuerySupervisor::start_thread() {
  thread_ = std::thread([this] { run(); });
}

void QuerySupervisor::stop_thread() {
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  // Operations wait for the shards, so they must end before the caller stops the shards.
  gate_.close();
  gate_.wait_until_empty();
}

void QuerySupervisor::run() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    std::optional<int64_t> due_ms = schedule_.next_due_ms();
    for (const Removal& removal : removals_)
      due_ms = std::min(due_ms.value_or(INT64_MAX), removal.due_ms);
    const int64_t wait_ms = due_ms ? *due_ms - now_ms() : INT64_MAX;
    const bool must_ask = schedule_.has_parked() && !awaits_room_;
    if (wait_ms > 0 && !must_ask && lost_.empty() && to_rebuild_.empty() && to_stand_.empty()) {
      if (due_ms)
        changed_.wait_for(lock, std::chrono::milliseconds(wait_ms));
      else
        changed_.wait(lock);
      continue;  // another attempt may be due, or none
    }
    lock.unlock();
    end_lost();
    stand();
    rebuild();
    attempt_due();
    remove_next();
    await_room();
    lock.lock();
  }
  lock.unlock();
  // At a regular stop, the data of dropped queries is removed now if this is quick. Otherwise it is
  // removed after the next start.
  const int64_t until_ms = now_ms() + kRemovalsAtStopMs;
  while (now_ms() < until_ms && remove_next()) continue;
}

std::unique_lock<std::mutex> QuerySupervisor::begin_operation() {
  ++waiting_operations_;
  std::unique_lock operation(operation_mutex_);
  --waiting_operations_;
  return operation;
}

void QuerySupervisor::attempt_due() {
  std::lock_guard operation(operation_mutex_);
  std::vector<RestartSchedule::Attempt> attempts;
  {
    std::lock_guard lock(mutex_);
    attempts = schedule_.take_due(now_ms());
  }
  if (!attempts.empty()) launch_giving_way(attempts);
}

// Called under operation_mutex_.
void QuerySupervisor::launch_giving_way(const std::vector<RestartSchedule::Attempt>& attempts) {
  has_given_way_ = false;
  launch(attempts, [this, until_ms = now_ms() + patience_ms_] {
    return waiting_operations_ > 0 && now_ms() >= until_ms;
  });
  patience_ms_ = has_given_way_ ? std::max(kFirstPatienceMs, patience_ms_ * 2) : 0;
}

// Removes all tasks of each query with a lost task, as a restart would: otherwise the other tasks
// would wait for the lost one.
void QuerySupervisor::end_lost() {
  std::lock_guard operation(operation_mutex_);
  std::vector<std::string> lost;
  {
    std::lock_guard lock(mutex_);
    lost.swap(lost_);
  }
  for (const std::string& id : lost) {
    const auto found = wanted_.find(id);
    if (found == wanted_.end()) continue;  // the query was dropped meanwhile
    std::unique_lock lock(mutex_);
    auto trouble = schedule_.trouble_of(id);
    // a statement has restarted the query
    if (!trouble || trouble->kind != Trouble::Kind::Stopped) continue;
    trouble->error.hint = hint_about_damage(*found->second.defined);
    // The reason is noted before the tasks are removed, so that a reader that finds no tasks finds
    // the reason.
    schedule_.stop(id, std::move(trouble->error));
    lock.unlock();
    tasks_.remove(id);  // without mutex_: waits for the shards
  }
}

// Handles queries that have stopped at a bad record. Their failed tasks have processed a part of
// the bad record in memory. So all tasks of such a query are built again as of their last commits,
// and do no further work: readers then see the query's table as it was committed.
void QuerySupervisor::stand() {
  std::lock_guard operation(operation_mutex_);
  std::vector<QueryTasks::Launch> launches;
  std::set<std::string> taken;
  {
    std::lock_guard lock(mutex_);
    taken = to_stand_;
    for (const std::string& id : taken) {
      const auto found = wanted_.find(id);
      const auto trouble = schedule_.trouble_of(id);
      if (found == wanted_.end() || !trouble || trouble->kind != Trouble::Kind::Stopped) continue;
      // Another node may run such a query and may append commits to the journal from now on, so no
      // tasks are built here.
      if (tasks_.commits().may_run_elsewhere(*found->second.defined)) continue;
      launches.push_back({found->second.defined, schedule_.run_of(id), RunMode::Batches, true});
      note_change(id);
    }
  }
  if (!launches.empty())
    for (const Status& built : tasks_.start(launches))
      if (!built)
        log_warn("cannot build tasks of a stopped query error=\"{}\"", built.error().message);
  std::lock_guard lock(mutex_);
  for (const QueryTasks::Launch& each : launches) note_change(each.defined->plan->id);
  for (const std::string& id : taken) to_stand_.erase(id);
}

void QuerySupervisor::rebuild_soon(std::vector<std::string> queries) {
  std::lock_guard lock(mutex_);
  to_rebuild_.insert(queries.begin(), queries.end());
  changed_.notify_all();
}

// Builds the tasks of the queries in to_rebuild_, one journal after the other. Operations may run
// between two journals, and also interrupt the work on a journal, but only after patience_ms_,
// because users wait for these queries, too.
void QuerySupervisor::rebuild() {
  for (bool is_left = true; is_left; let_others_go_first()) {
    std::lock_guard operation(operation_mutex_);
    const auto attempts = next_to_rebuild();
    is_left = !attempts.empty();
    if (!is_left) return;
    patience_ms_ = std::max(patience_ms_, kFirstPatienceMs);
    launch_giving_way(attempts);
  }
}

// Returns attempts for the queries of one journal. Called under operation_mutex_.
std::vector<RestartSchedule::Attempt> QuerySupervisor::next_to_rebuild() {
  std::vector<RestartSchedule::Attempt> attempts;
  std::optional<PartitionId> journal;
  std::lock_guard lock(mutex_);
  std::erase_if(to_rebuild_, [&](const std::string& id) {
    const auto found = wanted_.find(id);
    if (found == wanted_.end()) return true;  // the query was dropped meanwhile
    const auto& its_journal = found->second.defined->journal;
    if (!attempts.empty() && its_journal != journal) return false;
    journal = its_journal;
    attempts.push_back(schedule_.begin_run(id));
    return true;
  });
  return attempts;
}

// Lets the waiting operations begin first. A thread that unlocks a mutex and locks it again
// immediately would usually get it before them.
void QuerySupervisor::let_others_go_first() {
  constexpr int kMostTurns = 100;
  for (int i = 0; waiting_operations_ > 0 && i < kMostTurns; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// Builds the tasks for the attempts. Called under operation_mutex_.
void QuerySupervisor::launch(const std::vector<RestartSchedule::Attempt>& attempts,
                             const GivesWay& gives_way) {
  std::vector<QueryTasks::Launch> launches;
  for (const RestartSchedule::Attempt& attempt : attempts) {
    const auto found = wanted_.find(attempt.query_id);
    if (found == wanted_.end()) continue;  // the query was dropped meanwhile
    if (Status removed = finish_removal_of(attempt.query_id); !removed) {
      std::lock_guard lock(mutex_);
      report(attempt.query_id, removed.error(), "not started");
      note_change(attempt.query_id);
      schedule_.start_failed(attempt.query_id, std::move(removed).error(), now_ms());
      changed_.notify_all();
      continue;
    }
    launches.push_back({found->second.defined, attempt.run, attempt.mode, found->second.is_paused});
  }
  if (launches.empty()) return;
  {
    // The change is noted before tasks are removed. So a reader that finds no task, or a new one,
    // also sees a new value of changes().
    std::lock_guard lock(mutex_);
    for (const QueryTasks::Launch& each : launches) note_change(each.defined->plan->id);
  }
  std::vector<Status> started = tasks_.start(launches, gives_way);
  // If a query cannot start before a statement changes it, its old tasks are removed, too. Called
  // without mutex_, because the removal waits for the shards.
  for (size_t i = 0; i < launches.size(); ++i)
    if (!started[i] && RestartSchedule::is_for_good(started[i].error()))
      tasks_.remove(launches[i].defined->plan->id);
  std::lock_guard lock(mutex_);
  bool is_failed = false;
  for (size_t i = 0; i < launches.size(); ++i) {
    const std::string& id = launches[i].defined->plan->id;
    note_change(id);
    if (started[i]) {
      schedule_.started(id);
      continue;
    }
    // QueryCanceled is not reported, because it is not a failure: the start yielded to an
    // operation, has to wait, or ended because the server stops.
    Error error = std::move(started[i]).error();
    if (error.code == ErrorCode::QueryCanceled) {
      schedule_.put_off({id, launches[i].run, launches[i].mode}, now_ms());
      has_given_way_ = is_failed = true;
      continue;
    }
    if (error.code == ErrorCode::UnknownTopic)
      error.hint = hint_about_lost_topic(*launches[i].defined);
    if (error.code != ErrorCode::ShuttingDown) report(id, error, "not started");
    schedule_.start_failed(id, std::move(error), now_ms());
    is_failed = true;
  }
  if (const uint64_t others = log_rate_.take_suppressed(); others > 0)
    log_error("more queries not started, for reasons like these count={}", others);
  if (is_failed) changed_.notify_all();  // an attempt is due at another time
}

void QuerySupervisor::remove_leftovers(const Known& known) {
  const Result<QueryTasks::Inventory> found = tasks_.inventory();
  if (!found) {
    log_error("cannot search for leftovers error=\"{}\"", found.error().message);
    return;
  }
  for (const Uuid& topic : found->topics) {
    if (known.topics.contains(topic)) continue;
    log_info("a topic without a definition is removed id={}", topic.to_string());
    drop_topic(topic);
  }
  for (const std::string& query : found->queries) {
    if (known.queries.contains(query)) continue;
    log_info("state of a query without a definition is removed query={}", query);
    remove_later({.query = query, .topic = {}});
  }
}

void QuerySupervisor::start(std::vector<QueryPtr> queries) {
  const Gate::Pass pass(gate_);
  if (!pass.is_admitted()) return;
  const auto operation = begin_operation();
  std::vector<RestartSchedule::Attempt> attempts;
  for (QueryPtr& query : queries) {
    const std::string id = query->plan->id;
    const bool is_paused = query->query->state == engine::DesiredState::Paused || query->stands;
    tasks_.progress().define(query);
    wanted_[id] = {std::move(query), is_paused};
    std::lock_guard lock(mutex_);
    attempts.push_back(schedule_.begin_run(id));
  }
  // The start never yields, because the caller waits for it.
  launch(attempts, [] { return false; });
}

void QuerySupervisor::stop(const DefinedQuery& defined, Keep keep) {
  const Gate::Pass pass(gate_);
  if (!pass.is_admitted()) return;
  const std::string& id = defined.plan->id;
  {
    const auto operation = begin_operation();
    wanted_.erase(id);
    {
      std::lock_guard lock(mutex_);
      schedule_.forget(id);
      obstacles_.erase(id);
      note_change(id);
      changed_at_.erase(id);
    }
    tasks_.remove(id);
    tasks_.progress().forget(id);
  }
  if (keep == Keep::State) return;
  remove_later({.query = id, .topic = {}});
  for (const Uuid& exchange : defined.exchange_ids) drop_topic(exchange);
}

void QuerySupervisor::stop_with_error(const DefinedQuery& defined, Error why) {
  const Gate::Pass pass(gate_);
  if (!pass.is_admitted()) return;
  const std::string& id = defined.plan->id;
  const auto operation = begin_operation();
  {
    std::lock_guard lock(mutex_);
    // The deletion of a topic is reported elsewhere, once for all its queries.
    if (why.code != ErrorCode::UnknownTopic) report(id, why, "stopped");
    if (why.code == ErrorCode::IncompatibleFormat) wanted_.erase(id);  // the old definition is void
    schedule_.stop(id, std::move(why));
    note_change(id);
  }
  tasks_.remove(id);
}

void QuerySupervisor::pause(const std::string& query_id, bool is_paused) {
  const Gate::Pass pass(gate_);
  if (!pass.is_admitted()) return;
  const auto operation = begin_operation();
  const auto found = wanted_.find(query_id);
  if (found == wanted_.end()) return;
  found->second.is_paused = is_paused;
  bool stands = false;  // the query is stopped, and retry_now() below starts it
  {
    std::lock_guard lock(mutex_);
    note_change(query_id);
    const auto trouble = schedule_.trouble_of(query_id);
    stands = trouble && trouble->kind == Trouble::Kind::Stopped;
  }
  if (is_paused || !stands) tasks_.pause(query_id, is_paused);
  if (is_paused) return;
  // With RESUME of a query in state ERROR, the user states that the cause has been removed, so the
  // query starts immediately.
  std::lock_guard lock(mutex_);
  schedule_.retry_now(query_id, now_ms());
  changed_.notify_all();
}

void QuerySupervisor::drop_topic(const Uuid& topic) { remove_later({.query = {}, .topic = topic}); }

void QuerySupervisor::remove_later(Removal removal) {
  std::lock_guard lock(mutex_);
  removal.due_ms = now_ms();
  removals_.push_back(std::move(removal));
  changed_.notify_all();
}

// Removes the data of one dropped query or topic that is due. Returns false if none is due. Only
// one is removed, so that attempts can run between removals.
bool QuerySupervisor::remove_next() {
  Removal removal;
  {
    std::lock_guard lock(mutex_);
    const auto due = std::ranges::find_if(
        removals_, [now = now_ms()](const Removal& each) { return each.due_ms <= now; });
    if (due == removals_.end()) return false;
    removal = std::move(*due);
    removals_.erase(due);
    being_removed_ = removal.query;
  }
  (void)try_remove(std::move(removal));
  std::lock_guard lock(mutex_);
  being_removed_.clear();
  changed_.notify_all();
  return true;
}

// Removes the data. If that fails, schedules another attempt. Called without mutex_, because the
// removal waits for the disk.
Status QuerySupervisor::try_remove(Removal removal) {
  Status removed =
      removal.query.empty() ? tasks_.drop_topic(removal.topic) : tasks_.drop_state(removal.query);
  if (removed) return removed;
  std::lock_guard lock(mutex_);
  if (removal.delay_ms == 0)
    log_warn("cannot remove an object, it is tried again later {}={} error=\"{}\"",
             removal.query.empty() ? "topic" : "query",
             removal.query.empty() ? removal.topic.to_string() : removal.query,
             removed.error().message);
  removal.delay_ms = removal.delay_ms == 0
                         ? kRemovalPace.first_ms
                         : std::min(removal.delay_ms * 2, kRemovalPace.longest_ms);
  removal.due_ms = now_ms() + removal.delay_ms;
  removals_.push_back(std::move(removal));
  changed_.notify_all();
  return removed;
}

// Finishes a pending removal of the state of an earlier query with this id. Otherwise a new query
// with this id could begin with the old state, or lose its own state to the removal.
Status QuerySupervisor::finish_removal_of(const std::string& query_id) {
  Removal removal;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return being_removed_ != query_id; });
    const auto found = std::ranges::find(removals_, query_id, &Removal::query);
    if (found == removals_.end()) return {};
    removal = std::move(*found);
    removals_.erase(found);
  }
  return try_remove(std::move(removal));
}

Status QuerySupervisor::finish_removal(const std::string& query_id) {
  const Gate::Pass pass(gate_);
  if (pass.is_admitted()) return finish_removal_of(query_id);
  return Error{ErrorCode::ShuttingDown, "the server is shutting down"};
}

void QuerySupervisor::task_failed(const TaskNews& news) {
  std::lock_guard lock(mutex_);
  if (!schedule_.task_failed(news, now_ms())) return;
  note_change(news.query_id);
  if (news.is_lost) lost_.push_back(news.query_id);
  const auto trouble = schedule_.trouble_of(news.query_id);
  if (trouble && trouble->kind == Trouble::Kind::Stopped && !news.is_lost &&
      !storage::is_damage(news.error.code))
    to_stand_.insert(news.query_id);
  if (trouble && trouble->kind == Trouble::Kind::Parked && was_told(news.query_id)) {
    changed_.notify_all();
    return;
  }
  report(news.query_id, news.error,
         trouble && trouble->kind == Trouble::Kind::Stopped ? "stopped"
         : trouble && trouble->kind == Trouble::Kind::Parked
             ? "waits until the disk has free space"
             : "failed, restarts from its last commit");
  // The supervisor's thread registers for free space (await_room()), so that no loop has to do it.
  changed_.notify_all();
}

// Returns whether a line in the log has reported, within the last minute, that the query waits for
// free space. On a full disk, a little space becomes free again and again, and each time the query
// fails again; without this limit each failure would be logged.
bool QuerySupervisor::was_told(const std::string& query_id) {
  constexpr int64_t kAgainMs = 60'000;
  const int64_t now = now_ms();
  std::erase_if(parked_told_ms_, [&](const auto& each) { return now - each.second >= kAgainMs; });
  return !parked_told_ms_.emplace(query_id, now).second;
}

// Registers a callback for the time when the log accepts writes again. The callback may be called
// immediately.
void QuerySupervisor::await_room() {
  {
    std::lock_guard lock(mutex_);
    if (awaits_room_ || !schedule_.has_parked()) return;
    awaits_room_ = true;
  }
  log_.when_writable([this] {
    std::lock_guard lock(mutex_);
    awaits_room_ = false;
    schedule_.room_is_back(now_ms());
    changed_.notify_all();
  });
}

// Logs an error of a query, at a limited rate. On a full disk all queries fail together, and every
// later attempt fails. Called under mutex_.
void QuerySupervisor::report(const std::string& query_id, const Error& error,
                             const char* what_next) {
  if (!log_rate_.allows(clock_.monotonic_us())) return;
  if (const uint64_t others = log_rate_.take_suppressed(); others > 0)
    log_warn("failures of queries not shown count={}", others);
  log_error("query {} query={} error=\"{}\"{}", what_next, query_id, error.message,
            error.detail.empty() ? "" : fmt::format(" detail=\"{}\"", error.detail));
}

Error QuerySupervisor::explain(const Trouble& trouble) {
  Error error = trouble.error;
  switch (trouble.kind) {
    case Trouble::Kind::Waiting:
      add_hint(error,
               "The query is tried again automatically, and at once after PAUSE and RESUME.");
      break;
    case Trouble::Kind::Parked:
      add_hint(error, "The query continues automatically when the disk has free space.");
      break;
    case Trouble::Kind::Stopped:
      if (error.hint.empty() && storage::is_damage(error.code))
        error.hint = storage::advice_about_damage();
      if (error.hint.empty() || !RestartSchedule::is_for_good(error))
        add_hint(error,
                 "Its state is kept. When the cause is removed, PAUSE and RESUME start it again.");
      break;
  }
  return error;
}

std::optional<Error> QuerySupervisor::trouble_of(const std::string& query_id) const {
  std::lock_guard lock(mutex_);
  const auto trouble = schedule_.trouble_of(query_id);
  if (!trouble) return std::nullopt;
  return explain(*trouble);
}

// Increases changes() for the query. Called under mutex_.
void QuerySupervisor::note_change(const std::string& query_id) {
  changed_at_[query_id] = ++changes_;
}

QuerySupervisor::Health QuerySupervisor::health_of(const std::string& query_id) const {
  std::lock_guard lock(mutex_);
  Health health{.is_starting = schedule_.is_attempting(query_id) || to_stand_.contains(query_id)};
  if (const auto found = changed_at_.find(query_id); found != changed_at_.end())
    health.since = found->second;
  health.trouble = schedule_.trouble_of(query_id);
  if (health.trouble) health.trouble->error = explain(*health.trouble);
  return health;
}

std::map<std::string, Error> QuerySupervisor::troubles() const {
  std::map<std::string, Error> all;
  std::lock_guard lock(mutex_);
  for (const auto& [id, trouble] : schedule_.troubles()) all.emplace(id, explain(trouble));
  return all;
}

void QuerySupervisor::note_obstacle(const std::string& query_id, std::optional<Error> why) {
  std::lock_guard lock(mutex_);
  if (why)
    obstacles_[query_id] = *std::move(why);
  else
    obstacles_.erase(query_id);
}

std::map<std::string, Error> QuerySupervisor::obstacles() const {
  std::lock_guard lock(mutex_);
  return obstacles_;
}

}  // namespace server
