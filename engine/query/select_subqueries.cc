#include "engine/query/select_subqueries.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "engine/expr/assigned.h"
#include "engine/query/select_outer_rows.h"
#include "engine/query/select_row_match.h"
#include "engine/query/select_windows.h"
#include "engine/sql/rewrite.h"
#include "engine/types/declared_lengths.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// An equality between a value of the outer query and one of the sub-query.
struct Correlation {
  ExpressionPtr outer, inner;
};

bool is_of_names(const Expression& expression, const SelectNames& names) {
  return bool(names.canonical(expression, "WHERE"));
}

bool reads_columns(const Expression& expression) {
  if (expression.is<ColumnRef>()) return true;
  return std::ranges::any_of(children(expression),
                             [](const Expression* child) { return reads_columns(*child); });
}

// Removes the equalities with the outer query from the sub-query's WHERE, so that the sub-query can be planned by
// itself.
class Decorrelation {
 public:
  Decorrelation(const Subquery& subquery, const SelectNames& outer, RowsPlanning& planning)
      : subquery_(subquery), outer_(outer), planning_(planning) {}

  // Returns the equalities. The list is empty if the sub-query does not refer to the outer query, or refers to it
  // elsewhere than in equalities.
  Result<std::vector<Correlation>> take() {
    const Query& query = *subquery_.query;
    if (query.combined || !query.values.empty() || !query.with.empty() || !query.from ||
        !query.where)
      return std::vector<Correlation>();
    std::vector<SelectSource> sources;
    // Adds the names of a source. Sources that refer to the outer query are not supported here.
    const auto add = [&](const AliasedSource& named) {
      auto planned = planning_.plan_source(named);
      if (planned) sources.push_back(std::move(planned->source));
      return planned.has_value();
    };
    if (!add(*query.from)) return std::vector<Correlation>();
    for (const Join& join : query.joins)
      if (!add(join.source)) return std::vector<Correlation>();
    const SelectNames inner = TRY(SelectNames::of(query, std::move(sources), planning_.context()));
    std::vector<const Expression*> conjuncts;
    split(*query.where, conjuncts);
    std::vector<Correlation> found;
    for (const Expression* each : conjuncts) {
      if (is_of_names(*each, inner)) {
        rest_.push_back(each);
        continue;
      }
      auto correlation = correlation_of(*each, inner);
      if (!correlation) return std::vector<Correlation>();
      found.push_back(*std::move(correlation));
    }
    const bool is_always_there = subquery_.kind == SubqueryKind::Exists && is_one_group(query);
    if (is_always_there || !query.group_by.empty() || !query.grouping_sets.empty() ||
        query.having || query.distinct || !query.distinct_on.empty() || query.limit ||
        query.offset || query.window || has_windows(query))
      found.clear();
    return found;
  }

  // Returns the sub-query with other items: for each correlation (inner value = outer value) the inner value, and
  // then the item of the sub-query. For EXISTS the item is omitted.
  Query keyed(const std::vector<Correlation>& correlations) const {
    Query query = without_correlations();
    std::vector<SelectItem> items = std::move(query.items);
    query.items.clear();
    query.order_by.clear();
    for (const Correlation& each : correlations)
      query.items.push_back({SelectItemKind::Expression, clone(*each.inner), std::nullopt,
                             std::nullopt, each.inner->position});
    if (subquery_.kind == SubqueryKind::Exists) {
      query.distinct = true;
      return query;
    }
    if (has_aggregate(*subquery_.query))
      for (const Correlation& each : correlations) query.group_by.push_back(clone(*each.inner));
    for (SelectItem& item : items) query.items.push_back(std::move(item));
    return query;
  }
  // Returns a query whose only row is the result for outer rows without matches, such as 0 for
  // COUNT(*); nullopt if the sub-query is not an aggregate over all its rows.
  std::optional<Query> of_none() const {
    const Query& query = *subquery_.query;
    if (subquery_.kind == SubqueryKind::Exists || !is_one_group(query)) return std::nullopt;
    Query none = without_correlations();
    none.order_by.clear();
    none.where = make_expression(BooleanLiteral{false}, query.position);
    return none;
  }

 private:
  Query without_correlations() const {
    Query query = clone(*subquery_.query);
    query.where = nullptr;
    for (const Expression* each : rest_) {
      ExpressionPtr copy = clone(*each);
      query.where =
          query.where
              ? make_expression(Logical{LogicalOp::And, std::move(query.where), std::move(copy)},
                                each->position)
              : std::move(copy);
    }
    return query;
  }

  std::optional<Correlation> correlation_of(const Expression& condition,
                                            const SelectNames& inner) const {
    const auto* comparison = condition.as<Comparison>();
    if (!comparison || comparison->op != ComparisonOp::Equal) return std::nullopt;
    const auto try_sides = [&](const Expression& own,
                               const Expression& other) -> std::optional<Correlation> {
      if (!is_of_names(own, inner) || !reads_columns(own)) return std::nullopt;
      auto outer = outer_.canonical(other, "WHERE");
      if (!outer) return std::nullopt;
      return Correlation{*std::move(outer), clone(own)};
    };
    if (auto found = try_sides(*comparison->left, *comparison->right)) return found;
    return try_sides(*comparison->right, *comparison->left);
  }

  const Subquery& subquery_;
  const SelectNames& outer_;
  RowsPlanning& planning_;
  std::vector<const Expression*> rest_;  // conjuncts of WHERE that remain
};

// Moves HAVING into the item if HAVING decides whether the only row exists. The item becomes a CASE: the row's value,
// or null if HAVING leaves the row out. For EXISTS the item is the condition itself. Returns nullopt if the sub-query
// does not have this form.
std::optional<Subquery> with_having_in_item(const Subquery& subquery) {
  const Query& query = *subquery.query;
  const bool is_exists = subquery.kind == SubqueryKind::Exists;
  if (subquery.kind == SubqueryKind::In || !query.having || !is_one_group(query) || query.limit ||
      query.offset || (!contains_aggregate(*query.having) && !has_aggregate(query)))
    return std::nullopt;
  if (!is_exists && (query.items.size() != 1 || !query.items.front().expression))
    return std::nullopt;
  Query asked = clone(query);
  const TextPosition position = query.having->position;
  ExpressionPtr value = is_exists ? make_expression(BooleanLiteral{true}, position)
                                  : std::move(asked.items.front().expression);
  Case choice;
  choice.branches.push_back({std::exchange(asked.having, nullptr), std::move(value)});
  if (is_exists) choice.otherwise = make_expression(BooleanLiteral{false}, position);
  asked.items.clear();
  asked.items.push_back({SelectItemKind::Expression, make_expression(std::move(choice), position),
                         std::nullopt, std::nullopt, position});
  asked.order_by.clear();
  return Subquery{SubqueryKind::Scalar, nullptr, std::make_shared<const Query>(std::move(asked))};
}

class SubqueryBinder {
 public:
  SubqueryBinder(const Expression& expression, const SelectNames& names, RowsPlanning& planning,
                 Appended& beside)
      : expression_(expression),
        asked_(expression.as<Subquery>()),
        names_(names),
        planning_(planning),
        beside_(beside) {}

  Result<BoundSubquery> bind() {
    const size_t tables = planning_.table_count();
    Result<PlannedRows> rows = plan_with_hidden_columns();
    if (rows) {
      if (asked_->kind != SubqueryKind::Exists)
        TRY(check_width(rows->result.columns.size() - correlations_.size()));
      if (of_none_) bound_.step.otherwise = TRY(planning_.plan(*of_none_)).root;
    } else if (!is_unknown(rows.error())) {
      return rows.error();
    } else if (rows = planning_.plan(*asked_->query); rows) {
      TRY(check_width(rows->result.columns.size()));
    } else {
      planning_.drop_tables_from(tables);
      if (!is_unknown(rows.error())) return rows.error();
      rewritten_ = with_having_in_item(*asked_);
      if (!rewritten_ && !has_plannable_rows())
        rewritten_ = with_values_compared_within(*asked_, names_);
      planning_.drop_tables_from(tables);
      if (rewritten_) asked_ = &*rewritten_;
      Decorrelation decorrelation(*asked_, names_, planning_);
      Result<std::vector<Correlation>> taken = decorrelation.take();
      planning_.drop_tables_from(tables);
      if (!taken) return taken.error();
      correlations_ = *std::move(taken);
      const Error unknown = rows.error();
      rows = correlations_.empty() ? plan_with_outer_rows(unknown)
                                   : planning_.plan(decorrelation.keyed(correlations_));
      // If the SELECT list or a nested query refers to the outer query, this is noticed only when
      // the rewritten query is planned.
      if (!rows && !correlations_.empty() && is_unknown(rows.error())) {
        planning_.drop_tables_from(tables);
        correlations_.clear();
        rows = plan_with_outer_rows(unknown);
      }
      if (!rows) return rows.error();
      if (asked_->kind != SubqueryKind::Exists)
        TRY(check_width(rows->result.columns.size() - correlations_.size()));
      const auto none = bound_.step.outer ? std::move(of_none_) : decorrelation.of_none();
      if (none) bound_.step.otherwise = TRY(planning_.plan(*none)).root;
    }
    bound_.step.kind = asked_->kind;
    bound_.step.negated = asked_->negated;
    bound_.step.op = asked_->op;
    bound_.text = to_sql(expression_);
    bound_.type = TypeKind::Boolean;
    TRY(bind_columns(*std::move(rows)));
    beside_.substitutes.push_back({&expression_, static_cast<uint32_t>(beside_.layout.size())});
    beside_.layout.push_back({"", bound_.text, bound_.type});
    return std::move(bound_);
  }

 private:
  // Returns whether the rows of FROM can be planned by themselves, even if the conditions refer to the outer query.
  bool has_plannable_rows() const {
    const auto& from = asked_->query->from;
    return from && planning_.plan_source(*from).has_value();
  }

  static bool is_unknown(const Error& error) {
    return error.code == ErrorCode::UndefinedColumn || error.code == ErrorCode::UndefinedSource;
  }
  // Plans a sub-query that uses the name of one of its own sources for a column of the outer query.
  // Planned alone, it would take that name for the row of the source. Here the name means the outer
  // column. If the sub-query uses no such name, returns the error about an unknown column.
  Result<PlannedRows> plan_with_hidden_columns() {
    const Error none{ErrorCode::UndefinedColumn, ""};
    if (!names_sources_as_columns(*asked_->query, names_.layout())) return none;
    const size_t tables = planning_.table_count();
    Result<PlannedRows> rows = plan_with_outer_rows(none);
    if (rows || !is_unknown(rows.error())) return rows;
    planning_.drop_tables_from(tables);
    correlations_.clear();
    bound_.step.outer.reset();
    return rows;
  }

  // Plans the sub-query as one that reads the outer rows. `unknown` is the error to return if the sub-query does not
  // refer to the outer query.
  Result<PlannedRows> plan_with_outer_rows(const Error& unknown) {
    const size_t tables = planning_.table_count();
    const OuterUse use = asked_->kind == SubqueryKind::Scalar   ? OuterUse::Scalar
                         : asked_->kind == SubqueryKind::Exists ? OuterUse::Exists
                                                                : OuterUse::In;
    auto with_rows = bring_outer_rows_in(*asked_->query, use, names_, planning_);
    planning_.drop_tables_from(tables);
    if (!with_rows) return with_rows.error();
    if (!*with_rows) return unknown;
    SubqueryWithOuterRows& outer = **with_rows;
    for (ExpressionPtr& column : outer.columns)
      correlations_.push_back({clone(*column), clone(*column)});
    bound_.step.outer = outer.number;
    bound_.step.takes_first = outer.takes_first;
    of_none_ = TRY(of_no_rows(*asked_->query, outer));
    PlannedRows rows = TRY(planning_.plan(outer.query));
    return cut_by_keys(std::move(rows), correlations_.size(), outer.limits);
  }

  Status check_width(size_t columns) const {
    if (asked_->kind == SubqueryKind::Exists || columns == 1) return {};
    return Error{ErrorCode::SyntaxError, "subquery must return only one column"}.at(
        asked_->query->position);
  }

  // Casts a literal text or a parameter to the type of the column that it is compared with. A parameter for a number
  // is not cast, since it may have more digits than the column.
  static ExpressionPtr read_as(const Expression& value, const SqlType& type) {
    const bool is_text = type.kind() == TypeKind::String && !is_normalized(type);
    const bool is_open =
        value.is<StringLiteral>() || (value.is<Parameter>() && type.kind() != TypeKind::Decimal);
    if (!is_open || is_text || type.is_null()) return clone(value);
    return make_expression(Cast{clone(value), type_name_of(without_declared_lengths(type))},
                           value.position);
  }

  // Converts both sides of each comparison to one type: those of the correlations and, for IN, the item. `rows` then
  // has one column for each comparison, in this order.
  Status bind_columns(PlannedRows rows) {
    Scope scope = names_.scope(beside_.layout, "WHERE");
    scope.substitutes = beside_.substitutes;
    ComputeColumns shaped{nullptr, {}};
    const auto add = [&](const Expression& outer,
                         TextPosition position) -> Result<BoundExpression> {
      const size_t at = shaped.columns.size();
      const SqlType& listed = rows.result.columns[at].type;
      BoundExpression value = TRY(bind_value(*read_as(outer, listed), scope));
      const auto type = shared_type(value.type, listed);
      if (!type)
        return Error{ErrorCode::TypeMismatch,
                     fmt::format("a sub-query cannot compare {} with {}", value.type.to_string(),
                                 listed.to_string())}
            .at(position);
      shaped.columns.push_back(
          TRY(in_shared_type(column_expression(listed, static_cast<uint32_t>(at)), *type)));
      return in_shared_type(std::move(value), *type);
    };
    for (const Correlation& each : correlations_)
      bound_.step.keys.push_back(TRY(add(*each.outer, each.inner->position)));
    if (asked_->kind == SubqueryKind::In) {
      const SqlType listed = rows.result.columns[shaped.columns.size()].type;
      bound_.step.value = TRY(add(*asked_->value, expression_.position));
      if (bound_.step.otherwise) {
        const SqlType& type = bound_.step.value->type;
        ComputeColumns item{std::move(bound_.step.otherwise),
                            {TRY(in_shared_type(column_expression(listed, 0), type))}};
        bound_.step.otherwise = make_node(std::move(item), {{"", "", type}});
      }
      if (const SqlType& type = bound_.step.value->type;
          type.is_nested() && type.kind() != TypeKind::Array && asked_->op != ComparisonOp::Equal)
        return Error{ErrorCode::TypeMismatch, fmt::format("{} has no order", type.to_string())}.at(
            expression_.position);
    }
    if (asked_->kind == SubqueryKind::Scalar) {
      const size_t at = shaped.columns.size();
      bound_.type = rows.result.columns[at].type;
      shaped.columns.push_back(column_expression(bound_.type, static_cast<uint32_t>(at)));
    }
    Layout layout;
    for (const BoundExpression& column : shaped.columns) layout.push_back({"", "", column.type});
    shaped.input = std::move(rows.root);
    bound_.step.rows = make_node(std::move(shaped), std::move(layout));
    return {};
  }

  const Expression& expression_;
  const Subquery* asked_;
  std::optional<Subquery> rewritten_;
  const SelectNames& names_;
  RowsPlanning& planning_;
  Appended& beside_;
  std::vector<Correlation> correlations_;
  // The query that computes the result for outer rows without matches; set if the sub-query reads
  // the outer rows.
  std::optional<Query> of_none_;
  BoundSubquery bound_;
};

}  // namespace

bool names_sources_as_columns(const Query& query, const Layout& around) {
  std::set<std::string> suspects;
  const auto add = [&](const AliasedSource& named) {
    const std::string& name = named.visible_name().text;
    if (std::ranges::find(around, name, &LayoutColumn::name) != around.end()) suspects.insert(name);
  };
  if (query.from) add(*query.from);
  for (const Join& join : query.joins) add(join.source);
  if (suspects.empty()) return false;
  bool is_named = false;
  Query copy = clone(query);
  const auto visit = [&](ExpressionPtr& each) -> Status {
    const auto* column = each->as<ColumnRef>();
    is_named = is_named || (column && !column->source && suspects.contains(column->name.text));
    return {};
  };
  return rewrite_expressions(copy, visit, RewriteOrder::ParentsFirst) && is_named;
}

void split(const Expression& condition, std::vector<const Expression*>& out) {
  const auto* logical = condition.as<Logical>();
  if (!logical || logical->op != LogicalOp::And) return out.push_back(&condition);
  split(*logical->left, out);
  split(*logical->right, out);
}

Result<BoundExpression> bind_value(const Expression& expression, const Scope& scope) {
  BoundExpression bound = TRY(bind(expression, scope));
  if (bound.type.is_null()) return cast(std::move(bound), TypeKind::String);
  return bound;
}

Result<BoundSubquery> bind_subquery(const Expression& expression, const SelectNames& names,
                                    RowsPlanning& planning, Appended& beside) {
  return SubqueryBinder(expression, names, planning, beside).bind();
}

PlannedRows cut_by_keys(PlannedRows rows, size_t keys, const RowLimits& limits) {
  if (limits.limit || limits.offset > 0)
    rows.root = put_on(CutRows{{}, limits.offset, limits.limit, keys}, std::move(rows.root));
  return rows;
}

RowsNodePtr append(RowsNodePtr node, std::vector<BoundSubquery> subqueries) {
  for (BoundSubquery& each : subqueries) {
    Layout layout = node->layout;
    layout.push_back({"", std::move(each.text), each.type});
    each.step.input = std::move(node);
    node = make_node(std::move(each.step), std::move(layout));
  }
  return node;
}

}  // namespace engine
