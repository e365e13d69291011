#include "engine/query/select_outer_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "engine/query/select_outer_rows.h"
#include "engine/query/select_row_functions.h"
#include "engine/query/select_windows.h"
#include "engine/sql/rewrite.h"

namespace engine {

namespace {

using SharedQuery = std::shared_ptr<const Query>;

template <class Visit>
bool any_column(const Expression& expression, const Visit& is_it);

// Returns whether `is_it` holds for a column in the expressions of the query, or of a query within it.
template <class Visit>
bool any_column(const Query& query, const Visit& is_it) {
  const auto within = [&](const SharedQuery& one) { return one && any_column(*one, is_it); };
  return std::ranges::any_of(query.with, within, &CommonTable::query) ||
         (query.combined && (within(query.combined->left) || within(query.combined->right))) ||
         (query.from && within(query.from->query)) ||
         std::ranges::any_of(query.joins,
                             [&](const Join& join) { return within(join.source.query); }) ||
         std::ranges::any_of(own_expressions(query),
                             [&](const Expression* each) { return any_column(*each, is_it); });
}
template <class Visit>
bool any_column(const Expression& expression, const Visit& is_it) {
  if (const auto* column = expression.as<ColumnRef>()) return is_it(*column);
  if (const auto* subquery = expression.as<Subquery>();
      subquery && any_column(*subquery->query, is_it))
    return true;
  return std::ranges::any_of(children(expression),
                             [&](const Expression* child) { return any_column(*child, is_it); });
}

// Rewrites the expressions of the query itself, and not those in the queries that it reads.
Status rewrite_own_expressions(Query& query, const RewriteVisitor& visit) {
  std::vector<std::pair<SharedQuery*, SharedQuery>> read;
  const auto take = [&](SharedQuery& place) {
    if (place) read.emplace_back(&place, std::exchange(place, nullptr));
  };
  for (CommonTable& table : query.with) take(table.query);
  if (query.combined) {
    take(query.combined->left);
    take(query.combined->right);
  }
  if (query.from) take(query.from->query);
  for (Join& join : query.joins) take(join.source.query);
  const Status done = rewrite_expressions(query, visit, RewriteOrder::ParentsFirst);
  for (auto& [place, own] : read) *place = std::move(own);
  return done;
}

using QueryVisitor = std::function<Status(Query&)>;

// Calls the visitor for a copy of each query that the query reads directly, in WITH, set operations, FROM and
// expressions, and replaces the query by the copy.
Status visit_queries_within(Query& query, const QueryVisitor& visit) {
  const auto within = [&](SharedQuery& place) -> Status {
    if (!place) return {};
    Query own = clone(*place);
    TRY(visit(own));
    place = std::make_shared<const Query>(std::move(own));
    return {};
  };
  for (CommonTable& table : query.with) TRY(within(table.query));
  if (query.combined) {
    TRY(within(query.combined->left));
    TRY(within(query.combined->right));
  }
  if (query.from) TRY(within(query.from->query));
  for (Join& join : query.joins) TRY(within(join.source.query));
  const RewriteVisitor in_expression = [&](ExpressionPtr& each) -> Status {
    const auto* subquery = each->as<Subquery>();
    if (!subquery) return {};
    Subquery own{subquery->kind, nullptr, subquery->query, subquery->negated, subquery->op};
    if (subquery->value) {
      own.value = clone(*subquery->value);
      TRY(rewrite_expression(own.value, in_expression, RewriteOrder::ParentsFirst));
    }
    TRY(within(own.query));
    each = make_expression(std::move(own), each->position);
    return {};
  };
  return rewrite_own_expressions(query, in_expression);
}

// Calls the visitor for each source of FROM that is a name, in the query and the queries within it. The visitor may
// replace the name by a query, whose own sources are not visited.
Status visit_named_sources(Query& query, const std::function<Status(AliasedSource&)>& visit) {
  TRY(visit_queries_within(query,
                           [&](Query& within) { return visit_named_sources(within, visit); }));
  if (query.from && !query.from->query) TRY(visit(*query.from));
  for (Join& join : query.joins)
    if (!join.source.query) TRY(visit(join.source));
  return {};
}

bool is_named(const AliasedSource& source, const Name& table) {
  return !source.query && !source.schema && source.name.text == table.text;
}

// Counts how often the query, and the queries within it, name this source.
size_t times_read(const Query& query, const Name& table) {
  size_t times = 0;
  Query copy = clone(query);
  // The result is ignored, since the visitor never fails.
  std::ignore = visit_named_sources(copy, [&](AliasedSource& source) -> Status {
    times += is_named(source, table) ? 1 : 0;
    return {};
  });
  return times;
}

// Adds the names in WITH of the query and the queries within it. Returns whether all of them are different.
bool are_names_different(const Query& query, std::set<std::string>& names) {
  bool are_different = true;
  Query copy = clone(query);
  const std::function<Status(Query&)> list = [&](Query& each) -> Status {
    for (const CommonTable& table : each.with)
      are_different = names.insert(table.name.text).second && are_different;
    return visit_queries_within(each, list);
  };
  // The result is ignored, since the visitor never fails.
  std::ignore = list(copy);
  return are_different;
}

bool is_recursion(const CommonTable& table) {
  return table.recursive && times_read(*table.query, table.name) > 0;
}

// Returns whether the query is WITH RECURSIVE name AS (...) SELECT * FROM name, which write_tables_out() makes.
bool is_recursion_alone(const Query& query) {
  return query.with.size() == 1 && is_recursion(query.with.front()) && query.from &&
         is_named(*query.from, query.with.front().name) && !query.from->alias &&
         query.joins.empty() && !query.where && query.group_by.empty() && !query.having &&
         query.order_by.empty() && !query.distinct && query.distinct_on.empty() &&
         query.items.size() == 1 && query.items.front().kind == SelectItemKind::AllColumns;
}

// Returns the rows of VALUES as SELECTs that UNION ALL combines.
void write_rows_as_selects(Query& query) {
  const auto select = [&](ExpressionList& row) {
    Query one;
    one.position = query.position;
    for (ExpressionPtr& value : row) {
      const TextPosition at = value->position;
      one.items.push_back({SelectItemKind::Expression, std::move(value),
                           Name{fmt::format("COLUMN{}", one.items.size() + 1)}, std::nullopt, at});
    }
    return one;
  };
  std::vector<ExpressionList> rows = std::exchange(query.values, {});
  Query all = select(rows.front());
  for (size_t at = 1; at < rows.size(); ++at) {
    Query both;
    both.position = query.position;
    both.combined =
        SetOperation{SetOperator::Union, true, std::make_shared<const Query>(std::move(all)),
                     std::make_shared<const Query>(select(rows[at])), query.position};
    all = std::move(both);
  }
  query.items = std::move(all.items);
  query.combined = std::move(all.combined);
}

// Adds the key to the partitions of window calls, so that a window covers the rows of one outer row only.
template <class Key>
void divide_windows(Expression& expression, const Key& key) {
  for (ExpressionPtr* child : children(expression)) divide_windows(**child, key);
  if (auto* call = std::get_if<FunctionCall>(&expression.node); call && call->over)
    call->over->partition_by.push_back(key());
}

// Increases a number that refers to a position in the SELECT list.
void move_place(const ExpressionPtr& expression, size_t by) {
  if (auto* place = std::get_if<IntegerLiteral>(&expression->node))
    place->value += static_cast<int32_t>(by);
}

bool is_bare_star(const SelectItem& item) {
  return item.kind == SelectItemKind::AllColumns && !item.source;
}

}  // namespace

Error too_correlated(TextPosition position) {
  return Error{ErrorCode::NotSupported,
               "a sub-query refers to the query around it in a way that is not supported yet",
               {},
               "It may in its conditions and its SELECT list; it has no RIGHT or FULL JOIN "
               "then."}
      .at(position);
}

Error aggregate_of_outer(TextPosition position) {
  return Error{ErrorCode::NotSupported,
               "an aggregate of the query around is not supported yet within a sub-query",
               {},
               "All of its columns are of the query around, so it is over the rows of that: "
               "compute it there, or in a query of FROM."}
      .at(position);
}

size_t empty_sets(const Query& query) {
  return static_cast<size_t>(std::ranges::count_if(
      query.grouping_sets, [](const std::vector<size_t>& set) { return set.empty(); }));
}

bool has_row_of_none(const Query& query) { return is_one_group(query) || empty_sets(query) > 0; }

std::string OuterKeys::column_name(const std::string& alias, size_t at) {
  return fmt::format("{}\x01{}", alias, at);
}

ExpressionPtr OuterKeys::reference(const Name& source, size_t at, TextPosition position) const {
  return make_expression(ColumnRef{source, Name{column_name(alias_, at)}}, position);
}

bool OuterKeys::are_read_by(const Query& query) const {
  return any_column(query, [&](const ColumnRef& column) {
    return column.source && column.source->text == alias_;
  });
}

void OuterKeys::read_outer_rows(Query& query) const {
  AliasedSource outer;
  outer.name = Name{alias_};
  outer.position = query.position;
  if (query.from)
    query.joins.insert(query.joins.begin(), {JoinType::Inner, *std::move(query.from), std::nullopt,
                                             nullptr, query.position});
  query.from = std::move(outer);
}

void OuterKeys::put_first_in_select(Query& query, bool only_keys) const {
  const bool is_grouped = !query.group_by.empty() || !query.grouping_sets.empty() || query.having ||
                          has_aggregate(query);
  std::vector<SelectItem> items = std::exchange(query.items, {});
  // The keys are put in front of the items, so numbers in GROUP BY and ORDER BY that refer to
  // positions in the SELECT list are increased accordingly.
  for (ExpressionPtr& each : query.group_by) move_place(each, count_);
  for (ExpressionPtr& each : query.distinct_on) move_place(each, count_);
  for (OrderItem& each : query.order_by) move_place(each.expression, count_);
  const bool is_first_of_each = !query.distinct_on.empty();
  for (size_t at = 0; at < count_; ++at) {
    // The first source is either the source of outer rows itself, or a query with keys.
    const auto key = [&] { return reference(query.from->visible_name(), at, query.position); };
    query.items.push_back(
        {SelectItemKind::Expression, key(), std::nullopt, std::nullopt, query.position});
    for (SelectItem& item : items)
      if (item.expression) divide_windows(*item.expression, key);
    for (OrderItem& item : query.order_by) divide_windows(*item.expression, key);
    if (is_first_of_each) {
      query.distinct_on.insert(query.distinct_on.begin(), key());
      query.order_by.insert(query.order_by.begin(), {key()});
    }
    if (!is_grouped) continue;
    for (std::vector<size_t>& set : query.grouping_sets) set.push_back(query.group_by.size());
    query.group_by.push_back(key());
  }
  if (only_keys && !is_grouped) {
    query.distinct = true;
    return;
  }
  for (SelectItem& item : items) query.items.push_back(std::move(item));
}

Status OuterKeys::check(const Query& query) const {
  const bool is_bracketed = std::ranges::any_of(query.joins, [&](const Join& join) {
    const AliasedSource& source = join.source;
    return source.query && source.name.text.empty() && are_read_by(*source.query);
  });
  const bool has_bare_star = std::ranges::any_of(query.items, is_bare_star);
  const bool is_refused = std::ranges::any_of(query.joins, [&](const Join& join) {
    const bool merges = !join.columns.empty() || join.natural;
    return join.type == JoinType::Right || join.type == JoinType::Full ||
           (has_bare_star && (merges || join.source.name.text.empty()));
  });
  const bool is_bracketed_first = query.from && query.from->query &&
                                  query.from->name.text.empty() &&
                                  (has_bare_star || are_read_by(*query.from->query));
  if (is_bracketed || is_refused || is_bracketed_first || query.limit || query.offset)
    return too_correlated(query.position);
  const auto is_outer = [&](const ColumnRef& column) {
    return column.source && column.source->text == alias_;
  };
  const std::function<Status(const Expression&)> check_aggregates =
      [&](const Expression& expression) -> Status {
    const auto is_own = [&](const ColumnRef& column) { return !is_outer(column); };
    if (is_aggregate_call(expression) && any_column(expression, is_outer) &&
        !any_column(expression, is_own))
      return aggregate_of_outer(expression.position);
    for (const Expression* child : children(expression)) TRY(check_aggregates(*child));
    return {};
  };
  for (const Expression* each : own_expressions(query)) TRY(check_aggregates(*each));
  return {};
}

// Makes the queries of FROM that read outer rows lateral, since the source of outer rows stands before them.
void OuterKeys::make_lateral(Query& query) const {
  const auto visit = [&](AliasedSource& source) {
    if (source.query && !is_row_function(source) && are_read_by(*source.query))
      source.lateral = true;
  };
  if (query.from) visit(*query.from);
  for (Join& join : query.joins) visit(join.source);
}

Status OuterKeys::put_first(Query& query, bool only_keys) const {
  if (is_recursion_alone(query)) {
    TRY(put_first_in_recursion(query.with.front()));
    return {};
  }
  TRY(write_tables_out(query));
  if (!query.values.empty()) write_rows_as_selects(query);
  if (query.combined) {
    TRY(put_first_in_part(query.combined->left));
    TRY(put_first_in_part(query.combined->right));
    for (OrderItem& each : query.order_by) move_place(each.expression, count_);
    return {};
  }
  TRY(check(query));
  make_lateral(query);
  std::vector<SelectItem> items = std::exchange(query.items, {});
  for (SelectItem& item : items) {  // `*` must not show the columns of the outer rows
    if (!is_bare_star(item)) {
      query.items.push_back(std::move(item));
      continue;
    }
    const auto show = [&](const AliasedSource& source) {
      query.items.push_back({SelectItemKind::AllColumns, nullptr, std::nullopt,
                             source.visible_name(), item.position});
    };
    if (query.from) show(*query.from);
    for (const Join& join : query.joins) show(join.source);
  }
  read_outer_rows(query);
  put_first_in_select(query, only_keys);
  return {};
}

// Puts the keys first in a side of a set operation. A side with a row for each outer row, even if nothing matches, and a
// side with a LIMIT become a query in FROM, which is planned as a LATERAL source.
Status OuterKeys::put_first_in_part(std::shared_ptr<const Query>& part) const {
  Query own = clone(*part);
  const bool stays = own.with.empty() && !own.limit && !own.offset &&
                     (own.combined || (own.values.empty() && !has_row_of_none(own)));
  if (!stays) {
    Query around;
    around.position = own.position;
    AliasedSource source;
    source.position = own.position;
    source.name = Name{fmt::format("{}\x02", alias_)};
    source.alias = source.name;
    source.query = std::make_shared<const Query>(std::move(own));
    around.items.push_back(
        {SelectItemKind::AllColumns, nullptr, std::nullopt, std::nullopt, around.position});
    around.from = std::move(source);
    own = std::move(around);
  }
  TRY(put_first(own, false));
  part = std::make_shared<const Query>(std::move(own));
  return {};
}

// Replaces the tables of WITH that read outer rows by queries in FROM. The other tables stay in WITH.
Status OuterKeys::write_tables_out(Query& query) const {
  if (query.with.empty()) return {};
  std::set<std::string> names, recursions;
  if (!are_names_different(query, names)) return too_correlated(query.position);
  std::vector<CommonTable> kept;
  while (!query.with.empty()) {
    CommonTable table = std::move(query.with.front());
    query.with.erase(query.with.begin());
    if (!are_read_by(*table.query)) {
      kept.push_back(std::move(table));
      continue;
    }
    std::shared_ptr<const Query> rows = table.query;
    if (is_recursion(table)) {
      Query alone;
      alone.position = table.position;
      alone.items.push_back(
          {SelectItemKind::AllColumns, nullptr, std::nullopt, std::nullopt, table.position});
      alone.from.emplace();
      alone.from->name = table.name;
      alone.from->position = table.position;
      alone.with.push_back(table);
      recursions.insert(table.name.text);
      rows = std::make_shared<const Query>(std::move(alone));
    }
    // A source in the query must not have the name of a table of WITH at the place where the query is written out.
    for (const std::string& name : names)
      if (name != table.name.text && !recursions.contains(name) &&
          times_read(*table.query, Name{name}) > 0 &&
          std::ranges::none_of(kept,
                               [&](const CommonTable& each) { return each.name.text == name; }))
        return too_correlated(table.position);
    TRY(visit_named_sources(query, [&](AliasedSource& source) -> Status {
      if (!is_named(source, table.name)) return {};
      for (size_t at = source.columns.size(); at < table.columns.size(); ++at)
        source.columns.push_back(table.columns[at]);
      if (!source.alias) source.alias = source.name;
      source.name = *source.alias;
      source.query = rows;
      return {};
    }));
  }
  query.with = std::move(kept);
  return {};
}

// Makes the recursion a query with keys: its first rows get the keys, and each round keeps those of the rows that it
// continues.
Status OuterKeys::put_first_in_recursion(CommonTable& table) const {
  Query rows = clone(*table.query);
  if (!rows.combined || rows.combined->op != SetOperator::Union || !rows.with.empty() ||
      !rows.order_by.empty() || rows.limit || rows.offset)
    return too_correlated(table.position);
  TRY(put_first_in_part(rows.combined->left));
  const size_t tables = planning_.table_count();
  const Schema columns = TRY(planning_.plan(*rows.combined->left)).result;
  planning_.drop_tables_from(tables);
  const std::vector<Name> written = std::exchange(table.columns, {});
  for (const ColumnDef& column : columns.columns)
    table.columns.push_back({column.name, Quoting::Back});
  // `*` does not show a name that begins with \x01, but the rounds of a recursion must return the keys.
  for (size_t at = 0; at < count_ && at < table.columns.size(); ++at)
    table.columns[at] = Name{fmt::format("\x05{}", column_name(alias_, at))};
  for (size_t at = 0; at < written.size() && count_ + at < table.columns.size(); ++at)
    table.columns[count_ + at] = written[at];
  Query rounds = clone(*rows.combined->right);
  TRY(put_first_in_rounds(rounds, table));
  rows.combined->right = std::make_shared<const Query>(std::move(rounds));
  table.query = std::make_shared<const Query>(std::move(rows));
  return {};
}

Status OuterKeys::put_first_in_rounds(Query& rounds, const CommonTable& table) const {
  const Error refused = too_correlated(rounds.position);
  const AliasedSource* own = nullptr;
  if (rounds.from && is_named(*rounds.from, table.name)) own = &*rounds.from;
  for (const Join& join : rounds.joins) {
    if (join.type != JoinType::Inner && join.type != JoinType::Left) return refused;
    const bool is_own = is_named(join.source, table.name);
    if (is_own && join.type != JoinType::Inner) return refused;
    if (is_own) own = &join.source;
    if (!join.columns.empty() || join.natural || join.source.name.text.empty()) return refused;
  }
  if (!own || !own->columns.empty() || times_read(rounds, table.name) != 1 || rounds.combined ||
      !rounds.values.empty() || !rounds.with.empty() || !rounds.group_by.empty() ||
      !rounds.grouping_sets.empty() || rounds.having || !rounds.distinct_on.empty() ||
      rounds.limit || rounds.offset || has_aggregate(rounds) || has_windows(rounds))
    return refused;
  const Name alias = own->visible_name();
  TRY(visit_queries_within(rounds, [&](Query& within) -> Status {
    return are_read_by(within) ? Status(refused) : Status();
  }));
  const RewriteVisitor visit = [&](ExpressionPtr& each) -> Status {
    const auto* column = each->as<ColumnRef>();
    if (!column || !column->source || column->source->text != alias_) return {};
    for (size_t at = 0; at < count_; ++at)
      if (column->name.text == column_name(alias_, at)) {
        each = make_expression(ColumnRef{alias, table.columns[at]}, each->position);
        return {};
      }
    return {};
  };
  TRY(rewrite_own_expressions(rounds, visit));
  std::vector<SelectItem> items = std::exchange(rounds.items, {});
  for (size_t at = 0; at < count_; ++at)
    rounds.items.push_back({SelectItemKind::Expression,
                            make_expression(ColumnRef{alias, table.columns[at]}, rounds.position),
                            std::nullopt, std::nullopt, rounds.position});
  const auto show_own = [&](TextPosition at) {
    for (size_t i = count_; i < table.columns.size(); ++i)
      rounds.items.push_back({SelectItemKind::Expression,
                              make_expression(ColumnRef{alias, table.columns[i]}, at), std::nullopt,
                              std::nullopt, at});
  };
  for (SelectItem& item : items) {
    const auto show = [&](const AliasedSource& source) {
      if (&source == own) return show_own(item.position);
      rounds.items.push_back({SelectItemKind::AllColumns, nullptr, std::nullopt,
                              source.visible_name(), item.position});
    };
    if (item.kind == SelectItemKind::AllColumns && item.source && *item.source == alias) {
      show_own(item.position);
    } else if (is_bare_star(item)) {
      if (rounds.from) show(*rounds.from);
      for (const Join& join : rounds.joins) show(join.source);
    } else {
      rounds.items.push_back(std::move(item));
    }
  }
  return {};
}

}  // namespace engine
