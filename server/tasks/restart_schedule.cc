#include "server/tasks/restart_schedule.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace server {

namespace {

int64_t next_delay(int64_t delay_ms, const BackOff& pace) {
  return delay_ms == 0 ? pace.first_ms : std::min(delay_ms * 2, pace.longest_ms);
}

// The record itself is to blame, not the world: to read it again alone tells which one it is.
bool blames_record(ErrorCode code) {
  switch (code) {
    case ErrorCode::StorageFailure:
    case ErrorCode::FencedTask:
    case ErrorCode::OutOfOrderSequence:
      return false;
    default:
      return !is_retriable(code);
  }
}

// Only a statement can mend it: a topic that is gone does not come back under its id.
bool is_for_good(ErrorCode code) {
  switch (code) {
    case ErrorCode::UnknownTopic:
    case ErrorCode::ObjectState:
    case ErrorCode::IncompatibleFormat:
      return true;
    default:
      return false;
  }
}

}  // namespace

RestartSchedule::Attempt RestartSchedule::begin_run(const std::string& query_id) {
  State& state = states_[query_id];
  state.run = ++last_run_;
  enter(state, Phase::Attempting);
  return {query_id, state.run, std::exchange(state.mode, RunMode::Batches)};
}

void RestartSchedule::started(const std::string& query_id) {
  const auto found = states_.find(query_id);
  if (found == states_.end()) return;
  // A task may have failed before its query was told to have started: that stands.
  if (found->second.phase == Phase::Attempting) {
    enter(found->second, Phase::Running);
    found->second.error = {};
  }
}

void RestartSchedule::start_failed(const std::string& query_id, Error error, int64_t now_ms) {
  State& state = states_[query_id];
  state.error = std::move(error);
  if (state.error.code == ErrorCode::DiskFull) return park(state);
  if (is_for_good(state.error.code))
    enter(state, Phase::Stopped);
  else
    wait(state, now_ms);
}

bool RestartSchedule::task_failed(const TaskNews& news, int64_t now_ms) {
  const auto found = states_.find(news.query_id);
  if (found == states_.end() || found->second.run != news.run) return false;
  State& state = found->second;
  const bool is_blamed = blames_record(news.error.code);
  // In a query that stopped at a bad record another task may still find one of its own.
  const bool is_new = state.phase == Phase::Running || state.phase == Phase::Attempting ||
                      (state.phase == Phase::Stopped && is_blamed && !news.was_isolating);
  if (!is_new) return false;
  state.error = news.error;
  if (news.has_progressed) state.delay_ms = 0;
  if (!is_blamed) {
    if (state.error.code == ErrorCode::DiskFull)
      park(state);
    else
      wait(state, now_ms);
    return true;
  }
  if (news.was_isolating) {
    enter(state, Phase::Stopped);
    return true;
  }
  // At once: it ends at the bad record, so it cannot go round in circles.
  state.mode = RunMode::Isolating;
  enter(state, Phase::Waiting);
  state.due_ms = now_ms;
  return true;
}

void RestartSchedule::wait(State& state, int64_t now_ms) {
  enter(state, Phase::Waiting);
  state.delay_ms = next_delay(state.delay_ms, back_off_);
  state.due_ms = now_ms + state.delay_ms;
}

void RestartSchedule::park(State& state) {
  enter(state, Phase::Parked);
  state.delay_ms = next_delay(state.delay_ms, back_off_);
}

void RestartSchedule::room_is_back(int64_t now_ms) {
  for (auto& [id, state] : states_) {
    if (state.phase != Phase::Parked) continue;
    enter(state, Phase::Waiting);
    // At once, but for those that have come back before and got nowhere.
    state.due_ms = state.delay_ms > back_off_.first_ms ? now_ms + state.delay_ms : now_ms;
  }
}

void RestartSchedule::enter(State& state, Phase phase) {
  parked_count_ += (phase == Phase::Parked) - (state.phase == Phase::Parked);
  state.phase = phase;
}

void RestartSchedule::stop(const std::string& query_id, Error why) {
  State& state = states_[query_id];
  state.run = ++last_run_;
  enter(state, Phase::Stopped);
  state.error = std::move(why);
}

void RestartSchedule::retry_now(const std::string& query_id, int64_t now_ms) {
  const auto found = states_.find(query_id);
  if (found == states_.end() || found->second.phase == Phase::Running) return;
  State& state = found->second;
  enter(state, Phase::Waiting);
  state.delay_ms = 0;
  state.due_ms = now_ms;
}

void RestartSchedule::forget(const std::string& query_id) {
  const auto found = states_.find(query_id);
  if (found == states_.end()) return;
  enter(found->second, Phase::Stopped);
  states_.erase(found);
}

std::optional<int64_t> RestartSchedule::next_due_ms() const {
  std::optional<int64_t> next;
  for (const auto& [id, state] : states_) {
    if (state.phase == Phase::Waiting) next = std::min(next.value_or(INT64_MAX), state.due_ms);
  }
  return next;
}

std::vector<RestartSchedule::Attempt> RestartSchedule::take_due(int64_t now_ms) {
  std::vector<Attempt> due;
  for (auto& [id, state] : states_) {
    if (state.phase != Phase::Waiting || state.due_ms > now_ms) continue;
    // The number changes here, so that news of the run that is about to be replaced are old already.
    state.run = ++last_run_;
    enter(state, Phase::Attempting);
    due.push_back({id, state.run, std::exchange(state.mode, RunMode::Batches)});
  }
  return due;
}

RestartSchedule::Trouble RestartSchedule::trouble(const State& state) {
  switch (state.phase) {
    case Phase::Parked:
      return {state.error, Trouble::Kind::Parked};
    case Phase::Stopped:
      return {state.error, Trouble::Kind::Stopped};
    default:
      return {state.error, Trouble::Kind::Waiting};
  }
}

std::optional<RestartSchedule::Trouble> RestartSchedule::trouble_of(
    std::string_view query_id) const {
  const auto found = states_.find(query_id);
  if (found == states_.end() || found->second.phase == Phase::Running ||
      found->second.error.message.empty())
    return std::nullopt;
  return trouble(found->second);
}

std::map<std::string, RestartSchedule::Trouble> RestartSchedule::troubles() const {
  std::map<std::string, Trouble> all;
  for (const auto& [id, state] : states_)
    if (const auto found = trouble_of(id)) all.emplace(id, *found);
  return all;
}

}  // namespace server
