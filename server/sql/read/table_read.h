// The common part of a look-up and a SELECT over tables. Both start again if a table is unavailable
// for a moment.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "server/net/loop.h"
#include "server/sql/execution.h"
#include "server/sql/read/materialized_tables.h"

namespace server {

// When the query that keeps a table is replaced, moves or restarts, its rows are available again
// within one or two tenths of a second. Until then the statement waits, at most for read.wait.ms,
// and is planned again, since the table may be another one by then.
//
// Threads: the session's loop.
class TableRead : public SqlExecution {
 public:
  TableRead(SqlSession& session, sql::Receiver& receiver, StatementBegun begun)
      : SqlExecution(session, receiver), begun_(std::move(begun)) {}

  void pause() override;
  void resume() override;

 protected:
  // Starts the statement again, or reports the error. Call it before the first row is shown, and do
  // nothing after the call.
  void not_there(const MaterializedTable& table);
  // Notes that the tables were opened after a wait of `waited_ms`. A wait longer than read.wait.ms
  // must have seen progress, so a table that becomes unavailable later gets the full wait again.
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
