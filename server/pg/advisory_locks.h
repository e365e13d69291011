// pg_advisory_lock() and related functions, by which programs agree on one of them that does something, mostly a migration:
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
  bool is_of_transaction = false;  // else the session's
};
// Nothing for any other call; the number of arguments is that of one of PostgreSQL's.
std::optional<AdvisoryCall> advisory_call(const engine::FunctionCall& call);

struct AdvisoryLock {
  std::string key;  // of one number or of two
  bool is_shared = false;
  bool is_of_transaction = false;
};

// What one session has locked. A lock that it has already it has once more, and gives back as often.
//
// Threads: its loop's. Owner: the session.
class SessionAdvisoryLocks {
 public:
  static constexpr size_t kMostLocks = 10'000;

  // `all`: of all sessions; null: there are none (in a cluster).
  explicit SessionAdvisoryLocks(std::shared_ptr<TableLocks> all);
  ~SessionAdvisoryLocks();
  SessionAdvisoryLocks(const SessionAdvisoryLocks&) = delete;
  SessionAdvisoryLocks& operator=(const SessionAdvisoryLocks&) = delete;

  // Whether it has it now. Fails with LimitExceeded, and with NotSupported where it has it shared and wants it alone.
  Result<bool> try_lock(const AdvisoryLock& lock);
  // The same, but it waits where others have it: `wake` is called on any thread, and take_granted() says whether it has it
  // then. Fails with Deadlock, too.
  Result<bool> ask(const AdvisoryLock& lock, std::function<void()> wake);
  bool take_granted();
  bool is_waiting() const { return waiting_ != nullptr; }
  // How many times ask() had to wait so far: lock_timeout is counted for each wait by itself.
  uint64_t waits_begun() const { return waits_begun_; }
  // Waits no longer.
  void withdraw();

  // Of the session's own; false: it has none of that kind.
  bool unlock(const AdvisoryLock& lock);
  void unlock_all();
  void end_transaction();

 private:
  struct Held {
    TableLocks::Hold hold;
    bool is_shared = false;  // for the others
    // How often, by whether it is shared and whether it is the transaction's.
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
  // Nothing: it has to be asked for.
  Result<std::optional<bool>> take_again(const AdvisoryLock& lock);
  void take(const AdvisoryLock& lock, TableLocks::Hold hold);
  void give_back(bool of_transaction);

  const std::shared_ptr<TableLocks> all_;
  std::map<std::string, Held> held_;
  std::shared_ptr<Waiting> waiting_;  // shared with the session that grants it
  uint64_t waits_begun_ = 0;
};

// Calls `step` until it returns true. It returns false while it waits for a lock, which lasts as long as statement_timeout
// and lock_timeout let it.
std::unique_ptr<Activity> make_lock_activity(SessionContext& context, SessionAdvisoryLocks& locks,
                                             std::function<Result<bool>()> step);

}  // namespace server::pg
