#include "engine/query/view_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/view_topic.h"
#include "engine/formats/format.h"
#include "engine/ivm/incremental_plan.h"
#include "engine/plan/create_source.h"
#include "engine/plan/plan_json.h"
#include "engine/plan/replace_source.h"
#include "engine/plan/rows_inputs.h"
#include "engine/plan/sink_topic.h"
#include "engine/plan/source_formats.h"
#include "engine/plan/stage_builder.h"
#include "engine/plan/view_plan.h"
#include "engine/query/rows_planning.h"
#include "engine/query/view_shapes.h"
#include "engine/sql/sequence_call.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

// Limit for the text of a plan, which is read as one document. A table of WITH is written once for
// each of its readers.
constexpr size_t kMostPlanBytes = size_t{4} << 20;
constexpr int kPartitionsWithoutKey = 1;
// Name of the setting that allows views to keep state for each key of a stream.
constexpr std::string_view kUnboundedState = "view.unbounded_state";

std::string quoted(const std::string& name) { return fmt::format("\"{}\"", display_name(name)); }

struct ViewOptions {
  bool failures_are_null = false;
};

Result<ViewOptions> read_options(const CreateView& create) {
  ViewOptions options;
  for (const CreateView::Option& option : create.options) {
    const std::string name = lower_case(option.name);
    if (name != "on_error")
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("unrecognized parameter \"{}\"", option.name),
                   "A view has its topic for itself, in the server's default formats.",
                   "WITH (on_error = 'null') makes a value null if its expression fails."}
          .at(option.position);
    const std::string value = lower_case(option.value);
    if (value != "null" && value != "fail")
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("invalid value for on_error: \"{}\"", option.value),
                   {},
                   "on_error is 'fail' (reads of the view fail) or 'null'."}
          .at(option.position);
    options.failures_are_null = value == "null";
  }
  return options;
}

Status check_target(const CreateView& create, const PlanContext& context) {
  const std::string& name = create.name.name.text;
  const TextPosition at = create.name.position;
  if (context.settings.ksqldb_compat)
    return Error{ErrorCode::NotSupported,
                 "CREATE MATERIALIZED VIEW is not a statement of ksqlDB",
                 {},
                 "Start the server without --compat ksqldb."}
        .at(at);
  const Catalog& catalog = context.catalog;
  if (catalog.find_source(name) || catalog.views.get(name) || catalog.sequences.get(name))
    return Error{ErrorCode::DuplicateSource,
                 fmt::format("relation {} already exists", quoted(name)),
                 {},
                 "Use IF NOT EXISTS to keep it, or DROP it first."}
        .at(at);
  if (create.query->emit != Emit::None)
    return Error{ErrorCode::InvalidStatement,
                 "the SELECT of a view has no EMIT",
                 {},
                 "Omit EMIT: a materialized view always shows its newest rows."}
        .at(create.query->positions.emit.value_or(at));
  if (calls_sequence(*create.query))
    return Error{ErrorCode::NotSupported, "a materialized view cannot call nextval",
                 "Its result would change although no row of its tables has changed.",
                 "Give the number to the rows of the table: a column with DEFAULT nextval('...')."}
        .at(at);
  return check_name_size(name, at);
}

// Returns the query without its ORDER BY if that has no effect, because a view has no order.
std::optional<Query> without_order(const Query& query) {
  if (query.order_by.empty() || query.limit || query.offset || !query.distinct_on.empty())
    return std::nullopt;
  Query unordered = clone(query);
  unordered.order_by.clear();
  return unordered;
}

// Returns whether the view keeps a state for each key of the result, which grows as long as the stream does.
bool keeps_state_of_keys(const RowsNode& node) {
  const auto* group = std::get_if<GroupRows>(&node.step);
  if (std::holds_alternative<JoinRows>(node.step) ||
      std::holds_alternative<DistinctRows>(node.step) ||
      std::holds_alternative<CombineRows>(node.step) ||
      std::holds_alternative<WindowRows>(node.step) ||
      std::holds_alternative<AppendSubquery>(node.step) || (group && !group->keys.empty()))
    return true;
  bool keeps = false;
  for_each_input(node,
                 [&](const RowsNodePtr& input) { keeps = keeps || keeps_state_of_keys(*input); });
  return keeps;
}

// Computes a lower bound for the size of a node in the text of the plan, without writing the text.
// A shared node is written for each of its readers, so the text of a short SELECT may be larger
// than any memory.
class LeastTextBytes {
 public:
  size_t of(const RowsNodePtr& node) {
    if (const auto known = known_.find(node.get()); known != known_.end()) return known->second;
    size_t bytes = kBytesOfNode + node->layout.size() * kBytesOfColumn;
    for_each_input(*node, [&](const RowsNodePtr& input) {
      bytes = std::min(bytes + of(input), kMostPlanBytes + 1);
    });
    return known_[node.get()] = bytes;
  }

 private:
  // Bytes of a node's and of a column's JSON without their values: member names, quotes and brackets.
  static constexpr size_t kBytesOfNode = sizeof R"({"step":"","layout":[]})" - 1;
  static constexpr size_t kBytesOfColumn = sizeof R"({"name":"","type":""},)" - 1;

  std::map<const RowsNode*, size_t> known_;
};

Error too_long(TextPosition at) {
  return Error{ErrorCode::LimitExceeded,
               fmt::format("the plan of the view has more than {} bytes", kMostPlanBytes),
               "A query in WITH is a part of the plan once for each of its readers.",
               "Make a view of a part of the SELECT, and read that view."}
      .at(at);
}

Status name_columns(const CreateView& create, Schema& result) {
  const TextPosition at = create.name.position;
  if (create.columns.size() > result.columns.size())
    return Error{ErrorCode::SyntaxError, "too many column names were specified"}.at(at);
  for (size_t i = 0; i < create.columns.size(); ++i)
    result.columns[i].name = create.columns[i].text;
  std::set<std::string> names;
  for (ColumnDef& column : result.columns) {
    if (column.type.is_null()) column.type = TypeKind::String;
    if (!names.insert(column.name).second)
      return Error{ErrorCode::DuplicateColumn,
                   fmt::format("column {} specified more than once", quoted(column.name)),
                   {},
                   "Name the columns: CREATE MATERIALIZED VIEW name (a, b) AS ..., or SELECT a AS "
                   "b."}
          .at(at);
    if (is_system_column(column.name) || column.name == kRowId)
      return Error{ErrorCode::InvalidStatement,
                   fmt::format("a column of a view cannot have the name {}", column.name),
                   {},
                   "Give the column another name: SELECT a AS b."}
          .at(at);
  }
  return {};
}

// Chooses the format of the key: KAFKA for one column of a type that it supports, otherwise JSON. Returns nullopt if
// neither supports the columns.
std::optional<FormatSpec> key_format_of(const std::vector<ColumnDef>& keys) {
  if (!validate_no_maps_in_key(keys)) return std::nullopt;
  for (const char* name : {"KAFKA", "JSON"}) {
    const FormatSpec format{name};
    if ((keys.size() == 1 || format.name != "KAFKA") && validate_key_schema(format, keys))
      return format;
  }
  return std::nullopt;
}

class ViewPlanner {
 public:
  ViewPlanner(const CreateView& create, const PlanContext& context, const EvalContext& eval)
      : create_(create), context_(context), planning_(context, eval) {}

  Result<PlannedQuery> plan(const std::string& sql) {
    view_.failures_are_null = TRY(read_options(create_)).failures_are_null;
    TRY(plan_select());
    TRY(add_inputs());
    TRY(shapes_of(view_));
    TRY(check_streams());
    TRY(identify());
    return finish(sql);
  }

 private:
  Status plan_select() {
    const std::optional<Query> unordered = without_order(*create_.query);
    if (unordered)
      planned_.notices.emplace_back(
          "ORDER BY has no effect, because the rows of a view have no order");
    PlannedRows rows = TRY(planning_.plan(unordered ? *unordered : *create_.query));
    if (!planning_.take_system_tables().empty())
      return Error{ErrorCode::NotSupported,
                   "a materialized view cannot read system tables",
                   {},
                   "CREATE VIEW runs its SELECT at each read."}
          .at(create_.name.position);
    if (LeastTextBytes().of(rows.root) > kMostPlanBytes) return too_long(create_.name.position);
    view_.root = std::move(rows.root);
    view_.result = std::move(rows.result);
    return name_columns(create_, view_.result);
  }

  // Adds an input for each table or stream. If the SELECT names a table twice, both names share one input.
  Status add_inputs() {
    for (const auto& table : planning_.take_tables()) {
      const DataSource& source = *table->table;
      if (source.is_temporary)
        return Error{ErrorCode::InvalidStatement,
                     "materialized views must not use temporary tables or views"}
            .at(create_.name.position);
      if (source.window)
        return Error{ErrorCode::NotSupported,
                     fmt::format("a materialized view cannot read the windowed {} {} yet",
                                 kind_word(source.kind), quoted(source.name)),
                     "Windows expire without a record that a view could see.",
                     fmt::format("Read the source of {}, and GROUP BY the time: date_trunc('hour', "
                                 "ts).",
                                 quoted(source.name))}
            .at(create_.name.position);
      const auto known = std::ranges::find(sources_, source.name, &DataSource::name);
      const auto port = static_cast<size_t>(known - sources_.begin());
      if (known == sources_.end()) sources_.push_back(source);
      view_.reads.push_back({port, table->filter, table->columns});
      key_counts_.push_back(source.kind == SourceKind::Table ? source.schema.key_count() : 0);
    }
    if (!sources_.empty()) return {};
    return Error{ErrorCode::NotSupported,
                 "a materialized view reads at least one table or stream",
                 {},
                 "CREATE VIEW runs its SELECT at each read."}
        .at(create_.name.position);
  }

  Status check_streams() const {
    const auto stream = std::ranges::find(sources_, SourceKind::Stream, &DataSource::kind);
    if (stream == sources_.end() || !keeps_state_of_keys(*view_.root)) return {};
    const auto allowed = context_.properties.find(std::string(kUnboundedState));
    if (allowed != context_.properties.end() && allowed->second == "on") return {};
    return Error{ErrorCode::NotSupported,
                 fmt::format("the state of the view would grow as long as the stream {} does",
                             quoted(stream->name)),
                 "It keeps rows for each key, and the stream may have new keys without end.",
                 fmt::format("SET {} = on allows it. CREATE TABLE ... AS SELECT ... GROUP BY keeps "
                             "only the groups.",
                             kUnboundedState)}
        .at(create_.name.position);
  }

  // Makes the identity of the rows the key of the topic, if it consists of columns that can be a key.
  Status identify() {
    const auto identity = identity_of(view_, key_counts_);
    view_.has_row_id = true;
    if (identity) {
      view_.identity = identity->columns;
      view_.is_one_row = identity->columns.empty();
      std::ranges::sort(view_.identity);
      const auto doubles = std::ranges::unique(view_.identity);
      view_.identity.erase(doubles.begin(), doubles.end());
    }
    std::vector<ColumnDef> keys;
    for (const size_t column : view_.identity) keys.push_back(view_.result.columns[column]);
    if (identity && !identity->may_be_null && !keys.empty() &&
        keys.size() < view_.result.columns.size())
      if (const auto format = key_format_of(keys)) {
        view_.has_row_id = false;
        key_format_ = *format;
      }
    if (!view_.has_row_id) view_.columns = view_.identity;
    for (size_t i = 0; i < view_.result.columns.size(); ++i)
      if (view_.has_row_id || std::ranges::find(view_.identity, i) == view_.identity.end())
        view_.columns.push_back(i);
    if (view_.has_row_id)
      schema_.columns.push_back({std::string(kRowId), TypeKind::Bytes, ColumnRole::Key});
    for (size_t i = 0; i < view_.columns.size(); ++i) {
      ColumnDef column = view_.result.columns[view_.columns[i]];
      const bool is_key = !view_.has_row_id && i < view_.identity.size();
      column.role = is_key ? ColumnRole::Key : ColumnRole::Value;
      schema_.columns.push_back(std::move(column));
    }
    return {};
  }

  StagePlan make_stage() {
    StageBuilder builder;
    RecomputeStep step;
    std::vector<int> from;
    const auto setting = context_.properties.find(std::string(kViewMode));
    const ViewMode mode =
        mode_of(view_, setting == context_.properties.end() ? "" : setting->second);
    for (const DataSource& source : sources_) {
      InputStep input = read_topic(source);
      const bool is_table = source.kind == SourceKind::Table;
      // After a restart, records of a table may be applied a second time, which does not change the table.
      input.may_repeat = is_table;
      input.old_too = is_table && mode.plan.has_value();
      if (is_table) input.store = builder.add_store(StoreKind::Rows, "Input_" + source.name);
      builder.add_node(std::move(input), {}, input_layout(source, ""));
      from.push_back(builder.last_node());
      step.stream_stores.push_back(-1);
    }
    for (size_t port = 0; port < sources_.size(); ++port)
      if (sources_[port].kind == SourceKind::Stream)
        step.stream_stores[port] =
            builder.add_store(StoreKind::Rows, "Input_" + sources_[port].name);
    step.store = store_ = builder.add_store(StoreKind::Rows, "View");
    step.key_format = identity_format(key_format_);
    step.view = std::make_shared<const ViewPlan>(std::move(view_));
    Layout layout;
    for (const ColumnDef& column : schema_.columns)
      layout.push_back({"", column.name, column.type});
    builder.add_node(std::move(step), std::move(from), std::move(layout));
    std::vector<StagePlan> stages = builder.take_stages();
    mark_used_columns(stages, planning_.decoded_columns());
    stages.front().merges_partitions = true;
    return std::move(stages.front());
  }

  // Describes how look-ups find the columns of the view's input_layout() in the rows of the store, which end with
  // ROWTIME.
  MaterializationPlan materialize(const DataSource& sink) const {
    MaterializationPlan plan;
    plan.store = store_;
    const Layout layout = input_layout(sink, "");
    const auto columns = static_cast<uint32_t>(schema_.columns.size());
    for (uint32_t i = 0; i < layout.size(); ++i)
      plan.columns.push_back(i <= columns ? column_expression(layout[i].type, i)
                                          : literal_expression(layout[i].type, Value()));
    plan.key_schema.columns = schema_.keys();
    plan.key_format = identity_format(key_format_);
    return plan;
  }

  Result<PlannedQuery> finish(const std::string& sql) {
    const std::string& name = create_.name.name.text;
    const EngineSettings settings = effective_settings(context_.settings, context_.properties);
    auto sink = std::make_shared<DataSource>();
    sink->name = name;
    sink->kind = SourceKind::Table;
    sink->schema = schema_;
    sink->sql = sql;
    sink->owns_topic = true;
    for (const ColumnDef& column : view_.result.columns) sink->column_order.push_back(column.name);
    if (view_.has_row_id || std::ranges::is_sorted(view_.columns)) sink->column_order.clear();
    sink->topic = default_topic_name(name, settings);
    if (context_.topics.find(sink->topic))
      return Error{ErrorCode::DuplicateObject,
                   fmt::format("topic \"{}\" already exists", sink->topic),
                   "A materialized view makes a topic of its own.",
                   "Give the view another name, or delete the topic first."}
          .at(create_.name.position);
    SourceFormats formats = default_formats(settings);
    if (formats.value.name.empty() || formats.value.name == "KAFKA")
      formats.value = FormatSpec{"JSON"};
    formats.key = key_format_;
    const SourceFormats fitted = TRY(fit_formats(formats, schema_, context_.properties));
    const SourceFormats registered = TRY(
        register_schemas(fitted, schema_, sink->topic, context_.registrar, Registrar::Write::Sink));
    sink->key_format = registered.key;
    sink->value_format = registered.value;

    TopicDescription topic;
    topic.name = sink->topic;
    topic.partitions = view_.has_row_id ? kPartitionsWithoutKey : settings.num_partitions;
    topic.config = topic_config(SourceKind::Table, false, std::nullopt);
    topic.config[std::string(kViewTopicSetting)] = "true";
    sink->partitions = topic.partitions;
    planned_.new_topic = std::move(topic);

    QueryPlan& plan = planned_.plan;
    plan.id = fmt::format("VIEW_{}_{}", name, context_.catalog.next_query_number);
    plan.kind = QueryKind::View;
    for (const DataSource& source : sources_) plan.sources.push_back(source.name);
    plan.properties = context_.properties;
    plan.stages.push_back(make_stage());
    plan.materialization = materialize(*sink);
    OutputPlan& output = plan.stages.front().output;
    output.topic = sink->topic;
    output.schema = schema_;
    output.key_format = sink->key_format;
    output.value_format = sink->value_format;
    output.is_table = true;
    output.key_is_made = true;
    sink->created_by = plan.id;
    planned_.result = schema_;
    planned_.sink = std::move(sink);
    TRY(check_can_be_kept());
    return std::move(planned_);
  }

  // The plan is read again at each start. A SELECT whose operators have no name in the format of plans cannot be kept.
  Status check_can_be_kept() const {
    const std::string text = plan_to_json(planned_.plan);
    if (text.size() > kMostPlanBytes) return too_long(create_.name.position);
    const auto read = plan_from_json(text);
    if (read) return {};
    return Error{ErrorCode::NotSupported, "a materialized view cannot have this SELECT yet",
                 fmt::format("Its plan cannot be stored: {}.", read.error().message),
                 "CREATE VIEW runs its SELECT at each read."}
        .at(create_.name.position);
  }

  const CreateView& create_;
  const PlanContext& context_;
  RowsPlanning planning_;
  ViewPlan view_;
  std::vector<DataSource> sources_;  // sources by the port of the view
  std::vector<size_t> key_counts_;   // number of key columns of each read
  Schema schema_;                    // schema of the view's topic
  FormatSpec key_format_{"KAFKA"};
  int store_ = -1;
  PlannedQuery planned_;
};

}  // namespace

Result<PlannedQuery> plan_materialized_view(const CreateView& create,
                                            const ParsedStatement& statement,
                                            const PlanContext& context, const EvalContext& eval) {
  const std::string& name = create.name.name.text;
  const Catalog& catalog = context.catalog;
  if (create.if_not_exists && (catalog.find_source(name) || catalog.views.get(name))) {
    PlannedQuery kept;
    kept.if_not_exists_hit = true;
    return kept;
  }
  TRY(check_target(create, context));
  return ViewPlanner(create, context, eval).plan(statement.text);
}

}  // namespace engine
