#include "server/http/refusal_log.h"

#include <utility>

#include "base/log.h"

namespace server::http {

namespace {

std::string for_log(std::string_view text) {
  constexpr size_t kMostLoggedBytes = 200;
  std::string shown(text.substr(0, kMostLoggedBytes));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"') c = '?';
  return shown;
}

}  // namespace

void RefusalLog::add(const Clock& clock, const Channel* channel, std::string_view user,
                     std::string_view why) {
  constexpr int64_t kPauseUs = 1'000'000;
  const int64_t now_us = clock.monotonic_us();
  const std::lock_guard lock(mutex_);
  if (logged_us_ && now_us - *logged_us_ < kPauseUs) {
    ++unlogged_;
    return;
  }
  logged_us_ = now_us;
  log_warn("http client refused peer={} user=\"{}\" reason=\"{}\" others={}",
           channel ? channel->peer_host : "", for_log(user), for_log(why),
           std::exchange(unlogged_, 0));
}

}  // namespace server::http
