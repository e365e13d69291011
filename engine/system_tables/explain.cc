// EXPLAIN of a query that runs, by its id, and of a statement that might.
#include <fmt/format.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/suggest.h"
#include "engine/expr/print_bound.h"
#include "engine/plan/query_plan.h"
#include "engine/query/pull.h"
#include "engine/system_tables/explain_select.h"
#include "engine/system_tables/information_parts.h"

namespace engine {
namespace {

using Lines = std::vector<std::string>;

// The plan alone, where somebody wants to draw or compare it.
std::optional<Lines> drawn(const QueryPlan& plan, ExplainFormat format) {
  if (format == ExplainFormat::Topology) return topology_lines(plan);
  if (format == ExplainFormat::Dot) return dot_lines(plan);
  return std::nullopt;
}

Lines query_lines(const RunningQuery& running, const QueryStatuses& statuses,
                  ExplainFormat format) {
  if (auto lines = drawn(*running.plan, format)) return *std::move(lines);
  const PersistentQuery& query = *running.query;
  Lines lines{fmt::format("Query {}, {}", query.id, state_of(query, statuses))};
  if (!query.sql.empty()) lines.push_back("Statement: " + query.sql);
  for (const auto& [name, value] : query.properties)
    lines.push_back(fmt::format("Property: {} = {}", name, value));
  for (std::string& line : plan_lines(*running.plan)) lines.push_back(std::move(line));
  return lines;
}

Result<Lines> explain_query_id(const std::string& id, const InformationContext& context,
                               ExplainFormat format) {
  if (const auto found = context.queries.find(id))
    return query_lines(*found, context.statuses, format);
  Lines ids;
  for (const RunningQuery& running : context.queries.all()) ids.push_back(running.query->id);
  const std::string guess = closest_name(id, ids);
  Error error{ErrorCode::UndefinedObject, fmt::format("query \"{}\" does not exist", id),
              fmt::format("Query with id:{} does not exist", id)};
  error.ksqldb = fmt::format(
      "Query with id:{} does not exist, use SHOW QUERIES to view the full set of queries.", id);
  return std::move(error).with_hint(guess.empty() ? "SHOW QUERIES lists the queries that run."
                                                  : fmt::format("Did you mean {}?", guess));
}

Lines planned_lines(const PlannedQuery& planned, ExplainFormat format) {
  if (auto lines = drawn(planned.plan, format)) return *std::move(lines);
  Lines lines{"Result: " + planned.result.to_string()};
  for (std::string& line : plan_lines(planned.plan)) lines.push_back(std::move(line));
  return lines;
}

Lines pull_lines(const PullPlan& plan) {
  const Layout layout = input_layout(*plan.table, "");
  Lines lines{"Result: " + plan.result.to_string()};
  if (plan.limit) lines.push_back(fmt::format("Limit {}", *plan.limit));
  Lines columns;
  for (const BoundExpression& column : plan.columns) columns.push_back(to_sql(column, layout));
  lines.push_back("-> Project " + join_list(columns));
  if (plan.filter) lines.push_back("  -> Filter " + to_sql(*plan.filter, layout));
  const std::string indent(plan.filter ? 4 : 2, ' ');
  lines.push_back(plan.keys
                      ? fmt::format("{}-> Look up {} {} in table {}", indent, plan.keys->size(),
                                    plan.keys->size() == 1 ? "key" : "keys", plan.table->name)
                      : fmt::format("{}-> Scan table {}", indent, plan.table->name));
  return lines;
}

// Planning looks at no clock and draws no chance, but for expressions that it folds.
Result<Lines> explain_pull(const Query& query, const PlanContext& context) {
  SystemClock clock;
  Random random(0);
  const EvalContext eval{clock, random, &context.properties};
  return pull_lines(TRY(plan_pull_query(query, context, eval)));
}

Result<Lines> explain_select(const Query& query, const PlanContext& context) {
  SystemClock clock;
  Random random(0);
  const EvalContext eval{clock, random, &context.properties};
  return select_lines(TRY(plan_select_rows(query, context, eval)));
}

Result<Lines> explain_statement(const ParsedStatement& parsed, const PlanContext& context,
                                ExplainFormat format) {
  const Statement& statement = parsed.statement;
  if (const auto* create = std::get_if<CreateAsSelect>(&statement))
    return planned_lines(TRY(plan_create_as(*create, parsed, context)), format);
  if (const auto* insert = std::get_if<InsertSelect>(&statement))
    return planned_lines(TRY(plan_insert_select(*insert, parsed, context)), format);
  if (const auto* query = std::get_if<Query>(&statement)) {
    const bool asks_table = query->emit == Emit::None && query->joins.empty();
    const bool is_select = is_general_select(*query, context);
    if (format != ExplainFormat::Text && (asks_table || is_select || !query->from))
      return Error{ErrorCode::NotSupported,
                   "a look-up has no topology",
                   {},
                   "EXPLAIN shows it as text; SELECT ... EMIT CHANGES has a topology."};
    if (is_select) return explain_select(*query, context);
    if (!query->from) return Lines{"Result: one row of constants"};
    if (asks_table) return explain_pull(*query, context);
    return planned_lines(TRY(plan_push_query(*query, context)), format);
  }
  return Error{
      .code = ErrorCode::NotSupported,
      .message = "EXPLAIN of this statement is not supported yet",
      .hint =
          "Explain a SELECT, CREATE ... AS SELECT, INSERT INTO ... SELECT, or the id of a query.",
      .ksqldb = "The provided statement does not run a ksql query"};
}

}  // namespace

Schema explain_schema() { return {{text_column("plan")}}; }

Result<Lines> explained_lines(const Explain& explain, const PlanContext& context) {
  return explain_statement(*explain.statement, context, explain.format);
}

Result<InformationRows> answer_explain(const Explain& explain, const InformationContext& context) {
  if (explain.analyze)
    return Error{ErrorCode::NotSupported,
                 "EXPLAIN ANALYZE is for SELECTs over tables, which it runs to their end",
                 {},
                 "EXPLAIN shows the plan of this one; of queries that run, SHOW QUERIES and SHOW "
                 "TASKS tell what they do."};
  Lines lines;
  if (explain.query_id) {
    lines = TRY(explain_query_id(explain.query_id->text, context, explain.format));
  } else {
    const PlanContext plan_context{.catalog = context.catalog,
                                   .topics = context.topics,
                                   .settings = context.settings,
                                   .properties = context.properties,
                                   .fold_quoted_names = true};
    lines = TRY(explain_statement(*explain.statement, plan_context, explain.format));
  }
  std::vector<InformationRow> rows;
  for (std::string& line : lines) rows.push_back({Value::text(std::move(line))});
  return make_rows(explain_schema(), rows);
}

}  // namespace engine
