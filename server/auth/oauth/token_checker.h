// Checks tokens with keys that it fetches from the tokens' issuer and keeps up to date.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "server/auth/oauth/token.h"

namespace server::auth::oauth {

// Returns the text of the key set. It may wait, and ends early if `stop` is requested.
using FetchKeys = std::function<Result<std::string>(std::stop_token stop)>;

// The times between two fetches of the keys, in ms.
struct RefreshTimes {
  int64_t refresh_ms = 3'600'000;
  // The pause after a failed fetch. It doubles with each further failure, up to most_retry_ms.
  int64_t retry_ms = 100, most_retry_ms = 10'000;
  // The least time between two fetches that are caused by tokens with unknown key ids. A client can
  // send such tokens without a valid signature, so without this limit any client could make the
  // server send requests to the issuer.
  int64_t least_gap_ms = 10'000;
};

// The keys of the last successful fetch stay in use while the issuer cannot be reached.
//
// Threads: any; the keys are fetched on a separate thread. Owner: the node. stop() is called before the loops end on which
// its callbacks continue.
class TokenChecker {
 public:
  // `place` names the source of the keys in the log. If `fetch` is null, no keys exist, and only
  // tokens that are signed with the secret of `rules` are valid. `clock` outlives the object.
  TokenChecker(TokenRules rules, std::string place, FetchKeys fetch, RefreshTimes times,
               const Clock& clock);
  ~TokenChecker();
  TokenChecker(const TokenChecker&) = delete;
  TokenChecker& operator=(const TokenChecker&) = delete;

  // Checks a token with the present keys, which takes up to a millisecond. `version` is set to the version of these
  // keys.
  Verdict check(std::string_view token, uint64_t& version) const;

  // Calls `then` once, on another thread, as soon as the present keys have another version than
  // `version`, or the next fetch has ended. Requests this fetch, which is made as soon as
  // least_gap_ms permits it. If `then` returns false it is called again a little later. Returns
  // false, and never calls `then`, if too many callers wait, or if the checker has stopped or
  // cannot fetch keys.
  bool after_refresh(uint64_t version, std::function<bool()> then);
  // Fetches the keys again now.
  void refresh();
  // Ends the fetches. Callers that wait are called before it returns.
  void stop();

 private:
  using Time = std::chrono::steady_clock::time_point;
  void run(const std::stop_token& stop);
  // Waits until the next fetch is due, or until callers of after_refresh() wait for keys that have
  // arrived already.
  void wait_for_work(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  void fetch(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  void call_waiting(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);

  const TokenRules rules_;
  const std::string place_;
  const FetchKeys fetch_;
  const RefreshTimes times_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::condition_variable_any changed_;
  std::shared_ptr<const KeySet> keys_;  // null: none yet
  uint64_t version_ = 0;                // version of keys_
  Time next_fetch_;                     // Time::max() during a fetch
  Time last_fetch_;
  int64_t failures_ = 0;  // number of failed fetches since the last success
  std::string last_error_;
  std::vector<std::function<bool()>> waiting_;
  bool must_call_ = false, is_stopped_ = false;

  std::jthread thread_;  // declared last, because the thread uses all other members
};

}  // namespace server::auth::oauth
