// Runs PREPARE, EXECUTE, EXPLAIN EXECUTE and DEALLOCATE.
#include <fmt/format.h>

#include <utility>

#include "engine/formats/text_value.h"
#include "server/pg/session.h"
#include "server/pg/setting_calls.h"
#include "server/pg/statement_kinds.h"
#include "server/pg/statements/own_statement.h"

namespace server::pg {

namespace {

// Returns the text of a constant argument of EXECUTE; nothing for NULL.
Result<std::optional<std::string>> constant_text(const engine::Expression& expression) {
  using Text = std::optional<std::string>;
  if (expression.is<engine::NullLiteral>()) return Text();
  if (const auto* literal = expression.as<engine::BooleanLiteral>())
    return Text(literal->value ? "t" : "f");
  if (const auto* literal = expression.as<engine::IntegerLiteral>())
    return Text(std::to_string(literal->value));
  if (const auto* literal = expression.as<engine::BigintLiteral>())
    return Text(std::to_string(literal->value));
  if (const auto* literal = expression.as<engine::DoubleLiteral>()) return Text(literal->text);
  if (const auto* literal = expression.as<engine::DecimalLiteral>()) return Text(literal->text);
  if (const auto* literal = expression.as<engine::StringLiteral>()) return Text(literal->value);
  // A cast of the argument has no effect: the declared type of the parameter decides.
  if (const auto* cast = expression.as<engine::Cast>()) return constant_text(*cast->operand);
  return Error{ErrorCode::NotSupported,
               "EXECUTE with other arguments than constants is not supported yet"}
      .at(expression.position);
}

}  // namespace

Status Session::OwnStatement::operator()(const engine::Prepare& prepare) {
  const std::string name = session_name(prepare.name);
  if (session.statements_.contains(name))
    return Error{ErrorCode::DuplicateStatement,
                 "prepared statement " + quoted(name) + " already exists"};
  std::vector<engine::SqlType> types;
  for (const engine::TypeName& type : prepare.parameter_types)
    types.push_back(TRY(engine::resolve_type(type)));
  MemoryCharge charge = TRY(session.charge_statement(*statement.text));
  auto analysed =
      session.inner_ ? session.inner_->analysed
                     : TRY(session.analyse(session.inner_of(statement), statement.text, {}, types));
  analysed->is_of_prepare = true;
  TRY(session.keep_statement(name, std::move(analysed), std::move(charge)));
  return done("PREPARE");
}

Status Session::OwnStatement::operator()(const engine::Explain& explain) {
  if (goes_on()) return run_prepared(bound->own.executed);
  const auto& execute = std::get<engine::ExecutePrepared>(explain.statement->statement);
  const PreparedStatementPtr prepared = TRY(session.find_statement(session_name(execute.name)));
  if (!prepared->plan) return cannot_be_executed();
  TRY(check_arguments(execute, *prepared));
  const Result<PreparedStatementPtr> explained = explained_statement(explain, *prepared);
  if (!explained && explain.format == engine::ExplainFormat::Json) {
    // Programs such as sqlx's query! need an answer for each statement, and read only its columns.
    const bool has_rows = !prepared->plan->columns.empty();
    const std::vector<std::optional<std::string>> row = {fmt::format(
        "[{{\"Plan\": {{\"Node Type\": \"{}\"}}}}]", has_rows ? "Result" : "ModifyTable")};
    return send_rows(explained_columns(explain), {row}, "EXPLAIN");
  }
  if (!explained) return explained.error();
  auto portal = std::make_shared<Portal>(*explained, TRY(values_of(execute, *prepared)), formats,
                                         session.waker());
  portal->charge_rows_to(session.memory_);
  if (bound) bound->own.executed = portal;
  return run_prepared(std::move(portal));
}

Result<PreparedStatementPtr> Session::OwnStatement::explained_statement(
    const engine::Explain& explain, const PreparedStatement& prepared) {
  const auto text = std::make_shared<const std::string>(fmt::format(
      "EXPLAIN ({}FORMAT {}) {}", explain.analyze ? "ANALYZE, " : "",
      explain.format == engine::ExplainFormat::Json ? "JSON" : "TEXT", prepared.parsed->text));
  // A longer text is parsed on another thread, and EXPLAIN EXECUTE does not wait for it.
  if (text->size() > session.limits_.max_text_on_loop)
    return Error{ErrorCode::NotSupported,
                 "EXPLAIN EXECUTE of a statement with a long text is not supported yet",
                 {},
                 "EXPLAIN with the text of the statement shows its plan."};
  const std::optional<Statements> parsed = TRY(session.parse(text));
  return session.analyse(parsed->front(), text, {}, prepared.plan->parameters);
}

Status Session::OwnStatement::check_arguments(const engine::ExecutePrepared& execute,
                                              const PreparedStatement& prepared) {
  const size_t count = prepared.plan->parameters.size();
  if (count == execute.arguments.size()) return {};
  return Error{
      ErrorCode::SyntaxError,
      "wrong number of parameters for prepared statement " + quoted(session_name(execute.name)),
      "Expected " + std::to_string(count) + " parameters but got " +
          std::to_string(execute.arguments.size()) + "."};
}

Result<std::vector<engine::Value>> Session::OwnStatement::values_of(
    const engine::ExecutePrepared& execute, const PreparedStatement& prepared) {
  const std::vector<engine::SqlType>& types = prepared.plan->parameters;
  std::vector<engine::Value> values;
  for (size_t i = 0; i < types.size(); ++i) {
    const auto text = TRY(constant_text(*execute.arguments[i]));
    if (text)
      values.push_back(TRY(engine::parse_text_value(
          types[i], *text, "parameter $" + std::to_string(i + 1), context().forms)));
    else
      values.emplace_back();
  }
  return values;
}

Status Session::OwnStatement::operator()(const engine::ExecutePrepared& execute) {
  if (goes_on()) return run_prepared(bound->own.executed);
  const PreparedStatementPtr prepared = TRY(session.find_statement(session_name(execute.name)));
  if (!prepared->plan) return cannot_be_executed();
  TRY(session.check_read_only(*prepared->parsed));
  TRY(check_arguments(execute, *prepared));
  auto portal = std::make_shared<Portal>(prepared, TRY(values_of(execute, *prepared)), formats,
                                         session.waker());
  session.use_form(*portal);
  portal->charge_rows_to(session.memory_);
  session.count_write(*prepared);
  if (bound) bound->own.executed = portal;
  return run_prepared(std::move(portal));
}

Status Session::OwnStatement::run_prepared(std::shared_ptr<Portal> portal) {
  const PreparedStatementPtr prepared = portal->statement();
  PortalRun run;
  run.portal = std::move(portal);
  run.encoder = session.make_row_encoder(prepared->plan->columns, formats);
  run.start = start;
  run.can_suspend = bound != nullptr;
  run.limit = max_rows > 0 ? std::optional(max_rows) : session.form_limit(*prepared);
  session.begin_activity(make_portal_activity(context(), std::move(run)), prepared->text);
  return {};
}

Status Session::OwnStatement::operator()(const engine::Deallocate& deallocate) {
  if (!deallocate.name) {
    session.discard_prepared();
    return done("DEALLOCATE ALL");
  }
  const std::string name = session_name(*deallocate.name);
  TRY(session.find_statement(name));
  session.statements_.erase(name);
  return done("DEALLOCATE");
}

}  // namespace server::pg
