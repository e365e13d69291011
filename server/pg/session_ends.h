// Runs SELECT pg_terminate_backend(pid), ... FROM pg_stat_activity WHERE ... Sessions belong to the
// front end, so the engine returns their numbers, and the front end ends the sessions as the rows
// arrive.
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

// A SELECT of the sessions' numbers that replaces one with calls of pg_terminate_backend() or
// pg_cancel_backend(). The calls must be items of a SELECT with FROM.
struct EndingQuery {
  // null: the statement has no such calls
  std::shared_ptr<const engine::ParsedStatement> numbers = nullptr;
  std::vector<EndingColumn> columns = {};
};
EndingQuery numbers_to_end(const engine::ParsedStatement& statement);

// The statement that the engine has prepared, with the columns that clients see.
class PreparedEnds final : public sql::Prepared {
 public:
  using EndSession = std::function<Result<bool>(int32_t process_id, SessionEnd what)>;
  // `end_session` is called once for each row, as rows arrive.
  PreparedEnds(std::shared_ptr<const sql::Prepared> numbers, std::vector<EndingColumn> columns,
               EndSession end_session);

  const std::shared_ptr<const sql::Prepared> numbers;
  const std::vector<EndingColumn> ending;
  const EndSession end_session;
};

// Returns the statement as the engine has prepared it.
std::shared_ptr<const sql::Prepared> prepared_by_engine(
    const std::shared_ptr<const sql::Prepared>& prepared);

// Starts the statement with SessionBackend::start(). If it is a PreparedEnds, also ends the
// sessions that its rows name.
Result<std::unique_ptr<sql::Execution>> start_prepared(
    sql::SessionBackend& backend, const std::shared_ptr<const sql::Prepared>& prepared,
    std::vector<engine::Value> parameters, sql::Receiver& receiver);

}  // namespace server::pg
