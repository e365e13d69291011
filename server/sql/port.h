// The port through which a PostgreSQL session, or a request of ksqlDB's API, asks the engine. server/node implements it; tests
// have one in memory.
//
// Threads: each object belongs to the loop of its connection and is used and calls back there only.
//          Nothing here may block: what takes time answers later, through a receiver.
// Calls back: a receiver may be called at any moment, also from inside the call that it belongs to.
//             It only takes notes and never calls back into the backend, so nobody need fear to be
//             destroyed inside a callback. Once an object here is destroyed, it calls nobody.
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

// A column as clients see it: the name is already folded for display (ORDERS is shown as orders).
struct ResultColumn {
  std::string name;
  engine::SqlType type;
  std::string exact_name = {};  // as it is in the catalog
  std::string role = {};        // of a table's column: "KEY", "HEADERS", "HEADER('key')"
  // Of which table's column it is, by the numbers of PostgreSQL's catalog; 0: of none, or that is not told.
  uint32_t table_oid = 0;
  int16_t table_column = 0;  // from 1
};

enum class ResultKind : uint8_t {
  None,      // a definition, a command
  Insert,    // rows to append: held back in a transaction
  Rows,      // ends by itself
  PushRows,  // goes on until it is cancelled, or its LIMIT is reached
};

// A statement that has been analysed. Kept and shared by the prepared statements and portals that
// came from it; the backend derives from it to keep its plan.
class Prepared {
 public:
  virtual ~Prepared() = default;
  ResultKind kind = ResultKind::None;
  std::vector<ResultColumn> columns;  // of Rows and PushRows
  bool reads_stream = false;          // of Rows: those that a stream has at present
  bool is_look_up = false;  // of Rows: of one row by all of its key, whose answer may be at hand
  // One for each $n; a type that was given is kept or widened, one that was not is inferred.
  std::vector<engine::SqlType> parameters;
};

// Log: for those who ask for it.
enum class NoticeLevel : uint8_t { Log, Notice, Warning };
struct Notice {
  NoticeLevel level = NoticeLevel::Notice;
  std::string message, detail = {}, hint = {};
};

// How a statement ended well. Clients see `command`, a blank and the count: `INSERT 0 3`. For rows
// the session counts what it has sent, and `command` alone counts.
struct Completion {
  std::string command;  // "SELECT", "INSERT 0", "CREATE STREAM"
  std::optional<uint64_t> row_count = {};
  std::string query_id = {};  // of the query that a definition has started
};

// What a running statement says: any number of rows and notices, then exactly one end.
class Receiver {
 public:
  // Rows [first_row, end_row) of columns that are as Prepared::columns; they are read during the
  // call. What has been given is sent to the client at the end of this turn of the loop.
  virtual void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
                       size_t end_row) = 0;
  // The same of a table's changes: the rows whose bit is not set are deletes.
  virtual void on_changes(std::span<const engine::ColumnPtr> columns, size_t first_row,
                          size_t end_row, const engine::Bitmap& /*present*/) {
    on_rows(columns, first_row, end_row);
  }
  // Whether rows, the first of about `first_row_bytes`, would go to the client at once. Who holds many
  // asks before each portion of them, and keeps them where the answer is no: then resume() comes when
  // there is room, also when pause() never did. Rows that come without it are kept as far as the
  // session's memory allows.
  virtual bool has_room(size_t /*first_row_bytes*/) { return true; }
  virtual void on_notice(Notice notice) = 0;
  virtual void on_done(Completion completion) = 0;
  virtual void on_error(Error error) = 0;

 protected:
  ~Receiver() = default;
};

// A statement that runs. Destroying it forgets about it: a query stops at once, a definition or a
// write that is on its way ends unseen.
class Execution {
 public:
  virtual ~Execution() = default;
  // After pause() at most the rows that are already on their way to this loop still come. It ends
  // with resume(). A paused execution may still report an error. Since receivers only take notes,
  // the session pauses between turns of the loop: no more than a batch or two in one turn.
  virtual void pause() = 0;
  virtual void resume() = 0;
  // For statements without rows: stop if that is still possible (then on_error with QueryCanceled),
  // otherwise go on. QueryTasks are destroyed instead.
  virtual void cancel() {}
};

enum class CopyContents : uint8_t {
  Columns,      // one engine column for each of CopyIn::columns
  JsonObjects,  // one STRING column: the object of each line, as it came
};

struct CopyTarget {
  engine::Name source;
  TextPosition source_position;
  std::vector<engine::Name> columns;  // empty: all that can be written
  CopyContents contents = CopyContents::Columns;
};

struct CopyRows {
  size_t rows = 0;
  std::vector<engine::Column> columns;
  std::vector<uint64_t> lines;  // where each row began in the input, from 1: for error messages
};

// What a COPY FROM says. The end comes after finish(), an error at any time.
class CopyReceiver {
 public:
  virtual void on_copy_drained() = 0;  // after append() asked to wait
  virtual void on_copy_done(uint64_t row_count) = 0;
  virtual void on_copy_error(Error error) = 0;

 protected:
  ~CopyReceiver() = default;
};

enum class Pace : uint8_t { GoOn, Wait };

// A COPY FROM STDIN that runs. Destroying it before on_copy_done abandons it: nothing that is not
// yet committed is kept. Inside a transaction the rows are held back until commit().
class CopyIn {
 public:
  virtual ~CopyIn() = default;
  // What a line has, in the order of the line; for JsonObjects empty.
  std::vector<ResultColumn> columns;
  // Rows that fail are reported by on_copy_error, with `context` naming line and column.
  virtual Pace append(CopyRows rows) = 0;
  virtual void finish() = 0;
  // Rows that are in for good, whatever happens to the rest: a very long COPY commits in blocks.
  virtual uint64_t committed_rows() const { return 0; }
  // More rows are on their way there; on_copy_drained tells when that changes. A COPY that fails is
  // answered afterwards, so that what it says of its rows is true.
  virtual bool is_committing() const { return false; }
};

// Work that is done elsewhere. Destroying it forgets about it: its end is told to nobody, and what
// has not begun never does.
class Errand {
 public:
  virtual ~Errand() = default;
};

// The engine as one client's session sees it. It remembers what the session wrote, so that the
// session reads its own writes.
class SessionBackend {
 public:
  virtual ~SessionBackend() = default;

  // Analyses any statement that is not the session's own affair (transactions, settings, cursors,
  // COPY, prepared statements, LISTEN). `parameter_types` are those that the client gave; Null
  // stands for one that it left open, and there may be fewer than the statement has.
  // Keeps `statement` if it likes.
  virtual Result<std::shared_ptr<const Prepared>> prepare(
      std::shared_ptr<const engine::ParsedStatement> statement,
      std::span<const engine::SqlType> parameter_types) = 0;

  // prepare() as a function of its own, which may run on another thread, for statements that
  // take_long(). The session may be gone before it has run.
  using Preparation =
      std::function<Result<std::shared_ptr<const Prepared>>(const std::atomic<bool>& is_cancelled)>;
  virtual Preparation preparation(std::shared_ptr<const engine::ParsedStatement> statement,
                                  std::span<const engine::SqlType> parameter_types) {
    return [this, statement, types = std::vector(parameter_types.begin(), parameter_types.end())](
               const std::atomic<bool>&) { return prepare(statement, types); };
  }
  // Whether to prepare it may take longer than a loop should be held up.
  virtual bool takes_long(const engine::ParsedStatement&) const { return false; }
  // Does the work on another thread, then calls `done` on this loop, unless the errand has been
  // destroyed: then the work's flag is set, which it looks at now and then. `bytes` is about what
  // the work holds. Null when too much is waiting already.
  using Work = std::function<void(const std::atomic<bool>& is_cancelled)>;
  virtual std::unique_ptr<Errand> run_aside(size_t /*bytes*/, Work work,
                                            std::function<void()> done) {
    work(false);
    done();
    return std::make_unique<Errand>();
  }

  // Runs it; one value (of Prepared::parameters' types, or NULL) for each parameter. `receiver`
  // outlives the execution. Several may run at a time: cursors stay open while others are used.
  // Fails with NotSupported "cached plan must not change result type" when that has happened.
  virtual Result<std::unique_ptr<Execution>> start(const std::shared_ptr<const Prepared>& prepared,
                                                   std::vector<engine::Value> parameters,
                                                   Receiver& receiver) = 0;

  // Fails as start() would where the columns of its rows are others by now; of what takes long to plan nothing is known
  // before that.
  virtual Status check_columns(const Prepared& /*prepared*/) { return {}; }

  // A look-up's rows and its end, given before this returns. False, and nothing given, where anything is to be waited for or
  // to be told, or the plan has changed: then it is to be started.
  virtual Result<bool> answer_at_hand(const Prepared& /*look_up*/,
                                      std::span<const engine::Value> /*parameters*/,
                                      Receiver& /*receiver*/) {
    return false;
  }

  // Finds out whether the statements would be accepted one after the other, each finding what those before it define, though nothing
  // is carried out. It runs on another thread, and the session may be gone by then. What it does not look at it accepts.
  struct Rejection {
    size_t index = 0;
    Error error;
  };
  using DryRun = std::function<std::optional<Rejection>(const std::atomic<bool>& is_cancelled)>;
  virtual DryRun dry_run(
      std::vector<std::shared_ptr<const engine::ParsedStatement>> /*statements*/) {
    return [](const std::atomic<bool>&) { return std::nullopt; };
  }

  // What SHOW, DESCRIBE and EXPLAIN answer as an object of ksqlDB's API: one row, one STRING, JSON.
  // Null when the statement is another.
  virtual std::unique_ptr<Execution> start_entity(
      const std::shared_ptr<const engine::ParsedStatement>& /*statement*/, Receiver& /*receiver*/) {
    return nullptr;
  }

  virtual Result<std::unique_ptr<CopyIn>> begin_copy(const CopyTarget& target,
                                                     CopyReceiver& receiver) = 0;

  // Between begin() and commit() or rollback() INSERTs, COPYs, UPDATEs and DELETEs are held back; reads of their tables
  // see them. Definitions are carried out at once, and undone by rollback(). Reads pin nothing. Never nested: a client that
  // begins a transaction in a message with others has these in it.
  enum class Begun : uint8_t {
    ByClient,
    ByMessage
  };  // by message: statements up to one Sync, or of one text
  virtual void begin(Begun by) = 0;
  // Appends what was held back, all or nothing (in a cluster and begun by a message: as the rows of one statement); ends with on_done (of which the session takes
  // nothing) or on_error. Nothing else is asked of the backend until then. The destruction of the
  // execution does not undo it.
  virtual std::unique_ptr<Execution> commit(Receiver& receiver) = 0;
  // How much the transaction holds back by now, and back to that: what came later is dropped. Null: that is not known here.
  // Fails with ObjectState where what was held then is not held any more.
  class Savepoint {
   public:
    virtual ~Savepoint() = default;
  };
  virtual std::unique_ptr<Savepoint> savepoint() { return nullptr; }
  virtual Status rollback_to(const Savepoint&) { return {}; }
  // Drops what is held back, and begins to undo what was defined; after a failed commit there is nothing.
  virtual void rollback() = 0;
  // Ends with on_done when that is undone; nothing else is asked of the backend until then. Null: it is.
  virtual std::unique_ptr<Execution> await_rollback(Receiver& /*receiver*/) { return nullptr; }

  // Drops the session's temporary tables; their names mean nothing from now on.
  virtual void discard_temporary() {}

  // Whether a property or a setting with a dotted name may be set to this: InvalidParameter for a
  // bad value, UndefinedObject for a name under one of the engine's prefixes that does not exist.
  virtual Status check_setting(const std::string& name, const std::string& value) = 0;
  // Likewise of SET 'name' = 'value', which is for properties alone: UndefinedObject for any other name.
  virtual Status check_property(const std::string& name, const std::string& value) {
    return check_setting(name, value);
  }
  // The type that CREATE TYPE has made and PostgreSQL's clients know by that number, or the array of
  // such; nothing if there is none.
  virtual std::optional<engine::SqlType> type_of_oid(uint32_t /*number*/) const { return {}; }
  // Whether clients are told errors in ksqlDB's words where they differ (`compat = ksqldb`).
  virtual bool speaks_ksqldb() const { return false; }
  // DISCARD SEQUENCES: currval() and lastval() tell nothing any more.
  virtual void forget_sequences() {}
};

struct SessionInfo {
  std::string user, database, application_name;
  int32_t process_id = 0;           // the number by which a CancelRequest names the session
  MemoryAccount* memory = nullptr;  // the session's; outlives it
  // The user has shown who it is, and may do what it has rights for; else it may do everything.
  bool has_rights_of_user = false;
  // How many queries are open, where several sessions of one client share the limit; outlives them. None: each has its own.
  size_t* open_queries = nullptr;
};

// Opens sessions. One for each loop; it outlives its sessions.
class Backend {
 public:
  virtual ~Backend() = default;
  // `settings` are those of the session, which may change between statements; they outlive it.
  // Fails with UndefinedDatabase, InvalidAuthorization, ShuttingDown, TooManyConnections.
  virtual Result<std::unique_ptr<SessionBackend>> open_session(const SessionInfo& info,
                                                               const SessionSettings& settings) = 0;
};

}  // namespace server::sql
