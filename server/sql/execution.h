// The kinds of statements that run for a session. Each is destroyed with the client's interest in
// it; answers that come later find nobody and are dropped.
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/plan/query_plan.h"
#include "engine/query/pull.h"
#include "server/net/interest.h"
#include "server/sql/port.h"
#include "server/sql/session.h"

namespace server {

// Threads: the session's loop.
class SqlExecution : public sql::Execution {
 public:
  SqlExecution(SqlSession& session, sql::Receiver& receiver)
      : session_(session), receiver_(receiver) {}
  void pause() override { is_paused_ = true; }
  void resume() override { is_paused_ = false; }
  // It counts as open until it is destroyed.
  void hold(OpenStatement place) { place_ = std::move(place); }

 protected:
  // The function, to be run on the session's loop if this execution is still there then; may be
  // called on any thread.
  template <class F>
  auto on_loop(F run) {
    return interest_.on(session_.shard().loop(), std::move(run));
  }
  SqlSession& session() const { return session_; }
  sql::Receiver& receiver() { return receiver_; }
  bool is_paused() const { return is_paused_; }
  const Interest& interest() const { return interest_; }

 private:
  SqlSession& session_;
  sql::Receiver& receiver_;
  OpenStatement place_;
  bool is_paused_ = false;
  const Interest interest_;
};

// What a statement is told when the workers have no room for it.
Error too_many_waiting();

// Plans the statement on another thread, then runs it.
Result<std::unique_ptr<sql::Execution>> run_planned_aside(
    SqlSession& session, sql::Receiver& receiver, std::unique_ptr<Planner> planner,
    StatementBegun begun);
// Rows that are there already.
std::unique_ptr<sql::Execution> run_rows(SqlSession& session, sql::Receiver& receiver,
                                         std::vector<engine::ColumnPtr> columns, size_t rows);
// CREATE, DROP, ...: through the metadata thread.
std::unique_ptr<sql::Execution> run_definition(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement);
// Runs a statement, which is started anew then, when its session has the turn of these topics' tables: a statement
// that changes what it reads has them to itself until its transaction ends, and definitions wait for it.
Result<std::unique_ptr<sql::Execution>> run_in_turn(SqlSession& session, sql::Receiver& receiver,
                                                    std::shared_ptr<const SqlPrepared> prepared,
                                                    std::vector<engine::Value> parameters,
                                                    std::set<std::string> topics);
// Appends the request, once there is room, and reports `command` with the number of rows; before that these rows.
std::unique_ptr<sql::Execution> run_append(SqlSession& session, sql::Receiver& receiver,
                                           storage::AppendRequest request, std::string command,
                                           std::optional<uint64_t> rows,
                                           std::vector<engine::ColumnPtr> returned = {},
                                           WriterTurns turns = {});
// COMMIT: appends what was held back; then what the transaction has defined stays, or is undone where the append fails.
// In a cluster `read` tells how far partitions had been read when rows were made of them.
std::unique_ptr<sql::Execution> run_commit(SqlSession& session, sql::Receiver& receiver,
                                           storage::AppendRequest request,
                                           sql::SessionBackend::Begun by, const ReadEnds& read,
                                           WriterTurns turns, DefiningTransactionPtr transaction);
// Ends when the undoing is done.
std::unique_ptr<sql::Execution> run_await_undo(SqlSession& session, sql::Receiver& receiver,
                                               std::shared_ptr<Undoing> undoing);
// Writes the rows of a SELECT: INSERT ... SELECT into a table, UPDATE, DELETE.
Result<std::unique_ptr<sql::Execution>> run_rows_write(
    SqlSession& session, sql::Receiver& receiver, const std::shared_ptr<const SqlPrepared>& prepared,
    std::vector<engine::Value> parameters);
// TRUNCATE in a transaction, which may be rolled back: deletes all rows.
Result<std::unique_ptr<sql::Execution>> run_truncate_rows(
    SqlSession& session, sql::Receiver& receiver,
    const std::shared_ptr<const engine::ParsedStatement>& statement);
// ALTER TABLE ... ADD PRIMARY KEY.
Result<std::unique_ptr<sql::Execution>> run_add_key(
    SqlSession& session, sql::Receiver& receiver,
    const std::shared_ptr<const engine::ParsedStatement>& statement);
// A look-up in a table, after it has passed what the session wrote.
std::unique_ptr<sql::Execution> run_pull(SqlSession& session, sql::Receiver& receiver,
                                         StatementBegun begun,
                                         std::shared_ptr<const engine::PullPlan> plan,
                                         MetadataImagePtr image);
// A SELECT over tables as of one commit, likewise.
std::unique_ptr<sql::Execution> run_select(SqlSession& session, sql::Receiver& receiver,
                                           StatementBegun begun, SelectRows plan,
                                           MetadataImagePtr image);
// A transient query: until it is destroyed, has given its LIMIT, or (to_end) has read what was
// there when it began.
enum class TransientEnd : uint8_t { Never, AtPresentEnd };
Result<std::unique_ptr<sql::Execution>> run_transient(SqlSession& session, sql::Receiver& receiver,
                                                      engine::PlannedQuery planned,
                                                      MetadataImagePtr image, TransientEnd end);
// PRINT: shows each record whose number among those that come is a multiple of `interval`.
Result<std::unique_ptr<sql::Execution>> run_print(SqlSession& session, sql::Receiver& receiver,
                                                  engine::PlannedQuery planned,
                                                  MetadataImagePtr image, int64_t interval);
// ASSERT TOPIC, ASSERT SCHEMA.
Result<std::unique_ptr<sql::Execution>> run_assertion(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement);
// SHOW, DESCRIBE, EXPLAIN.
enum class InformationForm : uint8_t { Rows, Entity };  // an entity is one row, one JSON object
std::unique_ptr<sql::Execution> run_information(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement, MetadataImagePtr image,
    InformationForm form = InformationForm::Rows);

// A topic whose table was dropped or emptied may still take records for a moment: they would be lost. Who gets past this
// wrote before, since the image changes before a definition is acknowledged.
Status check_is_there(const MetadataImage& image, const Uuid& topic);

// Hands a request to the log, waiting for room as long as it takes; `done` is called on the log's
// thread, or at once when there is no memory to wait in. Fails with UnknownTopic when the topic is not there any more,
// and with ObjectState while it is fenced.
enum class AppendTo : uint8_t { Topics, NewTopic };  // which no definition knows yet
void append_when_room(SqlParts& parts, storage::AppendRequest request, storage::AppendDone done,
                      AppendTo to = AppendTo::Topics);
// The same for several records, of which readers of tables are to see all or none: it waits for those that are about to
// read, and others for it.
void append_as_one(SqlParts& parts, storage::AppendRequest request, storage::AppendDone done);

}  // namespace server
