// Implements pg_sleep(seconds). The engine has no such function. Instead, a statement that calls it
// first sleeps and then runs without these calls.
#pragma once
#include <memory>
#include <optional>

#include "engine/sql/ast.h"
#include "server/sql/port.h"

namespace server {

class SqlSession;
struct SqlPrepared;

struct SleepingStatement {
  std::shared_ptr<const engine::ParsedStatement> seconds;  // a SELECT that computes the seconds
  std::shared_ptr<const engine::ParsedStatement> rest;     // the statement without pg_sleep()
};

// Splits a statement that calls pg_sleep() if it is a SELECT without EMIT or an INSERT ... VALUES, and
// the arguments are constants or parameters. Returns nothing for all other statements.
std::optional<SleepingStatement> sleep_of(const engine::ParsedStatement& statement);

// Returns the parameter types of the whole statement. A parameter that occurs in `seconds` has its
// type from there, any other one its type from `rest`.
std::vector<engine::SqlType> merged_parameters(const SleepingStatement& statement,
                                               const sql::Prepared& seconds,
                                               const sql::Prepared& rest);

// Runs a prepared statement that calls pg_sleep(). Only its session waits.
Result<std::unique_ptr<sql::Execution>> run_sleep(SqlSession& session, sql::Receiver& receiver,
                                                  std::shared_ptr<const SqlPrepared> prepared,
                                                  std::vector<engine::Value> parameters);

}  // namespace server
