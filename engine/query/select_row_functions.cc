#include "engine/query/select_row_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/query/select_outer_rows.h"
#include "engine/query/select_windows.h"
#include "engine/sql/result_name.h"
#include "engine/sql/rewrite.h"
#include "engine/sql/shown_interval.h"

namespace engine {

namespace {

constexpr std::string_view kSeries = "GENERATE_SERIES";

// Returns whether the expression is a call of generate_series() that returns rows. As in PostgreSQL, the call must be
// an item or an operand of one. As an argument of another function, generate_series() returns an array, as in the
// dialect.
bool is_series(const Expression& expression) {
  const auto* call = expression.as<FunctionCall>();
  return call && call->name == kSeries && !call->over &&
         (call->arguments.size() == 2 || call->arguments.size() == 3);
}
bool may_hold_series(const Expression& expression) {
  return expression.is<Arithmetic>() || expression.is<Signed>() || expression.is<Cast>() ||
         expression.is<Comparison>();
}
bool calls_series(const Expression& expression) {
  if (is_series(expression)) return true;
  return may_hold_series(expression) &&
         std::ranges::any_of(children(expression),
                             [](const Expression* child) { return calls_series(*child); });
}

// Returns UNNEST of the series. If the step leads away from the end (a positive step to a smaller end), PostgreSQL
// returns no rows, but the dialect's function would count down. In this case the array is made null.
ExpressionPtr rows_of_series(ExpressionPtr series) {
  const TextPosition at = series->position;
  const ExpressionList& arguments = series->as<FunctionCall>()->arguments;
  FunctionCall rows{"UNNEST", {}};
  // A series of timestamps needs no condition: if its step leads away from its end, the function
  // already returns no values.
  if (arguments.size() == 3 && shows_interval(*arguments[2])) {
    rows.arguments.push_back(std::move(series));
    return make_expression(std::move(rows), at);
  }
  const auto compare = [&](const Expression& left, ComparisonOp op, const Expression& right) {
    return make_expression(Comparison{op, clone(left), clone(right)}, at);
  };
  // The bounds are compared and not subtracted, because their distance may exceed the range of the type.
  const Expression &first = *arguments[0], &last = *arguments[1];
  ExpressionPtr is_ahead;
  if (arguments.size() == 2) {
    is_ahead = compare(last, ComparisonOp::GreaterOrEqual, first);
  } else {
    const ExpressionPtr zero = make_expression(IntegerLiteral{0}, at);
    const auto leads_away = [&](ComparisonOp of_step, ComparisonOp of_last) {
      return make_expression(Logical{LogicalOp::And, compare(*arguments[2], of_step, *zero),
                                     compare(last, of_last, first)},
                             at);
    };
    ExpressionPtr never = make_expression(
        Logical{LogicalOp::Or, leads_away(ComparisonOp::Greater, ComparisonOp::Less),
                leads_away(ComparisonOp::Less, ComparisonOp::Greater)},
        at);
    is_ahead = make_expression(Not{std::move(never)}, at);
  }
  Case choice;
  choice.branches.push_back({std::move(is_ahead), std::move(series)});
  rows.arguments.push_back(make_expression(std::move(choice), at));
  return make_expression(std::move(rows), at);
}

void spread_series(ExpressionPtr& expression) {
  if (is_series(*expression)) {
    expression = rows_of_series(std::move(expression));
  } else if (may_hold_series(*expression)) {
    for (ExpressionPtr* child : children(*expression)) spread_series(*child);
  }
}

Name name_of_item(const Expression& expression) {
  return Name{is_series(expression) ? std::string(kSeries) : result_name(expression)};
}

// Handles SELECT ..., UNNEST(array) FROM ...: the function becomes the last source. A function that occurs only in
// ORDER BY or GROUP BY becomes a source, too.
class RowFunctionsOfItems {
 public:
  static bool is_there(const Query& query) {
    const auto calls = [](const ExpressionPtr& expression) {
      return expression && calls_it(*expression);
    };
    return std::ranges::any_of(query.items, calls, &SelectItem::expression) ||
           std::ranges::any_of(query.group_by, calls) ||
           std::ranges::any_of(query.order_by, calls, &OrderItem::expression);
  }
  // Returns whether each item that calls a function like UNNEST is a key of GROUP BY. The groups are then formed
  // over the rows of the function.
  static bool are_keys(const Query& query) {
    return std::ranges::all_of(query.items, [&](const SelectItem& item) {
      return !item.expression || !calls_it(*item.expression) ||
             std::ranges::any_of(query.group_by, [&](const ExpressionPtr& key) {
               return equals(*key, *item.expression);
             });
    });
  }
  // Returns the query with the functions as a source; nullopt if the query calls no such function.
  static std::optional<Query> take_out(const Query& query) {
    RowFunctionsOfItems found;
    if (!is_there(query)) return std::nullopt;
    Query made = clone(query);
    const auto visit = [&](ExpressionPtr& each) -> Status {
      const auto* call = each->as<FunctionCall>();
      if (call && call->name == "UNNEST") found.replace(each);
      return {};
    };
    const auto replace_all = [&](ExpressionPtr& expression) {
      spread_series(expression);
      // The visitor cannot fail, so the status is ignored.
      std::ignore = rewrite_expression(expression, visit, RewriteOrder::ParentsFirst);
    };
    for (SelectItem& item : made.items) {
      if (!item.expression) continue;
      if (!item.alias && calls_it(*item.expression)) item.alias = name_of_item(*item.expression);
      replace_all(item.expression);
    }
    for (ExpressionPtr& key : made.group_by) replace_all(key);
    for (OrderItem& key : made.order_by) replace_all(key.expression);
    AliasedSource source;
    source.name = Name{std::string(kAlias)};
    source.position = query.position;
    source.query = std::make_shared<const Query>(std::move(found.functions_));
    if (made.from)
      made.joins.push_back(
          {JoinType::Inner, std::move(source), std::nullopt, nullptr, query.position});
    else
      made.from = std::move(source);
    return made;
  }

 private:
  static constexpr std::string_view kAlias = "\x02";  // never a name in a statement

  static bool calls_it(const Expression& expression) {
    const auto* call = expression.as<FunctionCall>();
    if ((call && call->name == "UNNEST") || calls_series(expression)) return true;
    return std::ranges::any_of(children(expression),
                               [](const Expression* child) { return calls_it(*child); });
  }
  void replace(ExpressionPtr& call) {
    size_t at = 0;
    while (at < functions_.items.size() && !equals(*functions_.items[at].expression, *call)) ++at;
    const Name column{fmt::format("{}{}", kAlias, at)};
    const TextPosition position = call->position;
    if (at == functions_.items.size())
      functions_.items.push_back(
          {SelectItemKind::Expression, std::move(call), column, std::nullopt, position});
    call = make_expression(ColumnRef{Name{std::string(kAlias)}, column}, position);
  }

  Query functions_;
};

}  // namespace

bool is_row_function(const AliasedSource& named) {
  if (!named.query || named.query->from || named.query->items.empty()) return false;
  const Query& query = *named.query;
  if (query.distinct || !query.distinct_on.empty() || query.where || query.limit || query.offset ||
      !query.order_by.empty() || !query.group_by.empty() || query.having || !query.with.empty())
    return false;
  return std::ranges::all_of(named.query->items, [](const SelectItem& item) {
    const auto* call = item.expression ? item.expression->as<FunctionCall>() : nullptr;
    return call && call->name == "UNNEST";
  });
}

// Returns the source of a table function in FROM, such as UNNEST(a) AS s, with the names of its columns; all types are
// placeholders. A column without an alias has the name of the source (here `s`), as in PostgreSQL.
Result<SelectSource> row_function_names(const AliasedSource& named) {
  Schema columns;
  for (const SelectItem& item : named.query->items)
    columns.columns.push_back(
        {item.alias ? item.alias->text : named.visible_name().text, TypeKind::String});
  return query_source(named, named.visible_name().text, named.columns, columns);
}

Result<SelectSource> source_names(const AliasedSource& named, RowsPlanning& planning) {
  if (is_row_function(named)) return row_function_names(named);
  return TRY(planning.plan_source(named)).source;
}

Result<std::vector<BoundExpression>> bind_row_function(const AliasedSource& named,
                                                       const std::vector<SelectSource>& before,
                                                       SelectSource& source,
                                                       const PlanContext& context) {
  const SelectNames names = TRY(SelectNames::of(Query(), before, context));
  const Scope scope = names.scope(names.layout(), "FROM");
  std::vector<BoundExpression> arrays;
  for (size_t i = 0; i < named.query->items.size(); ++i) {
    const Expression& item = *named.query->items[i].expression;
    const ExpressionList& arguments = item.as<FunctionCall>()->arguments;
    if (arguments.size() != 1)
      return Error{ErrorCode::UndefinedFunction, "UNNEST takes one array"}.at(item.position);
    const ExpressionPtr canonical = TRY(names.canonical(*arguments.front(), "FROM"));
    BoundExpression array = TRY(bind(*canonical, scope));
    if (array.type.kind() != TypeKind::Array)
      return Error{ErrorCode::TypeMismatch,
                   "UNNEST requires an ARRAY, not " + array.type.to_string()}
          .at(item.position);
    source.columns[i].type = array.type.element();
    arrays.push_back(std::move(array));
  }
  return arrays;
}

namespace {

bool is_unnest(const Expression& expression) {
  const auto* call = expression.as<FunctionCall>();
  return call && call->name == "UNNEST" && call->arguments.size() == 1;
}
bool holds(const Expression& expression, bool (*is_it)(const Expression&)) {
  return is_it(expression) ||
         std::ranges::any_of(children(expression),
                             [&](const Expression* child) { return holds(*child, is_it); });
}
bool is_subquery(const Expression& expression) { return expression.is<Subquery>(); }
bool is_column(const Expression& expression) { return expression.is<ColumnRef>(); }
bool is_unnested_subquery(const Expression& expression) {
  return is_unnest(expression) &&
         holds(*expression.as<FunctionCall>()->arguments.front(), is_subquery);
}

// Handles SELECT a, UNNEST((SELECT ...)) FROM ...: an inner query computes the other columns and the arguments of the
// function, so that only the function remains in the outer query.
class ComputedFirst {
 public:
  static bool is_needed(const Query& query) {
    return std::ranges::any_of(query.items, [](const SelectItem& item) {
      return item.expression && holds(*item.expression, is_unnested_subquery);
    });
  }
  // Returns the outer query over the inner one; nullopt if the query does not have this form. Groups are computed in
  // the inner query.
  static std::optional<Query> split(const Query& query) {
    ComputedFirst made;
    Query whole = clone(query);
    for (SelectItem& item : whole.items)
      if (!made.take(item)) return std::nullopt;
    if (!whole.distinct_on.empty()) return std::nullopt;
    for (OrderItem& key : whole.order_by) {
      if (key.expression->is<IntegerLiteral>() || is_alias_of_item(whole, *key.expression))
        continue;
      if (whole.distinct || holds(*key.expression, is_unnest) || calls_series(*key.expression))
        return std::nullopt;
      made.put_within(key.expression);
    }
    made.within_.group_by = std::exchange(whole.group_by, {});
    made.within_.grouping_sets = std::exchange(whole.grouping_sets, {});
    made.within_.having = std::exchange(whole.having, nullptr);
    made.within_.position = query.position;
    made.within_.from = std::exchange(whole.from, std::nullopt);
    made.within_.joins = std::exchange(whole.joins, {});
    made.within_.where = std::exchange(whole.where, nullptr);
    AliasedSource source;
    source.name = Name{std::string(kAlias)};
    source.position = query.position;
    source.query = std::make_shared<const Query>(std::move(made.within_));
    whole.from = std::move(source);
    return whole;
  }

 private:
  static constexpr std::string_view kAlias = "\x03";  // no statement can contain this name

  bool take(SelectItem& item) {
    if (!item.expression) return false;
    if (!item.alias) item.alias = name_of_item(*item.expression);
    spread_series(item.expression);
    if (!holds(*item.expression, is_unnest)) {
      put_within(item.expression);
      return true;
    }
    const auto visit = [&](ExpressionPtr& each) -> Status {
      if (is_unnest(*each)) put_within(std::get<FunctionCall>(each->node).arguments.front());
      return {};
    };
    // Parents are visited first, so that expressions that have moved into the inner query are not visited.
    if (!rewrite_expression(item.expression, visit, RewriteOrder::ParentsFirst)) return false;
    // All other parts of the item would have to move to the inner query, too, which is not supported for these
    // parts.
    return !holds(*item.expression, is_subquery) && !has_window_call(*item.expression) &&
           !contains_aggregate(*item.expression) &&
           count(*item.expression, is_column) == count(*item.expression, is_unnest);
  }
  static size_t count(const Expression& expression, bool (*is_it)(const Expression&)) {
    size_t found = is_it(expression) ? 1 : 0;
    for (const Expression* child : children(expression)) found += count(*child, is_it);
    return found;
  }
  void put_within(ExpressionPtr& expression) {
    const Name column{fmt::format("{}{}", kAlias, within_.items.size())};
    const TextPosition position = expression->position;
    within_.items.push_back(
        {SelectItemKind::Expression, std::move(expression), column, std::nullopt, position});
    expression = make_expression(ColumnRef{Name{std::string(kAlias)}, column}, position);
  }

  Query within_;
};

// Replaces GROUP BY 1, and GROUP BY with the name of an item, by the item's expression. A name that is also a column of
// a source is not replaced.
Query with_keys_written_out(const Query& query, const HasColumn& has_column) {
  Query made = clone(query);
  for (ExpressionPtr& key : made.group_by) {
    const auto* place = key->as<IntegerLiteral>();
    const auto* column = key->as<ColumnRef>();
    for (size_t i = 0; i < query.items.size(); ++i) {
      const SelectItem& item = query.items[i];
      const bool is_meant = place ? place->value == static_cast<int64_t>(i) + 1
                                  : column && !column->source && item.alias &&
                                        *item.alias == column->name && !has_column(column->name);
      if (!is_meant || !item.expression) continue;
      key = clone(*item.expression);
      break;
    }
  }
  return made;
}

}  // namespace

namespace {

// Returns whether the rows of the function must be a separate side of the outer join. LEFT JOIN ...
// ON TRUE keeps all pairs, as the plan of a function in FROM does anyway. With any other condition,
// rows of the function without a partner must be recognized, so they have to be a separate side.
bool needs_own_rows(const Join& join) {
  if (join.type == JoinType::Inner || !is_row_function(join.source)) return false;
  const auto* always = join.on ? join.on->as<BooleanLiteral>() : nullptr;
  const bool is_unconditional = always && always->value;
  if (join.type == JoinType::Left && is_unconditional) return false;
  return std::ranges::none_of(join.source.query->items, [](const SelectItem& item) {
    return holds(*item.expression, is_column);
  });
}

}  // namespace

std::optional<Query> with_functions_of_outer_joins_apart(const Query& query) {
  if (std::ranges::none_of(query.joins, needs_own_rows)) return std::nullopt;
  Query made = clone(query);
  for (Join& join : made.joins) {
    if (!needs_own_rows(join)) continue;
    AliasedSource function = join.source;
    Query rows;
    rows.position = function.position;
    rows.items.push_back(
        {SelectItemKind::AllColumns, nullptr, std::nullopt, std::nullopt, function.position});
    join.source.name = function.visible_name();
    join.source.columns.clear();
    join.source.is_function = false;
    rows.from = std::move(function);
    join.source.query = std::make_shared<const Query>(std::move(rows));
  }
  return made;
}

bool has_row_functions(const Query& query) { return RowFunctionsOfItems::is_there(query); }

Result<std::optional<Query>> take_row_functions_out(const Query& query,
                                                    const HasColumn& has_column) {
  if (!has_row_functions(query)) return std::optional<Query>();
  if (query.group_by.empty() && !query.having && !has_aggregate(query)) {
    const bool is_over_windows =
        has_windows(query);  // windows are computed before the functions return rows
    const auto whole = is_over_windows || ComputedFirst::is_needed(query)
                           ? ComputedFirst::split(query)
                           : std::nullopt;
    if (is_over_windows && !whole)
      return Error{ErrorCode::NotSupported,
                   "functions that give rows beside window functions are not supported yet in this "
                   "way",
                   "", "Put the window functions into a query of their own in FROM."}
          .at(query.position);
    return RowFunctionsOfItems::take_out(whole ? *whole : query);
  }
  const Query grouped = with_keys_written_out(query, has_column);
  if (RowFunctionsOfItems::are_keys(grouped)) return RowFunctionsOfItems::take_out(grouped);
  // As in PostgreSQL, the functions are called once for each group.
  if (const auto whole = ComputedFirst::split(grouped))
    return RowFunctionsOfItems::take_out(*whole);
  return Error{ErrorCode::NotSupported,
               "UNNEST beside GROUP BY or aggregate functions is not supported yet in this way", "",
               "It may be a key of GROUP BY, or the only thing in its column of the SELECT list."}
      .at(query.position);
}

}  // namespace engine
