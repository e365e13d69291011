// SELECT pg_sleep(seconds), which is no function here: only as a statement of its own.
#pragma once
#include <memory>

#include "engine/sql/ast.h"
#include "engine/types/column.h"
#include "server/sql/port.h"

namespace server {

class SqlSession;

// The statement that computes the seconds; null where it is no such.
std::shared_ptr<const engine::ParsedStatement> seconds_of_sleep(
    const engine::ParsedStatement& statement);

// One row, after so many seconds: a column of one double, of which null is none.
std::unique_ptr<sql::Execution> run_sleep(SqlSession& session, sql::Receiver& receiver,
                                          const engine::Column& seconds);

}  // namespace server
