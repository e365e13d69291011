// Functions about the client's own session, which drivers call when they connect: SELECT version(),
// current_database(), ...
#pragma once
#include <string>
#include <vector>

#include "engine/sql/ast.h"
#include "server/pg/session_tables.h"
#include "server/sql/session_settings.h"

namespace server::pg {

// Returns the name that format_type() gives to the type.
std::string name_of_oid(uint32_t number);

struct SessionFacts {
  const sql::SessionSettings& settings;
  std::string database;
  int32_t process_id = 0;
  std::vector<PreparedFact> prepared = {};   // set if the statement reads pg_prepared_statements
  std::vector<SessionStatus> statuses = {};  // set if the statement reads pg_stat_activity
};

// Replaces these functions in a SELECT by constants, with columns named as in PostgreSQL, and the
// session's own tables by their rows, since the engine has no access to the session. The engine
// runs the resulting statement.
void answer_session_functions(engine::ParsedStatement& statement, const SessionFacts& facts);

}  // namespace server::pg
