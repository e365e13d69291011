// Starts statements and reports their end to an audit (sql::ChangeAudit).
#pragma once
#include <functional>
#include <memory>

#include "server/sql/port.h"

namespace server::sql {

// Calls `start` with a receiver that passes everything on to `receiver`. When the statement ends,
// calls `audit` once, with the statement's error or without one. If the execution is destroyed
// before its end, the error is QueryCanceled.
using StartWith = std::function<Result<std::unique_ptr<Execution>>(Receiver& receiver)>;
Result<std::unique_ptr<Execution>> start_audited(
    ChangeAudit audit, std::shared_ptr<const engine::ParsedStatement> statement, Receiver& receiver,
    const StartWith& start);

}  // namespace server::sql
