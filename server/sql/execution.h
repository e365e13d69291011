// The kinds of statements that run for a session. An execution is destroyed when the client no longer needs its answer;
// answers that arrive later are dropped.
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/plan/query_plan.h"
#include "engine/query/pull.h"
#include "server/net/weak_callback.h"
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
  // The statement counts as open until it is destroyed.
  void hold(OpenStatement place) { place_ = std::move(place); }

 protected:
  // Wraps the function so that it runs on the session's loop if this execution still exists then.
  // The wrapper may be called on any thread.
  template <class F>
  auto on_loop(F run) {
    return callback_.on(session_.shard().loop(), std::move(run));
  }
  SqlSession& session() const { return session_; }
  sql::Receiver& receiver() { return receiver_; }
  bool is_paused() const { return is_paused_; }
  const WeakCallback& weak_callback() const { return callback_; }

 private:
  SqlSession& session_;
  sql::Receiver& receiver_;
  OpenStatement place_;
  bool is_paused_ = false;
  const WeakCallback callback_;
};

// The error for a statement that finds the queue of the workers full.
Error too_many_waiting();

// Plans the statement on another thread, then runs it.
Result<std::unique_ptr<sql::Execution>> run_planned_aside(
    SqlSession& session, sql::Receiver& receiver, std::unique_ptr<Planner> planner,
    StatementBegun begun);
// Sends rows that are already computed.
std::unique_ptr<sql::Execution> run_rows(SqlSession& session, sql::Receiver& receiver,
                                         std::vector<engine::ColumnPtr> columns, size_t rows);
// CREATE, DROP, ...: through the metadata thread.
std::unique_ptr<sql::Execution> run_definition(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement);
// Runs a statement once its session has the turn for the tables of these topics; the statement is
// planned again then. A statement that changes the rows that it reads has these tables to itself
// until its transaction ends, and definitions wait for it.
Result<std::unique_ptr<sql::Execution>> run_in_turn(SqlSession& session, sql::Receiver& receiver,
                                                    std::shared_ptr<const SqlPrepared> prepared,
                                                    std::vector<engine::Value> parameters,
                                                    std::set<std::string> topics);
// Appends the request once the log has room. Then sends the rows in `returned` and reports
// `command` with the number of rows.
std::unique_ptr<sql::Execution> run_append(SqlSession& session, sql::Receiver& receiver,
                                           storage::AppendRequest request, std::string command,
                                           std::optional<uint64_t> rows,
                                           std::vector<engine::ColumnPtr> returned = {},
                                           WriterTurns turns = {});
// COMMIT: appends the rows that were held back. On success the transaction's definitions become
// permanent; if the append fails, they are undone. In a cluster, `read` has the offset up to which
// each partition was read when rows were computed from it.
std::unique_ptr<sql::Execution> run_commit(SqlSession& session, sql::Receiver& receiver,
                                           storage::AppendRequest request,
                                           sql::SessionBackend::Begun by, const ReadEnds& read,
                                           WriterTurns turns, DefiningTransactionPtr transaction);
// Ends when the undo is done.
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
// A SELECT over tables as of one commit, after they have passed the session's own writes.
std::unique_ptr<sql::Execution> run_select(SqlSession& session, sql::Receiver& receiver,
                                           StatementBegun begun, SelectRows plan,
                                           MetadataImagePtr image);
// A transient query. It runs until it is destroyed or has reached its LIMIT; with AtPresentEnd also
// until it has read the records that existed when it began.
enum class TransientEnd : uint8_t { Never, AtPresentEnd };
Result<std::unique_ptr<sql::Execution>> run_transient(SqlSession& session, sql::Receiver& receiver,
                                                      engine::PlannedQuery planned,
                                                      MetadataImagePtr image, TransientEnd end);
// PRINT: shows each record whose running number is a multiple of `interval`.
Result<std::unique_ptr<sql::Execution>> run_print(SqlSession& session, sql::Receiver& receiver,
                                                  engine::PlannedQuery planned,
                                                  MetadataImagePtr image, int64_t interval);
// ASSERT TOPIC, ASSERT SCHEMA.
Result<std::unique_ptr<sql::Execution>> run_assertion(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement);
// SHOW, DESCRIBE, EXPLAIN.
enum class InformationForm : uint8_t { Rows, Entity };  // an entity is one row with one JSON object
std::unique_ptr<sql::Execution> run_information(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement, MetadataImagePtr image,
    InformationForm form = InformationForm::Rows);

// Fails if the topic's table was dropped or emptied. Its topic may still accept records for a
// moment, and they would be lost. A writer that passes this check wrote before the definition was
// acknowledged, since the image changes before the acknowledgement.
Status check_is_there(const MetadataImage& image, const Uuid& topic);

// Hands a request to the log and waits for room without a time limit. `done` is called on the log's
// thread, or at once if there is no memory to queue the request. Fails with UnknownTopic if the
// topic no longer exists, and with ObjectState while it is fenced.
enum class AppendTo : uint8_t { Topics, NewTopic };  // a new topic is in no definition yet
void append_when_room(SqlParts& parts, storage::AppendRequest request, storage::AppendDone done,
                      AppendTo to = AppendTo::Topics);
// Appends several records of which readers of tables see all or none. It waits for readers whose
// scans are about to begin, and later readers wait for it.
void append_as_one(SqlParts& parts, storage::AppendRequest request, storage::AppendDone done);

}  // namespace server
