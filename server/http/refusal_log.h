// Log lines about refused HTTP clients, at most one a second.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "server/net/tls.h"

namespace server::http {

// A client that repeats a refused request must not fill the disk, so each line counts the refusals
// since the previous one (`others`).
//
// Threads: any.
class RefusalLog {
 public:
  // Counts a refusal, and logs it unless a line was logged within the last second. `channel` may be null. `user` and
  // `why` may come from the client: control characters and quotes are replaced, so that neither can be mistaken for
  // another field or line.
  void add(const Clock& clock, const Channel* channel, std::string_view user, std::string_view why);

 private:
  std::mutex mutex_;
  // Guarded by mutex_
  std::optional<int64_t> logged_us_;
  int64_t unlogged_ = 0;
};

}  // namespace server::http
