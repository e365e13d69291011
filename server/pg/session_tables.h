// Tables of the catalog whose rows are the session's own, or tell of sessions: pg_prepared_statements, pg_settings,
// pg_stat_activity.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sql/ast.h"
#include "server/pg/session_status.h"
#include "server/sql/session_settings.h"

namespace server::pg {

// A row of pg_prepared_statements.
struct PreparedFact {
  std::string name, statement;
  int64_t since_ms = 0;
  std::vector<std::string> parameter_types;
  bool is_of_prepare = false;
};

// Whether the text may ask for prepared statements.
bool asks_prepared(std::string_view text);
// Likewise for what sessions do.
bool asks_statuses(std::string_view text);

// Puts the rows that there are now in the place of those of the tables that `query` reads, itself or in queries within.
// `text` is the statement's: one that does not name them is left as it is.
void write_out_session_tables(engine::Query& query, std::string_view text,
                              const sql::SessionSettings& settings,
                              const std::vector<PreparedFact>& prepared,
                              const std::vector<SessionStatus>& statuses);

// What current_setting(name) is for each of the names that a column may have.
engine::ExpressionPtr setting_named(const engine::Expression& name,
                                    const sql::SessionSettings& settings);

}  // namespace server::pg
