#include "engine/query/select_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/functions/registry.h"
#include "engine/query/select_names.h"
#include "engine/query/window_bounds.h"

namespace engine {

namespace {

// a AND b AND c as they are written, one by one.
void split(const Expression& condition, std::vector<const Expression*>& out) {
  const auto* logical = condition.as<Logical>();
  if (!logical || logical->op != LogicalOp::And) return out.push_back(&condition);
  split(*logical->left, out);
  split(*logical->right, out);
}

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
    both.children.push_back(std::move(*all));
    both.children.push_back(std::move(each));
    all = std::move(both);
  }
  return all;
}

Result<std::optional<size_t>> read_count(const Expression* count, std::string_view clause,
                                         const PlanContext& context) {
  if (!count) return std::optional<size_t>();
  std::optional<int64_t> number;
  if (const auto* parameter = count->as<Parameter>(); parameter && context.parameters) {
    auto& slots = *context.parameters;
    const auto at = static_cast<size_t>(parameter->index) - 1;
    if (slots.size() <= at) slots.resize(at + 1);
    if (slots[at].type.is_null()) slots[at].type = TypeKind::Bigint;
    const auto kind = slots[at].type.kind();
    if (!slots[at].value) return std::optional<size_t>(0);  // to be described only
    if (slots[at].value->is_null()) return std::optional<size_t>();
    if (kind == TypeKind::Bigint) number = slots[at].value->as_int64();
    if (kind == TypeKind::Integer) number = slots[at].value->as_int32();
  } else if (const auto* integer = count->as<IntegerLiteral>()) {
    number = integer->value;
  } else if (const auto* bigint = count->as<BigintLiteral>()) {
    number = bigint->value;
  }
  if (!number)
    return Error{ErrorCode::InvalidParameter, fmt::format("{} must be a number", clause)}.at(
        count->position);
  if (*number < 0)
    return Error{ErrorCode::InvalidParameter, fmt::format("{} must not be negative", clause)}.at(
        count->position);
  return std::optional<size_t>(static_cast<size_t>(*number));
}

// A number in GROUP BY or ORDER BY means the item at that place.
Result<std::optional<size_t>> ordinal(const Expression& expression, std::string_view clause,
                                      size_t items) {
  const auto* number = expression.as<IntegerLiteral>();
  if (!number) return std::optional<size_t>();
  if (number->value >= 1 && static_cast<size_t>(number->value) <= items)
    return std::optional<size_t>(static_cast<size_t>(number->value) - 1);
  return Error{ErrorCode::InvalidStatement,
               fmt::format("{} position {} is not in the SELECT list", clause, number->value)}
      .at(expression.position);
}

Result<BoundExpression> bind_value(const Expression& expression, const Scope& scope) {
  BoundExpression bound = TRY(bind(expression, scope));
  if (bound.type.is_null()) return cast(std::move(bound), TypeKind::String);
  return bound;
}

class SelectRowsPlanner {
 public:
  SelectRowsPlanner(const Query& query, const PlanContext& context, const EvalContext& eval,
                    SelectNames names)
      : query_(query), context_(context), eval_(eval), names_(std::move(names)) {}

  Result<SelectRowsPlan> plan() {
    TRY(check_sources());
    items_ = TRY(names_.items(query_));
    TRY(read_order());
    TRY(read_groups());
    TRY(bind_joins());
    TRY(bind_where());
    TRY(is_grouped_ ? bind_grouped() : bind_columns(names_.layout(), {}));
    read_only_what_is_used();

    const std::optional<size_t> limit = TRY(read_count(query_.limit.get(), "LIMIT", context_));
    const size_t offset = TRY(read_count(query_.offset.get(), "OFFSET", context_)).value_or(0);
    SelectRowsPlan out;
    RowsNodePtr node = join_tables();
    const bool is_plain =
        tables_.size() == 1 && !where_ && !is_grouped_ && !query_.distinct && order_.empty();
    // A step that gives the columns of the one before it.
    const auto add = [&](auto step) {
      Layout layout = node->layout;
      step.input = std::move(node);
      node = make_node(std::move(step), std::move(layout));
    };
    if (where_) add(FilterRows{{}, *std::move(where_)});
    if (is_grouped_) {
      node = make_node(GroupRows{std::move(node), std::move(group_keys_), std::move(aggregates_)},
                       std::move(groups_));
      if (having_) add(FilterRows{{}, *std::move(having_)});
    }
    Layout computed;
    for (size_t i = 0; i < columns_.size(); ++i)
      computed.push_back({"",
                          i < items_.size() ? items_[i].name : to_sql(*hidden_[i - items_.size()]),
                          columns_[i].type});
    node = make_node(ComputeColumns{std::move(node), std::move(columns_)}, std::move(computed));
    if (query_.distinct) add(DistinctRows{});
    const std::optional<size_t> most =
        limit && *limit <= SIZE_MAX - offset ? std::optional(*limit + offset) : std::nullopt;
    if (!order_.empty()) add(SortRows{{}, std::move(order_), most});
    if (limit || offset > 0) add(CutRows{{}, offset, limit});
    out.root = std::move(node);
    out.result = std::move(result_);
    for (PullPlan& table : tables_) {
      if (is_plain && most && *most < INT64_MAX) table.limit = static_cast<int64_t>(*most);
      out.tables.push_back(std::make_shared<const PullPlan>(std::move(table)));
    }
    return out;
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
    for (const AnalysedSource& source : names_.sources()) {
      if (source.source->kind == SourceKind::Table) continue;
      return Error{ErrorCode::NotSupported,
                   fmt::format("JOIN, GROUP BY, ORDER BY and DISTINCT over stream {} are not "
                               "supported yet without EMIT CHANGES",
                               source.source->name),
                   {},
                   "Make a table of it: CREATE TABLE ... AS SELECT ... GROUP BY ..., and ask that."}
          .at(source.position);
    }
    is_nullable_.resize(names_.sources().size());
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
      // Sources that come later are not to be seen.
      const auto end = static_cast<ptrdiff_t>(names_.first_column(i + 2));
      const Layout seen(names_.layout().begin(), names_.layout().begin() + end);
      BoundJoin bound{join.type, {}, {}, {}};
      std::vector<const Expression*> conjuncts;
      const ExpressionPtr on = TRY(names_.canonical(*join.on, "JOIN ON"));
      split(*on, conjuncts);
      std::vector<BoundExpression> rest;
      Scope scope = names_.scope(seen, "JOIN ON");
      scope.source_names.resize(i + 2);
      for (const Expression* each : conjuncts)
        add_join_condition(*each, TRY(bind_predicate(*each, scope)), i + 1, bound, rest);
      bound.condition = all_of(std::move(rest));
      joins_.push_back(std::move(bound));
    }
    return {};
  }

  // Equalities of the two sides' expressions can be looked up; all other conditions are asked of pairs.
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

  // What concerns one table alone is asked where its rows are, unless a join may make nulls of them.
  Status bind_where() {
    tables_.resize(names_.sources().size());
    table_filters_.resize(tables_.size());
    for (size_t i = 0; i < tables_.size(); ++i)
      tables_[i].table = context_.catalog.sources().at(names_.sources()[i].source->name);
    if (!query_.where) return {};
    const ExpressionPtr where = TRY(names_.canonical(*query_.where, "WHERE"));
    if (contains_aggregate(*where))
      return Error{ErrorCode::GroupingError, "aggregate functions are not allowed in WHERE"}.at(
          where->position);
    const Scope scope = names_.scope(names_.layout(), "WHERE");
    std::vector<const Expression*> conjuncts;
    split(*where, conjuncts);
    std::vector<BoundExpression> rest;
    for (const Expression* each : conjuncts) {
      BoundExpression bound = TRY(bind_predicate(*each, scope));
      const std::vector<uint32_t> columns = referenced_columns({&bound, 1});
      const size_t source = columns.empty() ? 0 : names_.source_of(columns.front());
      const bool is_of_one = !columns.empty() && names_.source_of(columns.back()) == source;
      if (is_of_one && !is_nullable_[source])
        table_filters_[source].push_back(std::move(bound));
      else
        rest.push_back(std::move(bound));
    }
    where_ = all_of(std::move(rest));
    if (tables_.size() > 1) return {};  // all tables as of one moment: none is looked up
    PullPlan& table = tables_.front();
    table.keys = TRY(keys_for(*where, *table.table, scope, eval_));
    if (table.table->window) table.windows = window_bounds(*where, scope, eval_);
    return {};
  }

  // ---- groups

  // GROUP BY may mean an item by its place or, where no column is so called, by its name.
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

  Status read_groups() {
    for (const ExpressionPtr& each : query_.group_by) {
      group_by_.push_back(TRY(grouping(*each)));
      if (contains_aggregate(*group_by_.back()))
        return Error{ErrorCode::GroupingError, "aggregate functions are not allowed in GROUP BY"}
            .at(each->position);
    }
    if (query_.having) having_text_ = TRY(names_.canonical(*query_.having, "HAVING"));
    for (const AnalysedItem& item : items_) list_aggregates(*item.expression);
    for (const ExpressionPtr& each : hidden_) list_aggregates(*each);
    if (having_text_) list_aggregates(*having_text_);
    is_grouped_ = !group_by_.empty() || !calls_.empty() || having_text_;
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
    const Scope over = names_.scope(names_.layout(), "GROUP BY");
    Layout& groups = groups_;
    std::vector<Scope::Substitute> substitutes;
    for (const ExpressionPtr& each : group_by_) {
      BoundExpression key = TRY(bind_value(*each, over));
      substitutes.push_back({each.get(), static_cast<uint32_t>(groups.size())});
      const auto* column = each->as<ColumnRef>();
      groups.push_back({column ? column->source->text : "",
                        column ? column->name.text : to_sql(*each), key.type});
      group_keys_.push_back(std::move(key));
    }
    for (const Expression* call : calls_) {
      BoundAggregate bound =
          TRY(bind_aggregate(*call->as<FunctionCall>(), call->position,
                             names_.scope(names_.layout(), "SELECT"), context_.properties));
      substitutes.push_back({call, static_cast<uint32_t>(groups.size())});
      groups.push_back({"", to_sql(*call), bound.instance.result_type});
      aggregates_.push_back(std::move(bound));
    }
    const auto check = [&](const ExpressionPtr& each) { return check_grouped(*each, substitutes); };
    for (const AnalysedItem& item : items_) TRY(check(item.expression));
    for (const ExpressionPtr& each : hidden_) TRY(check(each));
    if (having_text_) {
      TRY(check(having_text_));
      Scope scope = names_.scope(groups, "HAVING");
      scope.substitutes = substitutes;
      having_ = TRY(bind_predicate(*having_text_, scope));
    }
    return bind_columns(groups, std::move(substitutes));
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
    for (const Expression* child : children(expression)) TRY(check_grouped(*child, substitutes));
    return {};
  }

  // ---- result columns and their order

  Status read_order() {
    for (const OrderItem& each : query_.order_by) {
      const bool nulls_first =
          each.nulls == NullsOrder::Default ? each.descending : each.nulls == NullsOrder::First;
      order_.push_back({TRY(sorted_column(*each.expression)), each.descending, nulls_first});
    }
    return {};
  }

  Result<size_t> sorted_column(const Expression& expression) {
    if (const auto place = TRY(ordinal(expression, "ORDER BY", items_.size()))) return *place;
    if (const auto* column = expression.as<ColumnRef>(); column && !column->source) {
      std::optional<size_t> found;
      for (size_t i = 0; i < items_.size(); ++i) {
        if (items_[i].name != column->name.text) continue;
        if (found && !equals(*items_[*found].expression, *items_[i].expression))
          return Error{ErrorCode::AmbiguousColumn,
                       fmt::format("ORDER BY \"{}\" is ambiguous", shown(column->name))}
              .at(expression.position);
        found = found.value_or(i);
      }
      if (found) return *found;
    }
    ExpressionPtr canonical = TRY(names_.canonical(expression, "ORDER BY"));
    for (size_t i = 0; i < items_.size(); ++i)
      if (equals(*items_[i].expression, *canonical)) return i;
    if (query_.distinct)
      return Error{ErrorCode::InvalidStatement,
                   "for SELECT DISTINCT, ORDER BY expressions must appear in the SELECT list"}
          .at(expression.position);
    hidden_.push_back(std::move(canonical));
    return items_.size() + hidden_.size() - 1;
  }

  Status bind_columns(const Layout& layout, std::vector<Scope::Substitute> substitutes) {
    Scope scope = names_.scope(layout, "SELECT");
    scope.substitutes = std::move(substitutes);
    for (const AnalysedItem& item : items_) {
      columns_.push_back(TRY(bind_value(*item.expression, scope)));
      result_.columns.push_back({item.name, columns_.back().type});
    }
    for (const ExpressionPtr& each : hidden_) columns_.push_back(TRY(bind_value(*each, scope)));
    for (const SortKey& key : order_)
      if (columns_[key.column].type.is_nested())
        return Error{ErrorCode::TypeMismatch,
                     fmt::format("{} has no order", columns_[key.column].type.to_string())}
            .at(query_.positions.order_by.value_or(query_.position));
    return {};
  }

  // ---- what is read of the tables

  template <class Visit>
  void visit_over_tables(const Visit& visit) {
    for (BoundJoin& join : joins_) {
      for (BoundExpression& key : join.left_keys) visit(key);
      if (join.condition) visit(*join.condition);
    }
    if (where_) visit(*where_);
    for (BoundExpression& key : group_keys_) visit(key);
    for (BoundAggregate& each : aggregates_)
      for (BoundExpression& argument : each.arguments) visit(argument);
    if (!is_grouped_)
      for (BoundExpression& column : columns_) visit(column);
  }

  void read_only_what_is_used() {
    const size_t count = names_.layout().size();
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
        in_source[i] = static_cast<uint32_t>(i - first);
        if (!used[i]) continue;
        const SqlType& type = names_.layout()[i].type;
        among_all[i] = next++;
        within_table[i] = static_cast<uint32_t>(tables_[table].columns.size());
        tables_[table].columns.push_back(column_expression(type, in_source[i]));
        tables_[table].result.columns.push_back({names_.layout()[i].name, type});
      }
      for (BoundExpression& each : table_filters_[table]) remap_columns(each, in_source);
      tables_[table].filter = all_of(std::move(table_filters_[table]));
    }
    visit_over_tables([&](BoundExpression& each) { remap_columns(each, among_all); });
    for (BoundJoin& join : joins_)
      for (BoundExpression& key : join.right_keys) remap_columns(key, within_table);
  }

  RowsNodePtr read_table(size_t table) const {
    Layout layout;
    for (const ColumnDef& column : tables_[table].result.columns)
      layout.push_back({names_.sources()[table].alias, column.name, column.type});
    return make_node(ReadRows{table}, std::move(layout));
  }

  RowsNodePtr join_tables() {
    RowsNodePtr node = read_table(0);
    for (size_t i = 0; i < joins_.size(); ++i) {
      BoundJoin& join = joins_[i];
      RowsNodePtr right = read_table(i + 1);
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
  const PlanContext& context_;
  const EvalContext& eval_;
  const SelectNames names_;
  std::vector<AnalysedItem> items_;
  ExpressionList group_by_, hidden_;  // canonical; what is only sorted by
  ExpressionPtr having_text_;
  std::vector<const Expression*> calls_;  // of aggregates, each once
  std::vector<SortKey> order_;
  std::vector<bool> is_nullable_;  // by source
  bool is_grouped_ = false;

  // Over all columns of all tables, later over those that are read
  std::vector<BoundJoin> joins_;
  std::optional<BoundExpression> where_, having_;
  std::vector<BoundExpression> group_keys_;
  std::vector<BoundAggregate> aggregates_;
  std::vector<BoundExpression> columns_;
  std::vector<std::vector<BoundExpression>> table_filters_;
  Layout groups_;
  std::vector<PullPlan> tables_;
  Schema result_;
};

bool any_aggregate(const Query& query) {
  return std::ranges::any_of(query.items, [](const SelectItem& item) {
    return item.expression && contains_aggregate(*item.expression);
  });
}

}  // namespace

bool wants_rows_plan(const Query& query) {
  return query.distinct || !query.joins.empty() || !query.group_by.empty() || query.having ||
         !query.order_by.empty() || query.offset || any_aggregate(query) ||
         (query.limit && query.limit->is<Parameter>());
}

Result<SelectRowsPlan> plan_select_rows(const Query& query, const PlanContext& context,
                                        const EvalContext& eval) {
  SelectNames names = TRY(SelectNames::of(query, context));
  return SelectRowsPlanner(query, context, eval, std::move(names)).plan();
}

}  // namespace engine
