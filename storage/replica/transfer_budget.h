// A limit on the bytes that are transferred per second, which may be switched off.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace storage {

// A transfer may exceed the remaining budget. Later transfers then wait until the budget is
// positive again.
//
// Threads: one.
class TransferBudget {
 public:
  // Sets the limit; nothing means no limit.
  void set_rate(std::optional<int64_t> bytes_per_second) { rate_ = bytes_per_second; }
  bool is_spent(int64_t now_us) {
    if (!rate_) return false;
    constexpr int64_t kSecondUs = 1'000'000, kSavedUs = 100'000;  // unused budget is kept for 0.1 s
    const int64_t passed_us = std::clamp<int64_t>(now_us - since_us_, 0, 60 * kSecondUs);
    since_us_ = now_us;
    const double rate = static_cast<double>(*rate_) / static_cast<double>(kSecondUs);
    left_ = std::min(left_ + rate * static_cast<double>(passed_us), rate * kSavedUs);
    return left_ <= 0;
  }
  void spend(size_t bytes) {
    if (rate_) left_ -= static_cast<double>(bytes);
  }

 private:
  std::optional<int64_t> rate_;
  double left_ = 0;
  int64_t since_us_ = 0;
};

}  // namespace storage
