// SELECT pg_sleep(seconds): an answer that comes later. Nothing waits for it but its session.
#include <algorithm>
#include <cmath>

#include "server/net/loop.h"
#include "server/sql/execution.h"
#include "server/sql/sleep.h"

namespace server {

namespace {

constexpr std::string_view kSleep = "PG_SLEEP", kColumn = "PG_SLEEP";
constexpr double kMostSeconds = 1e9;  // thirty years

class SleepExecution final : public SqlExecution {
 public:
  SleepExecution(SqlSession& session, sql::Receiver& receiver)
      : SqlExecution(session, receiver),
        timer_(session.shard().loop(), "sleeping statements", [this] { wake(); }) {}

  void begin(int64_t ms) { timer_.start_once(ms); }

 private:
  void wake() {
    timer_.stop();
    auto column = std::make_shared<engine::Column>(engine::TypeKind::String);
    column->append_copy("");
    const std::vector<engine::ColumnPtr> columns = {std::move(column)};
    receiver().on_rows(columns, 0, 1);
    receiver().on_done({"SELECT"});
  }

  Timer timer_;
};

}  // namespace

std::shared_ptr<const engine::ParsedStatement> seconds_of_sleep(
    const engine::ParsedStatement& statement) {
  const auto* query = std::get_if<engine::Query>(&statement.statement);
  const bool is_plain = query && query->items.size() == 1 && query->items.front().expression &&
                        !query->from && !query->where && !query->combined && query->with.empty() &&
                        !query->limit && query->order_by.empty();
  if (!is_plain) return nullptr;
  const auto* call = query->items.front().expression->as<engine::FunctionCall>();
  if (!call || call->name != kSleep || call->arguments.size() != 1) return nullptr;
  engine::Query seconds = engine::clone(*query);
  engine::SelectItem& item = seconds.items.front();
  engine::TypeName number;
  number.kind = engine::TypeKind::Double;
  item.expression = engine::make_expression(
      engine::Cast{engine::clone(*call->arguments.front()), std::move(number)},
      item.expression->position);
  if (!item.alias) item.alias.emplace().text = kColumn;
  return std::make_shared<const engine::ParsedStatement>(
      engine::ParsedStatement{std::move(seconds), statement.text, statement.start});
}

std::unique_ptr<sql::Execution> run_sleep(SqlSession& session, sql::Receiver& receiver,
                                          const engine::Column& seconds) {
  auto run = std::make_unique<SleepExecution>(session, receiver);
  const double wanted = seconds.is_null(0) ? 0 : seconds.data<double>()[0];
  const double bounded = std::isnan(wanted) ? 0 : std::clamp(wanted, 0.0, kMostSeconds);
  run->begin(static_cast<int64_t>(std::ceil(bounded * 1000)));
  return run;
}

}  // namespace server
