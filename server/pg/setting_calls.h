// SELECT set_config(...), current_setting(...), pg_notify(...), pg_cancel_backend(...), pg_advisory_lock(...): of sessions alone, so
// that this one answers them itself, each time that they are executed.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "server/pg/advisory_locks.h"
#include "server/pg/session_status.h"
#include "server/sql/port.h"

namespace server::pg {

// What a call of pg_cancel_backend(number) or pg_terminate_backend(number) ends; nothing for any other expression.
std::optional<SessionEnd> what_it_ends(const engine::Expression& expression);

// Whether it is a SELECT without FROM of nothing but such calls, constants and parameters.
bool is_setting_query(const engine::Statement& statement);

std::vector<sql::ResultColumn> columns_of_settings(const engine::Query& query);
// Types of its parameters, of those that a client has not declared.
std::vector<uint32_t> parameters_of_settings(const engine::Query& query);

// What the calls do, in the session's hands. A null text is NULL, a truth is t or f.
struct SettingActions {
  using Text = std::optional<std::string>;
  // The value in force; nothing for a name that is not known or not set.
  std::function<Text(const std::string& name)> get;
  // Null: back to the value that the connection began with.
  std::function<Status(const std::string& name, const Text& value, bool is_local)> set;
  // What NOTIFY does.
  std::function<Status(const std::string& channel, const std::string& payload)> notify;
  // Ends what another session does, or itself; false: there is none of that number.
  std::function<Result<bool>(int32_t process_id, SessionEnd what)> end;
  // An advisory lock; `key` is empty where all are meant.
  std::function<Result<Text>(const AdvisoryCall& call, std::string key)> lock;
};

// The row of the query: its calls are carried out from left to right.
Result<std::vector<std::optional<std::string>>> run_settings(
    const engine::Query& query, std::span<const engine::Value> parameters,
    const SettingActions& actions);

}  // namespace server::pg
