// The interface between the SQL engine and its clients' front ends: a PostgreSQL session, or a
// request of ksqlDB's API. server/sql implements it; tests have an implementation in memory.
//
// Threads: each object belongs to the loop of its connection, and is used there only; its callbacks
//          run there, too. No call may block: work that takes time is answered later, through a
//          Receiver.
// Callbacks: a Receiver may be called at any moment, also within the call that it was passed to. It
//             only records the data and never calls the backend, so no object is destroyed within one
//             of its own callbacks. A destroyed object makes no callbacks.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/result.h"
#include "engine/sql/ast.h"
#include "engine/types/column.h"
#include "engine/types/value.h"

namespace server::sql {  // not just `server`: the other front ends have sessions and messages too

class SessionSettings;

// A column as clients see it. The name is already folded for display (ORDERS is shown as orders).
struct ResultColumn {
  std::string name;
  engine::SqlType type;
  std::string exact_name = {};  // the name in the catalog
  std::string role = {};        // for a column of a table: "KEY", "HEADERS", "HEADER('key')"
  // The table of the column, as its number in PostgreSQL's catalog; 0: no table, or not known.
  uint32_t table_oid = 0;
  int16_t table_column = 0;  // number of the column in the table, from 1
};

enum class ResultKind : uint8_t {
  None,      // no rows: a definition or a command
  Insert,    // rows to append; inside a transaction they are held back until COMMIT
  Rows,      // a result that ends by itself
  PushRows,  // a result that continues until it is cancelled or reaches its LIMIT
};

// A statement that has been analysed. Prepared statements and portals share its ownership. The
// backend's own class is derived from it, and also has the plan.
class Prepared {
 public:
  virtual ~Prepared() = default;
  ResultKind kind = ResultKind::None;
  std::vector<ResultColumn> columns;  // the result's columns; set for Rows and PushRows
  // only for Rows: the statement reads the present rows of a stream
  bool reads_stream = false;
  // Only for Rows: the statement reads one row by its whole key; see answer_at_hand().
  bool is_look_up = false;
  // The types of $1, $2, ...; a declared type is kept or widened, an undeclared one is inferred.
  std::vector<engine::SqlType> parameters;
};

// Notices of level Log are sent only to clients that ask for messages of this level.
enum class NoticeLevel : uint8_t { Log, Notice, Warning };
struct Notice {
  NoticeLevel level = NoticeLevel::Notice;
  std::string message, detail = {}, hint = {};
};

// The successful end of a statement. Clients see `command`, a blank and the count: `INSERT 0 3`.
// For a SELECT, the front end counts the rows that it has sent, and row_count is not set.
struct Completion {
  std::string command;  // for example "SELECT", "INSERT 0" or "CREATE STREAM"
  std::optional<uint64_t> row_count = {};
  std::string query_id = {};  // the query that a definition has started
  std::string entity = {};    // the answer of ksqlDB's API, for statements about connectors
};

// Receives the output of a running statement: any number of rows and notices, then exactly one end.
class Receiver {
 public:
  // Receives rows [first_row, end_row) of columns that match Prepared::columns. The columns are read during the call,
  // and the rows are sent at the end of this loop iteration.
  virtual void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
                       size_t end_row) = 0;
  // Receives rows [first_row, end_row) of the changes of a table. A row whose bit in `present` is
  // not set is a delete.
  virtual void on_changes(std::span<const engine::ColumnPtr> columns, size_t first_row,
                          size_t end_row, const engine::Bitmap& /*present*/) {
    on_rows(columns, first_row, end_row);
  }
  // Returns whether rows would be sent to the client without delay, if the first of them has about
  // `first_row_bytes`. A statement that holds many rows calls this before each portion. After
  // false, the statement keeps its rows until resume() is called; resume() is then called even if
  // pause() never was. Rows that are passed without this check are kept in memory up to the
  // session's limit.
  virtual bool has_room(size_t /*first_row_bytes*/) { return true; }
  virtual void on_notice(Notice notice) = 0;
  virtual void on_done(Completion completion) = 0;
  virtual void on_error(Error error) = 0;

 protected:
  ~Receiver() = default;
};

// A running statement. If the object is destroyed, a query stops immediately. A definition or a
// write that is under way continues to its end, without a report.
class Execution {
 public:
  virtual ~Execution() = default;
  // Stops the rows until resume(). Only rows that other threads have already sent to this loop
  // still arrive, at most one or two batches. A paused execution may still report an error. (A
  // receiver only records rows, so the session calls pause() after the loop iteration and not
  // within on_rows().)
  virtual void pause() = 0;
  virtual void resume() = 0;
  // Cancels a statement that returns no rows. If the statement can still be cancelled, it ends by
  // on_error with QueryCanceled; otherwise it continues. To cancel a query, the execution is
  // destroyed instead.
  virtual void cancel() {}
  // Returns whether a push query has shown all records that existed when its task last ran.
  virtual bool has_caught_up() const { return false; }
};

enum class CopyContents : uint8_t {
  Columns,           // one engine column for each of CopyIn::columns
  JsonObjects,       // one STRING column: the JSON object of each line, unchanged
  TypedJsonObjects,  // as JsonObjects, but a string is not read as a number, as in ksqlDB's API
};

struct CopyTarget {
  engine::Name source;
  TextPosition source_position;
  std::vector<engine::Name> columns;  // empty: all writable columns
  CopyContents contents = CopyContents::Columns;
};

struct CopyRows {
  size_t rows = 0;
  std::vector<engine::Column> columns;
  std::vector<uint64_t> lines;  // the input line where each row began, from 1: for error messages
};

// Receives the results of a COPY FROM. on_copy_done() is called after finish(), on_copy_error() at
// any time.
class CopyReceiver {
 public:
  // Called after append() has returned Wait, when append() may be called again.
  virtual void on_copy_drained() = 0;
  virtual void on_copy_done(uint64_t row_count) = 0;
  // called before on_copy_done()
  virtual void on_copy_notice(const Notice& /*notice*/) {}
  virtual void on_copy_error(Error error) = 0;

 protected:
  ~CopyReceiver() = default;
};

enum class Pace : uint8_t { GoOn, Wait };

// A running COPY FROM STDIN. Destroying it before on_copy_done abandons the COPY, and uncommitted
// rows are dropped. Inside a transaction the rows are held back until commit().
class CopyIn {
 public:
  virtual ~CopyIn() = default;
  // The columns of an input line, in their order in the line; empty for JsonObjects.
  std::vector<ResultColumn> columns;
  // If a row fails, on_copy_error() is called; the `context` of the error names line and column.
  virtual Pace append(CopyRows rows) = 0;
  virtual void finish() = 0;
  // Returns the number of rows that stay even if the COPY fails later. It is not 0 for a very long
  // COPY, which commits in blocks.
  virtual uint64_t committed_rows() const { return 0; }
  // Returns whether a commit is under way; on_copy_drained() reports its end. If the COPY fails,
  // the front end waits for this commit before it answers, so that the reported number of rows is
  // right.
  virtual bool is_committing() const { return false; }
};

// Work on another thread. If the errand is destroyed, the work is abandoned: its end is not
// reported, and if it has not begun yet, it never does.
class Errand {
 public:
  virtual ~Errand() = default;
};

// The SQL engine as the session of one client sees it. The backend remembers the writes of the
// session, so that the session reads its own writes.
class SessionBackend {
 public:
  virtual ~SessionBackend() = default;

  // Analyses any statement that the session does not handle itself (transactions, settings,
  // cursors, COPY, prepared statements, LISTEN). `parameter_types` are the types that the client
  // declared; Null stands for an undeclared one, and the statement may have more parameters. May
  // keep `statement`.
  virtual Result<std::shared_ptr<const Prepared>> prepare(
      std::shared_ptr<const engine::ParsedStatement> statement,
      std::span<const engine::SqlType> parameter_types) = 0;

  // Returns a function that does the work of prepare() and may run on another thread, for
  // statements for which takes_long() is true. The session may have ended before the function runs.
  using Preparation =
      std::function<Result<std::shared_ptr<const Prepared>>(const std::atomic<bool>& is_cancelled)>;
  virtual Preparation preparation(std::shared_ptr<const engine::ParsedStatement> statement,
                                  std::span<const engine::SqlType> parameter_types) {
    return [this, statement, types = std::vector(parameter_types.begin(), parameter_types.end())](
               const std::atomic<bool>&) { return prepare(statement, types); };
  }
  // Whether preparing the statement may block a loop for too long.
  virtual bool takes_long(const engine::ParsedStatement&) const { return false; }
  // Does the work on another thread, and then calls `done` on this loop. If the errand is
  // destroyed, `done` is not called and the flag `is_cancelled` is set; the work checks the flag at
  // intervals. `bytes` is the approximate size of the data that the work holds. Returns null if too
  // much work is queued already.
  using Work = std::function<void(const std::atomic<bool>& is_cancelled)>;
  virtual std::unique_ptr<Errand> run_aside(size_t /*bytes*/, Work work,
                                            std::function<void()> done) {
    work(false);
    done();
    return std::make_unique<Errand>();
  }

  // Runs the statement, with one value for each parameter (of the type in Prepared::parameters, or
  // NULL). `receiver` outlives the execution. Several executions may run at a time: cursors stay
  // open while others are used. Fails with NotSupported "cached plan must not change result type"
  // if the columns have changed.
  virtual Result<std::unique_ptr<Execution>> start(const std::shared_ptr<const Prepared>& prepared,
                                                   std::vector<engine::Value> parameters,
                                                   Receiver& receiver) = 0;

  // Fails like start() if the columns of the rows have changed. If planning takes long, returns
  // success, and only start() detects the change.
  virtual Status check_columns(const Prepared& /*prepared*/) { return {}; }

  // Whether the statement would still be analysed with the same result. True only if no definition was changed since its
  // analysis; false is always right.
  virtual bool is_current(const Prepared& /*prepared*/) const { return false; }

  // Answers a look-up within the call: passes its rows and its end to `receiver`, and returns true.
  // If the look-up would have to wait or to send a notice, or if the plan has changed, passes
  // nothing and returns false; the caller then uses start().
  virtual Result<bool> answer_at_hand(const Prepared& /*look_up*/,
                                      std::span<const engine::Value> /*parameters*/,
                                      Receiver& /*receiver*/) {
    return false;
  }

  // The first statement of a dry run that the server would not accept, and the error that it would
  // return.
  struct Rejection {
    size_t index = 0;
    Error error;
  };
  using DryRun = std::function<std::optional<Rejection>(const std::atomic<bool>& is_cancelled)>;
  // Returns a function that checks whether the statements would be accepted one after the other.
  // Each statement sees the definitions of the statements before it, but nothing is executed. The
  // function runs on another thread, and the session may have ended by then. Statements that the
  // function does not check count as accepted.
  virtual DryRun dry_run(
      std::vector<std::shared_ptr<const engine::ParsedStatement>> /*statements*/) {
    return [](const std::atomic<bool>&) { return std::nullopt; };
  }

  // Runs SHOW, DESCRIBE or EXPLAIN for ksqlDB's API: the result is one row with one STRING, a JSON
  // object. Returns null for any other statement.
  virtual std::unique_ptr<Execution> start_entity(
      const std::shared_ptr<const engine::ParsedStatement>& /*statement*/, Receiver& /*receiver*/) {
    return nullptr;
  }

  virtual Result<std::unique_ptr<CopyIn>> begin_copy(const CopyTarget& target,
                                                     CopyReceiver& receiver) = 0;

  enum class Begun : uint8_t {
    ByClient,
    ByMessage
  };  // ByMessage: begun without BEGIN, for the statements of one Query message or up to one Sync
  // Begins a transaction. Until commit() or rollback(), the rows of INSERT, COPY, UPDATE and DELETE
  // are held back, and only the session's own reads see them. Definitions are executed immediately,
  // and rollback() undoes them. The transaction has no snapshot: each read sees the rows that are
  // committed by then. Transactions are never nested: a client's BEGIN takes the earlier statements
  // of its message into the transaction.
  virtual void begin(Begun by) = 0;
  // Appends the rows that were held back, all or nothing. (In a cluster, if the transaction was
  // begun by a message, its rows are appended like the rows of one statement.) Ends with on_done,
  // whose contents the session ignores, or with on_error. Until then the session makes no other
  // calls. Destroying the execution does not undo the commit.
  virtual std::unique_ptr<Execution> commit(Receiver& receiver) = 0;
  // A position in the rows that the transaction holds back. rollback_to() drops the rows that were
  // added after it. savepoint() returns null if the backend does not support savepoints.
  // rollback_to() fails with ObjectState if rows from before the savepoint are no longer held.
  class Savepoint {
   public:
    virtual ~Savepoint() = default;
  };
  virtual std::unique_ptr<Savepoint> savepoint() { return nullptr; }
  virtual Status rollback_to(const Savepoint&) { return {}; }
  // Drops the rows that are held back, and begins to undo the transaction's definitions. After a
  // failed commit() nothing is left to undo.
  virtual void rollback() = 0;
  // Returns an execution that ends with on_done when the undo is done. Until then the session makes
  // no other calls. Returns null if the undo is done already.
  virtual std::unique_ptr<Execution> await_rollback(Receiver& /*receiver*/) { return nullptr; }

  // Drops the session's temporary tables; their names are unknown from now on.
  virtual void discard_temporary() {}

  // Checks whether a property, or a setting whose name has a dot, accepts this value. Fails with
  // InvalidParameter if it does not, and with UndefinedObject if the name begins with one of the
  // engine's prefixes and is unknown.
  virtual Status check_setting(const std::string& name, const std::string& value) = 0;
  // Checks SET 'name' = 'value', which accepts properties only: any other name fails with
  // UndefinedObject.
  virtual Status check_property(const std::string& name, const std::string& value) {
    return check_setting(name, value);
  }
  // Returns the type with this number in PostgreSQL's catalog, if it was made by CREATE TYPE or is
  // an array of such a type. Otherwise returns nothing.
  virtual std::optional<engine::SqlType> type_of_oid(uint32_t /*number*/) const { return {}; }
  // Whether error texts follow ksqlDB where they differ (`compat = ksqldb`).
  virtual bool speaks_ksqldb() const { return false; }
  // Executes DISCARD SEQUENCES: currval() and lastval() are undefined again.
  virtual void forget_sequences() {}
};

// Called on the session's loop when a statement ends that makes a change which other sessions can
// see. `error` is null if the statement succeeded. If the client has disconnected, `error` is
// QueryCanceled, and the statement may still succeed later.
using ChangeAudit =
    std::function<void(const engine::ParsedStatement& statement, const Error* error)>;

struct SessionInfo {
  std::string user, database, application_name;
  int32_t process_id = 0;           // the number by which a CancelRequest selects the session
  MemoryAccount* memory = nullptr;  // the session's account; outlives the session
  // True: the user is authenticated and limited to its rights. False: the session may do
  // everything.
  bool has_rights_of_user = false;
  // The counter of open queries, if several sessions of one client share the limit; it outlives the
  // sessions. Null: each session has a counter of its own.
  size_t* open_queries = nullptr;
  // True: statements that change something fail with ReadOnlyTransaction.
  bool is_read_only = false;
  ChangeAudit on_change = {};  // null: changes are not audited
};

// Opens sessions. Each loop has one; it outlives its sessions.
class Backend {
 public:
  virtual ~Backend() = default;
  // Opens a session. `settings` are the session's settings; they may change between statements, and
  // outlive the session. Fails with UndefinedDatabase, InvalidAuthorization, ShuttingDown,
  // TooManyConnections.
  virtual Result<std::unique_ptr<SessionBackend>> open_session(const SessionInfo& info,
                                                               const SessionSettings& settings) = 0;
};

}  // namespace server::sql
