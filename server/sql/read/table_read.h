// What a look-up and a SELECT over tables have in common: they begin again where a table is away for a moment.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "server/net/loop.h"
#include "server/sql/execution.h"
#include "server/sql/read/kept_tables.h"

namespace server {

// The query that keeps a table is replaced, moves, or starts again: its rows are there again in a tenth of a second or
// two. Until then the statement waits, for read.wait.ms at most, and is planned again, since the table may be another
// one by then.
// Threads: the session's loop.
class TableRead : public SqlExecution {
 public:
  TableRead(SqlSession& session, sql::Receiver& receiver, StatementBegun begun)
      : SqlExecution(session, receiver), begun_(std::move(begun)) {}

  void pause() override;
  void resume() override;

 protected:
  // Before the first row is shown: the statement begins again, or fails. The caller is over.
  void not_there(const KeptTable& table);
  // The tables could be opened after a wait. One of more than read.wait.ms was one with progress, so that a table
  // that goes afterwards is waited for again.
  void note_opened(int64_t waited_ms);
  // Whether a statement changes what it reads here.
  bool is_for_change() const { return begun_.prepared->is_for_change; }

 private:
  void begin_again();

  StatementBegun begun_;
  std::optional<Timer> timer_;
  std::unique_ptr<sql::Execution> again_;  // which goes on instead of this
};

}  // namespace server
