#include "server/connect/connect_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "engine/connect/state_record.h"
#include "server/connect/hosts/connect_host.h"
#include "server/connect/ports.h"

namespace server {

namespace {

constexpr int64_t kFirstPauseMs = 100;  // pause before a restart, doubled with each failure
constexpr int64_t kLongestPauseMs = 30'000;

}  // namespace

std::string trace_of(const Error& error) {
  std::string trace = error.message;
  if (!error.detail.empty()) trace += "\nDETAIL: " + error.detail;
  if (!error.hint.empty()) trace += "\nHINT: " + error.hint;
  return trace;
}

bool is_permanent(const Error& error) {
  switch (error.code) {
    case ErrorCode::InvalidParameter:
    case ErrorCode::InsufficientPrivilege:
    case ErrorCode::NotSupported:
    case ErrorCode::InvalidText:
    case ErrorCode::OutOfRange:
    case ErrorCode::BadCopyFormat:
    case ErrorCode::InvalidEncoding:
    case ErrorCode::RecordTooLarge:
    case ErrorCode::CorruptRecord:
    case ErrorCode::DataCorrupted:
    case ErrorCode::LimitExceeded:
      return true;
    default:
      return false;
  }
}

ConnectTask::ConnectTask(TaskSurroundings around, TaskIdentity identity)
    : around_(std::move(around)),
      identity_(std::move(identity)),
      state_partition_(engine::connect_state_partition(identity_.definition->name, identity_.task)),
      account_(around_.memory),
      charge_(&account_, MemoryKind::Queues) {}

ConnectTask::~ConnectTask() { stop(); }

void ConnectTask::start() {
  thread_ = std::thread([this] { run(); });
}

void ConnectTask::stop() {
  {
    const std::lock_guard lock(mutex_);
    must_stop_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void ConnectTask::pause(bool is_paused) {
  const std::lock_guard lock(mutex_);
  is_paused_ = is_paused;
  changed_.notify_all();
}

void ConnectTask::wake() {
  const std::lock_guard lock(mutex_);
  is_woken_ = true;
  changed_.notify_all();
}

TaskFacts ConnectTask::facts() const {
  const std::lock_guard lock(mutex_);
  TaskFacts facts = facts_;
  facts.memory_bytes = static_cast<int64_t>(account_.held_bytes());
  return facts;
}

bool ConnectTask::is_fenced() const {
  const std::lock_guard lock(mutex_);
  return is_fenced_;
}

bool ConnectTask::must_stop() const {
  const std::lock_guard lock(mutex_);
  return must_stop_;
}

bool ConnectTask::wait_for(int64_t ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return must_stop_; });
  return !must_stop_;
}

void ConnectTask::set_state(ConnectorState state, std::string trace) {
  bool is_stored;
  {
    const std::lock_guard lock(mutex_);
    // A task may often wait for a short time while its state stays Running. Such a reason to wait
    // (`trace`) is visible in facts(), but it is neither logged nor stored.
    const bool has_failed = state != ConnectorState::Running && facts_.trace != trace;
    is_stored = facts_.state != state || has_failed;
    facts_.state = state;
    facts_.trace = trace;
  }
  if (is_stored) around_.host.changed_state(*identity_.definition, identity_.task, state, trace);
}

void ConnectTask::run() {
  int64_t pause_ms = kFirstPauseMs;
  while (!must_stop()) {
    const int64_t begun_us = around_.clock.monotonic_us();
    const Status ended = run_once();
    close();
    release_memory();
    if (must_stop() || ended) break;
    // If the task has run for kLongRunUs before it failed, the pauses between restarts begin with
    // the shortest one again.
    constexpr int64_t kLongRunUs = 60'000'000;
    if (around_.clock.monotonic_us() - begun_us > kLongRunUs) pause_ms = kFirstPauseMs;
    Error error = ended.error();
    error.message = identity_.hide_secrets(error.message);
    error.detail = identity_.hide_secrets(error.detail);
    if (is_permanent(error)) {
      log_warn("connector task failed connector={} task={} error=\"{}\"",
               identity_.definition->name, identity_.task, error.message);
      set_state(ConnectorState::Failed, trace_of(error));
      return;
    }
    if (error.code == ErrorCode::FencedTask && around_.host.requires_fence()) {
      log_info("connector task ends connector={} task={} error=\"{}\"", identity_.definition->name,
               identity_.task, error.message);
      set_state(ConnectorState::Unassigned, trace_of(error));
      const std::lock_guard lock(mutex_);
      is_fenced_ = true;
      return;
    }
    log_info("connector task restarts connector={} task={} pause_ms={} error=\"{}\"",
             identity_.definition->name, identity_.task, pause_ms, error.message);
    set_state(ConnectorState::Restarting, trace_of(error));
    {
      const std::lock_guard lock(mutex_);
      ++facts_.restarts;
    }
    if (!wait_for(pause_ms)) break;
    pause_ms = std::min(2 * pause_ms, kLongestPauseMs);
  }
}

Status ConnectTask::read_state() {
  state_ = {};
  TRY(around_.log.read(state_partition_, state_));
  commits_ = 0;
  const auto last =
      state_.entries.find(engine::commit_key(identity_.definition->name, identity_.task));
  if (last != state_.entries.end()) {
    const auto value = engine::parse_commit(last->second.value);
    if (value && value->connector == identity_.definition->id) {
      commits_ = value->commit;
      return {};
    }
  }
  if (!around_.host.requires_fence()) return {};
  return Error{ErrorCode::FencedTask,
               fmt::format("__connect_state has no record of connector {}: it was dropped",
                           identity_.definition->name)};
}

std::vector<std::pair<std::string, std::string>> ConnectTask::positions() const {
  std::vector<std::pair<std::string, std::string>> positions;
  for (const auto& [key, entry] : state_.entries) {
    const auto parsed = engine::parse_state_key(key);
    if (!parsed || parsed->kind != "position" || parsed->connector != identity_.definition->name)
      continue;
    const auto value = engine::parse_position(entry.value);
    if (value && value->connector == identity_.definition->id)
      positions.emplace_back(parsed->rest, value->offset_json);
  }
  return positions;
}

std::optional<std::string> ConnectTask::position_of(const std::string& partition_json) const {
  const auto entry =
      state_.entries.find(engine::position_key(identity_.definition->name, partition_json));
  if (entry == state_.entries.end()) return std::nullopt;
  const auto value = engine::parse_position(entry->second.value);
  if (!value || value->connector != identity_.definition->id) return std::nullopt;
  return value->offset_json;
}

Status ConnectTask::run_once() {
  TRY(read_state());
  TRY(open());
  set_state(ConnectorState::Running);
  // pause before the next step() of a task whose source or topic has nothing new
  constexpr int64_t kIdlePauseMs = 100;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (must_stop_) break;
      if (is_paused_) {
        lock.unlock();
        TRY(settle());
        on_pause();
        release_memory();
        set_state(ConnectorState::Paused);
        lock.lock();
        changed_.wait(lock, [this] { return must_stop_ || !is_paused_; });
        continue;
      }
    }
    set_state(ConnectorState::Running);
    if (TRY(step())) continue;
    release_memory();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(kIdlePauseMs),
                      [this] { return must_stop_ || is_woken_; });
    is_woken_ = false;
  }
  return settle();
}

TaskWait ConnectTask::task_wait() {
  return {[this](int64_t ms) { return wait_for(ms); },
          [this](const Error& why) {
            note([](TaskFacts& facts) { ++facts.retries; });
            Error shown = why;
            shown.message = identity_.hide_secrets(shown.message);
            set_state(ConnectorState::Restarting, trace_of(shown));
          }};
}

void ConnectTask::note(const std::function<void(TaskFacts&)>& change) {
  const std::lock_guard lock(mutex_);
  change(facts_);
}

bool ConnectTask::try_charge(size_t bytes, Error& refusal) {
  if (bytes > counted_bytes_ && !around_.connector_memory.try_add(bytes - counted_bytes_)) {
    refusal = around_.connector_memory.refusal();
    return false;
  }
  if (bytes < counted_bytes_) around_.connector_memory.remove(counted_bytes_ - bytes);
  counted_bytes_ = bytes;
  if (charge_.try_resize(bytes)) return true;
  refusal = account_.refusal("the next batch of a connector");
  return false;
}

void ConnectTask::release_memory() {
  around_.connector_memory.remove(std::exchange(counted_bytes_, 0));
  charge_.resize(0);
}

Result<bool> ConnectTask::await_memory(size_t bytes) {
  constexpr int64_t kMemoryPauseMs = 100;
  Error refusal{ErrorCode::OutOfMemory, {}};
  while (!try_charge(bytes, refusal)) {
    TRY(settle());
    // A task that waits holds no memory, so that it does not block other tasks.
    release_memory();
    set_state(ConnectorState::Running, trace_of(refusal));
    if (!wait_for(kMemoryPauseMs)) return false;
  }
  return true;
}

Status ConnectTask::take_bad_record(const BadRecordPolicy& policy, const Error& bad,
                                    const std::string& bytes) const {
  if (!policy.is_tolerant) {
    Error error = bad;
    error.message += "; errors.tolerance is none";
    error.hint =
        "Set errors.tolerance to all, and errors.deadletterqueue.topic.name to keep the "
        "bytes, or mend the record; then restart the connector.";
    // The code InvalidText makes is_permanent() true. The task then becomes FAILED, and does not
    // restart only to fail at the same record again.
    error.code = ErrorCode::InvalidText;
    return error;
  }
  if (policy.is_logged)
    log_warn("connector record is skipped connector={} task={} error=\"{}\"{}",
             identity_.definition->name, identity_.task, bad.message,
             policy.are_bytes_logged ? fmt::format(" record={}", engine::json_string(bytes))
                                     : std::string());
  return {};
}

void ConnectTask::submit(PendingCommit& pending) {
  ++commits_;
  pending.commit.state.push_back({engine::commit_key(identity_.definition->name, identity_.task),
                                  engine::encode_commit({commits_, identity_.definition->id})});
  pending.commit.state_partition = state_partition_;
  pending.commit.since = state_.end;
  pending.begun_us = around_.clock.monotonic_us();
  pending.done = submit_commit(around_.log, pending.commit);
}

Result<bool> ConnectTask::is_still_newest() {
  ConnectState later;
  later.end = state_.end;
  TRY(around_.log.read(state_partition_, later));
  const std::string fence = engine::commit_key(identity_.definition->name, identity_.task);
  if (later.entries.contains(fence) || later.deleted.contains(fence)) return false;
  state_.end = later.end;
  return true;
}

void ConnectTask::take_in(const std::vector<StateChange>& changes, Offset end) {
  for (const StateChange& change : changes) {
    if (change.value)
      state_.entries[change.key] = {*change.value, end};
    else
      state_.entries.erase(change.key);
  }
  state_.end = end;
}

Status ConnectTask::await(PendingCommit& pending) {
  for (int64_t pause_ms = 0;;) {
    const Result<Offset> end = pending.done.get();
    if (end) {
      take_in(pending.commit.state, *end);
      break;
    }
    if (end.error().code == ErrorCode::DiskFull) {
      set_state(ConnectorState::Running, "waits: " + end.error().message);
      note([](TaskFacts& facts) { ++facts.retries; });
      around_.log.await_writable();
      // A task that stops here loses nothing: the log has refused the commit, so the next run
      // copies the same records again.
      if (must_stop()) return Error{ErrorCode::ShuttingDown, "the task is being stopped"};
    } else if (end.error().code == ErrorCode::ObjectState) {
      if (!TRY(is_still_newest()))
        return Error{ErrorCode::FencedTask,
                     "another task of the connector has committed a newer position"};
      // The newer record may belong to a transaction that is not decided yet.
      if (!wait_for(pause_ms)) return Error{ErrorCode::ShuttingDown, "the task is being stopped"};
      constexpr int64_t kConflictPauseMs = 20, kLongestConflictPauseMs = 500;
      pause_ms = std::min(pause_ms + kConflictPauseMs, kLongestConflictPauseMs);
      pending.commit.since = state_.end;
    } else {
      return end.error();
    }
    pending.done = submit_commit(around_.log, pending.commit);
  }
  const int64_t took_us = around_.clock.monotonic_us() - pending.begun_us;
  note([&](TaskFacts& facts) {
    ++facts.commits;
    facts.last_commit_us = took_us;
  });
  set_state(ConnectorState::Running);
  return {};
}

}  // namespace server
