// Starts statements whose end is reported to an audit.
#pragma once
#include <functional>
#include <memory>

#include "server/sql/port.h"

namespace server::sql {

// Calls `start` with a receiver that passes everything on to `receiver`, and calls `audit` once, at the end of the
// statement: with its error, or without one. If the execution is destroyed before its end, the error is QueryCanceled.
using StartWith = std::function<Result<std::unique_ptr<Execution>>(Receiver& receiver)>;
Result<std::unique_ptr<Execution>> start_audited(
    ChangeAudit audit, std::shared_ptr<const engine::ParsedStatement> statement, Receiver& receiver,
    const StartWith& start);

}  // namespace server::sql
