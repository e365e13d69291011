#include "engine/query/select_outer_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/query/select_row_functions.h"
#include "engine/sql/rewrite.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

Error too_correlated(TextPosition position) {
  return Error{ErrorCode::NotSupported,
               "a sub-query refers to the query around it in a way that is not supported yet",
               {},
               "It may in its conditions and its SELECT list; it has no RIGHT or FULL JOIN "
               "then."}
      .at(position);
}

// Returns whether the expression reads the source outside of an aggregate.
bool reads_beside_aggregates(const Expression& expression, const Name& source) {
  if (is_aggregate_call(expression)) return false;
  if (const auto* column = expression.as<ColumnRef>())
    return column->source && *column->source == source;
  return std::ranges::any_of(children(expression), [&](const Expression* child) {
    return reads_beside_aggregates(*child, source);
  });
}

size_t empty_sets(const Query& query) {
  return static_cast<size_t>(std::ranges::count_if(
      query.grouping_sets, [](const std::vector<size_t>& set) { return set.empty(); }));
}

// Returns whether the query has a group even if it has no rows. This is the group of all rows, or that of an empty
// grouping set.
bool has_row_of_none(const Query& query) { return is_one_group(query) || empty_sets(query) > 0; }

class OuterAsSource {
 public:
  OuterAsSource(const Query& query, const SelectNames& outer, RowsPlanning& planning)
      : query_(clone(query)), outer_(outer), planning_(planning) {}

  Result<std::optional<SubqueryWithOuterRows>> take(OuterUse kind) {
    if (query_.combined || !query_.values.empty() || query_.window || !query_.with.empty())
      return std::optional<SubqueryWithOuterRows>();
    number_ = planning_.add_outer_rows({});
    alias_ = RowsPlanning::outer_name(number_);
    // The parser has converted ARRAY(SELECT ... ORDER BY ...) to an aggregate over a query in FROM.
    // The outer rows must be joined within this query in FROM.
    const bool is_collected = query_.from && query_.from->query && query_.joins.empty() &&
                              !is_row_function(*query_.from) && query_.from->columns.empty();
    if (is_collected) {
      Query body = clone(*query_.from->query);
      if (TRY(bring_in(body))) {
        // The query in FROM would return a row even for an outer row without matches. This case is not supported.
        if (has_row_of_none(*query_.from->query)) return too_correlated(body.position);
        put_keys_first(body, false);
        query_.from->query = std::make_shared<const Query>(std::move(body));
        TRY(take_limits(kind));
        put_keys_first(query_, kind == OuterUse::Exists);
        return finished();
      }
    }
    TRY(take_limits(kind));
    if (!TRY(bring_in(query_))) return std::optional<SubqueryWithOuterRows>();
    const bool is_cut = takes_first_ || limits_.limit || limits_.offset > 0;
    if (!is_cut && query_.distinct_on.empty()) query_.order_by.clear();
    put_keys_first(query_, kind == OuterUse::Exists);
    return finished();
  }

 private:
  std::optional<SubqueryWithOuterRows> finished() {
    planning_.set_outer_rows(number_, std::move(schema_));
    return SubqueryWithOuterRows{std::move(query_), number_, std::move(columns_), takes_first_,
                                 limits_};
  }

  // Removes LIMIT and OFFSET from the query, since they apply to the rows of each outer row.
  Status take_limits(OuterUse kind) {
    drop_limit(kind);
    if (!query_.limit && !query_.offset) return {};
    limits_ = TRY(planning_.read_limits(query_));
    query_.limit = nullptr;
    query_.offset = nullptr;
    return {};
  }

  // Removes a LIMIT that has no effect on the result for one outer row: LIMIT 1 of a scalar
  // sub-query, and any LIMIT of EXISTS.
  void drop_limit(OuterUse kind) {
    const auto* limit = query_.limit ? query_.limit->as<IntegerLiteral>() : nullptr;
    if (!limit || query_.offset || query_.distinct) return;
    const bool is_first = kind == OuterUse::Scalar && limit->value == 1;
    if (!is_first && !(kind == OuterUse::Exists && limit->value > 0)) return;
    takes_first_ = is_first;
    query_.limit = nullptr;
  }

  // Replaces references to the outer rows by references to a source of outer rows, and adds this source to the query.
  // Returns whether such references exist.
  Result<bool> bring_in(Query& query) {
    std::vector<SelectSource> sources;
    const auto add = [&](const AliasedSource& named) -> Status {
      sources.push_back(TRY(source_names(named, planning_)));
      return {};
    };
    if (query.from) TRY(add(*query.from));
    for (const Join& join : query.joins) TRY(add(join.source));
    const SelectNames inner = TRY(SelectNames::of(query, std::move(sources), planning_.context()));
    const auto visit = [&](ExpressionPtr& each) { return replace(each, inner); };
    const auto rewrite = [&](ExpressionPtr& each) {
      return each ? rewrite_expression(each, visit, RewriteOrder::ParentsFirst) : Status();
    };
    for (SelectItem& item : query.items) {
      const auto* column = item.expression ? item.expression->as<ColumnRef>() : nullptr;
      const Name name = column ? column->name : Name();
      TRY(rewrite(item.expression));
      // An item that consists of a column of the outer rows keeps the name of this column.
      const bool is_brought_in = column && item.expression->is<ColumnRef>() &&
                                 item.expression->as<ColumnRef>()->source == Name{alias_};
      if (is_brought_in && !item.alias) item.alias = name;
    }
    for (Join& join : query.joins) TRY(rewrite(join.on));
    TRY(rewrite(query.where));
    TRY(rewrite(query.having));
    for (ExpressionPtr& each : query.group_by) TRY(rewrite(each));
    for (ExpressionPtr& each : query.distinct_on) TRY(rewrite(each));
    for (OrderItem& each : query.order_by)
      if (!is_alias_of_item(query, *each.expression)) TRY(rewrite(each.expression));
    const auto rewrite_function = [&](AliasedSource& named) -> Status {
      if (!is_row_function(named)) return {};
      Query body = clone(*named.query);
      for (SelectItem& item : body.items) TRY(rewrite(item.expression));
      named.query = std::make_shared<const Query>(std::move(body));
      return {};
    };
    if (query.from) TRY(rewrite_function(*query.from));
    for (Join& join : query.joins) TRY(rewrite_function(join.source));
    if (columns_.empty()) return false;
    TRY(check(query));
    write_stars_out(query, inner);
    read_outer_rows(query);
    return true;
  }

  // Expands `*`, because it must not show the columns of the outer rows.
  static void write_stars_out(Query& query, const SelectNames& inner) {
    std::vector<SelectItem> items = std::exchange(query.items, {});
    for (SelectItem& item : items) {
      if (item.kind != SelectItemKind::AllColumns || item.source) {
        query.items.push_back(std::move(item));
        continue;
      }
      for (const SelectSource& source : inner.sources())
        query.items.push_back(
            {SelectItemKind::AllColumns, nullptr, std::nullopt, Name{source.alias}, item.position});
    }
  }

  Status replace(ExpressionPtr& expression, const SelectNames& inner) {
    // If the sub-query has no sources, an aggregate over a sub-query can only belong to the outer query.
    const bool is_of_outer = reads_only_outer(*expression, inner) ||
                             (inner.sources().empty() && holds_subquery(*expression));
    if (is_aggregate_call(*expression) && is_of_outer)
      return Error{ErrorCode::NotSupported,
                   "an aggregate of the query around is not supported yet within a sub-query",
                   {},
                   "All of its columns are of the query around, so it is over the rows of that: "
                   "compute it there, or in a query of FROM."}
          .at(expression->position);
    if (const auto* subquery = expression->as<Subquery>())
      return replace_within(expression, *subquery, inner);
    // The JSON of an outer row has the names of the row's columns, so the whole call is replaced.
    if (const auto* call = expression->as<FunctionCall>();
        call && call->name == "TO_JSON" && call->arguments.size() == 1 &&
        call->arguments.front()->is<ColumnRef>() &&
        !inner.canonical(*call->arguments.front(), "WHERE"))
      return refer(expression);
    if (!expression->is<ColumnRef>()) return {};
    const auto here = inner.canonical(*expression, "WHERE");
    return here && !is_row_beside_outer_column(*expression, **here, inner) ? Status()
                                                                           : refer(expression);
  }
  // Returns whether a bare name is both the name of a source of the sub-query and the name of an outer column. The name
  // then refers to the column, because columns take precedence at any level.
  bool is_row_beside_outer_column(const Expression& written, const Expression& here,
                                  const SelectNames& inner) const {
    const auto& column = *written.as<ColumnRef>();
    const auto names_it = [&](const Expression& meant) {
      const auto* found = meant.as<ColumnRef>();
      return found && found->name.text == column.name.text;
    };
    if (column.source || names_it(here) ||
        std::ranges::find(inner.sources(), column.name.text, &SelectSource::alias) ==
            inner.sources().end())
      return false;
    const auto around = outer_.canonical(written, "WHERE");
    return around && names_it(**around);
  }
  static bool holds_subquery(const Expression& expression) {
    return expression.is<Subquery>() ||
           std::ranges::any_of(children(expression),
                               [](const Expression* child) { return holds_subquery(*child); });
  }
  // Returns whether the expression reads outer columns, and no column of the sub-query.
  bool reads_only_outer(const Expression& expression, const SelectNames& inner) const {
    bool reads_outer = false, reads_inner = false;
    const auto look = [&](const auto& self, const Expression& each) -> void {
      if (each.as<ColumnRef>() && inner.canonical(each, "WHERE"))
        reads_inner = true;
      else if (each.as<ColumnRef>() && outer_.canonical(each, "WHERE"))
        reads_outer = true;
      for (const Expression* child : children(each)) self(self, *child);
    };
    look(look, expression);
    return reads_outer && !reads_inner;
  }
  // Names of sources, of their columns and of items. The list is incomplete if a source cannot be planned by itself; a
  // column without a source name may then refer to anything.
  struct Known {
    std::set<std::string> sources, columns;
    bool is_complete = true;
  };
  // Replaces the outer references in a nested sub-query. Columns of the nested sub-query's own sources, and of the
  // sources of the sub-query around it, are not changed.
  Status replace_within(ExpressionPtr& expression, const Subquery& subquery,
                        const SelectNames& inner) {
    Known known;
    for (const SelectSource& source : inner.sources()) known.sources.insert(source.alias);
    const auto visit = [&](ExpressionPtr& each) { return replace(each, inner); };
    return replace_in_subquery(expression, subquery, visit, known, inner);
  }
  // Replaces the outer references in a sub-query. `around` are the names that the query around the sub-query sees. In
  // `x IN (SELECT ...)`, x belongs to that query, so it is rewritten by that query's visitor, `of_value`.
  Status replace_in_subquery(ExpressionPtr& expression, const Subquery& subquery,
                             const RewriteVisitor& of_value, const Known& around,
                             const SelectNames& inner) {
    Subquery own{subquery.kind, nullptr, subquery.query, subquery.negated, subquery.op};
    if (subquery.value) {
      own.value = clone(*subquery.value);
      TRY(rewrite_expression(own.value, of_value, RewriteOrder::ParentsFirst));
    }
    TRY(replace_in_shared(own.query, around, inner));
    expression = make_expression(std::move(own), expression->position);
    return {};
  }
  Status replace_in_shared(std::shared_ptr<const Query>& query, const Known& around,
                           const SelectNames& inner) {
    Query own = clone(*query);
    TRY(replace_in_query(own, around, inner));
    query = std::make_shared<const Query>(std::move(own));
    return {};
  }
  // Replaces the outer references in a query. Its expressions see its own sources and the names `around`. The queries
  // that it reads see only `around`, except LATERAL ones: they may use an alias that is also an alias of the outer
  // query, and this does not hide the outer query's source from the expressions.
  Status replace_in_query(Query& query, const Known& around, const SelectNames& inner) {
    Known known = around;
    TRY(list(query, known));
    using Shared = std::shared_ptr<const Query>;
    std::vector<std::pair<Shared*, Shared>> read;
    const auto take = [&](Shared& place, const Known& visible) -> Status {
      if (!place) return {};
      TRY(replace_in_shared(place, visible, inner));
      read.emplace_back(&place, std::exchange(place, nullptr));
      return {};
    };
    const auto take_source = [&](AliasedSource& named) {
      return take(named.query, named.lateral || is_row_function(named) ? known : around);
    };
    for (CommonTable& table : query.with) TRY(take(table.query, around));
    if (query.combined) {
      TRY(take(query.combined->left, around));
      TRY(take(query.combined->right, around));
    }
    if (query.from) TRY(take_source(*query.from));
    for (Join& join : query.joins) TRY(take_source(join.source));
    const RewriteVisitor visit = [&](ExpressionPtr& each) -> Status {
      if (const auto* subquery = each->as<Subquery>())
        return replace_in_subquery(each, *subquery, visit, known, inner);
      const auto* column = each->as<ColumnRef>();
      if (!column) return {};
      const bool is_theirs = column->source ? known.sources.contains(column->source->text)
                                            : !known.is_complete ||
                                                  known.columns.contains(column->name.text) ||
                                                  known.sources.contains(column->name.text) ||
                                                  inner.canonical(*each, "WHERE");
      return is_theirs ? Status() : refer(each);
    };
    TRY(rewrite_expressions(query, visit, RewriteOrder::ParentsFirst));
    for (auto& [place, own] : read) *place = std::move(own);
    return {};
  }
  // Adds the names that the expressions of the query itself may use.
  Status list(const Query& query, Known& known) {
    const auto add = [&](const AliasedSource& named) -> Status {
      known.sources.insert(named.visible_name().text);
      if (is_row_function(named)) {
        const SelectSource function = TRY(row_function_names(named));
        known.columns.insert(function.shown.begin(), function.shown.end());
        return {};
      }
      const auto planned = planning_.plan_source(named);
      known.is_complete = known.is_complete && planned.has_value();
      if (!planned) return {};
      for (const LayoutColumn& column : planned->source.columns) {
        known.columns.insert(column.name);
        known.sources.insert(column.source);
      }
      return {};
    };
    known.is_complete = known.is_complete && query.with.empty();
    if (query.from) TRY(add(*query.from));
    for (const Join& join : query.joins) TRY(add(join.source));
    for (const SelectItem& item : query.items)
      if (item.alias) known.columns.insert(item.alias->text);
    if (query.combined) {
      TRY(list(*query.combined->left, known));
      TRY(list(*query.combined->right, known));
    }
    return {};
  }
  // Replaces a reference to a column of the outer query by a reference to the outer rows, which are one more source of
  // the sub-query. Leaves the reference unchanged if the outer query has no such column.
  Status refer(ExpressionPtr& expression) {
    auto canonical = outer_.canonical(*expression, "WHERE");
    if (!canonical) return {};
    if (!(*canonical)->is<ColumnRef>()) {  // a whole row, or a column merged by USING
      const auto visit = [&](ExpressionPtr& each) -> Status {
        return each->is<ColumnRef>() ? refer(each) : Status();
      };
      TRY(rewrite_expression(*canonical, visit, RewriteOrder::ParentsFirst));
      expression = *std::move(canonical);
      return {};
    }
    size_t at = 0;
    while (at < columns_.size() && !equals(*columns_[at], **canonical)) ++at;
    if (at == columns_.size()) {
      const Scope scope = outer_.scope(outer_.layout(), "WHERE");
      const uint32_t index =
          TRY(resolve_column(*(*canonical)->as<ColumnRef>(), expression->position, scope));
      const SqlType& type = outer_.layout()[index].type;
      schema_.columns.push_back({column_name(at), type});
      columns_.push_back(*std::move(canonical));
      // Equal values of a type with a comparable form may have different texts, such as the intervals
      // 1 month and 30 days. Therefore the text becomes a second key.
      if (type.kind() == TypeKind::String && has_comparable_form(type)) {
        TypeName text;
        text.kind = TypeKind::String;
        schema_.columns.push_back({column_name(at + 1), TypeKind::String});
        columns_.push_back(
            make_expression(Cast{clone(*columns_[at]), std::move(text)}, expression->position));
      }
    }
    expression = reference(at, expression->position);
    return {};
  }
  // Returns the name of a column of the outer rows. Like the alias of their source, it contains a
  // character that no name in a statement has.
  std::string column_name(size_t at) const { return fmt::format("{}\x01{}", alias_, at); }
  ExpressionPtr reference(size_t at, TextPosition position) const {
    return make_expression(ColumnRef{Name{alias_}, Name{column_name(at)}}, position);
  }

  static Status check(const Query& query) {
    const bool has_other_joins = std::ranges::any_of(query.joins, [](const Join& join) {
      return join.type == JoinType::Right || join.type == JoinType::Full;
    });
    if (query.limit || query.offset || has_other_joins) return too_correlated(query.position);
    return {};
  }

  void read_outer_rows(Query& query) const {
    AliasedSource outer;
    outer.name = Name{alias_};
    outer.position = query.position;
    if (query.from)
      query.joins.insert(query.joins.begin(), {JoinType::Inner, *std::move(query.from),
                                               std::nullopt, nullptr, query.position});
    query.from = std::move(outer);
  }

  // Adds the key to the partitions of window calls, so that a window covers the rows of one outer row only.
  template <class Key>
  static void divide_windows(Expression& expression, const Key& key) {
    for (ExpressionPtr* child : children(expression)) divide_windows(**child, key);
    if (auto* call = std::get_if<FunctionCall>(&expression.node); call && call->over)
      call->over->partition_by.push_back(key());
  }

  // Puts the keys in front of the items and adds them to the groups. `only_keys` is set for EXISTS, which needs only
  // the existence of rows.
  void put_keys_first(Query& query, bool only_keys) const {
    const bool is_grouped = !query.group_by.empty() || !query.grouping_sets.empty() ||
                            query.having || has_aggregate(query);
    std::vector<SelectItem> items = std::exchange(query.items, {});
    // If FROM has a query that reads the outer rows, the keys are columns of this query
    // (column_name()). Otherwise the keys are columns of the source of outer rows itself.
    const bool is_named = query.from->name.text != alias_;
    // The keys are put in front of the items, so numbers in GROUP BY and ORDER BY that refer to
    // positions in the SELECT list are increased accordingly.
    const auto move = [&](ExpressionPtr& each) {
      if (auto* place = std::get_if<IntegerLiteral>(&each->node))
        place->value += static_cast<int32_t>(columns_.size());
    };
    for (ExpressionPtr& each : query.group_by) move(each);
    for (ExpressionPtr& each : query.distinct_on) move(each);
    for (OrderItem& each : query.order_by) move(each.expression);
    const bool is_first_of_each = !query.distinct_on.empty();
    for (size_t at = 0; at < columns_.size(); ++at) {
      const auto key = [&] {
        return is_named
                   ? make_expression(ColumnRef{query.from->visible_name(), Name{column_name(at)}},
                                     query.position)
                   : reference(at, query.position);
      };
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
    if (only_keys && !is_grouped && !limits_.limit && limits_.offset == 0) {
      query.distinct = true;
      return;
    }
    for (SelectItem& item : items) query.items.push_back(std::move(item));
  }

  Query query_;
  const SelectNames& outer_;
  RowsPlanning& planning_;
  std::string alias_;
  size_t number_ = 0;
  bool takes_first_ = false;
  RowLimits limits_;
  Schema schema_;
  ExpressionList columns_;
};

}  // namespace

bool has_aggregate(const Query& query) {
  return std::ranges::any_of(query.items, [](const SelectItem& item) {
    return item.expression && contains_aggregate(*item.expression);
  });
}

bool is_alias_of_item(const Query& query, const Expression& expression) {
  const auto* column = expression.as<ColumnRef>();
  return column && !column->source && std::ranges::any_of(query.items, [&](const SelectItem& item) {
           return item.alias && *item.alias == column->name;
         });
}

bool is_one_group(const Query& query) {
  return query.group_by.empty() && query.grouping_sets.empty() &&
         (query.having || has_aggregate(query));
}

Result<std::optional<Query>> of_no_rows(const Query& subquery, const SubqueryWithOuterRows& outer) {
  const bool is_cut_off = outer.limits.offset > 0 || outer.limits.limit == size_t{0};
  if (!has_row_of_none(subquery) || is_cut_off) return std::optional<Query>();
  if (empty_sets(subquery) > 1 && !subquery.distinct)
    return Error{
        ErrorCode::NotSupported,
        "several empty grouping sets in a sub-query that refers to the query around it are "
        "not supported yet"}
        .at(subquery.position);
  Query none = clone(outer.query);
  none.items.erase(none.items.begin(),
                   none.items.begin() + static_cast<ptrdiff_t>(outer.columns.size()));
  if (empty_sets(subquery) == 0) {
    none.group_by.clear();
  } else {  // keys of other sets are null in this row; positions are shifted back
    none.grouping_sets = {{}};
    for (ExpressionPtr& each : none.group_by)
      if (auto* place = std::get_if<IntegerLiteral>(&each->node))
        place->value -= static_cast<int32_t>(outer.columns.size());
  }
  none.distinct_on.clear();
  none.order_by.clear();
  none.where = make_expression(BooleanLiteral{false}, none.position);
  const bool is_same_for_all =
      !none.having && std::ranges::none_of(none.items, [&](const SelectItem& item) {
        return item.expression &&
               reads_beside_aggregates(*item.expression, none.from->visible_name());
      });
  if (!is_same_for_all) return too_correlated(subquery.position);
  return std::optional(std::move(none));
}

Result<std::optional<SubqueryWithOuterRows>> bring_outer_rows_in(const Query& subquery,
                                                                 OuterUse use,
                                                                 const SelectNames& outer,
                                                                 RowsPlanning& planning) {
  return OuterAsSource(subquery, outer, planning).take(use);
}

}  // namespace engine
