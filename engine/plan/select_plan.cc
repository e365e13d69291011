#include "engine/plan/select_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/format.h"
#include "engine/functions/registry.h"
#include "engine/functions/session_zone.h"
#include "engine/plan/alias_hint.h"
#include "engine/plan/join_analysis.h"
#include "engine/plan/join_plan.h"
#include "engine/plan/select_columns.h"
#include "engine/plan/stage_builder.h"
#include "engine/plan/window_plan.h"

namespace engine {

namespace {

class SelectPlanner {
 public:
  SelectPlanner(Analysis analysis, const SelectTarget& target, const PlanContext& context,
                const ChooseKeyFormat& choose)
      : analysis_(std::move(analysis)),
        target_(target),
        context_(context),
        choose_key_format_(choose) {}

  Result<PlannedSelect> run() {
    TRY(check_clauses());
    if (analysis_.joins.empty())
      add_input();
    else
      joins_ = TRY(plan_joins(analysis_, target_, context_, builder_));
    TRY(expand_struct_stars(analysis_, scope(layout(), "SELECT")));
    TRY(add_where());
    if (analysis_.has_aggregates)
      TRY(plan_aggregation());
    else
      TRY(plan_projection());
    TRY(joins_.support);
    out_.stages = builder_.take_stages();
    out_.exchanges = builder_.take_exchanges();
    mark_used_columns(out_.stages, decoded_columns_);
    out_.items = std::move(analysis_.items);
    return std::move(out_);
  }

 private:
  const DataSource& source() const { return *analysis_.sources.front().source; }
  bool reads_table() const { return source().kind == SourceKind::Table; }
  bool is_persistent() const { return target_.use == QueryUse::Persistent; }
  const Layout& layout() const { return builder_.layout(); }
  Scope scope(const Layout& over, std::string_view clause) const {
    return make_scope(over, clause, analysis_, context_);
  }

  template <class Step>
  void add(Step step, Layout result) {
    builder_.add(std::move(step), std::move(result));
  }

  Status check_clauses() const {
    if (analysis_.window && analysis_.group_by.empty())
      return Error{ErrorCode::InvalidStatement, "WINDOW clause requires a GROUP BY clause."}
          .with_hint(
              "Add an aggregate and GROUP BY: SELECT a, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE "
              "1 MINUTE) GROUP BY a.")
          .at(analysis_.window->position);
    if (context_.settings.ksqldb_compat && !analysis_.group_by.empty() &&
        source().value_format.name == "KAFKA")
      return Error{ErrorCode::InvalidStatement,
                   fmt::format("Source(s) {} are using the 'KAFKA' value format. This format does "
                               "not yet support GROUP BY.",
                               source().name)};
    if (analysis_.emit == Emit::Final && !analysis_.window)
      return Error{ErrorCode::InvalidStatement,
                   "EMIT FINAL is only supported for windowed aggregations.",
                   {},
                   "Use EMIT CHANGES, or add WINDOW TUMBLING (SIZE 1 HOUR) and GROUP BY."};
    if (analysis_.window && reads_table())
      return Error{ErrorCode::InvalidStatement, "Windowing not supported for table aggregations."}
          .with_hint(
              "WINDOW is for streams: read the stream from which the table is made, or leave out "
              "WINDOW.")
          .at(analysis_.window->position);
    if (!analysis_.partition_by.empty() && reads_table())
      return Error{ErrorCode::InvalidStatement,
                   "Cannot repartition a TABLE source. If this is a join, joins on tables need to "
                   "join on the primary key.",
                   {},
                   "PARTITION BY is for streams. A table gets another key with GROUP BY: SELECT a, "
                   "LATEST_BY_OFFSET(b) AS b FROM t GROUP BY a."};
    if (is_persistent() && reads_table() && source().window)
      return Error{ErrorCode::InvalidStatement,
                   "KSQL does not support persistent queries on windowed tables."}
          .with_hint(fmt::format(
              "Declare its topic as a stream: CREATE STREAM name (...) WITH (KAFKA_TOPIC='{}', "
              "WINDOW_TYPE=..., WINDOW_SIZE=..., ...).",
              source().topic))
          .at(analysis_.sources.front().position);
    if (source().window && !analysis_.partition_by.empty())
      return Error{ErrorCode::InvalidStatement,
                   "Implicit repartitioning of windowed sources is not supported."};
    if (analysis_.has_table_functions && analysis_.has_aggregates)
      return Error{
          ErrorCode::InvalidStatement,
          "Table functions cannot be used with aggregations.",
          {},
          "Make a stream of the rows first, CREATE STREAM s AS SELECT EXPLODE(a) AS a FROM "
          "..., and aggregate this stream."};
    if (analysis_.has_table_functions && reads_table())
      return Error{ErrorCode::InvalidStatement,
                   "Table source is not supported with table functions"};
    return {};
  }

  void add_input() {
    InputStep input = read_topic(source());
    if (reads_table()) {
      input.store = builder_.add_store(StoreKind::Rows, "KsqlTopic-Reduce");
      input.old_too = analysis_.where != nullptr || analysis_.has_aggregates;
    }
    add(std::move(input), input_layout(source(), ""));
  }

  Status add_where() {
    if (!analysis_.where) return {};
    TRY(check_where_bounds(analysis_));
    Result<BoundExpression> predicate = bind_predicate(*analysis_.where, scope(layout(), "WHERE"));
    if (!predicate)
      return with_alias_hint(std::move(predicate).error(), *analysis_.where, "WHERE",
                             aliases_of(analysis_));
    where_ = *predicate;
    add(FilterStep{*std::move(predicate), reads_table()}, layout());
    return {};
  }

  // Returns whether PARTITION BY makes a new key. PARTITION BY the existing key of a stream moves no records and
  // makes no new key.
  bool makes_key() const {
    if (analysis_.partition_by.empty() || analysis_.sources.size() > 1)
      return !analysis_.partition_by.empty();
    std::vector<std::string_view> asked, keys;
    for (const ExpressionPtr& key : analysis_.partition_by)
      if (const auto* column = key->as<ColumnRef>()) asked.push_back(column->name.text);
    for (const ColumnDef& column : source().schema.columns)
      if (column.role == ColumnRole::Key) keys.push_back(column.name);
    return asked.size() < analysis_.partition_by.size() || asked != keys;
  }

  // ---- without aggregation

  Status plan_projection() {
    const Scope partitioning = scope(layout(), "PARTITION BY");
    for (const ExpressionPtr& key : analysis_.partition_by) TRY(bind(*key, partitioning));
    std::vector<Scope::Substitute> synthesized;
    TRY(add_table_functions(synthesized));
    Scope over = scope(layout(), "SELECT");
    over.substitutes = synthesized;
    substitute_join_key(over);
    const SelectColumns columns =
        TRY(is_persistent() ? persistent_columns(analysis_, target_.sink_name, over)
                            : transient_columns(analysis_, over));
    if (!analysis_.partition_by.empty() && is_persistent())
      TRY(choose_key_format_(columns.schema.keys()));
    out_.is_table = reads_table();
    out_.key_is_made = makes_key();
    out_.window = source().window;
    if (reads_table()) materialize_rows(columns);
    add_projection(columns, column_index(layout(), kWindowStart));
    return {};
  }

  // A LEFT JOIN without a matching table row makes the columns of the table null. If the key of the
  // result is such a column, lets it read the key of the join itself.
  void substitute_join_key(Scope& over) const {
    if (joins_.key_column < 0 || !analysis_.partition_by.empty()) return;
    if (const Expression* key = selected_join_key(analysis_))
      over.substitutes.push_back({key, static_cast<uint32_t>(joins_.key_column)});
  }

  // Appends a column for each call of a table function to the columns of the source, and substitutes this column for
  // the call.
  Status add_table_functions(std::vector<Scope::Substitute>& synthesized) {
    if (!analysis_.has_table_functions) return {};
    const Scope over = scope(layout(), "SELECT");
    FlatMapStep step;
    Layout result = layout();
    for (const AnalysedItem& item : analysis_.items) {
      std::vector<const Expression*> calls;
      TRY(find_table_functions(*item.expression, calls));
      for (const Expression* call : calls) {
        BoundExpression bound =
            TRY(bind_table_function(*call->as<FunctionCall>(), call->position, over));
        synthesized.push_back({call, static_cast<uint32_t>(result.size())});
        result.push_back(
            {"", fmt::format("KSQL_SYNTH_{}", step.functions.size()), bound.type.element()});
        step.functions.push_back(std::move(bound));
      }
    }
    add(std::move(step), std::move(result));
    return {};
  }

  static int column_index(const Layout& in, std::string_view name) {
    for (size_t i = 0; i < in.size(); ++i)
      if (in[i].name == name) return static_cast<int>(i);
    return -1;
  }

  // Adds the last step. It computes the columns of the result and, if windows exist, their bounds from column
  // `first_bound` on.
  void add_projection(const SelectColumns& columns, int first_bound) {
    ProjectStep step;
    Layout result;
    for (size_t i = 0; i < columns.expressions.size(); ++i) {
      step.columns.push_back(columns.expressions[i]);
      step.is_key.push_back(columns.is_key[i]);
      result.push_back({"", columns.schema.columns[i].name, columns.schema.columns[i].type});
    }
    if (out_.window && is_persistent()) {
      for (int i = 0; i < 2; ++i) {
        step.columns.push_back(
            column_expression(TypeKind::Bigint, static_cast<uint32_t>(first_bound + i)));
        step.is_key.push_back(true);
        result.push_back({"", std::string(i == 0 ? kWindowStart : kWindowEnd), TypeKind::Bigint});
      }
    }
    out_.schema = columns.schema;
    add(std::move(step), std::move(result));
  }

  void materialize_rows(const SelectColumns& columns) {
    const PlanNode& input = builder_.stage().nodes.front();
    MaterializationPlan plan;
    plan.stage = builder_.stage_index();
    plan.filter = where_;
    if (!analysis_.joins.empty()) {
      plan.store = joins_.store;
      plan.columns = columns.expressions;
      const int node = builder_.stage().stores[static_cast<size_t>(plan.store)].node;
      const Layout& joined = builder_.stage().nodes[static_cast<size_t>(node)].layout;
      for (const int key : joins_.key_columns) {
        const LayoutColumn& column = joined[static_cast<size_t>(key)];
        plan.key_schema.columns.push_back({column.name, column.type, ColumnRole::Key});
      }
      plan.key_format = joins_.key_format;
      add_system_columns(plan, static_cast<int>(joined.size()), -1);
      out_.materialization = std::move(plan);
      return;
    }
    const Layout& rows = input.layout;
    plan.store = std::get<InputStep>(input.step).store;
    plan.columns = columns.expressions;
    plan.key_schema.columns = source().schema.keys();
    plan.key_format = identity_format(source().key_format);
    plan.is_windowed = source().window.has_value();
    add_system_columns(plan, column_index(rows, kRowTime), column_index(rows, kWindowStart));
    out_.materialization = std::move(plan);
  }

  static void add_system_columns(MaterializationPlan& plan, int rowtime, int window_start) {
    plan.columns.push_back(column_expression(TypeKind::Bigint, static_cast<uint32_t>(rowtime)));
    plan.columns.push_back(literal_expression(TypeKind::Integer, Value()));
    plan.columns.push_back(literal_expression(TypeKind::Bigint, Value()));
    if (!plan.is_windowed) return;
    plan.columns.push_back(
        column_expression(TypeKind::Bigint, static_cast<uint32_t>(window_start)));
    plan.columns.push_back(
        column_expression(TypeKind::Bigint, static_cast<uint32_t>(window_start) + 1));
  }

  // ---- with aggregation

  Status plan_aggregation() {
    if (context_.settings.ksqldb_compat) TRY(check_no_bounds_of_join(analysis_));
    TRY(check_grouping(analysis_));
    if (is_persistent()) TRY(check_keys_selected(analysis_, target_.sink_name));
    const std::vector<ColumnDef> keys = TRY(add_grouping_projection());
    const FormatSpec key_format = identity_format(TRY(choose_key_format_(keys)));
    add(RegroupStep{keys.size(), reads_table()}, layout());
    if (is_persistent() && needs_repartition()) add_exchange(keys, key_format);
    if (analysis_.window) builder_.order_rows_before();
    TRY(add_aggregate(keys, key_format));
    return finish_aggregation(keys, key_format);
  }

  // Returns whether the rows must be repartitioned. They need not be if the only grouping column is the key of the
  // stream.
  bool needs_repartition() const {
    if (reads_table() || analysis_.group_by.size() != 1) return true;
    // The column of the table equals the key or is null, and rows with a null are dropped. Therefore grouping by this
    // column needs no repartition.
    if (!analysis_.joins.empty())
      return !contains(equal_to_join_key(analysis_.joins, analysis_.joins.size()),
                       *analysis_.group_by.front());
    // Equal keys with different schema ids may be in different partitions.
    if (names_schema(source().key_format)) return true;
    const auto* column = analysis_.group_by.front()->as<ColumnRef>();
    const std::vector<ColumnDef> source_keys = source().schema.keys();
    return !column || source().window || source_keys.size() != 1 ||
           source_keys.front().name != column->name.text;
  }

  // Adds a projection to the grouping columns, followed by the arguments of all aggregates.
  Result<std::vector<ColumnDef>> add_grouping_projection() {
    const Layout input = layout();
    ProjectStep step;
    Layout result;
    std::vector<ColumnDef> keys;
    const Scope grouping = scope(input, "GROUP BY");
    for (size_t i = 0; i < analysis_.group_by.size(); ++i) {
      BoundExpression key = TRY(bind(*analysis_.group_by[i], grouping));
      keys.push_back({grouping_name(analysis_, i), key.type, ColumnRole::Key});
      result.push_back({"", keys.back().name, key.type});
      step.columns.push_back(std::move(key));
      step.is_key.push_back(true);
    }
    const Scope arguments = scope(input, "SELECT");
    TRY(collect_aggregates(arguments, step, result));
    step.old_too = reads_table();
    add(std::move(step), std::move(result));
    return keys;
  }

  // Fails under --compat ksqldb if ksqlDB could not store the function's intermediate results, which ksqlDB encodes in
  // the source's value format. Millrace itself keeps these results in the state of the operator.
  Status check_intermediate_type(const AggregateDef& function) const {
    constexpr std::string_view kGatherStructs[] = {
        "AVG", "CORRELATION", "STDDEV_POP", "STDDEV_SAMP", "STDDEV_SAMPLE", "TOPK", "TOPKDISTINCT"};
    if (!context_.settings.ksqldb_compat || source().value_format.name != "DELIMITED" ||
        std::ranges::find(kGatherStructs, function.name) == std::end(kGatherStructs))
      return {};
    return Error{
        ErrorCode::InvalidStatement,
        "One of the functions used in the statement has an intermediate type that the value "
        "format can not handle. Please remove the function or change the format."};
  }

  Status collect_aggregates(const Scope& over, ProjectStep& step, Layout& result) {
    std::vector<const Expression*> calls;
    for (const AnalysedItem& item : analysis_.items) list_aggregates(*item.expression, calls);
    if (analysis_.having) list_aggregates(*analysis_.having, calls);
    std::vector<std::string> without_undo;
    Properties properties = context_.properties;
    if (context_.settings.ksqldb_compat) properties[std::string(kSumOverflow)] = kSumWraps;
    for (const Expression* call : calls) {
      BoundAggregate bound =
          TRY(bind_aggregate(*call->as<FunctionCall>(), call->position, over, properties));
      TRY(check_intermediate_type(*bound.instance.def));
      const std::string name(bound.instance.def->name);
      if (reads_table() && !bound.instance.def->has_undo() &&
          std::ranges::find(without_undo, name) == without_undo.end())
        without_undo.push_back(name);
      // COUNT(*) and COUNT(1)
      if (call->as<FunctionCall>()->star ||
          std::ranges::all_of(bound.arguments, [](const auto& each) { return is_constant(each); }))
        decoded_columns_ = DecodedColumns::All;
      AggregateCall planned{std::move(bound.instance), {}};
      for (BoundExpression& argument : bound.arguments) {
        planned.arguments.push_back(static_cast<int>(result.size()));
        result.push_back({"", fmt::format("KSQL_INTERNAL_COL_{}", result.size()), argument.type});
        step.columns.push_back(std::move(argument));
        step.is_key.push_back(false);
      }
      aggregates_.push_back({call, std::move(planned)});
    }
    return check_undo(std::move(without_undo));
  }

  void list_aggregates(const Expression& expression, std::vector<const Expression*>& calls) const {
    if (is_aggregate_call(expression)) {
      if (std::ranges::none_of(calls,
                               [&](const Expression* known) { return equals(*known, expression); }))
        calls.push_back(&expression);
      return;
    }
    for (const Expression* child : children(expression)) list_aggregates(*child, calls);
  }

  static Status check_undo(std::vector<std::string> names) {
    if (names.empty()) return {};
    return Error{
        ErrorCode::InvalidStatement,
        fmt::format("The aggregation function{} {} cannot be applied to a table source, only to a "
                    "stream source.",
                    names.size() > 1 ? "s" : "",
                    names.size() > 1 ? join_words(names, "and") : "(" + names.front() + ")")};
  }

  void add_exchange(const std::vector<ColumnDef>& keys, const FormatSpec& key_format) {
    ExchangePlan exchange;
    exchange.topic =
        internal_topic(target_.query_id, context_.properties, "Aggregate-GroupBy-repartition");
    exchange.key_format = key_format;
    exchange.value_format = source().value_format;
    exchange.partitions = source().partitions;
    exchange.schema.columns = keys;
    for (size_t i = keys.size(); i < layout().size(); ++i)
      exchange.schema.columns.push_back({layout()[i].name, layout()[i].type, ColumnRole::Value});
    builder_.cut(std::move(exchange), source().kind, source().partitions);
  }

  Status add_aggregate(const std::vector<ColumnDef>& keys, const FormatSpec& key_format) {
    AggregateStep step;
    step.key_count = keys.size();
    step.key_format = key_format;
    step.is_table = reads_table();
    step.old_too = analysis_.having != nullptr;
    step.final_only = analysis_.emit == Emit::Final;
    step.loses_old_finals = context_.settings.ksqldb_compat;
    if (analysis_.window)
      step.window = TRY(plan_window(*analysis_.window, analysis_.emit, context_.properties));
    // With a RETENTION, ksqlDB's store still has the windows when they close, so ksqlDB loses no
    // final results either.
    if (analysis_.window && analysis_.window->retention) step.loses_old_finals = false;
    const bool is_session = step.window && step.window->type == WindowType::Session;
    step.store = aggregate_store_ = builder_.add_store(
        is_session ? StoreKind::Ranges : StoreKind::Aggregates, "Aggregate-Aggregate-Materialize");
    Layout result(layout().begin(), layout().begin() + static_cast<ptrdiff_t>(keys.size()));
    for (size_t i = 0; i < aggregates_.size(); ++i) {
      result.push_back(
          {"", fmt::format("KSQL_AGG_VARIABLE_{}", i), aggregates_[i].call.instance.result_type});
      step.calls.push_back(aggregates_[i].call);
    }
    if (step.window) {
      result.push_back({"", std::string(kWindowStart), TypeKind::Bigint});
      result.push_back({"", std::string(kWindowEnd), TypeKind::Bigint});
      out_.window = SourceWindow{step.window->type, step.window->size_ms};
      if (is_session) out_.window->size_ms.reset();
    }
    add(std::move(step), std::move(result));
    return {};
  }

  Status finish_aggregation(const std::vector<ColumnDef>& keys, const FormatSpec& key_format) {
    std::vector<Scope::Substitute> substitutes;
    for (size_t i = 0; i < analysis_.group_by.size(); ++i)
      substitutes.push_back({analysis_.group_by[i].get(), static_cast<uint32_t>(i)});
    for (size_t i = 0; i < aggregates_.size(); ++i)
      substitutes.push_back({aggregates_[i].expression, static_cast<uint32_t>(keys.size() + i)});
    const Layout groups = layout();
    std::optional<BoundExpression> having;
    if (analysis_.having) {
      Scope over = scope(groups, "HAVING");
      over.substitutes = substitutes;
      having = TRY(bind_predicate(*analysis_.having, over));
      add(FilterStep{*having, true}, groups);
    }
    Scope over = scope(groups, "SELECT");
    over.substitutes = substitutes;
    const SelectColumns columns =
        TRY(is_persistent() ? persistent_columns(analysis_, target_.sink_name, over)
                            : transient_columns(analysis_, over));
    out_.is_table = true;
    MaterializationPlan plan;
    plan.stage = builder_.stage_index();
    plan.store = aggregate_store_;
    plan.filter = std::move(having);
    plan.columns = columns.expressions;
    plan.key_schema.columns = keys;
    plan.key_format = key_format;
    plan.is_windowed = out_.window.has_value();
    add_system_columns(plan, static_cast<int>(groups.size()), column_index(groups, kWindowStart));
    out_.materialization = std::move(plan);
    add_projection(columns, column_index(groups, kWindowStart));
    return {};
  }

  struct CollectedAggregate {
    const Expression* expression;  // points into analysis_
    AggregateCall call;
  };

  Analysis analysis_;
  DecodedColumns decoded_columns_ = DecodedColumns::Used;
  const SelectTarget& target_;
  const PlanContext& context_;
  const ChooseKeyFormat& choose_key_format_;
  StageBuilder builder_;
  PlannedJoins joins_;
  PlannedSelect out_;
  int aggregate_store_ = -1;
  std::optional<BoundExpression> where_;
  std::vector<CollectedAggregate> aggregates_;
};

}  // namespace

Scope make_scope(const Layout& layout, std::string_view clause, const Analysis& analysis,
                 const PlanContext& context) {
  Scope scope(layout, clause);
  const DataSource& first = *analysis.sources.front().source;
  if (analysis.sources.size() == 1)
    scope.source =
        fmt::format("{} {}", first.kind == SourceKind::Stream ? "stream" : "table", first.name);
  for (const AnalysedSource& source : analysis.sources) scope.source_names.push_back(source.alias);
  scope.custom_types = &context.catalog.types;
  scope.parameters = context.parameters;
  scope.fold_quoted_names = context.fold_quoted_names;
  if (context.settings.ksqldb_compat) return scope;
  scope.checks_values = true;
  // A SELECT without EMIT is answered once, and has PostgreSQL's semantics over streams as over tables (ADR 68).
  if (analysis.use == QueryUse::Persistent || analysis.emit != Emit::None) return scope;
  scope.texts_take_types = true;
  scope.forms = session_forms(context.properties);
  return scope;
}

Result<PlannedSelect> plan_select(Analysis analysis, const SelectTarget& target,
                                  const PlanContext& context,
                                  const ChooseKeyFormat& choose_key_format) {
  return SelectPlanner(std::move(analysis), target, context, choose_key_format).run();
}

}  // namespace engine
