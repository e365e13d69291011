// Statements that call pg_sleep(): they sleep first and do their work afterwards.
#include <algorithm>
#include <cmath>

#include "engine/sql/rewrite.h"
#include "engine/types/ascii.h"
#include "server/net/loop.h"
#include "server/sql/execution.h"
#include "server/sql/sleep.h"

namespace server {

namespace {

constexpr std::string_view kSleep = "PG_SLEEP";
constexpr double kMostSeconds = 1e9;  // about thirty years

bool is_sleep(const engine::Expression& expression) {
  const auto* call = expression.as<engine::FunctionCall>();
  return call && call->name == kSleep && call->arguments.size() == 1;
}

// Whether the expression has the same value for all rows: it has no column and no sub-query.
bool is_constant(const engine::Expression& expression) {
  return !expression.is<engine::ColumnRef>() && !expression.is<engine::Subquery>() &&
         std::ranges::all_of(engine::children(expression),
                             [](const engine::Expression* child) { return is_constant(*child); });
}

bool has_parameter(const engine::Expression& expression, size_t number) {
  const auto* parameter = expression.as<engine::Parameter>();
  if (parameter) return static_cast<size_t>(parameter->index) == number;
  return std::ranges::any_of(engine::children(expression), [&](const engine::Expression* child) {
    return has_parameter(*child, number);
  });
}

// Removes the calls of pg_sleep() from expressions, and adds up the arguments of these calls.
struct Calls {
  // True: a call is replaced by NULL, because drivers show PostgreSQL's type void as NULL.
  bool are_null = false;
  engine::ExpressionPtr seconds = {};

  Status take(engine::ExpressionPtr& expression) {
    if (!is_sleep(*expression)) return {};
    auto& call = std::get<engine::FunctionCall>(expression->node);
    if (!is_constant(*call.arguments.front()))
      return Error{ErrorCode::NotSupported,
                   "pg_sleep() with an argument that differs from row to row is not supported yet"}
          .at(expression->position);
    const TextPosition at = expression->position;
    engine::TypeName number;
    number.kind = engine::TypeKind::Double;
    auto added = engine::make_expression(
        engine::Cast{std::move(call.arguments.front()), std::move(number)}, at);
    seconds =
        !seconds ? std::move(added)
                 : engine::make_expression(engine::Arithmetic{engine::ArithmeticOp::Add,
                                                              std::move(seconds), std::move(added)},
                                           at);
    engine::TypeName text;
    text.kind = engine::TypeKind::String;
    expression =
        are_null
            ? engine::make_expression(
                  engine::Cast{engine::make_expression(engine::NullLiteral{}, at), std::move(text)},
                  at)
            : engine::make_expression(engine::StringLiteral{""}, at);
    return {};
  }
  engine::RewriteVisitor visitor() {
    return [this](engine::ExpressionPtr& expression) { return take(expression); };
  }
};

engine::InsertValues copy_of(const engine::InsertValues& insert) {
  engine::InsertValues copy{insert.target, insert.target_position, insert.columns, {}, {}};
  for (const engine::ExpressionList& row : insert.rows) copy.rows.push_back(engine::clone(row));
  for (const engine::SelectItem& item : insert.returning)
    copy.returning.push_back({item.kind,
                              item.expression ? engine::clone(*item.expression) : nullptr,
                              item.alias, item.source, item.position});
  return copy;
}

class SleepExecution final : public SqlExecution {
 public:
  SleepExecution(SqlSession& session, sql::Receiver& receiver,
                 std::shared_ptr<const SqlPrepared> prepared, std::vector<engine::Value> parameters)
      : SqlExecution(session, receiver),
        prepared_(std::move(prepared)),
        parameters_(std::move(parameters)),
        timer_(session.shard().loop(), "sleeping statements", [this] { wake(); }) {}

  void begin(int64_t ms) { timer_.start_once(ms); }

  void pause() override {
    SqlExecution::pause();
    if (running_) running_->pause();
  }
  void resume() override {
    SqlExecution::resume();
    if (running_) running_->resume();
  }
  void cancel() override {
    if (running_) return running_->cancel();
    timer_.stop();
    receiver().on_error({ErrorCode::QueryCanceled, "canceling statement due to user request"});
  }

 private:
  void wake() {
    timer_.stop();
    auto awake = std::make_shared<SqlPrepared>(*prepared_);
    awake->sleeps = false;
    awake->rows = nullptr;
    auto started = session().start_in_turn(std::move(awake), std::move(parameters_), receiver());
    if (!started) return receiver().on_error(std::move(started).error());
    running_ = std::move(started).take();
    if (is_paused()) running_->pause();
  }

  const std::shared_ptr<const SqlPrepared> prepared_;
  std::vector<engine::Value> parameters_;
  Timer timer_;
  std::unique_ptr<sql::Execution> running_;
};

}  // namespace

std::optional<SleepingStatement> sleep_of(const engine::ParsedStatement& statement) {
  if (std::ranges::search(statement.text, kSleep, {}, engine::ascii_upper).empty())
    return std::nullopt;
  Calls calls;
  engine::ParsedStatement rest{{}, statement.text, statement.start};
  Status taken;
  if (const auto* query = std::get_if<engine::Query>(&statement.statement);
      query && query->emit == engine::Emit::None) {
    calls.are_null = true;
    engine::Query without = engine::clone(*query);
    for (engine::SelectItem& item : without.items)
      if (item.expression && !item.alias && is_sleep(*item.expression))
        item.alias = engine::Name{std::string(kSleep)};
    taken =
        engine::rewrite_expressions(without, calls.visitor(), engine::RewriteOrder::ChildrenFirst);
    rest.statement = std::move(without);
  } else if (const auto* insert = std::get_if<engine::InsertValues>(&statement.statement)) {
    engine::InsertValues without = copy_of(*insert);
    for (engine::ExpressionList& row : without.rows)
      for (engine::ExpressionPtr& value : row)
        if (taken)
          taken = engine::rewrite_expression(value, calls.visitor(),
                                             engine::RewriteOrder::ChildrenFirst);
    rest.statement = std::move(without);
  }
  // If the statement cannot be split, it is not changed, and the planner reports that the function PG_SLEEP does
  // not exist.
  if (!taken || !calls.seconds) return std::nullopt;
  engine::Query seconds;
  const TextPosition at = calls.seconds->position;
  seconds.position = at;
  seconds.items.push_back({engine::SelectItemKind::Expression, std::move(calls.seconds),
                           engine::Name{std::string(kSleep)}, std::nullopt, at});
  return SleepingStatement{std::make_shared<const engine::ParsedStatement>(engine::ParsedStatement{
                               std::move(seconds), statement.text, statement.start}),
                           std::make_shared<const engine::ParsedStatement>(std::move(rest))};
}

std::vector<engine::SqlType> merged_parameters(const SleepingStatement& statement,
                                               const sql::Prepared& seconds,
                                               const sql::Prepared& rest) {
  const auto& query = std::get<engine::Query>(statement.seconds->statement);
  std::vector<engine::SqlType> types = rest.parameters;
  types.resize(std::max(types.size(), seconds.parameters.size()), engine::TypeKind::String);
  for (size_t i = 0; i < seconds.parameters.size(); ++i)
    if (has_parameter(*query.items.front().expression, i + 1)) types[i] = seconds.parameters[i];
  return types;
}

Result<std::unique_ptr<sql::Execution>> run_sleep(SqlSession& session, sql::Receiver& receiver,
                                                  std::shared_ptr<const SqlPrepared> prepared,
                                                  std::vector<engine::Value> parameters) {
  const PlannedStatement planned = TRY(session.planner()->plan(*prepared->rows, parameters));
  const engine::Column& seconds = *std::get<ConstantRows>(planned).columns.front();
  const double wanted = seconds.is_null(0) ? 0 : seconds.data<double>()[0];
  const double bounded = std::isnan(wanted) ? 0 : std::clamp(wanted, 0.0, kMostSeconds);
  auto run = std::make_unique<SleepExecution>(session, receiver, std::move(prepared),
                                              std::move(parameters));
  run->begin(static_cast<int64_t>(std::ceil(bounded * 1000)));
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
