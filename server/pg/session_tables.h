// Catalog tables whose rows belong to the session or describe sessions: pg_prepared_statements,
// pg_settings, pg_stat_activity.
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

// Whether the text may read pg_prepared_statements.
bool asks_prepared(std::string_view text);
// Whether the text may read pg_stat_activity.
bool asks_statuses(std::string_view text);

// Replaces pg_prepared_statements, pg_settings and pg_stat_activity in `query` and its sub-queries
// by their present rows. `text` is the text of the statement; if it names none of these tables, the
// query stays unchanged.
void write_out_session_tables(engine::Query& query, std::string_view text,
                              const sql::SessionSettings& settings,
                              const std::vector<PreparedFact>& prepared,
                              const std::vector<SessionStatus>& statuses);

// Returns an expression that computes current_setting(name) if `name` is not a constant. The
// expression compares the name with the names of all settings.
engine::ExpressionPtr setting_named(const engine::Expression& name,
                                    const sql::SessionSettings& settings);

}  // namespace server::pg
