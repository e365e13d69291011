// Answers SELECT set_config(...), current_setting(...), pg_notify(...), pg_cancel_backend(...),
// pg_advisory_lock(...). These calls only concern sessions, so the session answers them itself, at
// each execution.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "server/pg/advisory_locks.h"
#include "server/pg/session_status.h"
#include "server/sql/port.h"
#include "server/sql/session_settings.h"

namespace server::pg {

// Returns the part of a session that a call of pg_cancel_backend(number) or
// pg_terminate_backend(number) ends; nothing for any other expression.
std::optional<SessionEnd> what_it_ends(const engine::Expression& expression);

// Returns whether the statement is a SELECT without FROM that consists only of set_config() and the
// other calls in this file's first lines, of constants and of parameters. Also returns true for
// SELECT set_config(...) FROM pg_settings or pg_show_all_settings(), which pg_dump and pgAdmin send
// to set a value only if the server has the setting. The calls may then use the columns name and
// setting, and WHERE may compare these columns with texts.
bool is_setting_query(const engine::Statement& statement);

// Returns the columns of the query. `parameter_types`: the numbers of the types of its parameters.
std::vector<sql::ResultColumn> columns_of_settings(const engine::Query& query,
                                                   std::span<const uint32_t> parameter_types);
// Returns the types of the query's parameters that a client has not declared.
std::vector<uint32_t> parameters_of_settings(const engine::Query& query);

// The actions of the calls, supplied by the session. A null text is NULL, a boolean is t or f.
struct SettingActions {
  using Text = std::optional<std::string>;
  // Returns the value in force; nothing for an unknown name and for a name that is not set.
  std::function<Text(const std::string& name)> get;
  // A null value restores the value that the connection began with.
  std::function<Status(const std::string& name, const Text& value, bool is_local)> set;
  // Executes NOTIFY.
  std::function<Status(const std::string& channel, const std::string& payload)> notify;
  // Ends the statement or connection of another session or of this one; false: no session has this
  // number.
  std::function<Result<bool>(int32_t process_id, SessionEnd what)> end;
  // Executes a call for an advisory lock; an empty `key` stands for all locks. Returns nothing if
  // another session has the lock: the caller then calls this function again later.
  std::function<Result<std::optional<Text>>(const AdvisoryCall& call, std::string key)> lock;
};

// One execution of a SELECT with calls that the session answers. Its calls run from left to right,
// as PostgreSQL evaluates a list. While a call waits, the calls after it have not begun, so that
// pg_advisory_lock(1), pg_advisory_unlock(1) leaves nothing locked. A query with FROM returns one
// row for each setting that meets its WHERE.
class SettingRun {
 public:
  using Row = std::vector<SettingActions::Text>;
  // `settings`: the rows of pg_settings. They are only used by this constructor.
  SettingRun(const engine::Query& query, std::span<const engine::Value> parameters,
             SettingActions actions, std::span<const sql::SessionSettings::Entry> settings);

  // Returns the rows; nothing while a call of the query waits for a lock. Call advance() again then:
  // no call of the query runs twice.
  Result<std::optional<std::vector<Row>>> advance();

 private:
  // The items of the query for each row. They are copies: the statement may be closed during a wait.
  std::vector<engine::ExpressionList> rows_;
  const std::vector<engine::Value> parameters_;
  const SettingActions actions_;
  // the results of the calls that have finished
  std::map<const engine::Expression*, SettingActions::Text> finished_;
};

}  // namespace server::pg
