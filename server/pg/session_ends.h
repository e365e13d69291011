// SELECT pg_terminate_backend(pid), ... FROM pg_stat_activity WHERE ...: sessions are the front end's, so the engine gives the
// numbers, and those are ended as its rows come.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "engine/sql/ast.h"
#include "server/pg/session_status.h"
#include "server/sql/port.h"

namespace server::pg {

struct EndingColumn {
  size_t column;
  SessionEnd what;
};

// A statement with the numbers in place of the calls that are items of a SELECT over rows.
struct EndingQuery {
  std::shared_ptr<const engine::ParsedStatement> numbers = nullptr;  // null: it has no such calls
  std::vector<EndingColumn> columns = {};
};
EndingQuery numbers_to_end(const engine::ParsedStatement& statement);

// Of what the engine has prepared, with the columns that clients see.
class PreparedEnds final : public sql::Prepared {
 public:
  using EndSession = std::function<Result<bool>(int32_t process_id, SessionEnd what)>;
  // `end_session` is called while rows come, once for each.
  PreparedEnds(std::shared_ptr<const sql::Prepared> numbers, std::vector<EndingColumn> columns,
               EndSession end_session);

  const std::shared_ptr<const sql::Prepared> numbers;
  const std::vector<EndingColumn> ending;
  const EndSession end_session;
};

// What the engine knows of it.
std::shared_ptr<const sql::Prepared> prepared_by_engine(
    const std::shared_ptr<const sql::Prepared>& prepared);

// SessionBackend::start(), of a PreparedEnds, too.
Result<std::unique_ptr<sql::Execution>> start_prepared(
    sql::SessionBackend& backend, const std::shared_ptr<const sql::Prepared>& prepared,
    std::vector<engine::Value> parameters, sql::Receiver& receiver);

}  // namespace server::pg
