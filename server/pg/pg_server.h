// The PostgreSQL front end: a listener whose connections have PostgreSQL sessions.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/result.h"
#include "server/locks/named_locks.h"
#include "server/net/front_end.h"
#include "server/pg/notifications.h"
#include "server/pg/session.h"
#include "server/sql/port.h"
#include "server/sql/script.h"

namespace server::pg {

struct PgServerOptions {
  FrontEndOptions front_end;
  SessionLimits limits = {};
  const auth::Access* access = nullptr;       // null: every client may connect; outlives the server
  size_t superuser_reserved_connections = 0;  // part of max_connections, if users are known
  // The locks of the sessions of all nodes, which outlive the server; null: locks of its own.
  NamedLocks* locks = nullptr;
  NotifyNodes notify_nodes = {};     // empty if no other node exists
  std::optional<int32_t> node = {};  // the node's number, which is part of its sessions' numbers
};

// Threads: those of FrontEnd.
class PgServer {
 public:
  struct Shard {
    Loop* loop;
    sql::Backend* backend;
  };

  // Listens on the first shard's loop. Fails with NetworkFailure.
  static Result<std::unique_ptr<PgServer>> open(const std::vector<Shard>& shards,
                                                const PgServerOptions& options,
                                                MemoryBudget& memory, const Clock& clock);
  ~PgServer();
  PgServer(const PgServer&) = delete;
  PgServer& operator=(const PgServer&) = delete;

  const Address& address() const;
  size_t connection_count() const;

  // Opens a session that runs a script, as sql::OpenScript describes, on the loop of the shard. Other
  // sessions see it in pg_stat_activity, and can cancel it. Call it on that loop; the server
  // outlives the session.
  Result<std::unique_ptr<sql::ScriptSession>> open_script(size_t shard, std::function<void()> wake,
                                                          const sql::ScriptRequest& request,
                                                          sql::AnswerForm& form);

  // Returns the channels of all sessions; they may outlive the server.
  std::shared_ptr<Notifications> notifications() const;

  // Stops the server like FrontEnd::stop(). Sessions end with the error 57P01.
  void stop(Task on_stopped);

 private:
  struct Impl;
  explicit PgServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace server::pg
