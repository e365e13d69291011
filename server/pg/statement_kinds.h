// Decides which statements a session answers itself, and parses the texts of clients.
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

// Whether the session runs the statement itself: transactions, settings, cursors, COPY, prepared
// statements, LISTEN.
bool is_own_statement(const engine::ParsedStatement& statement);

// Whether the statement is EXPLAIN EXECUTE, which the session answers, too, since only the session
// has the prepared statements.
bool explains_execute(const engine::Statement& statement);
// Returns the column of the answer to EXPLAIN EXECUTE.
std::vector<sql::ResultColumn> explained_columns(const engine::Explain& explain);

// Whether the statement is COMMIT, ROLLBACK or ROLLBACK TO, the only statements that may run in a
// failed transaction.
bool may_end_transaction(const engine::ParsedStatement& statement);

// For a statement that the session runs itself: returns whether it may run while an implicit
// transaction is open. This is true for a statement that does not affect the rows of the
// transaction, for BEGIN, which continues the transaction, and for ROLLBACK, which ends it. Before
// all other statements of this kind, the implicit transaction is committed.
bool may_stand_in_group(const engine::ParsedStatement& statement);

// Whether a definition can always be part of a transaction, whatever its object (docs/adr/0059).
bool can_always_be_undone(const engine::Statement& statement);

// The limit exists because the parser needs some hundred bytes for each character.
inline constexpr size_t kMaxStatementBytes = 4 * 1024 * 1024;

// Like engine::parse_script(), but a SELECT that the dialect does not accept is parsed with
// PostgreSQL's syntax, and functions of PostgreSQL's catalog are replaced by equivalent
// expressions.
Result<std::vector<engine::ParsedStatement>> parse_statements(
    std::string_view text, const std::atomic<bool>* is_cancelled = nullptr);

// Returns the name of a cursor or a prepared statement in the form of protocol messages: PostgreSQL
// folds names to lower case.
std::string session_name(const engine::Name& name);

// Returns the error of EXECUTE for a statement that the session answers itself, which has no plan.
Error cannot_be_executed();
Error unknown_cursor(std::string_view name);
Error in_failed_transaction();

// Returns the columns of SHOW: one text column, or three for SHOW ALL.
std::vector<sql::ResultColumn> show_columns(std::string_view setting);

enum class PushOutput : uint8_t { Rows, Table, Copy };
// Returns the effective value of push.output (the form of a push query's answer) for a statement of
// the simple protocol. `is_for_person`: the client is psql, and this is the only statement that it
// sent.
PushOutput choose_push_output(const PreparedStatement& statement,
                              const sql::SessionSettings& settings, bool is_for_person);

}  // namespace server::pg
