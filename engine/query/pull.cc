#include "engine/query/pull.h"
#include "engine/query/empty_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/expr/bind_shown.h"
#include "engine/expr/null_failures.h"
#include "engine/formats/format.h"
#include "engine/functions/session_zone.h"
#include "engine/plan/alias_hint.h"
#include "engine/plan/select_columns.h"
#include "engine/plan/select_plan.h"
#include "engine/query/key_candidates.h"
#include "engine/query/pull_restrictions.h"
#include "engine/query/window_bounds.h"
#include "engine/sql/result_name.h"

namespace engine {

namespace {

Status refuse(bool is_there, std::string_view what, std::optional<TextPosition> position) {
  if (!is_there) return {};
  Error error{ErrorCode::NotSupported,
              fmt::format("{} in a query without EMIT CHANGES is not supported yet", what)};
  error.hint =
      "Pull queries don't support it. Add EMIT CHANGES if you intended to issue a push query.";
  const bool is_clause = what.front() >= 'A' && what.front() <= 'Z';
  if (is_clause)
    error.ksqldb = fmt::format(
        "Pull queries don't support {} clauses. See https://cnfl.io/queries for more info.\n"
        "Add EMIT CHANGES if you intended to issue a push query.",
        what);
  return position ? std::move(error).at(*position) : error;
}

Result<std::vector<std::string>> serialize_keys(const DataSource& table,
                                                const std::vector<KeyAssignment>& assignments) {
  const std::vector<ColumnDef> keys = table.schema.keys();
  std::vector<Column> columns;
  std::vector<const Column*> pointers;
  for (const ColumnDef& key : keys) columns.emplace_back(key.type);
  for (const KeyAssignment& assignment : assignments)
    for (const auto& [index, value] : assignment) columns[index].append_value(value);
  for (const Column& column : columns) pointers.push_back(&column);
  const std::unique_ptr<Writer> writer =
      TRY(make_writer(identity_format(table.key_format), keys, Side::Key));
  EncodedRows encoded;
  writer->write(pointers, {0, assignments.size()}, nullptr, encoded);
  std::vector<std::string> serialized;
  for (size_t i = 0; i < encoded.size(); ++i)
    if (encoded[i]) serialized.emplace_back(*encoded[i]);
  std::ranges::sort(serialized);
  const auto same = std::ranges::unique(serialized);
  serialized.erase(same.begin(), same.end());
  return serialized;
}

// Limit for the parts of expressions that a loop evaluates for each row. With this limit, the 128 rows between two
// checks of the clock take about a millisecond. An OR of 20,000 terms blocked the loops for half a second.
constexpr size_t kMostCheapParts = 256;

// Subtracts the parts of the expression from `parts_left`. Returns false if too few are left, or if the expression
// calls a function.
bool is_cheap(const BoundExpression& expression, size_t& parts_left) {
  if (expression.kind == BoundKind::Literal) return true;
  if (expression.function != nullptr || parts_left == 0) return false;
  --parts_left;
  return std::ranges::all_of(expression.children, [&](const BoundExpression& child) {
    return is_cheap(child, parts_left);
  });
}

bool is_deterministic(const BoundExpression& expression) {
  return expression.is_deterministic && std::ranges::all_of(expression.children, is_deterministic);
}

}  // namespace

Result<std::optional<std::vector<std::string>>> keys_for(const Expression& where,
                                                         const DataSource& table,
                                                         const Scope& scope,
                                                         const EvalContext& eval) {
  const auto candidates = key_candidates(where, table.schema.keys(), scope, eval);
  if (!candidates) return std::optional<std::vector<std::string>>();
  return std::optional(TRY(serialize_keys(table, *candidates)));
}

Status check_pull_clauses(const Query& query, const PlanContext& context) {
  TRY(check_pull_use(query, context));
  if (context.settings.ksqldb_compat)
    TRY(refuse(!query.joins.empty(), "JOIN",
               query.joins.empty() ? query.position : query.joins.front().position));
  TRY(refuse(query.window.has_value(), "WINDOW", query.positions.window));
  TRY(refuse(!query.group_by.empty(), "GROUP BY", query.positions.group_by));
  TRY(refuse(!query.partition_by.empty(), "PARTITION BY", query.positions.partition_by));
  TRY(refuse(query.having != nullptr, "HAVING", query.positions.having));
  return {};
}

Result<PullPlan> plan_pull_query(const Query& query, const PlanContext& context,
                                 const EvalContext& eval) {
  TRY(refuse(!query.joins.empty(), "JOIN",
             query.joins.empty() ? query.position : query.joins.front().position));
  TRY(check_pull_clauses(query, context));
  Analysis analysis = TRY(analyse(query, context, QueryUse::Pull));
  const DataSource& source = *analysis.sources.front().source;
  // Items without a name get the same names as in other SELECTs, because the names KSQL_COL_0 and so on are those of
  // persistent queries.
  if (source.kind == SourceKind::Table && !context.settings.ksqldb_compat)
    for (AnalysedItem& item : analysis.items)
      if (item.is_generated) item.name = result_name(*item.expression);
  TRY(check_no_aggregates(analysis));
  TRY(refuse(analysis.has_table_functions, "a table function", query.position));

  PullPlan plan;
  plan.table = context.catalog.sources().at(source.name);
  plan.limit = analysis.limit;
  if (source.kind == SourceKind::Table)
    TRY(check_look_up(analysis, source, context, query.positions.where.value_or(query.position)));
  const Layout layout = input_layout(source, "");
  TRY(expand_struct_stars(analysis, make_scope(layout, "SELECT", analysis, context)));
  if (analysis.where) {
    Scope scope = make_scope(layout, "WHERE", analysis, context);
    scope.forms = session_forms(context.properties);
    Result<BoundExpression> filter = bind_predicate(*analysis.where, scope);
    if (!filter)
      return with_alias_hint(std::move(filter).error(), *analysis.where, "WHERE",
                             aliases_of(analysis));
    plan.filter = *std::move(filter);
    if (scope.texts_take_types) TRY(check_constants(*plan.filter, eval));
    if (!context.settings.ksqldb_compat && is_never_true(*plan.filter, eval)) plan.limit = 0;
    // In ksqlDB a row whose condition fails is left out, and no error is reported.
    if (context.settings.ksqldb_compat) {
      FunctionCall or_not{"COALESCE", {}};
      or_not.arguments.push_back(clone(*analysis.where));
      or_not.arguments.push_back(make_expression(BooleanLiteral{false}, analysis.where->position));
      plan.filter =
          TRY(bind_predicate(*make_expression(std::move(or_not), analysis.where->position), scope));
    }
    if (source.kind == SourceKind::Table)
      plan.keys = TRY(keys_for(*analysis.where, source, scope, eval));
    if (source.window) plan.windows = window_bounds(*analysis.where, scope, eval);
  }
  // In ksqlDB session tables can only be read by key.
  if (context.settings.ksqldb_compat && source.kind == SourceKind::Table && source.window &&
      !source.created_by.empty() && source.window->type == WindowType::Session && !plan.keys)
    return Error{ErrorCode::NotSupported,
                 "Table scan unsupported on session tables",
                 {},
                 "Restrict the keys: WHERE key = ... or IN (...)."}
        .at(query.position);
  Scope select = make_scope(layout, "SELECT", analysis, context);
  select.forms = session_forms(context.properties);
  SelectColumns columns = TRY(transient_columns(analysis, select));
  plan.columns = std::move(columns.expressions);
  plan.result = std::move(columns.schema);
  if (source.kind == SourceKind::Table)
    TRY(check_look_up_result(plan.result, source, context, query.position));
  return plan;
}

bool is_repeatable(const PullPlan& plan) { return !plan.filter || is_deterministic(*plan.filter); }

bool is_cheap(const PullPlan& plan) {
  // Columns that are passed on unchanged cost nothing, so the look-up of a wide table may be cheap, too.
  size_t parts_left = kMostCheapParts;
  return (!plan.filter || is_cheap(*plan.filter, parts_left)) &&
         std::ranges::all_of(plan.columns, [&](const BoundExpression& column) {
           return column.kind == BoundKind::Column || is_cheap(column, parts_left);
         });
}

PullShaper::PullShaper(const PullPlan& plan) : columns_(plan.columns) {
  if (plan.filter) filter_.emplace(*plan.filter);
}

Result<Batch> PullShaper::shape(Batch rows, size_t room, const EvalContext& eval) const {
  if (filter_) {
    RowErrors errors(rows.rows);
    std::vector<uint32_t> chosen = filter_->select(rows.columns, rows.rows, eval, errors);
    TRY(refuse_failures(errors));
    if (chosen.size() > room) chosen.resize(room);
    if (chosen.size() != rows.rows) rows = rows.gather(chosen);
  } else if (rows.rows > room) {
    std::vector<uint32_t> chosen(room);
    std::iota(chosen.begin(), chosen.end(), 0u);
    rows = rows.gather(chosen);
  }
  std::vector<ColumnPtr> columns;
  for (Evaluated& result : columns_.run(rows.columns, rows.rows, eval)) {
    TRY(refuse_failures(result.errors));
    columns.push_back(std::move(result.column));
  }
  rows.columns = std::move(columns);
  return rows;
}

Result<ConstantPlan> plan_constant_query(const Query& query, const PlanContext& context) {
  if (const auto more = beyond_dialect(query))
    return Error{ErrorCode::NotSupported, more->what + " is not supported yet in this query"}
        .with_hint(
            "A SELECT without EMIT CHANGES supports it. CREATE STREAM s AS SELECT ... makes a "
            "stream "
            "of one part, and INSERT INTO s SELECT ... adds the records of another one.")
        .at(more->position);
  TRY(check_item_count(query));
  TRY(check_pull_clauses(query, context));
  if (query.offset)
    return Error{ErrorCode::NotSupported, "OFFSET is not supported yet"}.at(query.offset->position);
  static const Layout kNoColumns;
  Scope scope(kNoColumns, "SELECT");
  scope.custom_types = &context.catalog.types;
  scope.parameters = context.parameters;
  scope.texts_take_types = !context.settings.ksqldb_compat;
  scope.forms = session_forms(context.properties);
  ConstantPlan plan;
  plan.limit = TRY(read_limit(query.limit.get()));
  if (query.where) {
    Scope where = scope;
    where.clause = "WHERE";
    plan.filter = TRY(bind_predicate(*query.where, where));
  }
  for (const SelectItem& item : query.items) {
    if (item.kind != SelectItemKind::Expression)
      return Error{ErrorCode::InvalidStatement, "SELECT * needs a FROM clause"}.at(item.position);
    BoundExpression bound = TRY(bind_shown(*item.expression, scope));
    if (bound.type.is_null()) bound = TRY(cast(std::move(bound), TypeKind::String));
    plan.result.columns.push_back(
        {item.alias ? item.alias->text : result_name(*item.expression), bound.type});
    plan.columns.push_back(std::move(bound));
  }
  return plan;
}

}  // namespace engine
