// The executions of a session's statements. The session destroys an execution when the client no
// longer needs its answer; results that arrive later from other threads are dropped.
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
  // Keeps `place` until this execution is destroyed, so that the statement counts as open until
  // then (OpenStatement).
  void hold(OpenStatement place) { place_ = std::move(place); }

 protected:
  // Wraps the function so that it runs on the session's loop, unless this execution has been
  // destroyed by then. The wrapper may be called on any thread.
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

// Returns the error for a statement that is refused because the queue of StatementWorkers is full.
Error too_many_waiting();

// Plans the statement on another thread, then runs it.
Result<std::unique_ptr<sql::Execution>> run_planned_aside(SqlSession& session,
                                                          sql::Receiver& receiver,
                                                          std::unique_ptr<Planner> planner,
                                                          StatementBegun begun);
// Sends rows that are already computed.
std::unique_ptr<sql::Execution> run_rows(SqlSession& session, sql::Receiver& receiver,
                                         std::vector<engine::ColumnPtr> columns, size_t rows);
// Executes a definition (CREATE, DROP, ...) on the metadata thread.
std::unique_ptr<sql::Execution> run_definition(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement);
// Waits until the session holds the locks on the tables of these topics (TableLocks), then plans
// the statement again and runs it. From then until the end of the transaction, no other session
// changes these tables with a statement that first reads their rows, and none changes their
// definitions.
Result<std::unique_ptr<sql::Execution>> run_in_turn(SqlSession& session, sql::Receiver& receiver,
                                                    std::shared_ptr<const SqlPrepared> prepared,
                                                    std::vector<engine::Value> parameters,
                                                    std::set<std::string> topics,
                                                    std::set<std::string> locked);
// Ends a COMMIT with an error, because the transaction no longer has the locks of its FOR UPDATE.
std::unique_ptr<sql::Execution> run_lost_locks(SqlSession& session, sql::Receiver& receiver);
// Appends the request when the log accepts it. Then sends the rows in `returned` (RETURNING), and
// reports `command` with the number of rows.
std::unique_ptr<sql::Execution> run_append(SqlSession& session, sql::Receiver& receiver,
                                           storage::AppendRequest request, std::string command,
                                           std::optional<uint64_t> rows,
                                           std::vector<engine::ColumnPtr> returned = {},
                                           WriterTurns turns = {});
// Executes COMMIT: appends the rows that the transaction has held back. If this succeeds, the
// transaction's definitions become permanent; if it fails, they are undone. `read` is used in a
// cluster: for rows that were computed from other rows, it has the offset up to which each
// partition was read.
std::unique_ptr<sql::Execution> run_commit(SqlSession& session, sql::Receiver& receiver,
                                           storage::AppendRequest request,
                                           sql::SessionBackend::Begun by, const ReadEnds& read,
                                           WriterTurns turns, DefiningTransactionPtr transaction);
// Waits for `undoing`, which undoes the definitions of a transaction. Returns an execution that
// ends when they are undone.
std::unique_ptr<sql::Execution> run_await_undo(SqlSession& session, sql::Receiver& receiver,
                                               std::shared_ptr<Undoing> undoing);
// Executes INSERT ... SELECT into a table, UPDATE or DELETE: writes the rows of a SELECT.
Result<std::unique_ptr<sql::Execution>> run_rows_write(
    SqlSession& session, sql::Receiver& receiver,
    const std::shared_ptr<const SqlPrepared>& prepared, std::vector<engine::Value> parameters);
// Executes TRUNCATE by deleting all rows. Used in a transaction, where it may be rolled back, and
// in a cluster. Otherwise TRUNCATE replaces the topic.
Result<std::unique_ptr<sql::Execution>> run_truncate_rows(
    SqlSession& session, sql::Receiver& receiver,
    const std::shared_ptr<const engine::ParsedStatement>& statement);
// Executes ADD PRIMARY KEY, or another ALTER TABLE that rewrites the rows of a table.
Result<std::unique_ptr<sql::Execution>> run_add_key(
    SqlSession& session, sql::Receiver& receiver,
    const std::shared_ptr<const engine::ParsedStatement>& statement);
// Executes CREATE TEMP TABLE ... AS: creates a table of the session with the columns of the SELECT,
// and fills it once.
Result<std::unique_ptr<sql::Execution>> run_temporary_as(
    SqlSession& session, sql::Receiver& receiver,
    const std::shared_ptr<const engine::ParsedStatement>& statement);
// Looks up rows of a table, after the table contains the session's own writes.
std::unique_ptr<sql::Execution> run_pull(SqlSession& session, sql::Receiver& receiver,
                                         StatementBegun begun,
                                         std::shared_ptr<const engine::PullPlan> plan,
                                         MetadataImagePtr image);
// Runs a SELECT over tables as of one commit, after the tables contain the session's own writes.
std::unique_ptr<sql::Execution> run_select(SqlSession& session, sql::Receiver& receiver,
                                           StatementBegun begun, SelectRows plan,
                                           MetadataImagePtr image);
enum class TransientEnd : uint8_t { Never, AtPresentEnd };
// Runs a transient query until the execution is destroyed or the query has reached its LIMIT. With
// AtPresentEnd, the query also ends when it has read all records that existed when it began.
Result<std::unique_ptr<sql::Execution>> run_transient(SqlSession& session, sql::Receiver& receiver,
                                                      engine::PlannedQuery planned,
                                                      MetadataImagePtr image, TransientEnd end);
// Shows the rows of a catalog table and then their changes, until the execution is destroyed or the LIMIT is reached.
Result<std::unique_ptr<sql::Execution>> run_follow(SqlSession& session, sql::Receiver& receiver,
                                                   const SqlPrepared& prepared,
                                                   FollowedSelect select);
// Executes PRINT: shows each record whose number, counted in the order of reading, is a multiple of
// `interval`.
Result<std::unique_ptr<sql::Execution>> run_print(SqlSession& session, sql::Receiver& receiver,
                                                  engine::PlannedQuery planned,
                                                  MetadataImagePtr image, int64_t interval);
// Executes REFRESH MATERIALIZED VIEW.
Result<std::unique_ptr<sql::Execution>> run_refresh(SqlSession& session, sql::Receiver& receiver,
                                                    const engine::RefreshView& refresh);
// Executes ASSERT TOPIC or ASSERT SCHEMA.
Result<std::unique_ptr<sql::Execution>> run_assertion(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement);
enum class InformationForm : uint8_t { Rows, Entity };  // an entity is one row with one JSON object
// Executes SHOW, DESCRIBE or EXPLAIN.
std::unique_ptr<sql::Execution> run_information(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement, MetadataImagePtr image,
    InformationForm form = InformationForm::Rows);

// Returns whether the statement only shows the state of connectors: SHOW, DESCRIBE and EXPLAIN.
bool shows_connectors(const engine::Statement& statement);
// Executes a statement about connectors. For CREATE and DROP CONNECTOR, Completion::entity has the
// answer of ksqlDB's API.
Result<std::unique_ptr<sql::Execution>> run_connector_statement(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement, InformationForm form);

// Whether the statement only reads the state of links: SHOW and DESCRIBE.
bool shows_links(const engine::Statement& statement);
// Executes a statement about links to other clusters, and PRINT ... FROM LINK.
Result<std::unique_ptr<sql::Execution>> run_link_statement(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement, InformationForm form);

// Executes ALTER TOPIC or ALTER CONSUMER GROUP ... RESET OFFSETS.
Result<std::unique_ptr<sql::Execution>> run_topic_statement(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement);

// Fails if the table of the topic was dropped or emptied in `image`. The log may still accept records for such a topic
// for a moment, and these records would be lost. A writer therefore calls this with the newest image directly before
// its append. If the check passes, the append begins before the DROP or TRUNCATE is acknowledged, because the image
// changes before the acknowledgement.
Status check_is_there(const MetadataImage& image, const Uuid& topic);
Status check_are_there(const MetadataImage& image, const storage::AppendRequest& request);

// Passes a request to the log, and waits without a time limit while the log's queue is full. `done`
// is called on another thread, or within the call if the request is refused. Fails with
// UnknownTopic if the topic no longer exists, and with ObjectState while the topic is fenced
// (WriteFence).
void append_when_room(SqlParts& parts, storage::AppendRequest request, storage::AppendDone done,
                      AppendTo to = AppendTo::Topics);
// Appends several records such that readers of tables see either all of them or none. The append
// waits for readers that are about to begin their scans, and readers that come later wait for the
// append.
void append_as_one(SqlParts& parts, storage::AppendRequest request, storage::AppendDone done);

}  // namespace server
