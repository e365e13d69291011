// Answers EXPLAIN of a running query, given by its id, and of a statement.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

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

// Returns the lines if the format shows only the plan, as a topology or as a picture; nullopt for
// other formats.
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
  Error error{ErrorCode::UndefinedObject, fmt::format("query \"{}\" does not exist", id),
              fmt::format("Query with id:{} does not exist", id)};
  error.ksqldb = fmt::format(
      "Query with id:{} does not exist, use SHOW QUERIES to view the full set of queries.", id);
  return std::move(error).with_hint(
      did_you_mean(id, ids, "SHOW QUERIES lists the running queries."));
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

// Planning uses the clock and random numbers only for expressions that are folded to constants.
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

namespace {

std::string quoted_json(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < ' ')
      quoted += fmt::format("\\u{:04x}", static_cast<int>(c));
    else
      quoted += c;
  }
  return quoted + '"';
}

// Returns PostgreSQL's "Node Type" for a step of the plan. `step` is a line of the text format
// without its indentation and "-> ".
std::string_view node_type(std::string_view step) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {"Scan ", "Seq Scan"},     {"Look up ", "Index Scan"}, {"Sort", "Sort"},
      {"Limit", "Limit"},        {"Aggregate", "Aggregate"}, {"Group", "Aggregate"},
      {"Window", "WindowAgg"},   {"Distinct", "Unique"},     {"Union", "Append"},
      {"Insert", "ModifyTable"}, {"Update", "ModifyTable"},  {"Delete", "ModifyTable"},
      {"Values", "Values Scan"}};
  for (const auto& [word, type] : kTypes)
    if (step.starts_with(word)) return type;
  return step.find("oin ") != std::string_view::npos ? "Nested Loop" : "Result";
}

// Returns the format of the lines. JSON documents are made from the lines of the text format.
ExplainFormat text_format(const Explain& explain) {
  return explain.format == ExplainFormat::Json ? ExplainFormat::Text : explain.format;
}

struct Step {
  size_t indent = 0;
  std::string_view text;
};

// Returns the document of the step at `next` and of the steps below it, which are indented further.
std::string node_document(std::span<const Step> steps, size_t& next) {
  const Step& own = steps[next++];
  std::string node = fmt::format("{{\"Node Type\": \"{}\", \"Text\": {}", node_type(own.text),
                                 quoted_json(own.text));
  std::string within;
  while (next < steps.size() && steps[next].indent > own.indent)
    within += (within.empty() ? "" : ", ") + node_document(steps, next);
  if (!within.empty()) node += fmt::format(", \"Plans\": [{}]", within);
  return node + "}";
}

}  // namespace

std::string plan_document(const std::vector<std::string>& lines) {
  constexpr std::string_view kArrow = "-> ";
  std::vector<Step> steps;
  std::string said;
  for (const std::string& line : lines) {
    const size_t indent = std::min(line.find_first_not_of(' '), line.size());
    const std::string_view text = std::string_view(line).substr(indent);
    if (text.starts_with(kArrow))
      steps.push_back({indent + 1, text.substr(kArrow.size())});
    else
      said += (said.empty() ? "" : "\n") + line;
  }
  if (steps.empty())
    return fmt::format("[{{\"Plan\": {{\"Node Type\": \"Result\", \"Text\": {}}}}}]",
                       quoted_json(said));
  size_t next = 0, roots = 0;
  std::string plans;
  for (; next < steps.size(); ++roots)
    plans += (roots == 0 ? "" : ", ") + node_document(steps, next);
  // The stages of a query are siblings, but the document must have one step at the top.
  if (roots > 1) plans = fmt::format("{{\"Node Type\": \"Append\", \"Plans\": [{}]}}", plans);
  return fmt::format("[{{\"Plan\": {}}}]", plans);
}

Schema explain_schema() { return {{text_column("plan")}}; }

Result<Lines> explained_lines(const Explain& explain, const PlanContext& context) {
  const Lines lines = TRY(explain_statement(*explain.statement, context, text_format(explain)));
  return explain.format == ExplainFormat::Json ? Lines{plan_document(lines)} : lines;
}

Result<InformationRows> answer_explain(const Explain& explain, const InformationContext& context) {
  if (explain.analyze)
    return Error{ErrorCode::NotSupported,
                 "EXPLAIN ANALYZE requires a SELECT over tables, which it runs to completion",
                 {},
                 "EXPLAIN shows the plan of this statement. For running queries, use SHOW QUERIES "
                 "and SHOW TASKS."};
  Lines lines;
  if (explain.query_id) {
    lines = TRY(explain_query_id(explain.query_id->text, context, text_format(explain)));
  } else {
    const PlanContext plan_context{.catalog = context.catalog,
                                   .topics = context.topics,
                                   .settings = context.settings,
                                   .properties = context.properties,
                                   .fold_quoted_names = true};
    lines = TRY(explain_statement(*explain.statement, plan_context, text_format(explain)));
  }
  if (explain.format == ExplainFormat::Json) lines = {plan_document(lines)};
  std::vector<InformationRow> rows;
  for (std::string& line : lines) rows.push_back({Value::text(std::move(line))});
  return make_rows(explain_schema(), rows);
}

}  // namespace engine
