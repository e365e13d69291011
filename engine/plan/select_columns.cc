#include "engine/plan/select_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/functions/registry.h"
#include "engine/plan/join_analysis.h"
#include "engine/types/ascii.h"
#include "engine/types/row_limit.h"

namespace engine {

namespace {

// A key column that the result must have: the expression that the SELECT list must contain, and the name of the key
// for messages.
struct KeyDemand {
  const Expression* expression;
  std::string text;
};

struct KeyDemands {
  ExpressionList owned;  // references to the source's key columns
  std::vector<KeyDemand> keys;
  bool is_synthetic = false;  // key of a join that no column holds
  std::string kind;           // "key column", "join expression", "grouping expression", ...
};

void qualify(Expression& expression, const std::string& alias) {
  if (auto* column = std::get_if<ColumnRef>(&expression.node)) column->source = Name{alias};
  for (ExpressionPtr* child : children(expression)) qualify(**child, alias);
}

// Returns a partitioning expression as ksqlDB shows it, with the source of every column.
std::string qualified_text(const Expression& expression, const Analysis& analysis) {
  if (!analysis.joins.empty()) return to_sql(expression);
  const ExpressionPtr copy = clone(expression);
  qualify(*copy, analysis.sources.front().alias);
  return to_sql(*copy);
}

bool is_null_literal(const Expression& expression) { return expression.is<NullLiteral>(); }

Result<KeyDemands> demanded_keys(const Analysis& analysis) {
  KeyDemands demands;
  if (!analysis.group_by.empty() || analysis.has_aggregates) {
    demands.kind = "grouping expression";
    for (const ExpressionPtr& group : analysis.group_by)
      demands.keys.push_back({group.get(), to_sql(*group)});
    return demands;
  }
  if (!analysis.partition_by.empty()) {
    demands.kind = "partitioning expression";
    const bool any_null = std::ranges::any_of(
        analysis.partition_by, [](const auto& key) { return is_null_literal(*key); });
    if (any_null && analysis.partition_by.size() > 1)
      return Error{ErrorCode::InvalidStatement,
                   "Cannot PARTITION BY multiple columns including NULL"};
    if (any_null) return demands;
    for (const ExpressionPtr& key : analysis.partition_by)
      demands.keys.push_back({key.get(), qualified_text(*key, analysis)});
    return demands;
  }
  if (are_all_foreign(analysis.joins)) {
    demands.kind = "primary key column";
    for (const ExpressionPtr& key : analysis.joins.front().primary_key)
      demands.keys.push_back({key.get(), to_sql(*key)});
    return demands;
  }
  if (!analysis.joins.empty()) {
    // One of the columns that hold the key must be selected. If none is selected, the message lists
    // all of them.
    demands.kind = "join expression";
    if (const auto made = synthetic_join_key(analysis)) {
      demands.owned.push_back(make_expression(ColumnRef{std::nullopt, Name{*made}}));
      demands.keys.push_back({demands.owned.back().get(), *made});
      demands.is_synthetic = true;
      return demands;
    }
    const Expression* selected = selected_join_key(analysis);
    for (const Expression* key : equal_to_join_key(analysis.joins, analysis.joins.size()))
      if (selected ? key == selected : key->is<ColumnRef>())
        demands.keys.push_back({key, to_sql(*key)});
    return demands;
  }
  demands.kind = "key column";
  for (const ColumnDef& column : analysis.sources.front().source->schema.keys()) {
    demands.owned.push_back(make_expression(ColumnRef{std::nullopt, Name{column.name}}));
    demands.keys.push_back({demands.owned.back().get(), quote_if_needed(column.name)});
  }
  return demands;
}

bool is_selected(const KeyDemand& key, const Analysis& analysis) {
  return std::ranges::any_of(analysis.items, [&](const AnalysedItem& item) {
    return equals(*item.expression, *key.expression);
  });
}

// Returns the error about keys that are not selected. For GROUP BY the message lists the missing
// keys, otherwise the whole key.
Error missing_keys(const KeyDemands& demands, const Analysis& analysis,
                   const std::string& sink_name) {
  std::vector<std::string> texts;
  for (const KeyDemand& key : demands.keys)
    if (demands.kind != "grouping expression" || !is_selected(key, analysis))
      texts.push_back(key.text);
  const bool is_choice = demands.kind == "join expression";
  Error error{
      ErrorCode::InvalidStatement,
      fmt::format("Key missing from projection (ie, SELECT).\nThe query used to build `{}` must "
                  "include the {}{} {} in its projection (eg, SELECT {}...).",
                  sink_name, demands.kind, texts.size() > 1 ? "s" : "",
                  join_words(texts, is_choice ? "or" : "and"),
                  is_choice ? texts.front() : fmt::format("{}", fmt::join(texts, ", ")))};
  if (!demands.is_synthetic) return error;
  error.message += fmt::format(
      "\n{} was added as a synthetic key column because the join criteria did not match any "
      "source column. This expression must be included in the projection and may be aliased.",
      texts.front());
  const size_t end_of_line = error.message.find('\n');
  error.ksqldb = error.message.substr(0, end_of_line) + " See https://cnfl.io/2LV7ouS." +
                 error.message.substr(end_of_line);
  return error;
}

Error missing_primary_key(const KeyDemand& key, const Analysis& analysis) {
  return Error{
      ErrorCode::InvalidStatement,
      fmt::format(
          "Primary key column missing in projection. For foreign-key table-table joins, the "
          "projection must include all primary key columns from the left input table "
          "(`{}`). Missing column: `{}`.",
          analysis.sources.front().alias, key.expression->as<ColumnRef>()->name.text)};
}

Status check_has_type(const BoundExpression& bound, const AnalysedItem& item) {
  if (!bound.type.is_null()) return {};
  return Error{ErrorCode::TypeMismatch,
               "Can't infer a type of null. Please explicitly cast it to a required type, e.g. "
               "CAST(null AS VARCHAR)."}
      .at(item.position);
}

Error duplicate_value(const ColumnDef& column) {
  return Error{ErrorCode::DuplicateColumn,
               fmt::format("Duplicate value columns found in schema: `{}` {}", column.name,
                           column.type.to_string())};
}

Status check_value_names(const SelectColumns& columns, const Analysis& analysis) {
  std::set<std::string> keys, values;
  for (const ColumnDef& column : columns.schema.columns) {
    if (column.role == ColumnRole::Key) {
      keys.insert(column.name);
      continue;
    }
    if (!values.insert(column.name).second) return duplicate_value(column);
    // In an aggregation the key is an ordinary column until the last step. So a value column with
    // the key's name is reported as a duplicate value.
    if (analysis.has_aggregates && keys.contains(column.name)) return duplicate_value(column);
  }
  for (const std::string& name : values)
    if (keys.contains(name))
      return Error{ErrorCode::DuplicateColumn,
                   fmt::format("Value columns clash with key columns: `{}`", name)};
  if (values.empty())
    return Error{ErrorCode::InvalidStatement, "The projection contains no value columns."}
        .with_hint(
            "Select a further column, or AS_VALUE(key) to store the key in the value as well.");
  return {};
}

Status add_column(SelectColumns& out, const AnalysedItem& item, const Scope& scope,
                  ColumnRole role) {
  BoundExpression bound = TRY(bind(*item.expression, scope));
  TRY(check_has_type(bound, item));
  out.field_count += field_count(bound.type);
  if (out.field_count > kMaxRowFields) return too_many_fields().at(item.position);
  out.schema.columns.push_back({item.name, bound.type, role});
  out.expressions.push_back(std::move(bound));
  out.is_key.push_back(role == ColumnRole::Key);
  return {};
}

Error key_twice(const KeyDemand& key, const KeyDemands& demands, const std::string& first,
                const std::string& second) {
  if (demands.kind == "grouping expression")
    return Error{ErrorCode::DuplicateColumn,
                 fmt::format("The projection contains a key column more than once: `{}` and `{}`.",
                             first, second),
                 {},
                 "Wrap the copy with AS_VALUE."};
  const auto* column = key.expression->as<ColumnRef>();
  const std::string name = column && column->source ? column->source->text + "_" + column->name.text
                                                    : to_sql(*key.expression);
  return Error{
      ErrorCode::DuplicateColumn,
      fmt::format(
          "The projection contains a key column (`{}`) more than once, aliased as: {} and {}.",
          name, first, second),
      {},
      "Wrap the copy with AS_VALUE."};
}

// Returns the items that are key columns of the result, in the order of the key.
Result<std::vector<const AnalysedItem*>> find_key_items(const Analysis& analysis,
                                                        const KeyDemands& demands,
                                                        const std::string& sink_name) {
  std::vector<const AnalysedItem*> key_items;
  for (const KeyDemand& key : demands.keys) {
    const AnalysedItem* found = nullptr;
    for (const AnalysedItem& item : analysis.items) {
      if (!equals(*item.expression, *key.expression)) continue;
      if (found)
        return std::move(key_twice(key, demands, found->name, item.name)).at(item.position);
      found = &item;
    }
    if (!found && are_all_foreign(analysis.joins)) return missing_primary_key(key, analysis);
    if (!found) return missing_keys(demands, analysis, sink_name);
    key_items.push_back(found);
  }
  return key_items;
}

// Returns whether the new key can be computed for a record without a value, because it reads only
// key columns.
bool reads_key_only(const BoundExpression& expression, const Analysis& analysis,
                    const Layout& layout) {
  if (!analysis.joins.empty()) return false;
  const Schema& schema = analysis.sources.front().source->schema;
  return std::ranges::all_of(referenced_columns({&expression, 1}), [&](uint32_t column) {
    const int index = schema.index_of(layout[column].name);
    return index < 0 || schema.columns[static_cast<size_t>(index)].role == ColumnRole::Key;
  });
}

// Count: WINDOWSTART and WINDOWEND are treated like other columns: they are reported if GROUP BY does not contain
// them.
enum class Bounds : uint8_t { Count, Allowed };

// Returns the first column that is neither grouped by nor inside an aggregate function; nullptr if
// none exists. `parameters` are those of enclosing lambdas, which look like columns.
const Expression* first_ungrouped_column(const Expression& expression, const Analysis& analysis,
                                         Bounds bounds, std::vector<std::string> parameters = {}) {
  for (const ExpressionPtr& group : analysis.group_by)
    if (equals(*group, expression)) return nullptr;
  if (is_aggregate_call(expression)) return nullptr;
  if (const auto* column = expression.as<ColumnRef>()) {
    const bool is_bound = column->name == kWindowStart || column->name == kWindowEnd;
    if (is_bound && bounds == Bounds::Allowed) return nullptr;
    const bool is_parameter =
        !column->source && std::ranges::find(parameters, column->name.text) != parameters.end();
    return is_parameter ? nullptr : &expression;
  }
  if (const auto* lambda = expression.as<Lambda>())
    parameters.insert(parameters.end(), lambda->parameters.begin(), lambda->parameters.end());
  for (const Expression* child : children(expression))
    if (const Expression* found = first_ungrouped_column(*child, analysis, bounds, parameters))
      return found;
  return nullptr;
}

// Returns the first reference to WINDOWSTART or WINDOWEND; nullptr if the expression has none.
const Expression* find_window_bound(const Expression& expression) {
  const auto* column = expression.as<ColumnRef>();
  if (column && (column->name == kWindowStart || column->name == kWindowEnd)) return &expression;
  for (const Expression* child : children(expression))
    if (const Expression* found = find_window_bound(*child)) return found;
  return nullptr;
}
bool mentions_window_bound(const Expression& expression) {
  return find_window_bound(expression) != nullptr;
}

bool has_bound_in_aggregate(const Expression& expression) {
  if (is_aggregate_call(expression)) return mentions_window_bound(expression);
  return std::ranges::any_of(
      children(expression), [](const Expression* child) { return has_bound_in_aggregate(*child); });
}

// Fails if the window bounds are used elsewhere than in the SELECT list. In a windowed aggregation
// of a source that is not windowed itself, they exist only there.
Status check_window_bounds(const Analysis& analysis) {
  if (!analysis.window || analysis.sources.front().source->window) return {};
  bool wrong = analysis.having && mentions_window_bound(*analysis.having);
  for (const ExpressionPtr& group : analysis.group_by) wrong |= mentions_window_bound(*group);
  for (const AnalysedItem& item : analysis.items) wrong |= has_bound_in_aggregate(*item.expression);
  if (!wrong) return {};
  return Error{ErrorCode::InvalidStatement,
               "Window bounds column WINDOWSTART can only be used in the SELECT clause of windowed "
               "aggregations and can not "
               "be passed to aggregate functions."};
}

}  // namespace

Status check_keys_selected(const Analysis& analysis, const std::string& sink_name) {
  const KeyDemands demands = TRY(demanded_keys(analysis));
  TRY(find_key_items(analysis, demands, sink_name));
  return {};
}

Result<SelectColumns> persistent_columns(const Analysis& analysis, const std::string& sink_name,
                                         const Scope& scope) {
  SelectColumns out;
  const KeyDemands demands = TRY(demanded_keys(analysis));
  const std::vector<const AnalysedItem*> key_items =
      TRY(find_key_items(analysis, demands, sink_name));
  for (const AnalysedItem* item : key_items) TRY(add_column(out, *item, scope, ColumnRole::Key));
  if (!analysis.partition_by.empty())
    for (size_t i = 0; i < key_items.size(); ++i)
      out.is_key[i] = reads_key_only(out.expressions[i], analysis, scope.layout);
  for (const AnalysedItem& item : analysis.items)
    if (std::ranges::find(key_items, &item) == key_items.end())
      TRY(add_column(out, item, scope, ColumnRole::Value));
  TRY(check_value_names(out, analysis));
  return out;
}

Result<SelectColumns> transient_columns(const Analysis& analysis, const Scope& scope) {
  SelectColumns out;
  const KeyDemands demands = TRY(demanded_keys(analysis));
  for (const AnalysedItem& item : analysis.items) {
    const bool is_key = std::ranges::any_of(demands.keys, [&](const KeyDemand& key) {
      return equals(*key.expression, *item.expression);
    });
    TRY(add_column(out, item, scope, is_key ? ColumnRole::Key : ColumnRole::Value));
    out.is_key.back() = is_key || mentions_window_bound(*item.expression);
  }
  return out;
}

Status expand_struct_stars(Analysis& analysis, const Scope& scope) {
  std::vector<AnalysedItem> expanded;
  for (AnalysedItem& item : analysis.items) {
    const auto* part = item.expression->as<Dereference>();
    if (!part || part->field.text != "*") {
      expanded.push_back(std::move(item));
      continue;
    }
    const BoundExpression base = TRY(bind(*part->base, scope));
    if (base.type.kind() != TypeKind::Struct)
      return Error{ErrorCode::TypeMismatch,
                   fmt::format("Cannot use '->*' on {}: it is {}, not a STRUCT",
                               to_sql(*part->base), base.type.to_string())}
          .at(item.position);
    for (const Field& field : base.type.fields())
      expanded.push_back(
          {make_expression(Dereference{clone(*part->base), Name{field.name, Quoting::Back}},
                           item.position),
           field.name, false, true, item.position});
  }
  analysis.items = std::move(expanded);
  return {};
}

Status find_table_functions(const Expression& expression, std::vector<const Expression*>& found) {
  const auto* call = expression.as<FunctionCall>();
  const bool is_table_function = call && Registry::instance().is_table_function(call->name);
  const size_t before = found.size();
  if (is_table_function) found.push_back(&expression);
  for (const Expression* child : children(expression)) TRY(find_table_functions(*child, found));
  if (is_table_function && found.size() > before + 1) {
    Error error{ErrorCode::InvalidStatement,
                fmt::format("Table functions cannot be nested: {}", to_sql(expression))};
    error.ksqldb = fmt::format("Table functions cannot be nested: {}({}())", call->name,
                               found[before + 1]->as<FunctionCall>()->name);
    return std::move(error).at(expression.position);
  }
  if (expression.is<Case>() && found.size() > before)
    return Error{ErrorCode::InvalidStatement,
                 "Table functions cannot be used in CASE: " + to_sql(expression)}
        .at(expression.position);
  return {};
}

Status check_where_bounds(const Analysis& analysis) {
  if (!analysis.window || analysis.sources.front().source->window) return {};
  const Expression* bound = find_window_bound(*analysis.where);
  if (!bound) return {};
  const std::string& name = bound->as<ColumnRef>()->name.text;
  Error error{ErrorCode::UndefinedColumn,
              fmt::format("{} does not exist before the rows are grouped", name)};
  error.ksqldb = fmt::format("Error in WHERE expression: Unknown column {}.", name);
  return std::move(error).at(bound->position);
}

Status check_no_bounds_of_join(const Analysis& analysis) {
  if (analysis.joins.empty()) return {};
  for (const AnalysedItem& item : analysis.items) {
    const Expression* bound = find_window_bound(*item.expression);
    if (!bound || bound->as<ColumnRef>()->source) continue;
    const std::string& name = bound->as<ColumnRef>()->name.text;
    Error error{ErrorCode::UndefinedColumn,
                fmt::format("{} cannot be selected in a query with joins", name)};
    error.ksqldb = fmt::format("SELECT column '{}' cannot be resolved.", name);
    return std::move(error).at(bound->position);
  }
  return {};
}

// Returns whether the SELECT list has an asterisk: the columns into which it was expanded all have
// its position in the text.
bool has_star(const Analysis& analysis) {
  for (size_t i = 1; i < analysis.items.size(); ++i)
    if (analysis.items[i].expression->position == analysis.items[i - 1].expression->position)
      return true;
  return false;
}

Status check_grouping(const Analysis& analysis) {
  TRY(check_window_bounds(analysis));
  for (size_t i = 0; i < analysis.group_by.size(); ++i) {
    std::vector<const FunctionCall*> aggregates;
    TRY(find_aggregates(*analysis.group_by[i], aggregates));
    if (!aggregates.empty())
      return Error{
          ErrorCode::GroupingError,
          fmt::format("GROUP BY does not support aggregate functions: {} is an aggregate function.",
                      aggregates.front()->name)}
          .at(analysis.group_by[i]->position);
    for (size_t j = 0; j < i; ++j)
      if (equals(*analysis.group_by[i], *analysis.group_by[j]))
        return Error{ErrorCode::GroupingError,
                     fmt::format("Duplicate GROUP BY expression: {}.{}",
                                 analysis.sources.front().alias, to_sql(*analysis.group_by[i]))}
            .at(analysis.group_by[i]->position);
  }
  bool any_aggregate = analysis.having && contains_aggregate(*analysis.having);
  std::vector<std::string> ungrouped;
  for (const AnalysedItem& item : analysis.items) {
    any_aggregate |= contains_aggregate(*item.expression);
    const Bounds bounds = analysis.window ? Bounds::Allowed : Bounds::Count;
    if (first_ungrouped_column(*item.expression, analysis, bounds) != nullptr)
      ungrouped.push_back(to_sql(*item.expression));
  }
  // Columns of an asterisk are the usual reason for both errors below.
  std::string star_hint;
  if (has_star(analysis) && !analysis.group_by.empty()) {
    const auto* column = analysis.group_by.front()->as<ColumnRef>();
    star_hint = fmt::format(
        "Replace * by the columns of GROUP BY and aggregates: SELECT {0}, COUNT(*) AS n FROM s "
        "GROUP BY {0}.",
        column ? display_name(column->name.text) : "a");
  }
  if (!any_aggregate && !star_hint.empty())
    return Error{ErrorCode::GroupingError,
                 "GROUP BY requires aggregate functions in either the SELECT or HAVING clause.",
                 {},
                 star_hint};
  if (!any_aggregate)
    return Error{ErrorCode::GroupingError,
                 "GROUP BY requires aggregate functions in either the SELECT or HAVING clause.",
                 {},
                 "Add an aggregate: COUNT(*) AS n counts the records of a group, and "
                 "LATEST_BY_OFFSET(a) AS a has its last value."};
  if (!ungrouped.empty()) {
    Error error{ErrorCode::GroupingError,
                fmt::format("Non-aggregate SELECT expression(s) not part of GROUP BY: {}\nEither "
                            "add the column(s) to the GROUP BY or "
                            "remove them from the SELECT.",
                            fmt::join(ungrouped, ", "))};
    // In other systems the names of the bounds have an underscore, so the hint gives the names without it.
    const bool is_bound = std::ranges::any_of(ungrouped, [](const std::string& name) {
      return name == "WINDOW_START" || name == "WINDOW_END";
    });
    if (is_bound)
      return std::move(error).with_hint(
          "The bounds of a window are WINDOWSTART and WINDOWEND, and need no GROUP BY.");
    const bool lacks_window = std::ranges::any_of(ungrouped, [](const std::string& name) {
      return name == "WINDOWSTART" || name == "WINDOWEND";
    });
    if (lacks_window)
      return std::move(error).with_hint(
          "WINDOWSTART and WINDOWEND require a window: ... FROM s WINDOW TUMBLING (SIZE 1 MINUTE) "
          "GROUP BY a.");
    const bool has_reference =
        std::ranges::any_of(analysis.group_by, [&](const ExpressionPtr& group) {
          const auto* column = group->as<ColumnRef>();
          return group->as<IntegerLiteral>() ||
                 (column && !column->source &&
                  std::ranges::any_of(analysis.items, [&](const AnalysedItem& item) {
                    return item.name == column->name.text && !equals(*item.expression, *group);
                  }));
        });
    if (!has_reference) return star_hint.empty() ? error : std::move(error).with_hint(star_hint);
    return std::move(error).with_hint(
        "GROUP BY of a continuous query knows neither positions nor names of the SELECT: repeat "
        "the "
        "expression in GROUP BY.");
  }
  if (analysis.having)
    if (const Expression* column =
            first_ungrouped_column(*analysis.having, analysis, Bounds::Count))
      return Error{
          ErrorCode::GroupingError,
          fmt::format("Non-aggregate HAVING expression not part of GROUP BY: {}", to_sql(*column))}
          .with_hint(
              "HAVING repeats the aggregate, because it does not know names of the SELECT: HAVING "
              "COUNT(*) > 1.")
          .at(column->position);
  return {};
}

std::string grouping_name(const Analysis& analysis, size_t index) {
  const Expression& group = *analysis.group_by[index];
  for (const AnalysedItem& item : analysis.items)
    if (equals(*item.expression, group)) return item.name;
  if (const auto* column = group.as<ColumnRef>()) return column->name.text;
  return fmt::format("KSQL_COL_{}", index);
}

}  // namespace engine
