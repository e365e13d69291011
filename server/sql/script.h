// Runs the statements of one text in the same way as the PostgreSQL front end runs a Query message.
// POST /sql of the HTTP front end uses it (docs/adr/0125).
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/sql/port.h"

namespace server::sql {

// Changes: the result of a push query. Its rows have a BOOLEAN as an additional last column, which
// is false for a delete. A delete has values only in the columns of the key.
enum class RowsKind : uint8_t { Rows, Changes };

// Formats the answers of a script. Each function appends text to `out`, in the order of the answer.
//
// Threads: the session's loop. Owner: the front end; the form outlives its session.
class AnswerForm {
 public:
  virtual ~AnswerForm() = default;

  struct Range {
    size_t first = 0, end = 0;  // `end` is exclusive
  };
  // Called when the text has been parsed. Returns the range of the statements that are to run. An
  // error ends the script before its first statement.
  virtual Result<Range> begin_script(size_t statement_count) = 0;
  // Called before each statement, in order, and possibly several times for the same one. If it
  // returns an error, the statement does not run, and the error is its answer.
  virtual Status begin_statement(const engine::ParsedStatement& statement) = 0;
  // Called when the statement has been analysed. `prepared` is null for a statement that the
  // session executes itself, such as SET. If it returns an error, the statement does not run, and
  // the error is its answer.
  virtual Status accept(const Prepared* prepared) = 0;
  // Returns the number of rows after which a result that ends by itself is cut off; none: no limit.
  virtual std::optional<uint64_t> max_rows() const = 0;

  virtual void begin_rows(std::string& out, std::span<const ResultColumn> columns,
                          RowsKind kind) = 0;
  virtual void add_row(std::string& out, std::span<const engine::ColumnPtr> columns,
                       size_t row) = 0;
  // `code` is a SQLSTATE.
  virtual void add_notice(std::string& out, const Notice& notice, std::string_view code) = 0;
  // `tag` is PostgreSQL's command tag: "INSERT 0 3".
  virtual void end_statement(std::string& out, std::string_view tag) = 0;
  // `text`: the text to which the error's position refers.
  virtual void fail(std::string& out, const Error& error, std::string_view text) = 0;
};

struct ScriptRequest {
  std::string text;
  std::map<std::string, std::string> settings = {};   // applied as SET does
  std::map<std::string, std::string> variables = {};  // applied as DEFINE does
  std::string user = {}, application_name = {};
  std::string peer = {};            // the client's address, for pg_stat_activity
  bool has_rights_of_user = false;  // explained at SessionInfo
  bool is_read_only = false;        // each transaction is READ ONLY, and no statement changes that
  MemoryAccount* memory = nullptr;  // outlives the session
  size_t* open_queries = nullptr;   // explained at SessionInfo
  ChangeAudit on_change = {};       // explained at SessionInfo
};

// A session that runs one script. The front end calls run() after `wake` and at deadline_us(),
// sends take_output(), and destroys the session when it is over. Destroying it earlier ends the
// running query, and rolls an open transaction back.
//
// Threads: one loop. Owner: the front end.
class ScriptSession {
 public:
  virtual ~ScriptSession() = default;
  virtual void run() = 0;
  virtual std::string take_output() = 0;
  // Called when the client stops taking output, or takes it again. The session pauses its rows
  // meanwhile.
  virtual void set_output_full(bool is_full) = 0;
  // Returns the time (monotonic clock) at which run() has to be called.
  virtual std::optional<int64_t> deadline_us() const = 0;
  virtual bool is_over() const = 0;
  // Returns whether the running push query has shown all records that existed when its task last
  // ran.
  virtual bool has_caught_up() const = 0;
  virtual void shut_down(Error reason) = 0;
};

// Opens a session on the loop with the index `shard`, and prepares the script. The script's code
// calls `wake` to request a call of run() soon, but not within the present call. `form` and the
// objects in the request outlive the session. Fails if the session cannot be opened, or if a
// setting or variable is not accepted.
using OpenScript = std::function<Result<std::unique_ptr<ScriptSession>>(
    size_t shard, std::function<void()> wake, const ScriptRequest& request, AnswerForm& form)>;

}  // namespace server::sql
