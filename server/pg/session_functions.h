// What clients ask about their own session on connecting: SELECT version(), current_database(), ...
#pragma once
#include <string>

#include "engine/sql/ast.h"
#include "server/sql/session_settings.h"

namespace server::pg {

struct SessionFacts {
  const sql::SessionSettings& settings;
  std::string database;
  int32_t process_id = 0;
};

// Puts constants in place of such functions in a SELECT, the columns named as PostgreSQL names them. The engine does not know who is connected; everything else is left to it.
void answer_session_functions(engine::ParsedStatement& statement, const SessionFacts& facts);

}  // namespace server::pg
