#include "server/auth/oauth/token_checker.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace server::auth::oauth {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The limit exists because each waiting caller keeps a connection open.
constexpr size_t kMostWaiting = 1000;
// The pause before a caller whose callback has returned false is called again; see after_refresh().
constexpr milliseconds kPause(20);

}  // namespace

TokenChecker::TokenChecker(TokenRules rules, std::string place, FetchKeys fetch, RefreshTimes times,
                           const Clock& clock)
    : rules_(std::move(rules)),
      place_(std::move(place)),
      fetch_(std::move(fetch)),
      times_(times),
      clock_(clock),
      next_fetch_(steady_clock::now()) {
  if (fetch_) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

TokenChecker::~TokenChecker() { stop(); }

void TokenChecker::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

Verdict TokenChecker::check(std::string_view token, uint64_t& version) const {
  std::shared_ptr<const KeySet> keys;
  {
    const std::lock_guard lock(mutex_);
    keys = keys_;
    version = version_;
  }
  return check_token(token, rules_, keys.get(), clock_.wall_ms());
}

bool TokenChecker::after_refresh(uint64_t version, std::function<bool()> then) {
  const std::lock_guard lock(mutex_);
  if (!fetch_ || is_stopped_ || waiting_.size() >= kMostWaiting) return false;
  waiting_.push_back(std::move(then));
  if (version != version_)
    must_call_ = true;
  else if (next_fetch_ != Time::max())
    next_fetch_ = std::min(next_fetch_, last_fetch_ + milliseconds(times_.least_gap_ms));
  changed_.notify_all();
  return true;
}

void TokenChecker::refresh() {
  const std::lock_guard lock(mutex_);
  next_fetch_ = steady_clock::now();
  changed_.notify_all();
}

void TokenChecker::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wait_for_work(lock, stop);
    if (!stop.stop_requested() && steady_clock::now() >= next_fetch_) fetch(lock, stop);
    call_waiting(lock, stop);
  }
  is_stopped_ = true;
  call_waiting(lock, stop);
}

void TokenChecker::wait_for_work(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  while (!stop.stop_requested() && !must_call_) {
    const Time due = next_fetch_;
    if (steady_clock::now() >= due) return;
    changed_.wait_until(lock, stop, due, [&] { return must_call_ || next_fetch_ < due; });
  }
}

void TokenChecker::fetch(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  // The time is reset before the fetch, so that a refresh that is requested during the fetch is not lost.
  next_fetch_ = Time::max();
  lock.unlock();
  Result<KeySet> fetched = [&]() -> Result<KeySet> { return KeySet::parse(TRY(fetch_(stop))); }();
  lock.lock();
  if (stop.stop_requested()) return;
  last_fetch_ = steady_clock::now();
  if (fetched) {
    const bool is_new = !keys_ || keys_->ids() != fetched->ids() || failures_ > 0;
    keys_ = std::make_shared<const KeySet>(*std::move(fetched));
    ++version_;
    failures_ = 0;
    last_error_.clear();
    next_fetch_ = std::min(next_fetch_, last_fetch_ + milliseconds(times_.refresh_ms));
    if (is_new)
      log_info("keys of tokens were read place=\"{}\" keys={} ids=\"{}\"", place_, keys_->size(),
               keys_->ids());
    return;
  }
  constexpr int64_t kMostDoublings = 20;
  const int64_t retry_ms =
      std::min(times_.most_retry_ms, times_.retry_ms << std::min(failures_, kMostDoublings));
  ++failures_;
  next_fetch_ = last_fetch_ + milliseconds(retry_ms);
  if (std::exchange(last_error_, fetched.error().message) != last_error_)
    log_warn("keys of tokens cannot be read, {} place=\"{}\" error=\"{}\"",
             keys_ ? "the old ones stay in use" : "tokens are refused until they are", place_,
             last_error_);
}

// Calls all waiting callers. A caller that cannot continue yet is called again later, until it can continue or the
// checker stops.
void TokenChecker::call_waiting(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  must_call_ = false;
  std::vector<std::function<bool()>> called = std::exchange(waiting_, {});
  lock.unlock();
  while (!called.empty()) {
    std::erase_if(called, [](const std::function<bool()>& then) { return then(); });
    if (called.empty() || stop.stop_requested()) break;
    std::this_thread::sleep_for(kPause);
  }
  called.clear();
  lock.lock();
}

}  // namespace server::auth::oauth
