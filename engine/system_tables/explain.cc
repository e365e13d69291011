// Answers EXPLAIN of a running query, given by its id, and of a statement.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "base/suggest.h"
#include "engine/expr/print_bound.h"
#include "engine/ivm/incremental_plan.h"
#include "engine/json/json_writer.h"
#include "engine/plan/query_plan.h"
#include "engine/query/empty_rows.h"
#include "engine/query/pull.h"
#include "engine/query/view_query.h"
#include "engine/query/view_shapes.h"
#include "engine/system_tables/explain_select.h"
#include "engine/system_tables/information_parts.h"

namespace engine {
namespace {

using Lines = std::vector<std::string>;

// The plan as lines of text and, if it has stages, as the JSON object "Topology" of FORMAT JSON.
struct Explained {
  Explained(Lines plan_lines) : lines(std::move(plan_lines)) {}  // NOLINT: implicit
  Lines lines;
  std::string topology = {};
};

// Returns the lines if the format shows only the plan, as a topology or as a picture; nullopt for
// other formats.
std::optional<Lines> drawn(const QueryPlan& plan, ExplainFormat format) {
  if (format == ExplainFormat::Topology) return topology_lines(plan);
  if (format == ExplainFormat::Dot) return dot_lines(plan);
  return std::nullopt;
}

struct StepKind {
  std::string_view operator()(const InputStep& step) const {
    return step.generator ? "generate" : "read";
  }
  std::string_view operator()(const FilterStep&) const { return "filter"; }
  std::string_view operator()(const ProjectStep&) const { return "project"; }
  std::string_view operator()(const FlatMapStep&) const { return "unnest"; }
  std::string_view operator()(const RegroupStep&) const { return "key_by"; }
  std::string_view operator()(const AggregateStep&) const { return "aggregate"; }
  std::string_view operator()(const StreamTableJoinStep&) const { return "join"; }
  std::string_view operator()(const StreamStreamJoinStep&) const { return "join"; }
  std::string_view operator()(const TableTableJoinStep&) const { return "join"; }
  std::string_view operator()(const ForeignKeySubscribeStep&) const {
    return "send_by_foreign_key";
  }
  std::string_view operator()(const ForeignKeyJoinStep&) const { return "join"; }
  std::string_view operator()(const ForeignKeyResolveStep&) const { return "discard_outdated"; }
  std::string_view operator()(const RecomputeStep&) const { return "recompute"; }
};

// Builds the object "Topology". Stages have the numbers that SHOW TASKS shows, and a step has the id
// "stage.step". Edges connect the ids of steps, topics, exchanges and the client.
class TopologyDocument {
 public:
  TopologyDocument(const QueryPlan& plan, bool is_running) : plan_(plan), is_running_(is_running) {}

  std::string print() && {
    json_.begin_object();
    if (is_running_) json_.member("query", plan_.id);
    json_.key("stages");
    json_.begin_array();
    for (size_t i = 0; i < plan_.stages.size(); ++i) print_stage(i);
    json_.end_array();
    print_ends();
    json_.key("edges");
    json_.begin_array();
    for (const auto& [from, to] : edges_) {
      json_.begin_object();
      json_.member("from", from);
      json_.member("to", to);
      json_.end_object();
    }
    json_.end_array();
    json_.end_object();
    return json_.take();
  }

 private:
  static std::string step_id(size_t stage, size_t step) {
    return fmt::format("{}.{}", stage, step);
  }
  // Returns the id that the topic or exchange has in the JSON. Adds a topic to topics_, which print_ends() prints.
  std::string end_id(const std::string& topic, int exchange) {
    if (exchange >= 0) return fmt::format("exchange:{}", exchange + 1);
    if (std::ranges::find(topics_, topic) == topics_.end()) topics_.push_back(topic);
    return "topic:" + topic;
  }

  void print_stage(size_t number) {
    const StagePlan& stage = plan_.stages[number];
    json_.begin_object();
    json_.member("stage", number);
    // SHOW TASKS names the tasks of this stage in its column "task" with ids that begin with this
    // text.
    if (is_running_) json_.member("tasks", fmt::format("{}/{}/", plan_.id, number));
    json_.member("merges_partitions", stage.merges_partitions);
    json_.key("steps");
    json_.begin_array();
    for (size_t i = 0; i < stage.nodes.size(); ++i) print_step(number, i);
    json_.end_array();
    json_.key("stores");
    json_.begin_array();
    for (const StorePlan& store : stage.stores) {
      constexpr std::string_view kKinds[] = {"rows", "aggregates", "ranges"};
      json_.begin_object();
      json_.member("name", store.name);
      json_.member("kind", kKinds[static_cast<size_t>(store.kind)]);
      if (store.node >= 0) json_.member("step", step_id(number, static_cast<size_t>(store.node)));
      json_.end_object();
    }
    json_.end_array();
    json_.end_object();
    add_output(number);
  }

  void print_step(size_t stage, size_t step) {
    const PlanNode& node = plan_.stages[stage].nodes[step];
    const std::string id = step_id(stage, step);
    json_.begin_object();
    json_.member("id", id);
    json_.member("kind", std::visit(StepKind(), node.step));
    json_.member("text", step_line(plan_, plan_.stages[stage], node));
    json_.end_object();
    if (const auto* input = std::get_if<InputStep>(&node.step); input && !input->generator)
      edges_.emplace_back(end_id(input->topic, input->exchange), id);
    for (const int from : node.from)
      edges_.emplace_back(step_id(stage, static_cast<size_t>(from)), id);
  }

  void add_output(size_t number) {
    const StagePlan& stage = plan_.stages[number];
    if (stage.nodes.empty()) return;
    const std::string last = step_id(number, stage.nodes.size() - 1);
    const OutputPlan& output = stage.output;
    if (!output.topic.empty() || output.exchange >= 0)
      edges_.emplace_back(last, end_id(output.topic, output.exchange));
    else if (plan_.kind != QueryKind::SourceTable)
      edges_.emplace_back(last, "client");
  }

  void print_ends() {
    json_.key("topics");
    json_.begin_array();
    for (const std::string& topic : topics_) {
      json_.begin_object();
      json_.member("id", "topic:" + topic);
      json_.member("name", topic);
      json_.end_object();
    }
    json_.end_array();
    json_.key("exchanges");
    json_.begin_array();
    for (size_t i = 0; i < plan_.exchanges.size(); ++i) {
      const ExchangePlan& exchange = plan_.exchanges[i];
      json_.begin_object();
      json_.member("id", fmt::format("exchange:{}", i + 1));
      json_.member("name", exchange.topic);
      json_.member("partitions", exchange.partitions);
      json_.member("is_time_ordered", exchange.is_time_ordered);
      json_.end_object();
    }
    json_.end_array();
  }

  const QueryPlan& plan_;
  const bool is_running_;
  JsonWriter json_;
  Lines topics_;  // in the order of their first use
  std::vector<std::pair<std::string, std::string>> edges_;
};

Explained with_topology(Lines lines, const QueryPlan& plan, bool is_running) {
  Explained explained(std::move(lines));
  explained.topology = TopologyDocument(plan, is_running).print();
  return explained;
}

Explained query_lines(const RunningQuery& running, const QueryStatuses& statuses,
                      ExplainFormat format) {
  if (auto lines = drawn(*running.plan, format)) return *std::move(lines);
  const PersistentQuery& query = *running.query;
  Lines lines{fmt::format("Query {}, {}", query.id, state_of(query, statuses))};
  if (!query.sql.empty()) lines.push_back("Statement: " + query.sql);
  for (const auto& [name, value] : query.properties)
    lines.push_back(fmt::format("Property: {} = {}", name, value));
  for (std::string& line : plan_lines(*running.plan)) lines.push_back(std::move(line));
  return with_topology(std::move(lines), *running.plan, true);
}

Result<Explained> explain_query_id(const std::string& id, const InformationContext& context,
                                   ExplainFormat format) {
  if (const auto found = context.queries.find(id); found && may_see_query(*found->query, context))
    return query_lines(*found, context.statuses, format);
  Lines ids;
  std::string writer;  // the query that writes the stream or table with this name
  for (const RunningQuery& running : context.queries.all()) {
    if (!may_see_query(*running.query, context)) continue;
    ids.push_back(running.query->id);
    if (running.query->sink == id) writer = running.query->id;
  }
  Error error{ErrorCode::UndefinedObject, fmt::format("query \"{}\" does not exist", id),
              fmt::format("Query with id:{} does not exist", id)};
  error.ksqldb = fmt::format(
      "Query with id:{} does not exist, use SHOW QUERIES to view the full set of queries.", id);
  if (!writer.empty())
    return std::move(error).with_hint(
        fmt::format("{0} is written by the query {1}: EXPLAIN {1}.", id, writer));
  return std::move(error).with_hint(
      did_you_mean(id, ids, "SHOW QUERIES lists the running queries."));
}

Explained planned_lines(const PlannedQuery& planned, ExplainFormat format) {
  if (auto lines = drawn(planned.plan, format)) return *std::move(lines);
  Lines lines{"Result: " + planned.result.to_string()};
  for (std::string& line : plan_lines(planned.plan)) lines.push_back(std::move(line));
  return with_topology(std::move(lines), planned.plan, false);
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
Result<Explained> explain_pull(const Query& query, const PlanContext& context) {
  SystemClock clock;
  Random random(0);
  const EvalContext eval{clock, random, &context.properties};
  return pull_lines(TRY(plan_pull_query(query, context, eval)));
}

Result<Explained> explain_select(const Query& query, const PlanContext& context) {
  SystemClock clock;
  Random random(0);
  const EvalContext eval{clock, random, &context.properties};
  return select_lines(without_empty_parts(TRY(plan_select_rows(query, context, eval)), eval));
}

Result<Explained> explain_view(const CreateView& create, const ParsedStatement& parsed,
                               const PlanContext& context, ExplainFormat format) {
  SystemClock clock;
  Random random(0);
  const EvalContext eval{clock, random, &context.properties};
  const PlannedQuery planned = TRY(plan_materialized_view(create, parsed, context, eval));
  if (planned.if_not_exists_hit) return Explained({"Result: the relation exists and is kept"});
  Explained explained = planned_lines(planned, format);
  if (format != ExplainFormat::Text && format != ExplainFormat::Json) return explained;
  Lines shapes;
  for (const ViewShape* shape : TRY(shapes_of(*view_step_of(planned.plan)->view)))
    shapes.emplace_back(shape->name);
  const ViewMode mode = mode_of(planned.plan);
  explained.lines.insert(
      explained.lines.begin() + 1,
      (mode.plan ? "Mode: incremental" : "Mode: recompute, because of " + mode.reason) +
          (shapes.empty() ? "" : " (" + join_list(shapes) + ")"));
  return explained;
}

Result<Explained> explain_statement(const ParsedStatement& parsed, const PlanContext& context,
                                    ExplainFormat format) {
  const Statement& statement = parsed.statement;
  if (const auto* create = std::get_if<CreateAsSelect>(&statement))
    return planned_lines(TRY(plan_create_as(*create, parsed, context)), format);
  if (const auto* create = std::get_if<CreateView>(&statement); create && create->is_materialized)
    return explain_view(*create, parsed, context, format);
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
    if (!query->from) return Explained({"Result: one row of constants"});
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

struct NodeStep {
  size_t indent = 0;
  std::string_view text;
};

// Returns the document of the step at `next` and of the steps below it, which are indented further.
std::string node_document(std::span<const NodeStep> steps, size_t& next) {
  const NodeStep& own = steps[next++];
  std::string node = fmt::format("{{\"Node Type\": \"{}\", \"Text\": {}", node_type(own.text),
                                 quoted_json(own.text));
  std::string within;
  while (next < steps.size() && steps[next].indent > own.indent)
    within += (within.empty() ? "" : ", ") + node_document(steps, next);
  if (!within.empty()) node += fmt::format(", \"Plans\": [{}]", within);
  return node + "}";
}

}  // namespace

std::string plan_document(const std::vector<std::string>& lines, std::string_view topology) {
  const std::string beside = topology.empty() ? "" : fmt::format(", \"Topology\": {}", topology);
  constexpr std::string_view kArrow = "-> ";
  std::vector<NodeStep> steps;
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
    return fmt::format("[{{\"Plan\": {{\"Node Type\": \"Result\", \"Text\": {}}}{}}}]",
                       quoted_json(said), beside);
  size_t next = 0, roots = 0;
  std::string plans;
  for (; next < steps.size(); ++roots)
    plans += (roots == 0 ? "" : ", ") + node_document(steps, next);
  // The stages of a query are siblings, but the document must have one step at the top.
  if (roots > 1) plans = fmt::format("{{\"Node Type\": \"Append\", \"Plans\": [{}]}}", plans);
  return fmt::format("[{{\"Plan\": {}{}}}]", plans, beside);
}

namespace {

Lines in_format(const Explain& explain, Explained explained) {
  if (explain.format != ExplainFormat::Json) return std::move(explained.lines);
  return {plan_document(explained.lines, explained.topology)};
}

}  // namespace

Schema explain_schema() { return {{text_column("plan")}}; }

Result<Lines> explained_lines(const Explain& explain, const PlanContext& context) {
  Explained explained = TRY(explain_statement(*explain.statement, context, text_format(explain)));
  return in_format(explain, std::move(explained));
}

Result<InformationRows> answer_explain(const Explain& explain, const InformationContext& context) {
  if (explain.analyze && explain.format != ExplainFormat::Text)
    return Error{ErrorCode::NotSupported,
                 "EXPLAIN ANALYZE shows the measured times as text only",
                 {},
                 "Use EXPLAIN ANALYZE for the times, or EXPLAIN (FORMAT JSON) for the plan."};
  if (explain.analyze)
    return Error{ErrorCode::NotSupported,
                 "EXPLAIN ANALYZE requires a SELECT over tables, which it runs to completion",
                 {},
                 "EXPLAIN shows the plan of this statement. For running queries, use SHOW QUERIES "
                 "and SHOW TASKS."};
  Lines lines;
  if (explain.query_id) {
    Explained explained =
        TRY(explain_query_id(explain.query_id->text, context, text_format(explain)));
    lines = in_format(explain, std::move(explained));
  } else {
    const PlanContext plan_context{.catalog = context.catalog,
                                   .topics = context.topics,
                                   .settings = context.settings,
                                   .properties = context.properties,
                                   .fold_quoted_names = true};
    lines = in_format(
        explain, TRY(explain_statement(*explain.statement, plan_context, text_format(explain))));
  }
  std::vector<InformationRow> rows;
  for (std::string& line : lines) rows.push_back({Value::text(std::move(line))});
  return make_rows(explain_schema(), rows);
}

}  // namespace engine
