#include "engine/query/select_outer_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/query/select_lateral.h"
#include "engine/query/select_outer_keys.h"
#include "engine/query/select_row_functions.h"
#include "engine/sql/rewrite.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// Returns whether the expression reads the source outside of an aggregate.
bool reads_beside_aggregates(const Expression& expression, const Name& source) {
  if (is_aggregate_call(expression)) return false;
  if (const auto* column = expression.as<ColumnRef>())
    return column->source && *column->source == source;
  return std::ranges::any_of(children(expression), [&](const Expression* child) {
    return reads_beside_aggregates(*child, source);
  });
}

class OuterAsSource {
 public:
  OuterAsSource(const Query& query, const SelectNames& outer, RowsPlanning& planning)
      : query_(clone(query)), outer_(outer), planning_(planning) {}

  Result<std::optional<SubqueryWithOuterRows>> take(OuterUse kind) {
    if (query_.window) return std::optional<SubqueryWithOuterRows>();
    number_ = planning_.add_outer_rows({});
    alias_ = RowsPlanning::outer_name(number_);
    if (query_.combined || !query_.values.empty() || !query_.with.empty())
      return take_in_parts(kind);
    const bool reads_queries =
        (query_.from && query_.from->query) ||
        std::ranges::any_of(query_.joins, [](const Join& join) { return bool(join.source.query); });
    if (!reads_queries) return take_select(kind);
    const Query written = clone(query_);
    const size_t tables = planning_.table_count();
    auto taken = take_select(kind);
    if (taken) return taken;
    // The reference to the outer query may be in a query in FROM.
    planning_.drop_tables_from(tables);
    query_ = clone(written);
    columns_.clear();
    schema_ = {};
    takes_first_ = false;
    limits_ = {};
    auto in_parts = take_in_parts(kind);
    const bool is_better =
        in_parts ? in_parts->has_value() : in_parts.error().code == ErrorCode::NotSupported;
    return is_better ? std::move(in_parts) : std::move(taken);
  }

 private:
  // Rewrites a SELECT that refers to the outer query in its own expressions, or in those of its only source.
  Result<std::optional<SubqueryWithOuterRows>> take_select(OuterUse kind) {
    // The parser has converted ARRAY(SELECT ... ORDER BY ...) to an aggregate over a query in FROM.
    // The outer rows must be joined within this query in FROM.
    const bool is_collected = query_.from && query_.from->query && query_.joins.empty() &&
                              !is_row_function(*query_.from) && query_.from->columns.empty();
    if (is_collected) {
      Query body = clone(*query_.from->query);
      if (is_plain_select(body) && TRY(bring_in(body))) {
        // The query in FROM would return a row even for an outer row without matches. Such a query is planned as a
        // LATERAL source instead (take_in_parts).
        if (has_row_of_none(*query_.from->query)) return too_correlated(body.position);
        keys().put_first_in_select(body, false);
        query_.from->query = std::make_shared<const Query>(std::move(body));
        if (TRY(is_correlated_itself())) return too_correlated(query_.position);
        TRY(take_limits(kind));
        keys().put_first_in_select(query_, gives_keys_only(kind));
        return finished();
      }
    }
    TRY(take_limits(kind));
    if (!TRY(bring_in(query_))) return std::optional<SubqueryWithOuterRows>();
    drop_order();
    keys().put_first_in_select(query_, gives_keys_only(kind));
    return finished();
  }

  // Rewrites a query that refers to the outer query at any place, such as WITH, a set operation or a query in FROM.
  Result<std::optional<SubqueryWithOuterRows>> take_in_parts(OuterUse kind) {
    TRY(take_limits(kind));
    const SelectNames none = TRY(SelectNames::of(Query(), {}, planning_.context()));
    TRY(replace_in_query(query_, Known(), none));
    if (columns_.empty()) return std::optional<SubqueryWithOuterRows>();
    planning_.set_outer_rows(number_, schema_);
    // The order of a source is kept, because ARRAY(SELECT ... ORDER BY ...) is an aggregate over such a source.
    if (kind != OuterUse::Lateral) drop_order();
    TRY(keys().put_first(query_, gives_keys_only(kind)));
    return finished();
  }

  // Returns whether an expression of the SELECT itself, whose only source is a query with keys, refers to the outer
  // query.
  Result<bool> is_correlated_itself() {
    planning_.set_outer_rows(number_, schema_);
    std::vector<SelectSource> sources{TRY(source_names(*query_.from, planning_))};
    const SelectNames inner = TRY(SelectNames::of(query_, std::move(sources), planning_.context()));
    Query own = clone(query_);
    own.from->query = nullptr;
    const RewriteVisitor visit = [&](ExpressionPtr& each) { return replace(each, inner); };
    TRY(rewrite_expressions(own, visit, RewriteOrder::ParentsFirst));
    return keys().are_read_by(own);
  }

  static bool is_plain_select(const Query& query) {
    return !query.combined && query.values.empty() && query.with.empty();
  }
  OuterKeys keys() const { return {alias_, columns_.size(), planning_}; }
  // EXISTS needs only the existence of rows.
  bool gives_keys_only(OuterUse kind) const {
    return kind == OuterUse::Exists && !limits_.limit && limits_.offset == 0;
  }
  // Removes an ORDER BY that does not decide which rows are the result.
  void drop_order() {
    const bool is_cut = takes_first_ || limits_.limit || limits_.offset > 0;
    if (!is_cut && query_.distinct_on.empty()) query_.order_by.clear();
  }

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
    keys().read_outer_rows(query);
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
      return aggregate_of_outer(expression->position);
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
  // Names of sources, of their columns and of items. The list is incomplete if a source cannot be
  // planned separately; a column without a source name may then refer to anything.
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
    const auto tables_around = tables_;
    const Status done = replace_in_parts(query, around, inner);
    tables_ = tables_around;
    return done;
  }
  Status replace_in_parts(Query& query, const Known& around, const SelectNames& inner) {
    for (const CommonTable& table : query.with) tables_[table.name.text] = columns_of(table);
    Known known = around;
    TRY(list(query, known));
    using Shared = std::shared_ptr<const Query>;
    std::vector<Shared*> places;
    const auto take = [&](Shared& place, const Known& visible) -> Status {
      if (!place) return {};
      TRY(replace_in_shared(place, visible, inner));
      places.push_back(&place);
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
    if (!known.is_complete) {  // the columns of a query in FROM may be known now
      known = around;
      TRY(list(query, known));
    }
    const RewriteVisitor visit = [&](ExpressionPtr& each) -> Status {
      if (const auto* subquery = each->as<Subquery>())
        return replace_in_subquery(each, *subquery, visit, known, inner);
      const auto* column = each->as<ColumnRef>();
      if (!column) return {};
      return is_theirs(*each, *column, known, inner) ? Status() : refer(each);
    };
    std::vector<Shared> read;
    for (Shared* place : places) read.push_back(std::exchange(*place, nullptr));
    const Status done = rewrite_expressions(query, visit, RewriteOrder::ParentsFirst);
    for (size_t at = 0; at < places.size(); ++at) *places[at] = std::move(read[at]);
    return done;
  }
  // Returns whether the name belongs to a nested query, or to the queries between it and the outer query.
  bool is_theirs(const Expression& expression, const ColumnRef& column, const Known& known,
                 const SelectNames& inner) const {
    if (column.source) return known.sources.contains(column.source->text);
    if (!known.is_complete || known.columns.contains(column.name.text) ||
        inner.canonical(expression, "WHERE"))
      return true;
    if (!known.sources.contains(column.name.text)) return false;
    // A bare name of a source means its row, unless a column of the outer query has the name.
    const auto around = outer_.canonical(expression, "WHERE");
    const auto* found = around ? (*around)->as<ColumnRef>() : nullptr;
    return !found || found->name.text != column.name.text;
  }
  // Returns the names of the columns of a table in WITH; nullopt if its query must be planned to find them.
  static std::optional<std::set<std::string>> columns_of(const CommonTable& table) {
    const Query* query = table.query.get();
    while (query->combined) query = query->combined->left.get();
    std::set<std::string> names;
    for (const Name& name : table.columns) names.insert(name.text);
    for (size_t at = table.columns.size(); at < query->items.size(); ++at) {
      const SelectItem& item = query->items[at];
      const auto* column = item.expression ? item.expression->as<ColumnRef>() : nullptr;
      if (!item.alias && !column) return std::nullopt;
      names.insert(item.alias ? item.alias->text : column->name.text);
    }
    const bool has_stars = std::ranges::any_of(query->items, [](const SelectItem& item) {
      return item.kind != SelectItemKind::Expression;
    });
    if (has_stars || query->items.empty()) return std::nullopt;
    return names;
  }
  // Plans a source of a nested query to find its columns. If the source is a query that reads outer
  // rows, it is planned as an additional source.
  Result<SelectSource> columns_of(const AliasedSource& named) {
    const size_t tables = planning_.table_count();
    auto planned = planning_.plan_source(named);
    planning_.drop_tables_from(tables);
    if (planned) return std::move(planned->source);
    if (!named.query || !keys().are_read_by(*named.query)) return planned.error();
    planning_.set_outer_rows(number_, schema_);
    AliasedSource outer;
    outer.name = Name{alias_};
    const SelectSource rows = TRY(planning_.plan_source(outer)).source;
    auto lateral = plan_lateral(named, {rows}, planning_);
    planning_.drop_tables_from(tables);
    if (!lateral) return lateral.error();
    if (!*lateral) return planned.error();
    return std::move((*lateral)->planned.source);
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
      const auto table =
          named.query || named.schema ? tables_.end() : tables_.find(named.name.text);
      if (table != tables_.end()) {
        for (const Name& name : named.columns) known.columns.insert(name.text);
        if (table->second) known.columns.insert(table->second->begin(), table->second->end());
        known.is_complete = known.is_complete && table->second;
        return {};
      }
      const auto planned = columns_of(named);
      known.is_complete = known.is_complete && planned.has_value();
      if (!planned) return {};
      for (const LayoutColumn& column : planned->columns) {
        known.columns.insert(column.name);
        known.sources.insert(column.source);
      }
      return {};
    };
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
  std::string column_name(size_t at) const { return OuterKeys::column_name(alias_, at); }
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

  Query query_;
  const SelectNames& outer_;
  RowsPlanning& planning_;
  std::string alias_;
  size_t number_ = 0;
  bool takes_first_ = false;
  RowLimits limits_;
  Schema schema_;
  ExpressionList columns_;
  // Tables of WITH in the sub-query, with their columns if these are known.
  std::map<std::string, std::optional<std::set<std::string>>> tables_;
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
