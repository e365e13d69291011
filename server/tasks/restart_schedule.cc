#include "server/tasks/restart_schedule.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace server {

namespace {

int64_t next_delay(int64_t delay_ms, const BackOff& pace) {
  return delay_ms == 0 ? pace.first_ms : std::min(delay_ms * 2, pace.longest_ms);
}

// Returns whether a record may be the cause of the error. The next run then reads one record at a
// time to find the record.
bool blames_record(ErrorCode code) {
  switch (code) {
    case ErrorCode::StorageFailure:
    case ErrorCode::DataCorrupted:
    case ErrorCode::FencedTask:
    case ErrorCode::OutOfOrderSequence:
      return false;
    default:
      return !is_retriable(code);
  }
}

}  // namespace

bool RestartSchedule::is_for_good(const Error& error) {
  switch (error.code) {
    case ErrorCode::UnknownTopic:
    case ErrorCode::ObjectState:
    case ErrorCode::DataCorrupted:
    case ErrorCode::IncompatibleFormat:
      return true;
    default:
      return false;
  }
}

// Begins a run (an attempt to run the query). The run gets its number here; from now on reports of
// the run before it are ignored.
RestartSchedule::Attempt RestartSchedule::begin_attempt(Entry& entry) {
  auto& [id, state] = entry;
  state.run = ++last_run_;
  enter(entry, Phase::Attempting);
  return {id, state.run, std::exchange(state.mode, RunMode::Batches)};
}

RestartSchedule::Attempt RestartSchedule::begin_run(const std::string& query_id) {
  return begin_attempt(*states_.try_emplace(query_id).first);
}

void RestartSchedule::started(const std::string& query_id) {
  const auto found = states_.find(query_id);
  if (found == states_.end()) return;
  // A failure counts even if the task has failed before its query was reported as started.
  if (found->second.phase != Phase::Attempting) return;
  enter(*found, Phase::Running);
  found->second.error = {};
}

void RestartSchedule::start_failed(const std::string& query_id, Error error, int64_t now_ms) {
  Entry& entry = *states_.try_emplace(query_id).first;
  const bool for_good = is_for_good(error);
  entry.second.error = std::move(error);
  if (for_good)
    enter(entry, Phase::Stopped);
  else
    fail(entry, now_ms);
}

void RestartSchedule::put_off(const Attempt& attempt, int64_t now_ms) {
  const auto found = states_.find(attempt.query_id);
  if (found == states_.end() || found->second.phase != Phase::Attempting) return;
  found->second.mode = attempt.mode;
  wait_until(*found, now_ms + back_off_.first_ms);
}

bool RestartSchedule::task_failed(const TaskNews& news, int64_t now_ms) {
  const auto found = states_.find(news.query_id);
  if (found == states_.end() || found->second.run != news.run) return false;
  State& state = found->second;
  const bool is_blamed = blames_record(news.error.code);
  // If a query has stopped at a bad record, another of its tasks may still report a bad record of
  // its own. This report also leads to an attempt. After a permanent stop, reports lead to no
  // attempt, because a new attempt would find the same damage.
  const bool is_new = state.phase == Phase::Running || state.phase == Phase::Attempting ||
                      (state.phase == Phase::Stopped && is_blamed && !news.was_isolating &&
                       !is_for_good(state.error));
  if (!is_new) return false;
  state.error = news.error;
  if (news.has_progressed) state.delay_ms = 0;
  if (news.error.code == ErrorCode::DataCorrupted) {
    enter(*found, Phase::Stopped);
  } else if (!is_blamed) {
    fail(*found, now_ms);
  } else if (news.was_isolating) {
    enter(*found, Phase::Stopped);
  } else {
    // The next run starts without delay. It ends at the bad record, so the attempts cannot repeat
    // for ever.
    state.mode = RunMode::Isolating;
    wait_until(*found, now_ms);
  }
  return true;
}

// Schedules a retry with a growing delay. Called if no record is the cause.
void RestartSchedule::fail(Entry& entry, int64_t now_ms) {
  State& state = entry.second;
  state.delay_ms = next_delay(state.delay_ms, back_off_);
  if (state.error.code == ErrorCode::DiskFull)
    enter(entry, Phase::Parked);
  else
    wait_until(entry, now_ms + state.delay_ms);
}

void RestartSchedule::room_is_back(int64_t now_ms) {
  for (Entry& entry : states_) {
    const State& state = entry.second;
    if (state.phase != Phase::Parked) continue;
    // The first retry is immediate. Later retries without progress are delayed.
    wait_until(entry, state.delay_ms > back_off_.first_ms ? now_ms + state.delay_ms : now_ms);
  }
}

void RestartSchedule::enter(Entry& entry, Phase phase) {
  auto& [id, state] = entry;
  if (state.phase == Phase::Waiting) waiting_.erase({state.due_ms, id});
  parked_count_ += (phase == Phase::Parked) - (state.phase == Phase::Parked);
  state.phase = phase;
}

void RestartSchedule::wait_until(Entry& entry, int64_t due_ms) {
  enter(entry, Phase::Waiting);
  entry.second.due_ms = due_ms;
  waiting_.emplace(due_ms, entry.first);
}

void RestartSchedule::stop(const std::string& query_id, Error why) {
  Entry& entry = *states_.try_emplace(query_id).first;
  enter(entry, Phase::Stopped);
  entry.second.run = ++last_run_;
  entry.second.error = std::move(why);
}

void RestartSchedule::retry_now(const std::string& query_id, int64_t now_ms) {
  const auto found = states_.find(query_id);
  if (found == states_.end() || found->second.phase == Phase::Running) return;
  found->second.delay_ms = 0;
  wait_until(*found, now_ms);
}

void RestartSchedule::forget(const std::string& query_id) {
  const auto found = states_.find(query_id);
  if (found == states_.end()) return;
  enter(*found, Phase::Stopped);
  states_.erase(found);
}

std::optional<int64_t> RestartSchedule::next_due_ms() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.begin()->first;
}

std::vector<RestartSchedule::Attempt> RestartSchedule::take_due(int64_t now_ms) {
  std::vector<Attempt> due;
  while (!waiting_.empty() && waiting_.begin()->first <= now_ms)
    due.push_back(begin_attempt(*states_.find(waiting_.begin()->second)));
  return due;
}

// Returns the reason why a query does not run; nothing if the query runs, or starts for the first
// time.
std::optional<RestartSchedule::Trouble> RestartSchedule::trouble(const State& state) {
  if (state.phase == Phase::Running || state.error.message.empty()) return std::nullopt;
  switch (state.phase) {
    case Phase::Parked:
      return Trouble{state.error, Trouble::Kind::Parked};
    case Phase::Stopped:
      return Trouble{state.error, Trouble::Kind::Stopped};
    default:
      return Trouble{state.error, Trouble::Kind::Waiting};
  }
}

std::optional<RestartSchedule::Trouble> RestartSchedule::trouble_of(
    std::string_view query_id) const {
  const auto found = states_.find(query_id);
  return found == states_.end() ? std::nullopt : trouble(found->second);
}

uint64_t RestartSchedule::run_of(std::string_view query_id) const {
  const auto found = states_.find(query_id);
  return found == states_.end() ? 0 : found->second.run;
}

bool RestartSchedule::is_attempting(std::string_view query_id) const {
  const auto found = states_.find(query_id);
  return found != states_.end() && found->second.phase == Phase::Attempting;
}

std::map<std::string, RestartSchedule::Trouble> RestartSchedule::troubles() const {
  std::map<std::string, Trouble> all;
  for (const auto& [id, state] : states_)
    if (auto found = trouble(state)) all.emplace(id, *std::move(found));
  return all;
}

}  // namespace server
