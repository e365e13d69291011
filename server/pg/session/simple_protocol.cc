// Runs the statements of a Query message one after the other.
#include <algorithm>
#include <utility>

#include "server/pg/advisory_locks.h"
#include "server/pg/notifications.h"
#include "server/pg/session.h"
#include "server/pg/statement_kinds.h"

namespace server::pg {

using engine::ParsedStatement;

void Session::handle_query(std::string_view text) {
  is_in_pipeline_ = false;
  // As in PostgreSQL, a Query destroys the unnamed statement and the unnamed portal.
  statements_.erase(std::string());
  portals_.erase(std::string());
  script_.emplace(Script{});
  if (const Status converted = turn_into_utf8(text); !converted)
    return fail(converted.error(), nullptr);
  status_->work(text, clock_.wall_ms());
  script_->text = std::make_shared<const std::string>(text);
  auto with_values = with_variables(script_->text);
  if (!with_values) return fail(with_values.error(), nullptr);
  script_->text = std::move(with_values).take();
  if (answer_at_hand()) return finish_script();
  auto charge = charge_statement(*script_->text);
  if (!charge) return fail(charge.error(), script_->text);
  script_->charge = std::move(charge).take();
}

bool Session::step_script() {
  if (script_->cancelled) {
    fail(*std::exchange(script_->cancelled, std::nullopt), script_->text);
    return true;
  }
  if (!script_->is_parsed) {
    auto statements = parse(script_->text);
    if (!statements) {
      fail(statements.error(), script_->text);
    } else if (*statements) {
      script_->is_parsed = true;
      script_->statements = std::move(**statements);
      if (script_->statements.empty()) {
        writer().empty_query();
      } else if (context_.form) {
        if (const Status chosen = choose_statements(); !chosen) fail(chosen.error(), nullptr);
      }
    }
    return true;
  }
  if (script_->next == script_->statements.size()) {
    if (group_ == Group::Open)
      begin_group_commit();
    else
      finish_script();
    return true;
  }
  activity_text_ = script_->text;
  const Result<Begun> begun = begin_statement(script_->statements[script_->next]);
  if (!begun)
    fail(begun.error(), activity_text_);
  else if (*begun == Begun::Now)
    // frees each statement early, since freeing 100,000 at the same time would take long
    script_->statements[script_->next++].reset();
  return true;
}

Status Session::choose_statements() {
  Statements& all = script_->statements;
  const auto range = TRY(context_.form->begin_script(all.size()));
  const auto at = [&all](size_t index) {
    return std::make_move_iterator(all.begin() + static_cast<ptrdiff_t>(index));
  };
  Statements chosen(at(range.first), at(range.end));
  discard(std::exchange(all, std::move(chosen)));
  return {};
}

bool Session::end_open_transaction() {
  if (transaction_ == TransactionStatus::Idle) return false;
  // The transaction is rolled back after an error, too: the client expects it, as from a connection
  // that psql closes.
  if (transaction_ == TransactionStatus::InTransaction)
    writer().notice({sql::NoticeLevel::Warning, "the open transaction was rolled back",
                     "The text ended without COMMIT, and a transaction does not continue in the "
                     "next request.",
                     "Send BEGIN, the statements and COMMIT in one request."});
  end_transaction(false);
  discard(std::exchange(script_->statements, {}));
  script_->is_parsed = true;
  script_->next = 0;
  begin_activity(make_rollback_activity(context_, "", waker()), nullptr);
  return true;
}

void Session::finish_script() {
  if (context_.form && end_open_transaction()) return;
  discard(std::move(script_->statements));
  script_.reset();
  settings_before_.reset();
  if (transaction_ == TransactionStatus::Idle) close_portals();
  send_ready();
}

namespace {

constexpr size_t kFewStatements = 64;

// Lets a worker thread destroy `things`: the work only owns them, and its end is not awaited.
template <class T>
void destroy_aside(sql::SessionBackend& backend, T things) {
  auto owned = std::make_shared<T>(std::move(things));
  backend.run_aside(
      sizeof(T), [owned = std::move(owned)](const std::atomic<bool>&) {}, [] {});
}

}  // namespace

// Frees statements that will not run. After an error, or when the client leaves, up to 100,000
// statements may be left. Freeing them would block a loop for too long, so a worker does it.
void Session::discard(Statements statements) {
  const auto left = std::ranges::find_if(statements, [](const auto& each) { return bool(each); });
  if (statements.end() - left > static_cast<ptrdiff_t>(kFewStatements))
    destroy_aside(*context_.backend, std::move(statements));
}

void Session::discard_prepared() {
  auto statements = std::exchange(statements_, {});
  if (statements.size() <= kFewStatements) return;
  // A statement that a portal still uses stays charged and is destroyed with the portal. The other
  // statements are no longer charged, since the session's memory account may be destroyed before
  // the worker frees them.
  std::erase_if(statements, [](const auto& entry) { return entry.second.use_count() > 1; });
  for (const auto& [name, statement] : statements) statement->charge.resize(0);
  destroy_aside(*context_.backend, std::move(statements));
}

Result<Session::Begun> Session::begin_statement(
    const std::shared_ptr<const ParsedStatement>& statement) {
  if (context_.form) TRY(context_.form->begin_statement(*statement));
  TRY(check_transaction(*statement));
  TRY(check_read_only(*statement));
  TRY(check_not_in_use(*statement));
  const std::optional<PreparedStatementPtr> found =
      TRY(analyse_here_or_aside(statement, script_->text, {}, {}));
  if (!found) return Begun::Later;
  const PreparedStatementPtr& analysed = *found;
  const bool is_part = joins_group(*analysed);
  if (!is_part && group_ == Group::Open) {
    begin_group_commit();
    return Begun::Later;
  }
  if (context_.form) TRY(context_.form->accept(analysed->plan.get()));
  if (!analysed->plan) {
    return run_own(*analysed, PortalRun::Start::DescribedRows);
  }
  if (!analysed->plan->parameters.empty())
    return Error{ErrorCode::UndefinedObject, "there is no parameter $1", "",
                 "Parameters need the extended protocol, or PREPARE and EXECUTE."};
  learn_look_up(*analysed);
  if (is_part && changes_anything(*analysed) && !script_->is_last()) begin_group();
  count_write(*analysed);
  begin_activity(make_portal_activity(context_, run_of_query(analysed)), script_->text);
  return Begun::Now;
}

PortalRun Session::run_of_query(const PreparedStatementPtr& statement) {
  PortalRun run;
  run.portal = std::make_shared<Portal>(statement, std::vector<engine::Value>{},
                                        std::vector<Format>{}, waker());
  run.portal->charge_rows_to(memory_);
  use_form(*run.portal);
  const bool is_only = script_->statements.size() == 1;
  const std::vector<sql::ResultColumn>& columns = statement->plan->columns;
  const PushOutput output =
      context_.form ? PushOutput::Rows
                    : choose_push_output(*statement, context_.settings, is_psql_ && is_only);
  switch (output) {
    case PushOutput::Rows:
      run.start = PortalRun::Start::DescribedRows;
      run.encoder = make_row_encoder(columns, {});
      run.limit = form_limit(*statement);
      break;
    case PushOutput::Table:
      run.start = PortalRun::Start::CopyOut;
      run.encoder = make_table_encoder(columns, context_.encoding, context_.forms);
      run.command = "COPY";
      break;
    case PushOutput::Copy: {
      CopyOptions options;
      options.has_header = true;
      run.start = PortalRun::Start::CopyOut;
      run.encoder =
          make_copy_encoder(columns, std::move(options), context_.encoding, context_.forms);
      run.command = "COPY";
      break;
    }
  }
  return run;
}

std::unique_ptr<RowEncoder> Session::make_row_encoder(const std::vector<sql::ResultColumn>& columns,
                                                      std::vector<Format> formats) const {
  if (context_.form) return make_form_encoder(*context_.form);
  return make_data_row_encoder(columns, std::move(formats), context_.encoding, context_.forms);
}

void Session::use_form(Portal& portal) const {
  if (context_.form && portal.statement()->plan->kind == sql::ResultKind::PushRows)
    portal.mark_changes();
}

// The limit is the form's limit plus one: an additional row shows whether the result has more rows.
std::optional<uint64_t> Session::form_limit(const PreparedStatement& statement) const {
  if (!context_.form || statement.plan->kind != sql::ResultKind::Rows) return std::nullopt;
  const std::optional<uint64_t> most = context_.form->max_rows();
  if (!most) return std::nullopt;
  return *most + 1;
}

}  // namespace server::pg
