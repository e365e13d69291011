#include "server/connect/source_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "engine/connect/state_record.h"

namespace server {

namespace {

constexpr size_t kBytesOfBatch = 4 << 20;
constexpr int64_t kIdlePauseMs = 100;   // between looks at a source that has nothing new
constexpr int64_t kFirstPauseMs = 100;  // before a restart; doubled with each failure
constexpr int64_t kLongestPauseMs = 30'000;

std::string trace_of(const Error& error) {
  std::string trace = error.message;
  if (!error.detail.empty()) trace += "\nDETAIL: " + error.detail;
  if (!error.hint.empty()) trace += "\nHINT: " + error.hint;
  return trace;
}

}  // namespace

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

SourceTask::SourceTask(TaskSurroundings around, SourceTaskPlan plan)
    : around_(std::move(around)),
      plan_(std::move(plan)),
      state_partition_(engine::connect_state_partition(plan_.definition->name, plan_.task)),
      account_(around_.memory),
      charge_(&account_, MemoryKind::Queues) {}

SourceTask::~SourceTask() { stop(); }

void SourceTask::start() {
  thread_ = std::thread([this] { run(); });
}

void SourceTask::stop() {
  {
    const std::lock_guard lock(mutex_);
    must_stop_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void SourceTask::pause(bool is_paused) {
  const std::lock_guard lock(mutex_);
  is_paused_ = is_paused;
  changed_.notify_all();
}

TaskFacts SourceTask::facts() const {
  const std::lock_guard lock(mutex_);
  TaskFacts facts = facts_;
  facts.memory_bytes = static_cast<int64_t>(account_.held_bytes());
  return facts;
}

bool SourceTask::must_stop() const {
  const std::lock_guard lock(mutex_);
  return must_stop_;
}

bool SourceTask::wait_for(int64_t ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return must_stop_; });
  return !must_stop_;
}

void SourceTask::set_state(ConnectorState state, std::string trace) {
  bool has_changed;
  {
    const std::lock_guard lock(mutex_);
    has_changed = facts_.state != state || facts_.trace != trace;
    facts_.state = state;
    facts_.trace = trace;
  }
  if (has_changed) store_state(state, trace);
}

// The record is for readers of __connect_state. The task does not wait for it, and its loss changes nothing.
void SourceTask::store_state(ConnectorState state, const std::string& trace) {
  const std::string key = engine::task_state_key(plan_.definition->name, plan_.task);
  std::string value = engine::encode_task_state({std::string(connector_state_name(state)), trace,
                                                 plan_.definition->id, around_.clock.wall_ms()});
  constexpr Offset kNoCondition{INT64_MAX};
  around_.log.commit({{}, {{key, std::move(value)}}, state_partition_, kNoCondition},
                     [](const Result<Offset>&) {});
}

void SourceTask::run() {
  int64_t pause_ms = kFirstPauseMs;
  while (!must_stop()) {
    const int64_t begun_us = around_.clock.monotonic_us();
    const Status ended = run_once();
    in_flight_.reset();  // its outcome is not known, or it failed
    charge_.resize(0);
    if (must_stop() || ended) break;
    // A task that ran well for a while begins with short pauses again.
    constexpr int64_t kLongRunUs = 60'000'000;
    if (around_.clock.monotonic_us() - begun_us > kLongRunUs) pause_ms = kFirstPauseMs;
    Error error = ended.error();
    error.message = plan_.hide_secrets(error.message);
    error.detail = plan_.hide_secrets(error.detail);
    if (is_permanent(error)) {
      log_warn("connector task failed connector={} task={} error=\"{}\"", plan_.definition->name,
               plan_.task, error.message);
      set_state(ConnectorState::Failed, trace_of(error));
      return;
    }
    log_info("connector task restarts connector={} task={} pause_ms={} error=\"{}\"",
             plan_.definition->name, plan_.task, pause_ms, error.message);
    set_state(ConnectorState::Restarting, trace_of(error));
    {
      const std::lock_guard lock(mutex_);
      ++facts_.restarts;
    }
    if (!wait_for(pause_ms)) break;
    pause_ms = std::min(2 * pause_ms, kLongestPauseMs);
  }
}

Status SourceTask::read_state() {
  state_ = {};
  TRY(around_.log.read(state_partition_, state_));
  commits_ = 0;
  const auto last = state_.entries.find(engine::commit_key(plan_.definition->name, plan_.task));
  if (last == state_.entries.end()) return {};
  if (const auto value = engine::parse_commit(last->second.value))
    if (value->connector == plan_.definition->id) commits_ = value->commit;
  return {};
}

SourcePositions SourceTask::positions() const {
  SourcePositions positions;
  for (const auto& [key, entry] : state_.entries) {
    const auto parsed = engine::parse_state_key(key);
    if (!parsed || parsed->kind != "position" || parsed->connector != plan_.definition->name)
      continue;
    const auto value = engine::parse_position(entry.value);
    if (value && value->connector == plan_.definition->id)
      positions.push_back({parsed->rest, value->offset_json});
  }
  return positions;
}

Status SourceTask::run_once() {
  TRY(read_state());
  const std::unique_ptr<SourceReader> reader = TRY(plan_.open());
  TRY(reader->start(positions()));
  set_state(ConnectorState::Running);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (must_stop_) break;
      if (is_paused_) {
        lock.unlock();
        TRY(settle(*reader));
        charge_.resize(0);
        set_state(ConnectorState::Paused);
        lock.lock();
        changed_.wait(lock, [this] { return must_stop_ || !is_paused_; });
        continue;
      }
    }
    set_state(ConnectorState::Running);
    TRY(step(*reader));
  }
  return settle(*reader);
}

Status SourceTask::step(SourceReader& reader) {
  SourceBatch batch = TRY(poll(reader));
  const bool has_more = batch.has_more;
  if (!batch.is_empty()) {
    if (const Status fine = take_bad_records(batch); !fine) {
      TRY(settle(reader));
      return fine.error();
    }
    InFlight next = TRY(prepare(std::move(batch)));
    TRY(settle(reader));
    next.commit.since = state_.end;
    in_flight_ = std::move(next);
    submit(*in_flight_);
    if (has_more) return {};
  }
  TRY(settle(reader));
  if (has_more) return {};
  charge_.resize(0);  // else the tasks that have nothing to read would use up the budget
  wait_for(kIdlePauseMs);
  return {};
}

// Asks for data only when the account grants the memory for it.
Result<SourceBatch> SourceTask::poll(SourceReader& reader) {
  const size_t held = in_flight_ ? static_cast<size_t>(in_flight_->bytes) : 0;
  // The bytes of the source, and their records.
  constexpr size_t kCopies = 2;
  while (!charge_.try_resize(held + kCopies * kBytesOfBatch)) {
    TRY(settle(reader));
    set_state(ConnectorState::Running, account_.refusal("the next batch of a connector").message);
    if (!wait_for(kIdlePauseMs)) return SourceBatch{};
  }
  auto batch = TRY(reader.poll({kBytesOfBatch, plan_.max_records}));
  const std::lock_guard lock(mutex_);
  facts_.lag_bytes = reader.lag_bytes();
  return batch;
}

Status SourceTask::take_bad_records(const SourceBatch& batch) {
  if (batch.bad.empty()) return {};
  if (!plan_.tolerates_bad_records) {
    Error error = batch.bad.front().error;
    error.message += "; errors.tolerance is none";
    error.hint =
        "Set errors.tolerance to all, and errors.deadletterqueue.topic.name to keep the "
        "bytes, or mend the record; then restart the connector.";
    // Also errors of other kinds are permanent, since the record stays as it is.
    error.code = ErrorCode::InvalidText;
    return error;
  }
  if (plan_.logs_bad_records)
    for (const BadSourceRecord& bad : batch.bad)
      log_warn("connector record is skipped connector={} task={} error=\"{}\"{}",
               plan_.definition->name, plan_.task, bad.error.message,
               plan_.logs_their_bytes ? fmt::format(" record={}", engine::json_string(bad.bytes))
                                      : std::string());
  return {};
}

Result<SourceTask::InFlight> SourceTask::prepare(SourceBatch batch) {
  InFlight next;
  next.records = static_cast<int64_t>(batch.records.size());
  next.bad = static_cast<int64_t>(batch.bad.size());
  const auto topics = around_.find_topics();
  next.commit.records =
      TRY(topic_batches(batch, *topics, plan_.dead_letters, around_.clock.wall_ms()));
  for (const storage::PartitionBatches& part : next.commit.records)
    next.bytes += static_cast<int64_t>(part.batches.size());
  next.commit.state_partition = state_partition_;
  ++commits_;
  for (const SourcePosition& position : batch.positions) {
    StateChange& change = next.commit.state.emplace_back();
    change.key = engine::position_key(plan_.definition->name, position.partition_json);
    if (position.offset_json)
      change.value = engine::encode_position({*position.offset_json, plan_.definition->id});
  }
  next.commit.state.push_back({engine::commit_key(plan_.definition->name, plan_.task),
                               engine::encode_commit({commits_, plan_.definition->id})});
  next.positions = std::move(batch.positions);
  return next;
}

void SourceTask::submit(InFlight& commit) {
  commit.begun_us = around_.clock.monotonic_us();
  commit.done = submit_commit(around_.log, commit.commit);
}

Result<bool> SourceTask::is_still_newest() {
  ConnectState later;
  later.end = state_.end;
  TRY(around_.log.read(state_partition_, later));
  const std::string fence = engine::commit_key(plan_.definition->name, plan_.task);
  if (later.entries.contains(fence) || later.deleted.contains(fence)) return false;
  state_.end = later.end;
  return true;
}

Status SourceTask::settle(SourceReader& reader) {
  if (!in_flight_) return {};
  while (true) {
    const Result<Offset> end = in_flight_->done.get();
    if (end) {
      state_.end = *end;
      break;
    }
    if (end.error().code == ErrorCode::DiskFull) {
      set_state(ConnectorState::Running, "waits: " + end.error().message);
      {
        const std::lock_guard lock(mutex_);
        ++facts_.retries;
      }
      around_.log.await_writable();
      // The commit was refused, so a restart reads the same batch again.
      if (must_stop()) return Error{ErrorCode::ShuttingDown, "the task is being stopped"};
    } else if (end.error().code == ErrorCode::ObjectState) {
      if (!TRY(is_still_newest()))
        return Error{ErrorCode::FencedTask,
                     "another task of the connector has committed a newer position"};
      in_flight_->commit.since = state_.end;
    } else {
      return end.error();
    }
    submit(*in_flight_);
  }
  InFlight durable = *std::move(in_flight_);
  in_flight_.reset();
  set_state(ConnectorState::Running);
  {
    const std::lock_guard lock(mutex_);
    ++facts_.commits;
    facts_.last_commit_us = around_.clock.monotonic_us() - durable.begun_us;
    facts_.records += durable.records;
    facts_.bytes += durable.bytes;
    facts_.errors += durable.bad;
    if (!plan_.dead_letters.topic.empty()) facts_.dead_letters += durable.bad;
    for (const SourcePosition& position : durable.positions)
      if (position.offset_json)
        facts_.position = position.partition_json + " " + *position.offset_json;
  }
  return reader.confirm(durable.positions);
}

}  // namespace server
