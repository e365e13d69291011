// What clients ask about their own session on connecting: SELECT version(), current_database(), ...
#pragma once
#include <string>
#include <vector>

#include "engine/sql/ast.h"
#include "server/pg/session_tables.h"
#include "server/sql/session_settings.h"

namespace server::pg {

// The name that format_type() has for the type.
std::string name_of_oid(uint32_t number);

struct SessionFacts {
  const sql::SessionSettings& settings;
  std::string database;
  int32_t process_id = 0;
  std::vector<PreparedFact> prepared = {};   // where they are asked for
  std::vector<SessionStatus> statuses = {};  // likewise
};

// Puts constants in place of such functions in a SELECT, the columns named as PostgreSQL names them, and rows in place of
// the session's own tables. The engine does not know who is connected; everything else is left to it.
void answer_session_functions(engine::ParsedStatement& statement, const SessionFacts& facts);

}  // namespace server::pg
