#include "engine/query/select_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "engine/expr/member_hints.h"
#include "engine/functions/registry.h"
#include "engine/plan/alias_hint.h"
#include "engine/query/pull_restrictions.h"
#include "engine/query/scan_restrictions.h"
#include "engine/query/select_aggregates.h"
#include "engine/query/select_join_order.h"
#include "engine/query/select_lateral.h"
#include "engine/query/select_outer_aggregates.h"
#include "engine/query/select_outer_rows.h"
#include "engine/query/select_row_functions.h"
#include "engine/query/select_subqueries.h"
#include "engine/query/select_windows.h"
#include "engine/query/window_bounds.h"
#include "engine/query/written_keys.h"
#include "engine/sql/sequence_call.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

std::optional<BoundExpression> all_of(std::vector<BoundExpression> conditions) {
  std::optional<BoundExpression> all;
  for (BoundExpression& each : conditions) {
    if (!all) {
      all = std::move(each);
      continue;
    }
    BoundExpression both;
    both.kind = BoundKind::And;
    both.type = TypeKind::Boolean;
    both.knows_unknown = true;
    both.children.push_back(std::move(*all));
    both.children.push_back(std::move(each));
    all = std::move(both);
  }
  return all;
}

class SelectRowsPlanner {
 public:
  // `rows` has the rows of the sources that are queries. `arrays` has the arrays of functions, bound to the columns
  // of the previous sources. `laterals` has the LATERAL sources, which read the rows of the previous sources.
  SelectRowsPlanner(const Query& query, RowsPlanning& planning, SelectNames names,
                    std::vector<RowsNodePtr> rows, std::vector<std::vector<BoundExpression>> arrays,
                    std::vector<std::optional<LateralSource>> laterals)
      : query_(query),
        planning_(planning),
        context_(planning.context()),
        eval_(planning.eval()),
        names_(std::move(names)),
        rows_(std::move(rows)),
        arrays_(std::move(arrays)),
        laterals_(std::move(laterals)),
        over_{names_.layout(), {}} {}

  Result<PlannedRows> plan() {
    TRY(check_sources());
    items_ = TRY(names_.items(query_));
    TRY(read_order());
    TRY(read_groups());
    TRY(bind_joins());
    TRY(bind_where());
    TRY(look_up_by_conditions());
    TRY(look_up_by_written_rows());
    TRY(is_grouped_ ? bind_grouped() : bind_columns(over_));
    move_to_joins();
    read_only_what_is_used();

    const RowLimits limits = TRY(planning_.read_limits(query_));
    const std::optional<size_t> most = limits.most();
    const bool is_plain = tables_.size() == 1 && !where_ && !is_grouped_ && !query_.distinct &&
                          query_.distinct_on.empty() && windows_.empty() && order_.empty();
    if (is_plain && most && *most < INT64_MAX) tables_.front().limit = static_cast<int64_t>(*most);
    RowsNodePtr node = append(TRY(join_tables()), std::move(subqueries_));
    if (where_) node = put_on(FilterRows{{}, *std::move(where_)}, std::move(node));
    if (is_grouped_) {
      node = make_node(GroupRows{std::move(node), std::move(group_keys_), std::move(aggregates_),
                                 query_.grouping_sets, std::move(groupings_)},
                       std::move(group_layout_));
      node = append(std::move(node), std::move(subqueries_of_groups_));
      if (having_) node = put_on(FilterRows{{}, *std::move(having_)}, std::move(node));
    }
    node = append(std::move(node), std::move(windows_));
    Layout computed;
    for (size_t i = 0; i < columns_.size(); ++i)
      computed.push_back({"",
                          i < items_.size() ? items_[i].name : to_sql(*hidden_[i - items_.size()]),
                          columns_[i].type});
    node = make_node(ComputeColumns{std::move(node), std::move(columns_)}, std::move(computed));
    if (query_.distinct) node = put_on(DistinctRows{}, std::move(node));
    if (!distinct_on_.empty()) {
      // The rows are sorted first, so that DISTINCT ON keeps the first row of each group in the given order. The step
      // for DISTINCT ON preserves this order.
      if (!order_.empty())
        node = put_on(SortRows{{}, std::exchange(order_, {}), {}}, std::move(node));
      node = put_on(DistinctRows{{}, std::move(distinct_on_)}, std::move(node));
    }
    node = sort_and_cut(std::move(node), std::move(order_), limits);
    PlannedRows planned{std::move(node), std::move(result_)};
    for (const AnalysedItem& item : items_) {
      const auto* column = item.expression->as<ColumnRef>();
      planned.sources.push_back(column && column->source ? column->source->text : "");
    }
    return planned;
  }

 private:
  // ---- sources and joins

  Status check_sources() {
    if (query_.window)
      return Error{ErrorCode::NotSupported,
                   "WINDOW in a query without EMIT is not supported yet",
                   {},
                   "Make a table of it: CREATE TABLE ... AS SELECT ... WINDOW ... GROUP BY ..."}
          .at(query_.window->position);
    if (!query_.partition_by.empty())
      return Error{ErrorCode::InvalidStatement, "PARTITION BY needs EMIT CHANGES"}.at(
          query_.positions.partition_by.value_or(query_.position));
    is_nullable_.resize(names_.sources().size());
    table_filters_.resize(names_.sources().size());
    key_conditions_.resize(names_.sources().size());
    for (size_t i = 0; i < query_.joins.size(); ++i) {
      const JoinType type = query_.joins[i].type;
      if (type == JoinType::Left || type == JoinType::Full) is_nullable_[i + 1] = true;
      if (type == JoinType::Right || type == JoinType::Full)
        std::fill_n(is_nullable_.begin(), i + 1, true);
    }
    return {};
  }

  struct BoundJoin {
    JoinType type;
    std::vector<BoundExpression> left_keys, right_keys;
    std::optional<BoundExpression> condition;
  };

  Status bind_joins() {
    for (size_t i = 0; i < query_.joins.size(); ++i) {
      const Join& join = query_.joins[i];
      if (join.within)
        return Error{ErrorCode::InvalidStatement, "WITHIN is for joins of two streams"}.at(
            join.position);
      // Sources of later joins are not visible in the condition.
      const auto end = static_cast<ptrdiff_t>(names_.first_column(i + 2));
      const Layout seen(names_.layout().begin(), names_.layout().begin() + end);
      BoundJoin bound{join.type, {}, {}, {}};
      std::vector<const Expression*> conjuncts;
      const ExpressionPtr on =
          join.on ? TRY(names_.canonical_among(*join.on, "JOIN ON", i + 2)) : ExpressionPtr();
      if (on) split(*on, conjuncts);
      for (const ExpressionPtr& each : names_.using_equalities(i)) conjuncts.push_back(each.get());
      std::vector<BoundExpression> rest;
      Scope scope = names_.scope(seen, "JOIN ON");
      scope.source_names = names_.names_of_first(i + 2);
      const bool is_function = !arrays_[i + 1].empty();
      const bool keeps_all = is_function && join.type == JoinType::Left;
      if (is_function && join.type != JoinType::Inner && !keeps_all)
        return Error{ErrorCode::NotSupported,
                     "RIGHT and FULL JOIN with a function that gives rows are not supported yet"}
            .at(join.position);
      if (laterals_[i + 1]) bound.left_keys = laterals_[i + 1]->keys;
      if (laterals_[i + 1] && join.type != JoinType::Inner && join.type != JoinType::Left)
        return Error{ErrorCode::InvalidStatement,
                     "the combining JOIN type must be INNER or LEFT for a LATERAL reference"}
            .at(join.position);
      if (keeps_all && !std::ranges::all_of(conjuncts, is_true_literal))
        return Error{ErrorCode::NotSupported,
                     "LEFT JOIN with a function that gives rows is not supported yet but ON TRUE"}
            .at(join.position);
      if (keeps_all) conjuncts.clear();
      for (const Expression* each : conjuncts)
        if (is_function || laterals_[i + 1]) {
          rest.push_back(TRY(bind_predicate(*each, scope)));
        } else {
          BoundExpression condition = TRY(bind_predicate(*each, scope));
          if (const auto table = scanned_with(condition, join.type, i + 1)) {
            add_key_condition(*table, *each, condition);
            table_filters_[*table].push_back(std::move(condition));
          } else {
            add_join_condition(*each, std::move(condition), i + 1, bound, rest);
          }
        }
      bound.condition = all_of(std::move(rest));
      joins_.push_back(std::move(bound));
    }
    return {};
  }

  // Returns the table whose scan can evaluate this condition of ON, so that the join with the
  // source `right` need not evaluate it. Returns nullopt if only the join can evaluate the
  // condition. In a LEFT JOIN, left rows without a partner are kept, so only conditions on the
  // right side can move to a scan.
  std::optional<size_t> scanned_with(const BoundExpression& condition, JoinType type,
                                     size_t right) const {
    const std::vector<uint32_t> columns = referenced_columns({&condition, 1});
    if (!is_of_sources(columns) || !is_safe_anywhere(condition)) return std::nullopt;
    const size_t source = names_.source_of(columns.front());
    if (names_.source_of(columns.back()) != source || !names_.sources()[source].table)
      return std::nullopt;
    const bool is_restricted = (type == JoinType::Inner && !is_nullable_[source]) ||
                               (type == JoinType::Left && source == right);
    return is_restricted ? std::optional(source) : std::nullopt;
  }

  // If the condition implies conditions on single tables, lets the scans of these tables evaluate
  // the implied conditions. The condition itself is also evaluated later, by a join or after it.
  void restrict_scans(const BoundExpression& condition) {
    if (condition.kind != BoundKind::Or) return;
    for (size_t i = 0; i < tables_.size(); ++i) {
      if (is_nullable_[i] || !names_.sources()[i].table) continue;
      const auto first = static_cast<uint32_t>(names_.first_column(i));
      const auto end = static_cast<uint32_t>(names_.first_column(i + 1));
      if (auto part = restriction_of(condition, first, end))
        table_filters_[i].push_back(*std::move(part));
    }
  }

  // Adds a condition to a join. Equalities between expressions of the two sides become keys; all other conditions are
  // added to `rest` and evaluated on pairs.
  void add_join_condition(const Expression& expression, BoundExpression bound, size_t right,
                          BoundJoin& join, std::vector<BoundExpression>& rest) const {
    const auto* comparison = expression.as<Comparison>();
    if (!comparison || comparison->op != ComparisonOp::Equal || bound.children.size() != 2)
      return rest.push_back(std::move(bound));
    BoundExpression& first = bound.children[0];
    BoundExpression& second = bound.children[1];
    const auto side_of = [&](const BoundExpression& side) {
      const std::vector<uint32_t> columns = referenced_columns({&side, 1});
      if (columns.empty()) return 0;
      if (columns.back() < names_.first_column(right)) return -1;
      return columns.front() >= names_.first_column(right) ? 1 : 0;
    };
    const int first_side = side_of(first), second_side = side_of(second);
    if (first_side * second_side != -1 || !(first.type == second.type) || first.type.is_nested())
      return rest.push_back(std::move(bound));
    join.left_keys.push_back(std::move(first_side < 0 ? first : second));
    join.right_keys.push_back(std::move(first_side < 0 ? second : first));
  }

  Result<ExpressionPtr> canonical_condition(const Expression& condition,
                                            std::string_view clause) const {
    Result<ExpressionPtr> canonical = names_.canonical(condition, clause);
    if (canonical) return canonical;
    return with_alias_hint(std::move(canonical).error(), condition, clause, aliases_of(query_));
  }

  // Binds WHERE. A condition on only one table is evaluated when the rows of the table are read, unless a join may
  // replace these rows by nulls.
  Status bind_where() {
    tables_.resize(names_.sources().size());
    for (size_t i = 0; i < tables_.size(); ++i)
      if (const DataSource* table = names_.sources()[i].table)
        tables_[i].table = context_.catalog.sources().at(table->name);
    if (query_.where) where_text_ = TRY(canonical_condition(*query_.where, "WHERE"));
    TRY(bind_subqueries());
    if (!query_.where) return {};
    const ExpressionPtr& where = where_text_;
    if (contains_aggregate(*where))
      return Error{ErrorCode::GroupingError, "aggregate functions are not allowed in WHERE"}.at(
          where->position);
    const Scope scope = scope_over(over_, "WHERE");
    std::vector<const Expression*> conjuncts;
    split(*where, conjuncts);
    for (const Expression* each : conjuncts) {
      BoundExpression bound = TRY(bind_predicate(*each, scope));
      TRY(check_constants(bound, eval_));
      const std::vector<uint32_t> columns = referenced_columns({&bound, 1});
      const size_t source = is_of_sources(columns) ? names_.source_of(columns.front()) : 0;
      const bool is_of_one = is_of_sources(columns) && names_.source_of(columns.back()) == source;
      if (is_of_one && !is_nullable_[source] && names_.sources()[source].table) {
        add_key_condition(source, *each, bound);
        table_filters_[source].push_back(std::move(bound));
      } else {
        restrict_scans(bound);
        conditions_.emplace_back(each, std::move(bound));
      }
    }
    if (tables_.size() != 1 || !tables_.front().table || !over_.substitutes.empty() ||
        !query_.from->columns.empty())
      return {};
    PullPlan& table = tables_.front();
    table.keys = TRY(keys_for(*where, *table.table, scope, eval_));
    if (table.table->window) table.windows = window_bounds(*where, scope, eval_);
    return {};
  }

  const AliasedSource& written_source(size_t source) const {
    return source == 0 ? *query_.from : query_.joins[source - 1].source;
  }

  // Adds a condition that uses only columns of this table, and that is true for each row of the
  // table in the result. A condition such as id = random() is not added: its right side has another
  // value for each row, so it determines no key.
  void add_key_condition(size_t table, const Expression& condition, const BoundExpression& bound) {
    if (is_volatile(bound)) return;
    ExpressionPtr& all = key_conditions_[table];
    all = all ? make_expression(Logical{LogicalOp::And, std::move(all), clone(condition)},
                                condition.position)
              : clone(condition);
  }
  static bool is_volatile(const BoundExpression& expression) {
    return !expression.is_deterministic || std::ranges::any_of(expression.children, is_volatile);
  }
  // Looks up tables by the keys that their conditions contain.
  Status look_up_by_conditions() {
    const Scope scope = scope_over(over_, "WHERE");
    for (size_t i = 0; i < tables_.size(); ++i) {
      PullPlan& table = tables_[i];
      const bool is_of_keys = table.table && table.table->kind == SourceKind::Table &&
                              !table.table->window && written_source(i).columns.empty();
      if (is_of_keys && !table.keys && key_conditions_[i])
        table.keys = TRY(keys_for(*key_conditions_[i], *table.table, scope, eval_));
    }
    return {};
  }

  // Looks up a table that is joined with VALUES by the keys in the rows of VALUES: INSERT ... ON CONFLICT is such a
  // join.
  Status look_up_by_written_rows() {
    std::vector<size_t> written;
    for (size_t i = 0; i < tables_.size(); ++i)
      if (has_written_rows(written_source(i))) written.push_back(i);
    if (written.empty()) return {};
    std::vector<ExpressionPtr> ons(query_.joins.size());
    for (size_t i = 0; i < ons.size(); ++i)
      if (query_.joins[i].on)
        ons[i] = TRY(names_.canonical_among(*query_.joins[i].on, "JOIN ON", i + 2));
    for (size_t table = 0; table < tables_.size(); ++table) {
      if (!tables_[table].table || !written_source(table).columns.empty()) continue;
      const auto conditions = conditions_on(table, ons);
      for (const size_t rows : written) {
        const ExpressionPtr keys = keys_of_written_rows(
            conditions, written_source(rows), names_.sources()[rows], names_.sources()[table]);
        if (!keys) continue;
        const Scope scope = scope_over(over_, "JOIN ON");
        tables_[table].keys = TRY(keys_for(*keys, *tables_[table].table, scope, eval_));
        break;
      }
    }
    return {};
  }
  // Returns the conditions that each row of the table in the result satisfies. `ons` has the conditions of the joins.
  std::vector<const Expression*> conditions_on(size_t table,
                                               const std::vector<ExpressionPtr>& ons) const {
    std::vector<const Expression*> conditions;
    if (where_text_) split(*where_text_, conditions);
    for (size_t i = 0; i < ons.size(); ++i) {
      const JoinType type = query_.joins[i].type;
      if (ons[i] && (type == JoinType::Inner || (type == JoinType::Left && table == i + 1)))
        split(*ons[i], conditions);
    }
    return conditions;
  }

  // Returns whether the columns, in ascending order, are not empty and contain no column of a sub-query.
  bool is_of_sources(const std::vector<uint32_t>& columns) const {
    return !columns.empty() && columns.back() < names_.layout().size();
  }

  // Moves each conjunct of WHERE into a join: the one that adds the last of the sources which the
  // conjunct uses. A conjunct stays in WHERE if an outer join can replace the rows of one of these
  // sources by nulls, or if the last source is a function or LATERAL.
  void move_to_joins() {
    std::vector<BoundExpression> rest;
    for (auto& [text, bound] : conditions_) {
      const std::vector<uint32_t> columns = referenced_columns({&bound, 1});
      const size_t last = is_of_sources(columns) ? names_.source_of(columns.back()) : 0;
      const bool is_safe = last > 0 && arrays_[last].empty() && !laterals_[last] &&
                           joins_[last - 1].type == JoinType::Inner &&
                           std::ranges::none_of(columns, [&](uint32_t column) {
                             return is_nullable_[names_.source_of(column)];
                           });
      if (!is_safe) {
        rest.push_back(std::move(bound));
        continue;
      }
      BoundJoin& join = joins_[last - 1];
      std::vector<BoundExpression> conditions;
      add_join_condition(*text, std::move(bound), last, join, conditions);
      if (conditions.empty()) continue;
      if (join.condition) conditions.insert(conditions.begin(), *std::move(join.condition));
      join.condition = all_of(std::move(conditions));
    }
    where_ = all_of(std::move(rest));
  }

  // ---- Sub-queries. The result of each is a column after the columns of the previous step.

  using Found = std::vector<const Expression*>;

  Scope scope_over(const Appended& columns, std::string_view clause) const {
    Scope scope = names_.scope(columns.layout, clause);
    scope.substitutes = columns.substitutes;
    return scope;
  }
  static void add_once(const Expression& subquery, Found& found) {
    if (std::ranges::none_of(found,
                             [&](const Expression* known) { return equals(*known, subquery); }))
      found.push_back(&subquery);
  }
  // Lists the sub-queries of `expression` that are evaluated on rows of tables, and those evaluated on groups.
  void list_subqueries(const Expression& expression, Found& of_tables, Found& of_groups) const {
    if (&of_groups == &found_of_groups_ && is_group_key(expression)) return;
    if (is_grouped_ && is_aggregate_call(expression)) {
      for (const Expression* child : children(expression))
        list_subqueries(*child, of_tables, of_tables);
      return;
    }
    for (const Expression* child : children(expression))
      list_subqueries(*child, of_tables, of_groups);
    if (expression.is<Subquery>()) add_once(expression, of_groups);
  }

  Status bind_subqueries() {
    Found of_tables;
    Found& shown = is_grouped_ ? found_of_groups_ : of_tables;
    if (where_text_) list_subqueries(*where_text_, of_tables, of_tables);
    for (const ExpressionPtr& each : group_by_) list_subqueries(*each, of_tables, of_tables);
    for (const AnalysedItem& item : items_) list_subqueries(*item.expression, of_tables, shown);
    for (const ExpressionPtr& each : hidden_) list_subqueries(*each, of_tables, shown);
    if (having_text_) list_subqueries(*having_text_, of_tables, shown);
    for (const Expression* each : of_tables)
      subqueries_.push_back(TRY(bind_subquery(*each, names_, planning_, over_)));
    return {};
  }

  // ---- groups

  // GROUP BY may refer to an item by its position or, if no column has the name, by its name.
  Result<ExpressionPtr> grouping(const Expression& expression) const {
    if (const auto place = TRY(ordinal(expression, "GROUP BY", items_.size())))
      return clone(*items_[*place].expression);
    const auto* column = expression.as<ColumnRef>();
    if (column && !column->source) {
      const Scope scope = names_.scope(names_.layout(), "GROUP BY");
      if (!resolve_column(*column, expression.position, scope))
        for (size_t i = 0; i < query_.items.size(); ++i)
          if (query_.items[i].alias && *query_.items[i].alias == column->name)
            return names_.canonical(*query_.items[i].expression, "GROUP BY");
    }
    return names_.canonical(expression, "GROUP BY");
  }

  bool is_group_key(const Expression& expression) const {
    return std::ranges::any_of(
        group_by_, [&](const ExpressionPtr& each) { return equals(*each, expression); });
  }

  // If the groups contain the whole key of a table, all other columns of the table depend on this
  // key. Adds those other columns that the query reads to the grouping columns.
  void add_dependent_columns() {
    std::set<std::string> known;
    for (const SelectSource& source : names_.sources())
      if (source.table && has_whole_key(source)) known.insert(source.alias);
    if (known.empty()) return;
    const auto add = [&](const auto& self, const Expression& expression) -> void {
      if (is_aggregate_call(expression) || is_group_key(expression)) return;
      const auto* column = expression.as<ColumnRef>();
      if (column && column->source && known.contains(column->source->text))
        group_by_.push_back(clone(expression));
      for (const Expression* child : children(expression)) self(self, *child);
    };
    for (const AnalysedItem& item : items_) add(add, *item.expression);
    for (const ExpressionPtr& each : hidden_) add(add, *each);
    if (having_text_) add(add, *having_text_);
  }
  // Returns whether the groups contain the whole key of the source's table. Windowed tables do not qualify, because the
  // window bounds are part of their keys.
  bool has_whole_key(const SelectSource& source) const {
    const DataSource& table = *source.table;
    if (table.kind != SourceKind::Table || table.window) return false;
    size_t keys = 0;
    for (const ColumnDef& column : table.schema.columns) {
      if (column.role != ColumnRole::Key) continue;
      ++keys;
      const Expression key{ColumnRef{Name{source.alias}, Name{column.name}}, {}};
      if (!is_group_key(key)) return false;
    }
    return keys > 0;
  }
  Status read_groups() {
    for (const ExpressionPtr& each : query_.group_by) {
      group_by_.push_back(TRY(grouping(*each)));
      if (contains_aggregate(*group_by_.back()))
        return Error{ErrorCode::GroupingError, "aggregate functions are not allowed in GROUP BY"}
            .at(each->position);
    }
    if (!query_.grouping_sets.empty())
      for (size_t i = 0; i < group_by_.size(); ++i)
        for (size_t j = 0; j < i; ++j)
          if (equals(*group_by_[i], *group_by_[j]))
            return Error{ErrorCode::NotSupported,
                         "the same expression twice in GROUPING SETS is not supported yet"}
                .at(query_.group_by[i]->position);
    if (query_.having) having_text_ = TRY(canonical_condition(*query_.having, "HAVING"));
    for (const AnalysedItem& item : items_) list_aggregates(*item.expression);
    for (const ExpressionPtr& each : hidden_) list_aggregates(*each);
    if (having_text_) list_aggregates(*having_text_);
    is_grouped_ =
        !group_by_.empty() || !calls_.empty() || having_text_ || !query_.grouping_sets.empty();
    written_groups_ = group_by_.size();
    if (!group_by_.empty() && query_.grouping_sets.empty()) add_dependent_columns();
    return {};
  }

  void list_aggregates(const Expression& expression) {
    if (is_aggregate_call(expression)) {
      if (std::ranges::none_of(calls_,
                               [&](const Expression* known) { return equals(*known, expression); }))
        calls_.push_back(&expression);
      return;
    }
    for (const Expression* child : children(expression)) list_aggregates(*child);
  }

  Status bind_grouped() {
    const Scope over = scope_over(over_, "GROUP BY");
    Layout& groups = groups_.layout;
    std::vector<Scope::Substitute>& substitutes = groups_.substitutes;
    for (const ExpressionPtr& each : group_by_) {
      BoundExpression key = TRY(bind_value(*each, over));
      if (groups.size() < written_groups_) TRY(check_distinct(key.type, each->position));
      substitutes.push_back({each.get(), static_cast<uint32_t>(groups.size())});
      const auto* column = each->as<ColumnRef>();
      groups.push_back({column ? column->source->text : "",
                        column ? column->name.text : to_sql(*each), key.type});
      group_keys_.push_back(std::move(key));
    }
    for (const Expression* call : calls_) {
      const Scope scope = scope_over(over_, "SELECT");
      GroupedCall bound =
          TRY(bind_grouped_call(*call->as<FunctionCall>(), call->position, scope, context_, eval_));
      planning_.note_aggregate(*call->as<FunctionCall>(), bound.call);
      substitutes.push_back({call, static_cast<uint32_t>(groups.size())});
      groups.push_back({"", to_sql(*call), bound.call.instance.result_type});
      aggregates_.push_back(std::move(bound));
    }
    for (const AnalysedItem& item : items_) TRY(bind_groupings(*item.expression));
    for (const ExpressionPtr& each : hidden_) TRY(bind_groupings(*each));
    if (having_text_) TRY(bind_groupings(*having_text_));
    group_layout_ = groups;
    for (const Expression* each : found_of_groups_) {
      if (const auto& value = each->as<Subquery>()->value) TRY(check_grouped(*value, substitutes));
      subqueries_of_groups_.push_back(TRY(bind_subquery(*each, names_, planning_, groups_)));
    }
    const auto check = [&](const ExpressionPtr& each) { return check_grouped(*each, substitutes); };
    for (const AnalysedItem& item : items_)
      if (Status grouped = check(item.expression); !grouped)
        return with_hint_for_star(std::move(grouped).error());
    for (const ExpressionPtr& each : hidden_) TRY(check(each));
    if (having_text_) {
      TRY(check(having_text_));
      const Scope scope = scope_over(groups_, "HAVING");
      having_ = TRY(bind_predicate(*having_text_, scope));
    }
    return bind_columns(groups_);
  }

  // Binds the calls of GROUPING(key, ...), which show the keys that the row's grouping set does not contain.
  Status bind_groupings(const Expression& expression) {
    const auto* call = expression.as<FunctionCall>();
    if (!call || call->name != "GROUPING" || call->over) {
      for (const Expression* child : children(expression)) TRY(bind_groupings(*child));
      return {};
    }
    constexpr size_t kMostBits = 31;
    if (call->arguments.empty() || call->arguments.size() > kMostBits)
      return Error{ErrorCode::UndefinedFunction, "GROUPING takes 1 to 31 arguments"}.at(
          expression.position);
    std::vector<size_t>& places = groupings_.emplace_back();
    for (const ExpressionPtr& argument : call->arguments) {
      const auto key = std::ranges::find_if(
          group_by_, [&](const ExpressionPtr& each) { return equals(*each, *argument); });
      if (key == group_by_.end())
        return Error{ErrorCode::GroupingError,
                     "arguments to GROUPING must be grouping expressions of the associated query "
                     "level"}
            .at(argument->position);
      places.push_back(static_cast<size_t>(key - group_by_.begin()));
    }
    groups_.substitutes.push_back({&expression, static_cast<uint32_t>(groups_.layout.size())});
    groups_.layout.push_back({"", to_sql(expression), TypeKind::Integer});
    return {};
  }

  // Adds the hint for SELECT * ... GROUP BY a, if the error is at a column of the asterisk.
  Error with_hint_for_star(Error error) const {
    const bool is_star = std::ranges::any_of(query_.items, [&](const SelectItem& item) {
      return item.kind == SelectItemKind::AllColumns && item.position == error.position;
    });
    if (!is_star || error.code != ErrorCode::GroupingError || query_.group_by.empty()) return error;
    const auto* column = query_.group_by.front()->as<ColumnRef>();
    return std::move(error).with_hint(
        fmt::format("Replace * by the columns of GROUP BY and aggregates: SELECT {0}, COUNT(*) AS "
                    "n FROM t GROUP BY {0}.",
                    column ? shown(column->name) : "a"));
  }

  static Status check_grouped(const Expression& expression,
                              const std::vector<Scope::Substitute>& substitutes) {
    for (const Scope::Substitute& each : substitutes)
      if (equals(*each.expression, expression)) return {};
    if (const auto* column = expression.as<ColumnRef>(); column && column->source)
      return Error{ErrorCode::GroupingError,
                   fmt::format("column \"{}.{}\" must appear in the GROUP BY clause or be used in "
                               "an aggregate function",
                               shown(*column->source), shown(column->name))}
          .at(expression.position);
    const auto checked = [&]() -> Status {
      for (const Expression* child : children(expression)) TRY(check_grouped(*child, substitutes));
      return {};
    };
    Status grouped = checked();
    // An aggregate of another system is not known here as an aggregate, so the check has failed for the columns in its
    // parentheses. The error names the function instead, because its name is the mistake.
    const auto* call = grouped ? nullptr : expression.as<FunctionCall>();
    if (call && !call->over && is_foreign_aggregate(call->name))
      return unknown_function(call->name).at(expression.position);
    return grouped;
  }

  // ---- result columns and their order

  Status read_order() {
    for (const OrderItem& each : query_.order_by)
      order_.push_back(sort_key(each, TRY(sorted_column(*each.expression))));
    for (const ExpressionPtr& each : query_.distinct_on)
      distinct_on_.push_back(TRY(sorted_column(*each)));
    for (size_t i = 0; i < std::min(order_.size(), distinct_on_.size()); ++i)
      if (std::ranges::find(distinct_on_, order_[i].column) == distinct_on_.end())
        return Error{ErrorCode::InvalidColumnReference,
                     "SELECT DISTINCT ON expressions must match initial ORDER BY expressions"}
            .at(query_.order_by[i].expression->position);
    return {};
  }

  Result<size_t> sorted_column(const Expression& expression) {
    if (const auto place = TRY(ordinal(expression, "ORDER BY", items_.size()))) return *place;
    if (const auto* column = expression.as<ColumnRef>(); column && !column->source) {
      if (const auto named = TRY(item_named(*column, expression.position, std::equal_to<>())))
        return *named;
      if (const auto named = TRY(item_named(*column, expression.position, means_the_same)))
        return *named;
    }
    ExpressionPtr canonical = TRY(names_.canonical(expression, "ORDER BY"));
    for (size_t i = 0; i < items_.size(); ++i)
      if (equals(*items_[i].expression, *canonical)) return i;
    for (size_t i = 0; i < hidden_.size(); ++i)
      if (equals(*hidden_[i], *canonical)) return items_.size() + i;
    if (query_.distinct)
      return Error{ErrorCode::InvalidColumnReference,
                   "for SELECT DISTINCT, ORDER BY expressions must appear in the SELECT list"}
          .at(expression.position);
    hidden_.push_back(std::move(canonical));
    return items_.size() + hidden_.size() - 1;
  }

  // Returns whether one of the names is in lower case, as in "id", and the other one is the same
  // name in upper case. The name in upper case was written without quotes, as id, which is folded
  // to ID. For PostgreSQL "id" and id are the same name.
  static bool means_the_same(const std::string& a, const std::string& b) {
    const auto is_quoted_form_of = [](const std::string& quoted, const std::string& folded) {
      return lower_case(quoted) == quoted && upper_case(quoted) == folded;
    };
    return is_quoted_form_of(a, b) || is_quoted_form_of(b, a);
  }
  Result<std::optional<size_t>> item_named(const ColumnRef& column, TextPosition position,
                                           auto is_it) const {
    std::optional<size_t> found;
    for (size_t i = 0; i < items_.size(); ++i) {
      if (!is_it(items_[i].name, column.name.text)) continue;
      if (found && !equals(*items_[*found].expression, *items_[i].expression))
        return Error{ErrorCode::AmbiguousColumn,
                     fmt::format("ORDER BY \"{}\" is ambiguous", shown(column.name))}
            .at(position);
      found = found.value_or(i);
    }
    return found;
  }

  Status bind_columns(Appended& over) {
    std::vector<const Expression*> calls;
    for (const AnalysedItem& item : items_) TRY(list_window_calls(*item.expression, calls));
    for (const ExpressionPtr& each : hidden_) TRY(list_window_calls(*each, calls));
    windows_ = TRY(bind_windows(calls, names_, planning_, over));
    const Scope scope = scope_over(over, "SELECT");
    for (const AnalysedItem& item : items_) {
      columns_.push_back(TRY(bind_value(*item.expression, scope)));
      result_.columns.push_back({item.name, columns_.back().type});
    }
    for (const ExpressionPtr& each : hidden_) columns_.push_back(TRY(bind_value(*each, scope)));
    for (const SortKey& key : order_)
      TRY(check_ordered(columns_[key.column].type,
                        query_.positions.order_by.value_or(query_.position)));
    for (size_t i = 0; query_.distinct && i < items_.size(); ++i)
      TRY(check_distinct(columns_[i].type, query_.position));
    return {};
  }

  // ---- columns read from the tables

  template <class Visit>
  void visit_over_tables(const Visit& visit) {
    for (BoundJoin& join : joins_) {
      for (BoundExpression& key : join.left_keys) visit(key);
      if (join.condition) visit(*join.condition);
    }
    for (std::vector<BoundExpression>& list : arrays_)
      for (BoundExpression& array : list) visit(array);
    for (BoundSubquery& each : subqueries_) {
      for (BoundExpression& key : each.step.keys) visit(key);
      if (each.step.value) visit(*each.step.value);
    }
    if (where_) visit(*where_);
    for (BoundExpression& key : group_keys_) visit(key);
    for (GroupedCall& each : aggregates_) {
      for (BoundExpression& argument : each.call.arguments) visit(argument);
      if (each.filter) visit(*each.filter);
      for (RowsOrder& key : each.order) visit(key.value);
    }
    if (is_grouped_) return;
    for (WindowRows& window : windows_) {
      for (BoundExpression& key : window.partition) visit(key);
      for (RowsOrder& key : window.order) visit(key.value);
      for (WindowCall& call : window.calls) {
        for (BoundExpression& argument : call.arguments) visit(argument);
        if (call.filter) visit(*call.filter);
      }
    }
    for (BoundExpression& column : columns_) visit(column);
  }

  void read_only_what_is_used() {
    const size_t count = over_.layout.size();
    std::vector<bool> used(count);
    const auto mark = [&](const BoundExpression& expression) {
      for (const uint32_t column : referenced_columns({&expression, 1})) used[column] = true;
    };
    visit_over_tables(mark);
    for (const BoundJoin& join : joins_)
      for (const BoundExpression& key : join.right_keys) mark(key);

    std::vector<uint32_t> among_all(count), within_table(count), in_source(count);
    uint32_t next = 0;
    for (size_t table = 0; table < tables_.size(); ++table) {
      const size_t first = names_.first_column(table);
      for (size_t i = first; i < names_.first_column(table + 1); ++i) {
        const size_t keys = laterals_[table] ? laterals_[table]->keys.size() : 0;
        in_source[i] = static_cast<uint32_t>(i - first + keys);
        // The columns of a function are always appended completely, so its unused columns are kept, too.
        if (!used[i] && arrays_[table].empty()) continue;
        const SqlType& type = names_.layout()[i].type;
        among_all[i] = next++;
        within_table[i] = static_cast<uint32_t>(tables_[table].columns.size());
        tables_[table].columns.push_back(column_expression(type, in_source[i]));
        tables_[table].result.columns.push_back({names_.layout()[i].name, type});
      }
      for (BoundExpression& each : table_filters_[table]) remap_columns(each, in_source);
      tables_[table].filter = all_of(std::move(table_filters_[table]));
    }
    for (size_t i = names_.layout().size(); i < count; ++i) among_all[i] = next++;
    visit_over_tables([&](BoundExpression& each) { remap_columns(each, among_all); });
    for (BoundJoin& join : joins_)
      for (BoundExpression& key : join.right_keys) remap_columns(key, within_table);
  }

  // Reads the used columns of a query.
  Result<RowsNodePtr> read_source(size_t at) {
    Layout layout;
    for (const ColumnDef& column : tables_[at].result.columns)
      layout.push_back({names_.sources()[at].alias, column.name, column.type});
    if (names_.sources()[at].table)
      return make_node(
          ReadRows{TRY(planning_.add_table(std::move(tables_[at]), names_.sources()[at].position))},
          std::move(layout));
    if (laterals_[at])  // the keys follow all columns
      for (const BoundExpression& key : laterals_[at]->keys) {
        const auto place = static_cast<uint32_t>(layout.size() - tables_[at].result.columns.size());
        tables_[at].columns.push_back(column_expression(key.type, place));
        layout.push_back({"", "", key.type});
      }
    return make_node(ComputeColumns{std::move(rows_[at]), std::move(tables_[at].columns)},
                     std::move(layout));
  }

  // Joins each row with the rows that the LATERAL source returns for this row.
  Result<RowsNodePtr> join_lateral(RowsNodePtr left, BoundJoin& join, size_t source) {
    LateralSource& lateral = *laterals_[source];
    const size_t given = tables_[source].result.columns.size(), keys = lateral.keys.size();
    RowsNodePtr otherwise;
    if (lateral.otherwise) {
      ComputeColumns used{lateral.otherwise, tables_[source].columns};
      Layout layout;
      for (BoundExpression& column : used.columns) {
        column.index -= static_cast<uint32_t>(keys);
        layout.push_back({"", "", column.type});
      }
      otherwise = make_node(std::move(used), std::move(layout));
    }
    RowsNodePtr right = TRY(read_source(source));
    JoinRows step{join.type, std::move(left), right,    std::move(join.left_keys), {},
                  {},        lateral.number,  otherwise};
    for (size_t i = 0; i < keys; ++i)
      step.right_keys.push_back(
          column_expression(right->layout[given + i].type, static_cast<uint32_t>(given + i)));
    Layout layout = step.left->layout;
    layout.insert(layout.end(), right->layout.begin(),
                  right->layout.begin() + static_cast<ptrdiff_t>(given));
    // If the source has `otherwise`, a left row without a partner gets the row of `otherwise` as
    // its partner. The condition also applies to this partner, so it is evaluated after the join.
    const bool is_asked_behind = otherwise && join.condition;
    if (is_asked_behind && join.type == JoinType::Left && !is_true(*join.condition))
      return Error{ErrorCode::NotSupported,
                   "LEFT JOIN LATERAL of an aggregate ON a condition is not supported yet"}
          .at(query_.joins[source - 1].position);
    if (!is_asked_behind) step.condition = std::move(join.condition);
    RowsNodePtr node = make_node(std::move(step), std::move(layout));
    if (is_asked_behind && join.type == JoinType::Inner)
      node = put_on(FilterRows{{}, *std::move(join.condition)}, std::move(node));
    return node;
  }
  static bool is_true_literal(const Expression* condition) {
    const auto* literal = condition->as<BooleanLiteral>();
    return literal && literal->value;
  }
  static bool is_true(const BoundExpression& condition) {
    return condition.kind == BoundKind::Literal && condition.literal == Value::boolean(true);
  }

  RowsNodePtr unnest(RowsNodePtr node, size_t source, JoinType type = JoinType::Inner) {
    Layout layout = node->layout;
    const SelectSource& function = names_.sources()[source];
    layout.insert(layout.end(), function.columns.begin(), function.columns.end());
    return make_node(
        UnnestRows{std::move(node), std::move(arrays_[source]), type == JoinType::Left},
        std::move(layout));
  }

  Result<RowsNodePtr> join_tables() {
    if (tables_.empty()) return make_node(OneRow{}, {});
    RowsNodePtr node =
        arrays_[0].empty() ? TRY(read_source(0)) : unnest(make_node(OneRow{}, {}), 0);
    for (size_t i = 0; i < joins_.size(); ++i) {
      BoundJoin& join = joins_[i];
      if (!arrays_[i + 1].empty()) {
        node = unnest(std::move(node), i + 1, join.type);
        if (join.condition)
          node = put_on(FilterRows{{}, *std::move(join.condition)}, std::move(node));
        continue;
      }
      if (laterals_[i + 1]) {
        node = TRY(join_lateral(std::move(node), join, i + 1));
        continue;
      }
      RowsNodePtr right = TRY(read_source(i + 1));
      Layout layout = node->layout;
      layout.insert(layout.end(), right->layout.begin(), right->layout.end());
      node = make_node(
          JoinRows{join.type, std::move(node), std::move(right), std::move(join.left_keys),
                   std::move(join.right_keys), std::move(join.condition)},
          std::move(layout));
    }
    return node;
  }

  const Query& query_;
  RowsPlanning& planning_;
  const PlanContext& context_;
  const EvalContext& eval_;
  const SelectNames names_;
  std::vector<RowsNodePtr> rows_;
  std::vector<std::vector<BoundExpression>> arrays_;
  // LATERAL sources by the index of the source
  std::vector<std::optional<LateralSource>> laterals_;
  Appended over_;  // columns of the sources, then one for each sub-query
  std::vector<BoundSubquery> subqueries_, subqueries_of_groups_;
  Found found_of_groups_;
  ExpressionPtr where_text_;
  std::vector<std::pair<const Expression*, BoundExpression>> conditions_;  // conjuncts of WHERE
  std::vector<AnalysedItem> items_;
  // The keys of the groups, and the sort keys that are not in the SELECT list. All are in the form
  // of SelectNames::canonical(), so that equal expressions are found.
  ExpressionList group_by_, hidden_;
  size_t written_groups_ = 0;  // number of keys in group_by_ that the query has written
  ExpressionPtr having_text_;
  std::vector<const Expression*> calls_;  // aggregate calls; each different call once
  std::vector<SortKey> order_;
  std::vector<size_t> distinct_on_;  // columns of DISTINCT ON, by index
  std::vector<bool> is_nullable_;    // by source: a join may replace its rows by nulls
  bool is_grouped_ = false;

  // The column numbers in the following expressions refer to all columns of all tables at first, and to the used
  // columns after the unused ones were removed.
  std::vector<BoundJoin> joins_;
  std::optional<BoundExpression> where_, having_;
  std::vector<BoundExpression> group_keys_;
  std::vector<GroupedCall> aggregates_;
  std::vector<std::vector<size_t>> groupings_;
  std::vector<WindowRows> windows_;
  std::vector<BoundExpression> columns_;
  std::vector<std::vector<BoundExpression>> table_filters_;
  ExpressionList key_conditions_;  // by table; null if the table has no such condition
  Appended groups_;                // keys, aggregates, then one column for each sub-query
  Layout group_layout_;            // layout of groups_ without the columns of sub-queries
  std::vector<PullPlan> tables_;
  Schema result_;
};

}  // namespace

namespace {

// Returns whether the expression calls ROW(a, b), int4range(1, 2), div(a, b) or a similar name of PostgreSQL. The
// binder expands such calls, because no function has the name.
bool calls_postgres_alone(const Expression& expression) {
  if (const auto* call = expression.as<FunctionCall>()) {
    const PostgresLabelRow* type = label_named(lower_case(call->name));
    if (call->name == "ROW" || call->name == "DIV" ||
        (type && (is_range(type->label) || is_multirange(type->label))))
      return true;
  }
  return std::ranges::any_of(children(expression),
                             [](const Expression* child) { return calls_postgres_alone(*child); });
}
bool calls_postgres_alone(const Query& query) {
  return (query.where && calls_postgres_alone(*query.where)) ||
         std::ranges::any_of(query.items, [](const SelectItem& item) {
           return item.expression && calls_postgres_alone(*item.expression);
         });
}

}  // namespace

namespace {

// Returns whether the query must process several rows together, so that the rows cannot be processed one by one.
bool groups_or_joins(const Query& query) {
  return query.distinct || !query.joins.empty() || !query.group_by.empty() || query.having ||
         !query.order_by.empty() || query.offset || has_aggregate(query) ||
         (query.limit && !query.limit->is<IntegerLiteral>() && !query.limit->is<BigintLiteral>()) ||
         beyond_dialect(query) || (query.from && calls_sequence(query)) ||
         calls_postgres_alone(query);
}

}  // namespace

bool asks_stream(const Query& query, const PlanContext& context) {
  const DataSource* source =
      query.from && !query.from->query ? find_source(query.from->name, context) : nullptr;
  return source && source->kind == SourceKind::Stream;
}

bool wants_rows_plan(const Query& query) {
  return groups_or_joins(query) || has_row_functions(query);
}

bool is_general_select(const Query& query, const PlanContext& context) {
  if (query.emit != Emit::None || context.settings.ksqldb_compat) return false;
  if (query.from && (find_system_table(*query.from, context) || find_view(*query.from, context)))
    return true;
  if (!asks_stream(query, context)) return wants_rows_plan(query);
  // WITHIN, and functions that return rows (EXPLODE), have their own meaning over streams in the dialect.
  return groups_or_joins(query) && std::ranges::none_of(query.joins, [](const Join& join) {
           return join.within.has_value();
         });
}

namespace {

// Returns whether a source has a column of that name. Also returns true if the columns of a source
// are unknown, because the source cannot be planned separately.
bool reads_column(const Query& query, const Name& name, RowsPlanning& planning) {
  const size_t tables = planning.table_count();
  const auto has_it = [&](const AliasedSource& named) {
    const auto source = source_names(named, planning);
    planning.drop_tables_from(tables);
    return !source || std::ranges::any_of(source->columns, [&](const LayoutColumn& column) {
      return column.name == name.text;
    });
  };
  return (query.from && has_it(*query.from)) ||
         std::ranges::any_of(query.joins, has_it, &Join::source);
}

}  // namespace

namespace {

// For each column that exactly one source has, returns the visible name of this source. Returns an
// empty map if the columns of a source are unknown.
std::map<std::string, std::string> owners_of_columns(const Query& query, RowsPlanning& planning) {
  std::map<std::string, std::string> owners;
  std::set<std::string> shared;
  const size_t tables = planning.table_count();
  const auto add = [&](const AliasedSource& named) {
    const auto source = source_names(named, planning);
    planning.drop_tables_from(tables);
    if (!source) return false;
    for (const LayoutColumn& column : source->columns)
      if (!owners.emplace(column.name, named.visible_name().text).second)
        shared.insert(column.name);
    return true;
  };
  if (!add(*query.from) || !std::ranges::all_of(query.joins, add, &Join::source)) return {};
  for (const std::string& name : shared) owners.erase(name);
  return owners;
}

Layout columns_of(const std::vector<SelectSource>& sources) {
  Layout columns;
  for (const SelectSource& source : sources)
    columns.insert(columns.end(), source.columns.begin(), source.columns.end());
  return columns;
}

}  // namespace

Result<PlannedRows> plan_one_select(const Query& written, RowsPlanning& planning) {
  const auto has_column = [&](const Name& name) { return reads_column(written, name, planning); };
  const std::optional<Query> apart = with_functions_of_outer_joins_apart(written);
  const Query& with_functions_apart = apart ? *apart : written;
  const std::optional<Query> without =
      TRY(take_row_functions_out(with_functions_apart, has_column));
  const Query& with_functions_out = without ? *without : with_functions_apart;
  const std::optional<Query> taken_out = with_aggregates_taken_out(with_functions_out);
  const Query& with_aggregates_out = taken_out ? *taken_out : with_functions_out;
  const std::optional<Query> asked_later = with_subqueries_out_of_joins(with_aggregates_out);
  const Query& with_subqueries_out = asked_later ? *asked_later : with_aggregates_out;
  const std::optional<Query> with_equalities = with_equalities_of_alternatives(with_subqueries_out);
  const Query& as_written = with_equalities ? *with_equalities : with_subqueries_out;
  std::optional<std::map<std::string, std::string>> owners;
  const auto owner_of = [&](const Name& column) -> std::optional<std::string> {
    if (!owners) owners = owners_of_columns(as_written, planning);
    const auto owner = owners->find(column.text);
    return owner == owners->end() ? std::nullopt : std::optional(owner->second);
  };
  const std::optional<Query> reordered = with_better_join_order(as_written, owner_of);
  const Query& query = reordered ? *reordered : as_written;
  std::vector<SelectSource> sources;
  std::vector<RowsNodePtr> rows;
  std::vector<std::vector<BoundExpression>> arrays;
  std::vector<std::optional<LateralSource>> laterals;
  const auto add = [&](const AliasedSource& named) -> Status {
    arrays.emplace_back();
    laterals.emplace_back();
    if (is_row_function(named)) {
      SelectSource source = TRY(row_function_names(named));
      arrays.back() = TRY(bind_row_function(named, sources, source, planning.context()));
      sources.push_back(std::move(source));
      rows.push_back(nullptr);
      return {};
    }
    const size_t tables = planning.table_count();
    Result<PlannedSource> planned = planning.plan_source(named);
    const bool may_look_beyond = named.lateral && named.query && !sources.empty();
    if (!planned && may_look_beyond &&
        (planned.error().code == ErrorCode::UndefinedColumn ||
         planned.error().code == ErrorCode::UndefinedSource)) {
      planning.drop_tables_from(tables);
      auto found = TRY(plan_lateral(named, sources, planning));
      if (!found) return planned.error();
      laterals.back() = std::move(found->lateral);
      planned = std::move(found->planned);
    }
    if (planned && may_look_beyond && names_sources_as_columns(*named.query, columns_of(sources))) {
      planning.drop_tables_from(tables);
      if (auto found = TRY(plan_lateral(named, sources, planning))) {
        laterals.back() = std::move(found->lateral);
        planned = std::move(found->planned);
      } else {
        planned = planning.plan_source(named);
      }
    }
    if (!planned) return planned.error();
    sources.push_back(std::move(planned->source));
    rows.push_back(std::move(planned->rows));
    return {};
  };
  if (query.from) TRY(add(*query.from));
  for (const Join& join : query.joins) TRY(add(join.source));
  SelectNames names = TRY(SelectNames::of(query, std::move(sources), planning.context()));
  return SelectRowsPlanner(query, planning, std::move(names), std::move(rows), std::move(arrays),
                           std::move(laterals))
      .plan();
}

}  // namespace engine
