#include "engine/plan/join_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/plan/join_analysis.h"
#include "engine/plan/join_check.h"

namespace engine {

namespace {

// Of a key that is no column: cannot be meant by a name, since names in joins are qualified.
constexpr std::string_view kJoinKey = "KSQL_JOIN_KEY";

Error invalid(std::string message) {
  return Error{ErrorCode::InvalidStatement, std::move(message)};
}

// Whether the times of its records were taken from what they tell, here or where they came from.
bool has_time_from_data(const DataSource& source, const Catalog& catalog,
                        std::set<std::string>& seen) {
  if (source.timestamp) return true;
  if (!seen.insert(source.name).second) return false;
  for (const std::string& id : catalog.writers_of(source.name)) {
    for (const std::string& name : catalog.find_query(id)->sources) {
      const DataSource* from = catalog.find_source(name);
      if (from && has_time_from_data(*from, catalog, seen)) return true;
    }
  }
  return false;
}

class JoinPlanner {
 public:
  JoinPlanner(const Analysis& analysis, const SelectTarget& target, const PlanContext& context,
              StageBuilder& builder)
      : analysis_(analysis), target_(target), context_(context), builder_(builder) {}

  Result<PlannedJoins> plan() {
    const AnalysedSource& first = analysis_.sources.front();
    builder_.add(read_topic(*first.source), input_layout(*first.source, first.alias));
    partitions_ = partitions_of(*first.source);
    key_format_ = first.source->key_format;
    rows_are_table_ = first.source->kind == SourceKind::Table;
    for (size_t i = 0; i < analysis_.joins.size(); ++i) TRY(add_join(i));
    if (planned_.support) planned_.key_column = key_column_;
    if (!planned_.support && !is_key_a_column()) return planned_.support.error();
    return std::move(planned_);
  }

 private:
  const AnalysedSource& source(size_t index) const { return analysis_.sources[index]; }

  Status add_join(size_t index) {
    const AnalysedJoin& join = analysis_.joins[index];
    TRY(check_join(join, analysis_, rows_are_table_, context_));
    const bool joins_table = source(join.right).source->kind == SourceKind::Table;
    if (rows_are_table_ || !joins_table) {
      leave_out(join);
      return {};
    }
    TRY(key_rows(index));
    add_look_up(index);
    return {};
  }

  // Otherwise the key is a column that ksqlDB makes up, which belongs to the joins that are not
  // built.
  bool is_key_a_column() const {
    const auto is_full = [](const AnalysedJoin& join) { return join.type == JoinType::Full; };
    const auto keys = equal_to_join_key(analysis_.joins, analysis_.joins.size());
    return std::ranges::none_of(analysis_.joins, is_full) &&
           std::ranges::any_of(keys, [](const Expression* key) { return key->is<ColumnRef>(); });
  }

  // The plan is not going to run: what follows only asks for its columns.
  void leave_out(const AnalysedJoin& join) {
    if (planned_.support)
      planned_.support =
          Error{ErrorCode::NotSupported, fmt::format("a join of two {} is not supported yet",
                                                     rows_are_table_ ? "tables" : "streams")}
              .at(join.position);
    const AnalysedSource& right = source(join.right);
    const Layout added = input_layout(*right.source, right.alias);
    Layout& layout = builder_.stage().nodes.back().layout;
    layout.insert(layout.end(), added.begin(), added.end());
  }

  // Brings the rows under the key of the join, and to the table's rows with that key.
  Status key_rows(size_t index) {
    const AnalysedJoin& join = analysis_.joins[index];
    const DataSource& table = *source(join.right).source;
    const bool is_keyed = find_key(index);
    // The same key has other bytes in another format, and so may lie in another partition.
    const bool must_move = is_persistent() && !(is_keyed && key_format_ == table.key_format);
    if (!is_keyed || must_move) TRY(bring_key_to_front(index));
    if (!must_move) return is_persistent() ? check_partitions(join) : Status{};
    ExchangePlan exchange;
    exchange.topic = internal_topic(target_.query_id, context_.properties,
                                    fmt::format("{}Join-repartition", left_of(index)));
    exchange.key_format = table.key_format;
    exchange.value_format = source(0).source->value_format;
    exchange.partitions = partitions_of(table);
    const Layout& layout = builder_.layout();
    for (size_t i = 0; i < layout.size(); ++i)
      exchange.schema.columns.push_back(
          {layout[i].source.empty() ? layout[i].name : layout[i].source + "_" + layout[i].name,
           layout[i].type, i == 0 ? ColumnRole::Key : ColumnRole::Value});
    builder_.cut(std::move(exchange), SourceKind::Stream);
    key_format_ = table.key_format;
    partitions_ = partitions_of(table);
    return {};
  }

  // A topic may have got more of them since its source was declared.
  int partitions_of(const DataSource& source) const {
    const auto topic = context_.topics.find(source.topic);
    return topic ? topic->partitions : source.partitions;
  }

  bool is_persistent() const { return target_.use == QueryUse::Persistent; }

  // Whether the rows are keyed by the join's expression already. Sets key_column_ if they are, or
  // if the expression is a column and nobody cares in which partition the rows lie.
  bool find_key(size_t index) {
    const Expression& wanted = *analysis_.joins[index].left_key;
    if (index > 0 && contains(equal_to_join_key(analysis_.joins, index), wanted)) return true;
    const Layout& layout = builder_.layout();
    const auto found = std::ranges::find_if(layout, [&](const LayoutColumn& column) {
      return is_reference(wanted, column.source, column.name);
    });
    key_column_ = found == layout.end() ? -1 : static_cast<int>(found - layout.begin());
    if (!is_persistent()) return key_column_ >= 0;
    return index == 0 && is_key_of(wanted, source(0)) && !source(0).source->window;
  }

  // ksqlDB's prefix of the steps of a join that is the left side of others.
  std::string left_of(size_t index) const {
    std::string prefix;
    for (size_t i = index + 1; i < analysis_.joins.size(); ++i) prefix += "L_";
    return prefix;
  }

  Status check_partitions(const AnalysedJoin& join) const {
    const DataSource &left = *source(join.left).source, &table = *source(join.right).source;
    const int wanted = partitions_of(table);
    if (partitions_ == wanted) return {};
    return invalid(fmt::format("Can't join `{0}` with `{1}` since the number of partitions don't "
                               "match. `{0}` partitions = {2}; `{1}` partitions = {3}. Please "
                               "repartition either one so that the number of partitions match.",
                               left.name, table.name, partitions_, wanted))
        .at(join.position)
        .with_hint(fmt::format("CREATE STREAM ... WITH (PARTITIONS = {}) AS SELECT * FROM {} makes "
                               "a copy of the stream that fits.",
                               wanted, left.name));
  }

  // A projection: the key, then those columns that the rest of the query looks at.
  Status bring_key_to_front(size_t index) {
    const Layout layout = builder_.layout();
    ProjectStep step;
    Layout result;
    if (key_column_ >= 0) {
      const LayoutColumn& key = layout[static_cast<size_t>(key_column_)];
      step.columns.push_back(column_expression(key.type, static_cast<uint32_t>(key_column_)));
      result.push_back(key);
    } else {
      const Scope scope = make_scope(layout, "JOIN ON", analysis_, context_);
      step.columns.push_back(TRY(bind(*analysis_.joins[index].left_key, scope)));
      result.push_back({"", std::string(kJoinKey), step.columns.front().type});
    }
    step.is_key.push_back(true);
    const std::vector<bool> used = used_after(index, layout);
    for (size_t i = 0; i < layout.size(); ++i) {
      if (!used[i] || static_cast<int>(i) == key_column_) continue;
      step.columns.push_back(column_expression(layout[i].type, static_cast<uint32_t>(i)));
      step.is_key.push_back(false);
      result.push_back(layout[i]);
    }
    builder_.add(std::move(step), std::move(result));
    key_column_ = 0;
    return {};
  }

  std::vector<bool> used_after(size_t index, const Layout& layout) const {
    std::vector<bool> used(layout.size(), false);
    const auto mark = [&](const ExpressionPtr& expression) {
      if (expression) mark_used(*expression, layout, used);
    };
    for (size_t i = index + 1; i < analysis_.joins.size(); ++i) mark(analysis_.joins[i].left_key);
    for (const AnalysedItem& item : analysis_.items) mark(item.expression);
    std::ranges::for_each(analysis_.group_by, mark);
    std::ranges::for_each(analysis_.partition_by, mark);
    mark(analysis_.where);
    mark(analysis_.having);
    return used;
  }

  void add_look_up(size_t index) {
    const AnalysedJoin& join = analysis_.joins[index];
    const AnalysedSource& table = source(join.right);
    const int rows = builder_.last_node();
    Layout both = builder_.layout();
    InputStep input = read_topic(*table.source);
    input.is_joined = true;
    input.is_read_first = is_read_first(*table.source);
    input.store = builder_.add_store(StoreKind::Rows,
                                     fmt::format("KafkaTopic_{}Right-Reduce", left_of(index)));
    StreamTableJoinStep step{.type = join.type,
                             .stream_key = key_column_,
                             .store = input.store,
                             .key_format = table.source->key_format};
    builder_.add_node(std::move(input), {}, input_layout(*table.source, table.alias));
    const int kept = builder_.last_node();
    both.insert(both.end(), builder_.layout().begin(), builder_.layout().end());
    builder_.add_node(std::move(step), {rows, kept}, std::move(both));
  }

  // Two clocks that cannot be compared: the table tells when its rows arrived, the stream when
  // things happened.
  bool is_read_first(const DataSource& table) const {
    const auto wish = context_.properties.find("join.table.bootstrap");
    if (wish != context_.properties.end()) return wish->second == "true";
    if (context_.settings.ksqldb_compat) return false;
    std::set<std::string> seen, seen_of_table;
    return !has_time_from_data(table, context_.catalog, seen_of_table) &&
           has_time_from_data(*source(0).source, context_.catalog, seen);
  }

  const Analysis& analysis_;
  const SelectTarget& target_;
  const PlanContext& context_;
  StageBuilder& builder_;
  PlannedJoins planned_;
  bool rows_are_table_ = false;
  // How the rows of the last node are keyed, and in how many partitions they lie.
  int key_column_ = -1;
  FormatSpec key_format_;
  int partitions_ = 1;
};

}  // namespace

Result<PlannedJoins> plan_joins(const Analysis& analysis, const SelectTarget& target,
                                const PlanContext& context, StageBuilder& builder) {
  return JoinPlanner(analysis, target, context, builder).plan();
}

}  // namespace engine
