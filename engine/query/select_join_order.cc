#include "engine/query/select_join_order.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/query/select_row_functions.h"
#include "engine/query/select_subqueries.h"
#include "engine/sql/rewrite.h"

namespace engine {

namespace {

using Aliases = std::set<std::string>;

// Lists the sources that an expression refers to. Returns false if the expression may refer to further sources.
bool list_aliases(const Expression& expression, const OwnerOfColumn& owner_of, Aliases& found) {
  if (expression.is<Subquery>()) return false;
  if (const auto* column = expression.as<ColumnRef>()) {
    const auto alias =
        column->source ? std::optional(column->source->text) : owner_of(column->name);
    if (alias) found.insert(*alias);
    return alias.has_value();
  }
  return std::ranges::all_of(children(expression), [&](const Expression* child) {
    return list_aliases(*child, owner_of, found);
  });
}

class JoinOrder {
 public:
  JoinOrder(const Query& query, const OwnerOfColumn& owner_of) : owner_of_(owner_of) {
    sources_.push_back(&*query.from);
    for (const Join& join : query.joins) sources_.push_back(&join.source);
    if (query.where) read(*query.where);
    for (const Join& join : query.joins)
      if (join.on) read(*join.on);
  }

  // Returns a better order of the sources; nullopt if no order is better than the written one.
  std::optional<std::vector<size_t>> better() const {
    std::vector<size_t> written(sources_.size());
    for (size_t i = 0; i < written.size(); ++i) written[i] = i;
    const size_t loose = loose_in(written);
    if (loose == 0) return std::nullopt;
    std::vector<size_t> order = greedy();
    return loose_in(order) < loose ? std::optional(std::move(order)) : std::nullopt;
  }

 private:
  const std::string& alias(size_t source) const { return sources_[source]->visible_name().text; }

  void read(const Expression& condition) {
    std::vector<const Expression*> conjuncts;
    split(condition, conjuncts);
    for (const Expression* each : conjuncts) {
      const auto* comparison = each->as<Comparison>();
      Aliases left, right;
      if (!comparison || comparison->op != ComparisonOp::Equal ||
          !list_aliases(*comparison->left, owner_of_, left) ||
          !list_aliases(*comparison->right, owner_of_, right))
        continue;
      if (left.size() + right.size() == 1)
        fixed_.insert(left.empty() ? *right.begin() : *left.begin());
      else if (left.size() == 1 && right.size() == 1 && left != right)
        equal_.insert({*left.begin(), *right.begin()});
    }
  }
  bool are_equal(size_t a, size_t b) const {
    return equal_.contains({alias(a), alias(b)}) || equal_.contains({alias(b), alias(a)});
  }
  bool is_joined(size_t source, const std::vector<size_t>& before) const {
    return std::ranges::any_of(before, [&](size_t each) { return are_equal(source, each); });
  }
  // Returns the number of sources that no equality joins with the sources before them.
  size_t loose_in(const std::vector<size_t>& order) const {
    size_t loose = 0;
    for (size_t i = 1; i < order.size(); ++i)
      loose += !is_joined(order[i], {order.begin(), order.begin() + static_cast<ptrdiff_t>(i)});
    return loose;
  }
  // Returns the sources in another order. The next source is always one that an equality joins with
  // the sources before it. If none exists, it is one that a constant restricts, and otherwise any.
  // Among equal candidates the written order decides.
  std::vector<size_t> greedy() const {
    std::vector<size_t> left(sources_.size()), order;
    for (size_t i = 0; i < left.size(); ++i) left[i] = i;
    const auto take = [&](const auto& is_wanted) {
      const auto found = std::ranges::find_if(left, is_wanted);
      if (found == left.end()) return false;
      order.push_back(*found);
      left.erase(found);
      return true;
    };
    while (!left.empty()) {
      const bool is_taken = take([&](size_t each) { return is_joined(each, order); }) ||
                            take([&](size_t each) { return fixed_.contains(alias(each)); });
      if (!is_taken) take([](size_t) { return true; });
    }
    return order;
  }

  const OwnerOfColumn& owner_of_;
  std::vector<const AliasedSource*> sources_;
  std::set<std::pair<std::string, std::string>> equal_;  // both sides of each equality
  // sources that a condition with a constant restricts
  Aliases fixed_;
};

bool has_free_order(const Query& query) {
  if (!query.from || query.joins.size() < 2 || is_row_function(*query.from)) return false;
  const bool are_inner = std::ranges::all_of(query.joins, [](const Join& join) {
    return join.type == JoinType::Inner && join.columns.empty() && !join.natural && !join.within &&
           !join.source.lateral && !is_row_function(join.source);
  });
  return are_inner && std::ranges::none_of(query.items, [](const SelectItem& item) {
           return item.kind == SelectItemKind::AllColumns && !item.source;
         });
}

bool has_subquery(const Expression& expression) {
  return expression.is<Subquery>() ||
         std::ranges::any_of(children(expression),
                             [](const Expression* child) { return has_subquery(*child); });
}

ExpressionPtr both(ExpressionPtr left, ExpressionPtr right, TextPosition position) {
  if (!left) return right;
  return make_expression(Logical{LogicalOp::And, std::move(left), std::move(right)}, position);
}

// Equalities of two columns, which cannot fail. The keys are the texts of the two sides, in a fixed order.
using Equalities = std::map<std::pair<std::string, std::string>, const Expression*>;

// Returns the equalities that are true whenever the condition is true.
Equalities equalities_of(const Expression& condition) {
  if (const auto* comparison = condition.as<Comparison>()) {
    if (comparison->op != ComparisonOp::Equal || !comparison->left->is<ColumnRef>() ||
        !comparison->right->is<ColumnRef>())
      return {};
    std::string left = to_sql(*comparison->left), right = to_sql(*comparison->right);
    if (right < left) std::swap(left, right);
    return {{{std::move(left), std::move(right)}, &condition}};
  }
  const auto* logical = condition.as<Logical>();
  if (!logical) return {};
  Equalities right = equalities_of(*logical->right);
  // The right side is examined first: a long list of alternatives is nested on the left, and its last alternative
  // usually has no equality, so the left side need not be examined.
  const bool is_or = logical->op == LogicalOp::Or;
  if (is_or && right.empty()) return {};
  Equalities left = equalities_of(*logical->left);
  if (is_or)
    std::erase_if(left, [&](const auto& each) { return !right.contains(each.first); });
  else
    left.merge(right);
  return left;
}

// Returns the condition extended by the equalities that all alternatives of a conjunct share; null if no conjunct has
// such equalities.
ExpressionPtr with_shared_equalities(const Expression& condition) {
  std::vector<const Expression*> conjuncts;
  split(condition, conjuncts);
  ExpressionPtr made;
  for (const Expression* each : conjuncts) {
    const auto* logical = each->as<Logical>();
    if (!logical || logical->op != LogicalOp::Or) continue;
    for (const auto& [sides, equality] : equalities_of(*each))
      made = both(std::move(made), clone(*equality), equality->position);
  }
  return made ? both(std::move(made), clone(condition), condition.position) : nullptr;
}

void list_sources(const Query& query, std::vector<Name>& names) {
  const auto add = [&](const AliasedSource& named) {
    names.push_back(named.visible_name());
    if (named.query) list_sources(*named.query, names);
  };
  if (query.from) add(*query.from);
  for (const Join& join : query.joins) add(join.source);
  if (!query.combined) return;
  list_sources(*query.combined->left, names);
  list_sources(*query.combined->right, names);
}

// Returns whether all columns with a source name refer to sources of the query or to the source `alias`.
bool is_of_own_sources(const Query& query, const Name& alias) {
  std::vector<Name> own{alias}, asked;
  list_sources(query, own);
  const auto visit = [&](ExpressionPtr& each) -> Status {
    if (const auto* subquery = each->as<Subquery>()) list_sources(*subquery->query, own);
    if (const auto* column = each->as<ColumnRef>(); column && column->source)
      asked.push_back(*column->source);
    return {};
  };
  Query copy = clone(query);
  return rewrite_expressions(copy, visit, RewriteOrder::ParentsFirst) &&
         std::ranges::all_of(
             asked, [&](const Name& name) { return std::ranges::find(own, name) != own.end(); });
}

// Returns whether the expression refers only to the source `alias` and to sources in its own sub-queries.
bool is_of_source(const Expression& expression, const Name& alias) {
  if (const auto* subquery = expression.as<Subquery>())
    return (!subquery->value || is_of_source(*subquery->value, alias)) &&
           is_of_own_sources(*subquery->query, alias);
  if (const auto* column = expression.as<ColumnRef>())
    return column->source && *column->source == alias;
  return std::ranges::all_of(children(expression),
                             [&](const Expression* child) { return is_of_source(*child, alias); });
}

// Replaces the source by (SELECT * FROM source WHERE condition), which gets the name of the source.
void restrict(AliasedSource& source, ExpressionPtr condition) {
  Query within;
  within.position = source.position;
  within.items.push_back(
      {SelectItemKind::AllColumns, nullptr, std::nullopt, std::nullopt, source.position});
  within.where = std::move(condition);
  AliasedSource outer;
  outer.name = source.visible_name();
  outer.alias = outer.name;
  outer.position = source.position;
  within.from = std::move(source);
  outer.query = std::make_shared<const Query>(std::move(within));
  source = std::move(outer);
}

// Replaces the join by LEFT JOIN LATERAL (SELECT * FROM source WHERE condition of ON) ON true: a
// WHERE, unlike an ON, may contain any sub-query.
void make_lateral(Join& join) {
  const TextPosition position = join.on->position;
  restrict(join.source, std::move(join.on));
  join.source.lateral = true;
  join.on = make_expression(BooleanLiteral{true}, position);
}

// Returns whether the rows of the join's source may be filtered before the join.
bool may_be_restricted(const Join& join) {
  return join.type == JoinType::Left && join.on && !join.source.lateral &&
         !is_row_function(join.source) && join.source.columns.empty();
}

// Returns whether the ON condition of the join can move to WHERE.
bool is_like_where(const Query& query, size_t join) {
  if (query.joins[join].type != JoinType::Inner || !query.joins[join].on) return false;
  return std::all_of(query.joins.begin() + static_cast<ptrdiff_t>(join) + 1, query.joins.end(),
                     [](const Join& later) {
                       return later.type == JoinType::Inner || later.type == JoinType::Left;
                     });
}

}  // namespace

std::optional<Query> with_subqueries_out_of_joins(const Query& query) {
  std::optional<Query> made;
  for (size_t i = 0; i < query.joins.size(); ++i) {
    const bool is_outer = may_be_restricted(query.joins[i]);
    if (!(is_outer || is_like_where(query, i)) || !has_subquery(*query.joins[i].on)) continue;
    const Name alias = query.joins[i].source.visible_name();
    if (!made) made = clone(query);
    std::vector<const Expression*> conjuncts;
    split(*query.joins[i].on, conjuncts);
    const bool asks_others = std::ranges::any_of(conjuncts, [&](const Expression* each) {
      return has_subquery(*each) && !is_of_source(*each, alias);
    });
    if (is_outer && asks_others) {
      make_lateral(made->joins[i]);
      continue;
    }
    ExpressionPtr kept, restricts;
    for (const Expression* each : conjuncts) {
      const bool is_left = !has_subquery(*each);
      ExpressionPtr& place = is_left ? kept : is_outer ? restricts : made->where;
      place = both(std::move(place), clone(*each), each->position);
    }
    made->joins[i].on = std::move(kept);
    if (restricts) restrict(made->joins[i].source, std::move(restricts));
  }
  return made;
}

std::optional<Query> with_equalities_of_alternatives(const Query& query) {
  if (query.joins.empty()) return std::nullopt;
  std::optional<Query> made;
  const auto improve = [&](const ExpressionPtr& condition, const auto& place_in) {
    ExpressionPtr better = condition ? with_shared_equalities(*condition) : nullptr;
    if (!better) return;
    if (!made) made = clone(query);
    place_in(*made) = std::move(better);
  };
  improve(query.where, [](Query& of) -> ExpressionPtr& { return of.where; });
  for (size_t i = 0; i < query.joins.size(); ++i)
    improve(query.joins[i].on, [i](Query& of) -> ExpressionPtr& { return of.joins[i].on; });
  return made;
}

std::optional<Query> with_better_join_order(const Query& query, const OwnerOfColumn& owner_of) {
  if (!has_free_order(query)) return std::nullopt;
  const auto order = JoinOrder(query, owner_of).better();
  if (!order) return std::nullopt;
  Query made = clone(query);
  std::vector<AliasedSource> sources;
  sources.push_back(*std::move(made.from));
  for (Join& join : made.joins) {
    if (join.on) made.where = both(std::move(made.where), std::move(join.on), join.position);
    sources.push_back(std::move(join.source));
  }
  made.joins.clear();
  made.from = std::move(sources[order->front()]);
  for (size_t i = 1; i < order->size(); ++i) {
    AliasedSource& source = sources[(*order)[i]];
    const TextPosition position = source.position;
    made.joins.push_back({JoinType::Inner, std::move(source), std::nullopt, nullptr, position, {}});
  }
  return made;
}

}  // namespace engine
