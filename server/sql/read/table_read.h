// The common base class of a look-up and a SELECT over tables. Both start again if a table is
// unavailable for a moment.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "server/net/loop.h"
#include "server/sql/execution.h"
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
  // read.wait.ms, the queries have made progress, so a table that becomes unavailable later gets
  // the full time again.
  void note_opened(int64_t waited_ms);
  // Whether the statement changes the rows that it reads here.
  bool is_for_change() const { return begun_.prepared->is_for_change; }

 private:
  void begin_again();

  StatementBegun begun_;
  std::optional<Timer> timer_;
  std::unique_ptr<sql::Execution> again_;  // runs in place of this execution
};

}  // namespace server
