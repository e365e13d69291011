// pg_advisory_lock() and related functions. Programs use them to agree on one program that does
// some work, often a migration. See
// https://www.postgresql.org/docs/15/explicit-locking.html#ADVISORY-LOCKS
#pragma once
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
#include "server/pg/activity.h"
#include "server/sql/table_locks.h"

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
  std::string key;  // made of one number or of two
  bool is_shared = false;
  bool is_of_transaction = false;
};

// The locks of one session. A lock may be taken several times, and is released after as many
// unlocks.
//
// Threads: the session's loop. Owner: the session.
class SessionAdvisoryLocks {
 public:
  static constexpr size_t kMostLocks = 10'000;

  // `all`: the locks of all sessions; null: not available (in a cluster).
  explicit SessionAdvisoryLocks(std::shared_ptr<TableLocks> all);
  ~SessionAdvisoryLocks();
  SessionAdvisoryLocks(const SessionAdvisoryLocks&) = delete;
  SessionAdvisoryLocks& operator=(const SessionAdvisoryLocks&) = delete;

  // Takes the lock unless another session prevents it. Returns whether the session has the lock
  // now. Fails with LimitExceeded, and with NotSupported if the session has the lock shared and
  // requests it exclusively.
  Result<bool> try_lock(const AdvisoryLock& lock);
  // Like try_lock(), but waits if other sessions have the lock: `wake` is called on any thread, and
  // take_granted() then returns whether the lock was granted. Also fails with Deadlock.
  Result<bool> ask(const AdvisoryLock& lock, std::function<void()> wake);
  bool take_granted();
  bool is_waiting() const { return waiting_ != nullptr; }
  // Returns the number of waits that ask() has begun. lock_timeout applies to each wait separately.
  uint64_t waits_begun() const { return waits_begun_; }
  // Ends the wait.
  void withdraw();

  // Releases a lock of the session; returns false if the session has no lock of this kind.
  bool unlock(const AdvisoryLock& lock);
  void unlock_all();
  void end_transaction();

 private:
  struct Held {
    TableLocks::Hold hold;
    bool is_shared = false;  // the mode that other sessions see
    // Number of times that the lock was taken, by [is_shared][is_of_transaction].
    int times[2][2] = {};
    bool is_given_back() const {
      return times[0][0] + times[0][1] + times[1][0] + times[1][1] == 0;
    }
  };
  struct Waiting {
    AdvisoryLock lock;
    TableLocks::Place place = {};
    std::mutex mutex = {};
    TableLocks::Hold granted = nullptr;  // guarded by mutex
  };
  // Takes a lock once more if the session has it. Returns nothing if the lock has to be requested.
  Result<std::optional<bool>> take_again(const AdvisoryLock& lock);
  void take(const AdvisoryLock& lock, TableLocks::Hold hold);
  void give_back(bool of_transaction);

  const std::shared_ptr<TableLocks> all_;
  std::map<std::string, Held> held_;
  std::shared_ptr<Waiting> waiting_;  // shared with the session that grants it
  uint64_t waits_begun_ = 0;
};

// Calls `step` until it returns true. `step` returns false while it waits for a lock;
// statement_timeout and lock_timeout limit this wait.
std::unique_ptr<Activity> make_lock_activity(SessionContext& context, SessionAdvisoryLocks& locks,
                                             std::function<Result<bool>()> step);

}  // namespace server::pg
