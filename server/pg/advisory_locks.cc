#include "server/pg/advisory_locks.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace server::pg {

namespace {

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

class LockActivity final : public Activity {
 public:
  LockActivity(SessionContext& context, SessionAdvisoryLocks& locks,
               std::function<Result<bool>()> step)
      : context_(context),
        locks_(locks),
        step_(std::move(step)),
        statement_ends_us_(end_us("statement_timeout")) {}
  ~LockActivity() override { locks_.withdraw(); }
  LockActivity(const LockActivity&) = delete;
  LockActivity& operator=(const LockActivity&) = delete;

  Result<Progress> advance() override {
    if (TRY(step_())) return Progress::Finished;
    if (std::exchange(wait_, locks_.waits_begun()) != locks_.waits_begun())
      lock_ends_us_ = end_us("lock_timeout");
    if (reason_) return *std::exchange(reason_, std::nullopt);
    const int64_t now_us = context_.clock.monotonic_us();
    if (now_us >= lock_ends_us_)
      return Error{ErrorCode::LockTimeout, "canceling statement due to lock timeout"};
    if (now_us >= statement_ends_us_)
      return Error{ErrorCode::QueryCanceled, "canceling statement due to statement timeout"};
    return Progress::Waiting;
  }
  void cancel(Error reason) override { reason_ = std::move(reason); }
  std::optional<int64_t> deadline_us() const override {
    const int64_t earliest = std::min(statement_ends_us_, lock_ends_us_);
    return earliest == INT64_MAX ? std::nullopt : std::optional(earliest);
  }

 private:
  int64_t end_us(const char* setting) const {
    const int64_t timeout_ms = context_.settings.get_ms(setting);
    return timeout_ms > 0 ? context_.clock.monotonic_us() + timeout_ms * 1000 : INT64_MAX;
  }

  SessionContext& context_;
  SessionAdvisoryLocks& locks_;
  const std::function<Result<bool>()> step_;
  uint64_t wait_ = 0;  // the wait to which lock_ends_us_ applies, as a value of waits_begun()
  const int64_t statement_ends_us_;
  int64_t lock_ends_us_ = INT64_MAX;
  std::optional<Error> reason_;
};

class SettleActivity final : public Activity {
 public:
  explicit SettleActivity(std::function<bool()> is_settled) : is_settled_(std::move(is_settled)) {}
  Result<Progress> advance() override {
    return is_settled_() ? Progress::Finished : Progress::Waiting;
  }
  // Does nothing: the statement is complete and only waits for its confirmation, so it can no
  // longer be cancelled.
  void cancel(Error) override {}

 private:
  const std::function<bool()> is_settled_;
};

}  // namespace

std::unique_ptr<Activity> make_settle_activity(std::function<bool()> is_settled) {
  return std::make_unique<SettleActivity>(std::move(is_settled));
}

std::optional<AdvisoryCall> advisory_call(const engine::FunctionCall& call) {
  using enum AdvisoryCall::Does;
  std::string_view name = call.name;
  if (name == "PG_ADVISORY_UNLOCK_ALL")
    return call.arguments.empty() ? std::optional(AdvisoryCall{UnlockAll}) : std::nullopt;
  if (call.arguments.size() != 1 && call.arguments.size() != 2) return std::nullopt;
  if (!take_prefix(name, "PG_")) return std::nullopt;
  const bool tries = take_prefix(name, "TRY_");
  if (!take_prefix(name, "ADVISORY_")) return std::nullopt;
  AdvisoryCall found{tries ? TryLock : Lock};
  found.is_of_transaction = take_prefix(name, "XACT_");
  if (take_prefix(name, "UNLOCK")) {
    if (tries || found.is_of_transaction) return std::nullopt;
    found.does = Unlock;
  } else if (!take_prefix(name, "LOCK")) {
    return std::nullopt;
  }
  found.is_shared = take_prefix(name, "_SHARED");
  return name.empty() ? std::optional(found) : std::nullopt;
}

SessionAdvisoryLocks::SessionAdvisoryLocks(NamedLocks& all, std::function<void()> wake)
    : all_(all), wake_(std::move(wake)) {}
SessionAdvisoryLocks::~SessionAdvisoryLocks() { withdraw(); }

Result<std::optional<bool>> SessionAdvisoryLocks::take_again(const AdvisoryLock& lock) {
  const auto known = held_.find(lock.key);
  if (known == held_.end()) {
    if (held_.size() < kMostLocks) return std::optional<bool>();
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("a session can have at most {} advisory locks", kMostLocks)};
  }
  Held& held = known->second;
  if (held.is_shared && !lock.is_shared)
    return Error{
        ErrorCode::NotSupported,
        "an exclusive lock on a key that the session has locked as shared is not supported yet",
        {},
        "Release the shared lock first."};
  ++held.times[lock.is_shared][lock.is_of_transaction];
  return std::optional(true);
}

void SessionAdvisoryLocks::take(const AdvisoryLock& lock, NamedLocks::HoldPtr hold) {
  Held& held = held_[lock.key];
  held.hold = std::move(hold);
  held.is_shared = lock.is_shared;
  ++held.times[lock.is_shared][lock.is_of_transaction];
}

Result<std::optional<bool>> SessionAdvisoryLocks::ask(const AdvisoryLock& lock, Wait wait) {
  if (const auto has_it = TRY(take_again(lock))) return has_it;
  waiting_ = std::make_shared<Waiting>(lock);
  const auto answered = [weak = std::weak_ptr(waiting_),
                         wake = wake_](Result<NamedLocks::HoldPtr> hold) {
    const auto there = weak.lock();
    if (!there) return;  // the request was withdrawn, so returning releases the lock
    bool wakes = false;
    {
      const std::lock_guard guard(there->mutex);
      there->answer = std::move(hold);
      wakes = there->wakes;
    }
    if (wakes) wake();
  };
  place_ = all_.ask({.name = "advisory:" + lock.key,
                     .is_shared = lock.is_shared,
                     .waits = wait == Wait::Blocks,
                     .owner = this,
                     .on_lost = wake_},
                    answered);
  {
    const std::lock_guard guard(waiting_->mutex);
    waiting_->wakes = true;
  }
  auto answer = TRY(take_answer());
  if (!answer && wait == Wait::Blocks) ++waits_begun_;
  return answer;
}

Result<std::optional<bool>> SessionAdvisoryLocks::take_answer() {
  if (!waiting_) return std::optional<bool>();
  std::optional<Result<NamedLocks::HoldPtr>> answer;
  {
    const std::lock_guard guard(waiting_->mutex);
    answer = std::exchange(waiting_->answer, std::nullopt);
  }
  if (!answer) return std::optional<bool>();
  const AdvisoryLock lock = std::exchange(waiting_, nullptr)->lock;
  place_ = nullptr;
  NamedLocks::HoldPtr hold = TRY(*std::move(answer));
  const bool is_granted = hold != nullptr;
  if (is_granted) take(lock, std::move(hold));
  return std::optional(is_granted);
}

void SessionAdvisoryLocks::withdraw() {
  waiting_ = nullptr;
  place_ = nullptr;
}

bool SessionAdvisoryLocks::has_lost_any() const {
  return std::ranges::any_of(held_, [](const auto& each) { return each.second.hold->is_lost(); });
}

// `wakes` is set after the call: if the confirmation arrives within the call, the session need not
// be woken.
void SessionAdvisoryLocks::await_releases() {
  ++releasing_->open;
  all_.await_releases([releasing = releasing_, wake = wake_] {
    --releasing->open;
    if (releasing->wakes) wake();
  });
  if (releasing_->open > 0) releasing_->wakes = true;
}

bool SessionAdvisoryLocks::unlock(const AdvisoryLock& lock) {
  const auto known = held_.find(lock.key);
  if (known == held_.end()) return false;
  int& times = known->second.times[lock.is_shared][false];
  if (times == 0) return false;
  --times;
  if (known->second.is_given_back()) {
    held_.erase(known);
    await_releases();
  }
  return true;
}

void SessionAdvisoryLocks::unlock_all() { give_back(false); }
void SessionAdvisoryLocks::end_transaction() { give_back(true); }

void SessionAdvisoryLocks::give_back(bool of_transaction) {
  for (auto& [key, held] : held_)
    held.times[false][of_transaction] = held.times[true][of_transaction] = 0;
  const auto is_given_back = [](const auto& each) { return each.second.is_given_back(); };
  if (std::erase_if(held_, is_given_back) > 0) await_releases();
}

std::unique_ptr<Activity> make_lock_activity(SessionContext& context, SessionAdvisoryLocks& locks,
                                             std::function<Result<bool>()> step) {
  return std::make_unique<LockActivity>(context, locks, std::move(step));
}

}  // namespace server::pg
