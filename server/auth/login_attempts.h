// Limits guesses of passwords.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "server/net/tls.h"

namespace server::auth {

// After each wrong password, the next attempt of the same user from the same address waits longer, from 0.5 s to 30 s,
// so that a list of passwords takes hours. Times are those of Clock::monotonic_us().
//
// Threads: any.
class LoginAttempts {
 public:
  static std::string key_of(const std::string& user, const Channel& channel) {
    return channel.peer_host + '\0' + user;
  }
  // Returns the time at which this attempt may be checked; nothing if too many attempts already
  // wait for their time.
  std::optional<int64_t> begin(const std::string& key, int64_t now_us);
  // Stores whether the password was right.
  void end(const std::string& key, bool is_right, int64_t now_us);

 private:
  static constexpr size_t kMost = 10'000;
  struct Wrong {
    int count = 0;
    int64_t next_us = 0;  // time of the next check
  };
  void forget(int64_t now_us);

  std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::string, Wrong> wrong_;
};

}  // namespace server::auth
