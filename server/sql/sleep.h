// pg_sleep(seconds), which is no function here: a statement that calls it sleeps first, then runs without.
#pragma once
#include <memory>
#include <optional>

#include "engine/sql/ast.h"
#include "server/sql/port.h"

namespace server {

class SqlSession;
struct SqlPrepared;

struct SleepingStatement {
  std::shared_ptr<const engine::ParsedStatement> seconds;  // computes how long
  std::shared_ptr<const engine::ParsedStatement> rest;     // the statement without its calls
};

// Of a SELECT that ends by itself and of INSERT ... VALUES, whose calls are of constants and parameters. None: it does not sleep.
std::optional<SleepingStatement> sleep_of(const engine::ParsedStatement& statement);

// Those of `rest` where they are not of `seconds` alone.
std::vector<engine::SqlType> merged_parameters(const SleepingStatement& statement,
                                               const sql::Prepared& seconds,
                                               const sql::Prepared& rest);

// `prepared` sleeps: nothing waits for it but its session.
Result<std::unique_ptr<sql::Execution>> run_sleep(SqlSession& session, sql::Receiver& receiver,
                                                  std::shared_ptr<const SqlPrepared> prepared,
                                                  std::vector<engine::Value> parameters);

}  // namespace server
