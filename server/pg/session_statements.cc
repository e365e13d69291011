// Begins the statements that a session answers itself, and counts the rows that the statements of a transaction write.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/formats/text_value.h"
#include "engine/types/ascii.h"
#include "server/pg/advisory_locks.h"
#include "server/pg/notifications.h"
#include "server/pg/portal_uses.h"
#include "server/pg/read_only.h"
#include "server/pg/session.h"
#include "server/pg/statement_kinds.h"
#include "server/pg/statements/own_statement.h"

namespace server::pg {

using engine::Column;
using engine::ColumnPtr;

Status Session::OwnStatement::send_rows(
    const std::vector<sql::ResultColumn>& columns,
    const std::vector<std::vector<std::optional<std::string>>>& rows, std::string_view tag) {
  const size_t first_row = bound ? std::min<size_t>(bound->own.rows_sent, rows.size()) : 0;
  const size_t left = rows.size() - first_row;
  const size_t count = max_rows > 0 ? std::min<size_t>(max_rows, left) : left;
  if (start == PortalRun::Start::DescribedRows) writer().row_description(columns, formats);
  std::vector<ColumnPtr> data;
  for (size_t i = 0; i < columns.size(); ++i) {
    auto column = std::make_shared<Column>(columns[i].type);
    for (const auto& row : rows) {
      if (!row[i])
        column->append_null();
      else if (columns[i].type.kind() == engine::TypeKind::String)
        column->append_copy(*row[i]);
      else
        column->append_value(TRY(engine::parse_text_value(columns[i].type, *row[i], columns[i].name,
                                                          session.context_.forms)));
    }
    data.push_back(std::move(column));
  }
  TRY(session.make_row_encoder(columns, formats)
          ->append_rows(context().output, data, first_row, first_row + count, kMaxRowBytes));
  if (bound) bound->own.rows_sent += count;
  if (max_rows == 0 || count < max_rows) return done(tag);
  writer().portal_suspended();
  return {};
}

std::shared_ptr<const engine::ParsedStatement> Session::inner_of(
    const PreparedStatement& own) const {
  // The pointer shares ownership of the PREPARE, which contains the statement.
  if (const auto* prepare = std::get_if<engine::Prepare>(&own.parsed->statement))
    return {own.parsed, prepare->statement.get()};
  const engine::Query* query = nullptr;
  if (const auto* cursor = std::get_if<engine::DeclareCursor>(&own.parsed->statement))
    query = &cursor->query;
  if (const auto* copy = std::get_if<engine::Copy>(&own.parsed->statement))
    query = copy->query ? &*copy->query : nullptr;
  if (!query) return nullptr;
  auto inner = std::make_shared<engine::ParsedStatement>();
  inner->text = own.parsed->text;
  inner->start = query->position;
  inner->statement = engine::clone(*query);
  inner->row_locks = own.parsed->row_locks;
  return inner;
}

Result<Session::Begun> Session::run_own(const PreparedStatement& statement, PortalRun::Start start,
                                        const std::shared_ptr<Portal>& bound, uint64_t max_rows) {
  TRY(analyse_inner(statement));
  if (inner_ && !inner_->analysed) return Begun::Later;
  keep_settings(*statement.parsed);
  const Status run = std::visit(OwnStatement{*this, statement, start, bound, max_rows},
                                statement.parsed->statement);
  inner_.reset();
  follow_settings();
  if (!run) return run.error();
  return Begun::Now;
}

Status Session::check_transaction(const engine::ParsedStatement& statement) const {
  if (transaction_ != TransactionStatus::Failed || may_end_transaction(statement)) return {};
  return in_failed_transaction();
}

Status Session::apply_setting(const std::string& name, const std::string& value) {
  if (sql::SessionSettings::spelling(name) == "session_authorization")
    return Error{ErrorCode::InsufficientPrivilege,
                 "SET SESSION AUTHORIZATION is not supported yet: connect as the other user"};
  const PreparedStatement none;
  return OwnStatement{*this, none, PortalRun::Start::Rows, nullptr, 0}.set(name, value, false);
}

bool Session::is_read_only() const {
  if (request_of_script_ && request_of_script_->is_read_only) return true;
  const bool is_open = transaction_ != TransactionStatus::Idle;
  return context_.settings.get(is_open ? kTransactionReadOnly : kReadOnlyByDefault) == "on";
}

Status Session::check_read_only(const engine::ParsedStatement& statement) const {
  if (!is_read_only()) return {};
  const Status checked = sql::check_read_only(statement);
  // The refused statement does not reach the engine's session, which would report it to the audit,
  // so it is reported here.
  if (!checked && request_of_script_ && request_of_script_->on_change)
    request_of_script_->on_change(statement, &checked.error());
  return checked;
}

Status Session::check_not_in_use(const engine::ParsedStatement& statement) const {
  if (portals_.empty()) return {};
  const TakenTables taken = tables_taken_by(statement.statement);
  for (const engine::Name& table : taken.tables)
    for (const auto& [name, portal] : portals_) {
      const auto& read = portal->statement()->parsed;
      const bool goes_on = read && portal->has_started() && !portal->is_exhausted();
      // A holdable cursor whose transaction has ended does not prevent the statement, because its
      // rows stay available.
      const bool is_kept = portal->is_holdable && !portal->is_uncommitted;
      if (goes_on && !is_kept && reads_table(read->statement, table))
        return Error{ErrorCode::StorageInUse,
                     fmt::format("cannot {} \"{}\" because it is being used by active queries in "
                                 "this session",
                                 taken.command, engine::display_name(table.text))};
    }
  return {};
}

// Whether the statement changes rows. TRUNCATE counts, too, since in a transaction it can be undone
// like changes of rows.
bool Session::changes_rows(const PreparedStatement& statement) {
  return statement.plan && (statement.plan->kind == sql::ResultKind::Insert ||
                            std::holds_alternative<engine::Truncate>(statement.parsed->statement));
}

bool Session::changes_anything(const PreparedStatement& statement) {
  return changes_rows(statement) ||
         (statement.parsed && !changing_command(*statement.parsed).empty());
}

void Session::count_write(const PreparedStatement& statement) {
  if (changes_rows(statement)) {
    ++writes_in_transaction_;
  } else if (!changing_command(*statement.parsed).empty()) {
    ++writes_in_transaction_;
    ++lasting_writes_;
  }
  has_asked_ = true;
}

void Session::end_transaction(bool committed) {
  if (committed) {
    context_.settings.commit_transaction();
    if (notifications_) notifications_->commit();
  } else {
    if (notifications_) notifications_->rollback();
    context_.settings.rollback_transaction();
    context_.backend->rollback();
  }
  if (advisory_locks_) advisory_locks_->end_transaction();
  follow_settings();
  transaction_ = TransactionStatus::Idle;
  writes_in_transaction_ = lasting_writes_ = 0;
  savepoints_.clear();
  if (!committed)
    std::erase_if(portals_, [](const auto& entry) { return entry.second->is_uncommitted; });
  for (auto& [name, portal] : portals_) portal->is_uncommitted = false;
  close_portals();
}

}  // namespace server::pg
