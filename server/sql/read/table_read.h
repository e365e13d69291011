// The common base class of a look-up and a SELECT over tables. Both start again if a table is
// unavailable for a moment.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/query/pull.h"
#include "server/net/loop.h"
#include "server/sql/execution.h"
#include "server/sql/read/held_tables.h"
#include "server/sql/read/materialized_tables.h"

namespace server {

// When the query that keeps a table is replaced, moves to another node or restarts, the table can
// be read again within about 0.2 s. Until then the statement waits, for at most read.wait.ms. It is
// then planned again, because the name may refer to another table by then.
//
// Threads: the session's loop.
class TableRead : public SqlExecution {
 public:
  TableRead(SqlSession& session, sql::Receiver& receiver, StatementBegun begun)
      : SqlExecution(session, receiver), begun_(std::move(begun)) {}

  void pause() override;
  void resume() override;

 protected:
  // Starts the statement again, or reports the error. Call it only before the first row is shown,
  // and do nothing after the call.
  void not_there(const MaterializedTable& table);
  // Called when the tables can be read, after a wait of `waited_ms`. If the wait was longer than
  // read.wait.ms, the queries have made progress meanwhile. So if a table becomes unavailable
  // later, the statement may wait for read.wait.ms again.
  void note_opened(int64_t waited_ms);
  // Whether the statement changes the rows that it reads here.
  bool is_for_change() const { return begun_.prepared->is_for_change; }
  // Returns whether the tables are read at a barrier. This is so if the session reads tables at barriers, the
  // statement changes nothing, and a query writes at least one of the tables or its topic.
  bool reads_at_barrier(std::span<const MaterializedTable> tables) const;
  // Returns the error for a statement that reads streams and tables at a barrier.
  static Error streams_at_barrier();
  // Returns a plan that scans the table if `plan` looks up many keys; otherwise returns `plan`. A
  // consistent look-up stops the tasks of the table until it ends, a scan only until it begins.
  static std::shared_ptr<const engine::PullPlan> without_many_keys(
      std::shared_ptr<const engine::PullPlan> plan);
  // Whether the last attempt of the statement has failed.
  bool is_repeated() const { return begun_.awaits_tables_since_us > 0; }
  using Open = std::function<void(const std::string& query_id, std::shared_ptr<HeldTables> held)>;
  // Requests a barrier over the tables. `open` is called on the session's loop for each query that
  // keeps one of them, when the query's tasks have reached the barrier. The tasks stay stopped
  // until all copies of `held` are destroyed. If the barrier is given up, calls `give_up` and
  // starts the statement again, or reports the error when read.wait.ms is over.
  void begin_barrier(std::span<const MaterializedTable> tables, Open open,
                     std::function<void()> give_up);

 private:
  // Starts the statement again in a moment. Returns false if it has waited for read.wait.ms.
  bool try_again();
  void begin_again();

  StatementBegun begun_;
  std::optional<Timer> timer_;
  std::unique_ptr<sql::Execution> again_;  // runs in place of this execution
  std::shared_ptr<int> at_barrier_;        // set while a barrier may call back
};

}  // namespace server
