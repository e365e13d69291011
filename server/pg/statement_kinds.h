// Which statements a session answers itself, and how the text that clients send becomes statements.
#pragma once
#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "server/pg/portal.h"
#include "server/sql/session_settings.h"

namespace server::pg {

// Transactions, settings, cursors, COPY, prepared statements, LISTEN: the session runs them by itself.
bool is_own_statement(const engine::ParsedStatement& statement);

// EXPLAIN EXECUTE, which the session answers as well: it alone knows what was prepared.
bool explains_execute(const engine::Statement& statement);
// The column of its answer.
std::vector<sql::ResultColumn> explained_columns(const engine::Explain& explain);

// COMMIT and ROLLBACK, which alone may run in a failed transaction.
bool may_end_transaction(const engine::ParsedStatement& statement);

// Of those that the session runs by itself: whether it changes nothing that a transaction which nobody has begun holds, or goes on
// with it (BEGIN) or ends it (ROLLBACK). The others have it committed first.
bool may_stand_in_group(const engine::ParsedStatement& statement);

// A definition that a transaction takes whatever it is about (docs/adr/0059).
bool can_always_be_undone(const engine::Statement& statement);

// The parser needs some hundred bytes for each character.
inline constexpr size_t kMaxStatementBytes = 4 * 1024 * 1024;

// As engine::parse_script; SELECTs that the dialect does not take are read as PostgreSQL reads them, and what functions of its catalog
// mean is written in their place.
Result<std::vector<engine::ParsedStatement>> parse_statements(
    std::string_view text, const std::atomic<bool>* is_cancelled = nullptr);

// A name of a cursor or a prepared statement as the protocol's messages give it: PostgreSQL folds
// to lower case.
std::string session_name(const engine::Name& name);

// EXECUTE runs what has a plan: of statements that the session answers itself none.
Error cannot_be_executed();
Error unknown_cursor(std::string_view name);
Error in_failed_transaction();

// What SHOW gives: one text column, three for SHOW ALL.
std::vector<sql::ResultColumn> show_columns(std::string_view setting);

enum class PushOutput : uint8_t { Rows, Table, Copy };
// What the setting push.output comes to for a statement of the simple protocol. `is_for_person`:
// the client is psql, and this is all it sent.
PushOutput choose_push_output(const PreparedStatement& statement,
                              const sql::SessionSettings& settings, bool is_for_person);

}  // namespace server::pg
