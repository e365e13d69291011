#include "server/auth/login_attempts.h"

#include <algorithm>

namespace server::auth {

namespace {

int64_t attempt_delay_us(int count) {
  constexpr int64_t kFirstUs = 500'000, kMostUs = 30'000'000;
  constexpr int kDoublings = 6;
  return std::min(kMostUs, kFirstUs << std::clamp(count - 1, 0, kDoublings));
}

}  // namespace

std::optional<int64_t> LoginAttempts::begin(const std::string& key, int64_t now_us) {
  constexpr int64_t kMostWaitUs = 60'000'000;
  const std::lock_guard lock(mutex_);
  const auto found = wrong_.find(key);
  if (found == wrong_.end()) return now_us;
  Wrong& wrong = found->second;
  const int64_t at_us = std::max(now_us, wrong.next_us);
  if (at_us - now_us > kMostWaitUs) return std::nullopt;
  wrong.next_us = at_us + attempt_delay_us(wrong.count);
  return at_us;
}

void LoginAttempts::end(const std::string& key, bool is_right, int64_t now_us) {
  const std::lock_guard lock(mutex_);
  if (is_right) {
    wrong_.erase(key);
    return;
  }
  if (wrong_.size() >= kMost && !wrong_.contains(key)) forget(now_us);
  Wrong& wrong = wrong_[key];
  ++wrong.count;
  wrong.next_us = std::max(wrong.next_us, now_us + attempt_delay_us(wrong.count));
}

// Removes the entries whose waiting time is over. If too many entries remain, removes all of them to limit the
// memory: against an attacker with thousands of addresses the entries would not help.
void LoginAttempts::forget(int64_t now_us) {
  std::erase_if(wrong_, [&](const auto& each) { return each.second.next_us < now_us; });
  if (wrong_.size() >= kMost) wrong_.clear();
}

}  // namespace server::auth
