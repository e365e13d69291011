// pg_advisory_lock() and related functions. Several processes of an application use them to choose
// the one that does some work, often a migration. See
// https://www.postgresql.org/docs/15/explicit-locking.html#ADVISORY-LOCKS
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast_expression.h"
#include "server/locks/named_locks.h"
#include "server/pg/activity.h"

namespace server::pg {

struct AdvisoryCall {
  enum class Does : uint8_t { Lock, TryLock, Unlock, UnlockAll } does;
  bool is_shared = false;
  bool is_of_transaction = false;  // otherwise the lock belongs to the session
};
// Decodes a call of one of these functions. Returns nothing for any other call, and for a number of
// arguments that PostgreSQL does not have.
std::optional<AdvisoryCall> advisory_call(const engine::FunctionCall& call);

struct AdvisoryLock {
  std::string key;  // identifies the lock; made of one number or of two
  bool is_shared = false;
  bool is_of_transaction = false;
};

// The locks of one session. A session may take the same lock several times, and has to unlock it as
// many times.
//
// Threads: the session's loop. Owner: the session.
class SessionAdvisoryLocks {
 public:
  static constexpr size_t kMostLocks = 10'000;

  // `all`: the locks of all sessions of all nodes. `wake` is called on any thread when
  // take_answer() may have an answer, and when a lock is lost.
  SessionAdvisoryLocks(NamedLocks& all, std::function<void()> wake);
  ~SessionAdvisoryLocks();
  SessionAdvisoryLocks(const SessionAdvisoryLocks&) = delete;
  SessionAdvisoryLocks& operator=(const SessionAdvisoryLocks&) = delete;

  // None: the call returns false at once if another session has the lock
  enum class Wait : uint8_t { Blocks, None };
  // Requests the lock. Returns whether the session has it now; nothing while the request has no
  // answer, which take_answer() returns later. Fails with LimitExceeded, Deadlock, NotLeader, and
  // with NotSupported if the session has the lock shared and requests it exclusively.
  Result<std::optional<bool>> ask(const AdvisoryLock& lock, Wait wait);
  Result<std::optional<bool>> take_answer();
  bool is_waiting() const { return waiting_ != nullptr; }
  // Returns how many times the session has begun to wait for another session. lock_timeout applies
  // to each wait separately.
  uint64_t waits_begun() const { return waits_begun_; }
  // Withdraws the request that waits for its answer.
  void withdraw();

  // Whether other sessions may have a lock of this session, because the node was cut off from the
  // others for too long.
  bool has_lost_any() const;
  // Returns whether this session has released locks that other sessions may not be able to take
  // yet. The session is woken when they can.
  bool is_releasing() const { return releasing_->open > 0; }

  // Releases a lock of the session once. Returns false if the session does not have the lock in
  // this mode.
  bool unlock(const AdvisoryLock& lock);
  void unlock_all();
  void end_transaction();

 private:
  struct Held {
    NamedLocks::HoldPtr hold;
    bool is_shared = false;  // the mode in which the session holds the lock
    // Number of times that the session has taken the lock, by [is_shared][is_of_transaction].
    int times[2][2] = {};
    bool is_given_back() const {
      return times[0][0] + times[0][1] + times[1][0] + times[1][1] == 0;
    }
  };
  struct Waiting {
    AdvisoryLock lock;
    std::mutex mutex = {};
    std::optional<Result<NamedLocks::HoldPtr>> answer = {};  // guarded by mutex
    bool wakes = false;                                      // guarded by mutex
  };
  // Takes a lock once more if the session has it. Returns nothing if the lock has to be requested.
  Result<std::optional<bool>> take_again(const AdvisoryLock& lock);
  void take(const AdvisoryLock& lock, NamedLocks::HoldPtr hold);
  void give_back(bool of_transaction);
  void await_releases();

  NamedLocks& all_;
  const std::function<void()> wake_;
  std::map<std::string, Held> held_;
  // The waiting request; shared with the thread that answers the request.
  std::shared_ptr<Waiting> waiting_;
  NamedLocks::Place place_;  // place of the waiting request in the queue
  uint64_t waits_begun_ = 0;
  struct Releasing {
    std::atomic<int> open = 0;        // releases that are not confirmed yet
    std::atomic<bool> wakes = false;  // whether the confirmation of releases wakes the session
  };
  // shared with the callbacks of releases
  const std::shared_ptr<Releasing> releasing_ = std::make_shared<Releasing>();
};

// Calls `step` until it returns true. `step` returns false while it waits for a lock.
// statement_timeout and lock_timeout limit the wait.
std::unique_ptr<Activity> make_lock_activity(SessionContext& context, SessionAdvisoryLocks& locks,
                                             std::function<Result<bool>()> step);

// Waits until `is_settled` returns true. The caller has to wake the session when the result changes
// to true.
std::unique_ptr<Activity> make_settle_activity(std::function<bool()> is_settled);

}  // namespace server::pg
