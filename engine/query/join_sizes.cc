#include "engine/query/join_sizes.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "engine/plan/rows_inputs.h"
#include "engine/query/rows_recursion.h"
#include "engine/query/rows_steps.h"
#include "engine/query/scan_restrictions.h"

namespace engine {

namespace {

// Assumed share of the rows that pass a condition, if no statistics help to estimate it. System R uses the same value.
constexpr double kPassing = 1.0 / 3;
// Assumed number of rows that a function returns for each input row, if nothing is known.
constexpr double kRowsOfArray = 10;
constexpr size_t kSampledRows = 2'048;
// Limit for the sources of a chain whose order is chosen. A longer chain keeps its written order,
// so that planning takes little time.
constexpr size_t kMostSources = 16;

size_t count_rows(const RowsChunks& chunks) {
  size_t rows = 0;
  for (const RowsChunk& chunk : chunks) rows += chunk.rows;
  return rows;
}

// Estimates the number of distinct values of a column from a sample of rows at equal distances. The
// more values occur only once in the sample, the more values the sample is assumed to miss (Haas
// and others, VLDB 1995: the estimator Duj1).
double distinct_values(const RowsChunks& chunks, size_t column) {
  const size_t rows = count_rows(chunks);
  const size_t distance = std::max<size_t>(1, rows / kSampledRows);
  absl::flat_hash_map<std::string, size_t> seen;
  double sampled = 0;
  size_t next = 0;  // next row within the chunk
  for (const RowsChunk& chunk : chunks) {
    RowKeys keys({chunk.columns[column]});
    for (; next < chunk.rows; next += distance) {
      if (keys.has_null(next)) continue;
      ++seen[std::string(keys.bytes(next))];
      ++sampled;
    }
    next -= chunk.rows;
  }
  if (sampled == 0) return 1;
  double once = 0;
  for (const auto& [value, times] : seen) once += times == 1 ? 1 : 0;
  const auto found = static_cast<double>(seen.size());
  const double left_out = 1 - sampled / static_cast<double>(rows);
  return std::clamp(found / std::max(1e-9, 1 - left_out * once / sampled), 1.0,
                    static_cast<double>(rows));
}

// Estimates the rows of steps and the distinct values of their columns.
class Sizes {
 public:
  explicit Sizes(const std::vector<RowsChunks>& tables) : tables_(tables) {}

  double rows(const RowsNode& node) {
    return once(rows_, node, [&] { return rows_of(node); });
  }
  // Returns whether the number of rows can be estimated from the tables. Rows of system tables and recursions cannot.
  bool are_known(const RowsNode& node) {
    return once(are_known_, node, [&] { return are_known_of(node); });
  }

  // Returns the number of distinct values of a column, or of an expression of one column.
  double distinct(const RowsNode& node, const BoundExpression& value) {
    const std::vector<uint32_t> columns = referenced_columns({&value, 1});
    return columns.size() == 1 ? distinct(node, columns.front()) : rows(node);
  }

 private:
  // Computes the result for a shared node only once. A query in WITH may read the previous query
  // twice; without this, the number of computations would double with each query. An address
  // identifies a node here, because the plan keeps all shared nodes alive.
  template <class T, class Compute>
  static T once(std::map<const RowsNode*, T>& known, const RowsNode& node, const Compute& compute) {
    if (!node.is_shared) return compute();
    if (const auto found = known.find(&node); found != known.end()) return found->second;
    return known[&node] = compute();
  }
  double rows_of(const RowsNode& node) {
    if (const auto* read = std::get_if<ReadRows>(&node.step))
      return static_cast<double>(count_rows(tables_[read->table]));
    if (const auto* filter = std::get_if<FilterRows>(&node.step))
      return rows(*filter->input) * kPassing;
    if (const auto* computed = std::get_if<ComputeColumns>(&node.step))
      return rows(*computed->input);
    if (const auto* appended = std::get_if<AppendSubquery>(&node.step))
      return rows(*appended->input);
    if (const auto* distinct = std::get_if<DistinctRows>(&node.step)) return rows(*distinct->input);
    if (const auto* group = std::get_if<GroupRows>(&node.step))
      return group->keys.empty() ? 1 : rows(*group->input) * kPassing;
    if (const auto* cut = std::get_if<CutRows>(&node.step))
      return std::min(rows(*cut->input), cut->most ? static_cast<double>(*cut->most)
                                                   : std::numeric_limits<double>::max());
    if (const auto* sort = std::get_if<SortRows>(&node.step)) return rows(*sort->input);
    if (const auto* join = std::get_if<JoinRows>(&node.step))
      return std::max(rows(*join->left), rows(*join->right));
    if (const auto* written = std::get_if<WrittenRows>(&node.step))
      return static_cast<double>(written->rows.size());
    if (const auto* both = std::get_if<CombineRows>(&node.step))
      return rows(*both->left) + rows(*both->right);
    if (const auto* window = std::get_if<WindowRows>(&node.step)) return rows(*window->input);
    if (const auto* arrays = std::get_if<UnnestRows>(&node.step))
      return rows(*arrays->input) * kRowsOfArray;
    return std::holds_alternative<OneRow>(node.step) ? 1 : 0;
  }
  bool are_known_of(const RowsNode& node) {
    if (std::holds_alternative<ReadSystemTable>(node.step) ||
        std::holds_alternative<OuterRows>(node.step) ||
        std::holds_alternative<RecursiveRows>(node.step))
      return false;
    bool are_all_known = true;
    for_each_input(node, [&](const RowsNodePtr& input) {
      are_all_known = are_all_known && are_known(*input);
    });
    return are_all_known;
  }
  double distinct(const RowsNode& node, uint32_t column) {
    if (const auto* read = std::get_if<ReadRows>(&node.step)) {
      const auto [known, is_new] = known_.try_emplace({read->table, column});
      if (is_new) known->second = distinct_values(tables_[read->table], column);
      return known->second;
    }
    double found = rows(node);
    if (const auto* filter = std::get_if<FilterRows>(&node.step))
      found = std::min(found, distinct(*filter->input, column));
    const auto* computed = std::get_if<ComputeColumns>(&node.step);
    if (computed) found = std::min(found, distinct(*computed->input, computed->columns[column]));
    return std::max(found, 1.0);
  }

  const std::vector<RowsChunks>& tables_;
  // number of distinct values, by table and column
  std::map<std::pair<size_t, uint32_t>, double> known_;
  std::map<const RowsNode*, double> rows_;
  std::map<const RowsNode*, bool> are_known_;
};

// Sources joined by inner joins, one after the other. All columns are numbered in the written order of the sources.
class JoinChain {
 public:
  // `top` is the last join; the sources before it are reached by its left side.
  static std::optional<JoinChain> of(const RowsNode& top) {
    JoinChain chain;
    if (!chain.add(top) || chain.sources_.size() < 3 || chain.sources_.size() > kMostSources)
      return std::nullopt;
    return chain;
  }

  // Returns the node if it is an inner join that may be reordered with the joins next to it;
  // otherwise null.
  static const RowsNode* chained(const RowsNode& node) {
    const auto* join = std::get_if<JoinRows>(&node.step);
    const bool is_free = join && !node.is_shared && join->type == JoinType::Inner && !join->outer &&
                         !join->otherwise;
    return is_free ? &node : nullptr;
  }

  std::vector<RowsNodePtr>& sources() { return sources_; }

  // Returns a better order of the sources; nullopt if the written one is good enough.
  std::optional<std::vector<size_t>> better_order(Sizes& sizes) const {
    const std::vector<Facts> facts = facts_of(sizes);
    std::vector<size_t> written(sources_.size());
    std::iota(written.begin(), written.end(), size_t{0});
    const double before = cost_of(written, facts);
    std::vector<size_t> best = written;
    double least = before;
    for (size_t first = 0; first < sources_.size(); ++first) {
      std::vector<size_t> order = greedy(first, facts);
      const double cost = cost_of(order, facts);
      if (cost >= least) continue;
      least = cost;
      best = std::move(order);
    }
    if (before - least < static_cast<double>(kRowsOfChunk)) return std::nullopt;
    return best;
  }

  // Returns the joins in this order. The output has the columns in the order in which the statement
  // lists the sources.
  RowsNodePtr joined(const std::vector<size_t>& order) const {
    // for each column, numbered in the order of the statement: its position in the output of the joins
    std::vector<uint32_t> place(first_column_.back());
    uint32_t width = 0;
    std::vector<bool> is_joined(sources_.size());
    std::vector<bool> is_used(conditions_.size());
    RowsNodePtr node;
    for (const size_t source : order) {
      const uint32_t before = width;
      for (uint32_t i = first_column_[source]; i < first_column_[source + 1]; ++i)
        place[i] = width++;
      JoinRows step{JoinType::Inner, node, sources_[source], {}, {}, std::nullopt};
      std::vector<uint32_t> within(place.size());
      for (uint32_t i = first_column_[source]; i < first_column_[source + 1]; ++i)
        within[i] = place[i] - before;
      for (const Equality& each : equalities_) {
        const bool is_turned = each.sources[0] == source;
        if (each.sources[is_turned ? 0 : 1] != source ||
            !is_joined[each.sources[is_turned ? 1 : 0]])
          continue;
        BoundExpression left = each.sides[is_turned ? 1 : 0], right = each.sides[is_turned ? 0 : 1];
        remap_columns(left, place);
        remap_columns(right, within);
        step.left_keys.push_back(std::move(left));
        step.right_keys.push_back(std::move(right));
      }
      is_joined[source] = true;
      if (!node) {
        node = sources_[source];
        continue;
      }
      for (size_t i = 0; i < conditions_.size(); ++i) {
        if (is_used[i] || !are_all(conditions_[i].sources, is_joined)) continue;
        is_used[i] = true;
        BoundExpression condition = conditions_[i].bound;
        remap_columns(condition, place);
        add_condition(step.condition, std::move(condition));
      }
      Layout layout = node->layout;
      layout.insert(layout.end(), sources_[source]->layout.begin(), sources_[source]->layout.end());
      node = make_node(std::move(step), std::move(layout));
    }
    ComputeColumns as_written{node, {}};
    Layout layout;
    for (const uint32_t column : place) {
      layout.push_back(node->layout[column]);
      as_written.columns.push_back(column_expression(layout.back().type, column));
    }
    return make_node(std::move(as_written), std::move(layout));
  }

 private:
  struct Equality {
    BoundExpression sides[2];
    size_t sources[2];
  };
  struct Condition {
    BoundExpression bound;
    std::vector<size_t> sources;
  };
  // Sizes of a source of the chain.
  struct Facts {
    double rows;
    std::vector<double>
        // for each equality: number of distinct values on the side of the source; 0 if the equality is between
        // other sources
        distinct;
  };

  // Adds the sources and conditions up to this step. Returns false if the order of the joins must remain.
  bool add(const RowsNode& node) {
    const auto& step = std::get<JoinRows>(node.step);
    if (const auto* before = chained(*step.left)) {
      if (!add(*before)) return false;
    } else {
      add_source(step.left);
    }
    const uint32_t first = first_column_.back();
    add_source(step.right);
    std::vector<uint32_t> shifted(step.right->layout.size());
    std::iota(shifted.begin(), shifted.end(), first);
    for (size_t i = 0; i < step.left_keys.size(); ++i) {
      BoundExpression right = step.right_keys[i];
      remap_columns(right, shifted);
      const std::vector<size_t> left_sources = sources_of(step.left_keys[i]);
      if (left_sources.size() != 1 || !is_safe_anywhere(step.left_keys[i]) ||
          !is_safe_anywhere(right))
        return false;
      equalities_.push_back(
          {{step.left_keys[i], std::move(right)}, {left_sources.front(), sources_.size() - 1}});
    }
    return !step.condition || add_conditions(*step.condition);
  }
  bool add_conditions(const BoundExpression& condition) {
    if (condition.kind == BoundKind::And)
      return std::ranges::all_of(condition.children, [this](const BoundExpression& child) {
        return add_conditions(child);
      });
    std::vector<size_t> sources = sources_of(condition);
    if (sources.empty() || !is_safe_anywhere(condition)) return false;
    conditions_.push_back({condition, std::move(sources)});
    return true;
  }
  void add_source(const RowsNodePtr& source) {
    sources_.push_back(source);
    first_column_.push_back(first_column_.back() + static_cast<uint32_t>(source->layout.size()));
  }
  std::vector<size_t> sources_of(const BoundExpression& expression) const {
    std::vector<size_t> found;
    for (const uint32_t column : referenced_columns({&expression, 1})) {
      const auto end = std::ranges::upper_bound(first_column_, column);
      const auto source = static_cast<size_t>(end - first_column_.begin()) - 1;
      if (found.empty() || found.back() != source) found.push_back(source);
    }
    return found;
  }
  static bool are_all(const std::vector<size_t>& sources, const std::vector<bool>& of) {
    return std::ranges::all_of(sources, [&](size_t each) { return of[each]; });
  }
  static void add_condition(std::optional<BoundExpression>& to, BoundExpression condition) {
    if (!to) {
      to = std::move(condition);
      return;
    }
    BoundExpression both;
    both.kind = BoundKind::And;
    both.type = TypeKind::Boolean;
    both.knows_unknown = true;
    both.children.push_back(*std::move(to));
    both.children.push_back(std::move(condition));
    to = std::move(both);
  }

  std::vector<Facts> facts_of(Sizes& sizes) const {
    std::vector<Facts> facts;
    for (size_t source = 0; source < sources_.size(); ++source) {
      Facts& its = facts.emplace_back(Facts{sizes.rows(*sources_[source]), {}});
      std::vector<uint32_t> within(first_column_.back());
      for (uint32_t i = first_column_[source]; i < first_column_[source + 1]; ++i)
        within[i] = i - first_column_[source];
      for (const Equality& each : equalities_) {
        its.distinct.push_back(0);
        for (const size_t side : {size_t{0}, size_t{1}}) {
          if (each.sources[side] != source) continue;
          BoundExpression value = each.sides[side];
          remap_columns(value, within);
          its.distinct.back() = sizes.distinct(*sources_[source], value);
        }
      }
    }
    return facts;
  }

  // Estimates the number of rows after joining `source` with `rows` rows of the sources that are
  // joined already (`is_joined`).
  double rows_with(size_t source, double rows, const std::vector<bool>& is_joined,
                   const std::vector<Facts>& facts) const {
    double left = 1, right = 1;  // number of distinct keys on both sides
    size_t keys = 0;
    for (size_t i = 0; i < equalities_.size(); ++i) {
      const auto& [a, b] = equalities_[i].sources;
      if ((a != source && b != source) || !is_joined[a == source ? b : a]) continue;
      ++keys;
      left *= facts[a == source ? b : a].distinct[i];
      right *= facts[source].distinct[i];
    }
    left = std::max(1.0, std::min(left, rows));
    right = std::max(1.0, std::min(right, facts[source].rows));
    double made = rows * facts[source].rows;
    // If the join has several keys, they usually form a foreign key. Then there are fewer
    // combinations of them than the product of their distinct values, so the larger of the possible
    // results is used.
    if (keys > 0) made /= keys == 1 ? std::max(left, right) : std::min(left, right);
    for (const Condition& each : conditions_) {
      const bool is_new = std::ranges::find(each.sources, source) != each.sources.end();
      const bool are_there = std::ranges::all_of(
          each.sources, [&](size_t of) { return of == source || is_joined[of]; });
      if (is_new && are_there) made *= kPassing;
    }
    return made;
  }
  double cost_of(const std::vector<size_t>& order, const std::vector<Facts>& facts) const {
    std::vector<bool> is_joined(sources_.size());
    is_joined[order.front()] = true;
    double rows = facts[order.front()].rows, cost = 0;
    for (size_t i = 1; i < order.size(); ++i) {
      rows = rows_with(order[i], rows, is_joined, facts);
      is_joined[order[i]] = true;
      cost += rows;
    }
    return cost;
  }
  // Returns the order that begins with a source and continues with the source that gives the fewest rows.
  std::vector<size_t> greedy(size_t first, const std::vector<Facts>& facts) const {
    std::vector<size_t> order{first};
    std::vector<bool> is_joined(sources_.size());
    is_joined[first] = true;
    double rows = facts[first].rows;
    while (order.size() < sources_.size()) {
      size_t best = 0;
      double least = std::numeric_limits<double>::infinity();
      for (size_t i = 0; i < sources_.size(); ++i) {
        if (is_joined[i]) continue;
        const double made = rows_with(i, rows, is_joined, facts);
        if (made >= least) continue;
        least = made;
        best = i;
      }
      if (is_joined[best])
        best = static_cast<size_t>(std::ranges::find(is_joined, false) - is_joined.begin());
      order.push_back(best);
      is_joined[best] = true;
      rows = least;
    }
    return order;
  }

  std::vector<RowsNodePtr> sources_;
  // first column of each source, followed by the number of all columns
  std::vector<uint32_t> first_column_{0};
  std::vector<Equality> equalities_;
  std::vector<Condition> conditions_;
};

// Returns whether the filter lets only those rows pass for which the column is true.
bool asks_for(const BoundExpression& condition, uint32_t column) {
  if (condition.kind == BoundKind::And)
    return std::ranges::any_of(condition.children, [column](const BoundExpression& child) {
      return asks_for(child, column);
    });
  return as_column(condition) == column;
}

// Returns the join that keeps the rows for which the sub-query is true, if it is an IN or EXISTS over joined rows;
// otherwise null. Each row has at most one partner, so the join adds only the columns of the keys.
RowsNodePtr semi_join_of(const AppendSubquery& step) {
  const bool is_in = step.kind == SubqueryKind::In && !step.negated && step.keys.empty() &&
                     step.op == ComparisonOp::Equal && step.value;
  const bool is_exists = step.kind == SubqueryKind::Exists && !step.keys.empty();
  if ((!is_in && !is_exists) || step.outer || !JoinChain::chained(*step.input)) return nullptr;
  JoinRows join{JoinType::Inner, step.input, nullptr, {}, {}, std::nullopt};
  if (is_in)
    join.left_keys.push_back(*step.value);
  else
    join.left_keys = step.keys;
  ComputeColumns keys{step.rows, {}};
  Layout layout, joined = step.input->layout;
  for (uint32_t i = 0; i < join.left_keys.size(); ++i) {
    const SqlType& type = step.rows->layout[i].type;
    if (!(type == join.left_keys[i].type) || type.is_nested()) return nullptr;
    keys.columns.push_back(column_expression(type, i));
    join.right_keys.push_back(column_expression(type, i));
    layout.push_back(step.rows->layout[i]);
    joined.push_back(layout.back());
  }
  RowsNodePtr right = make_node(std::move(keys), layout);
  join.right = make_node(DistinctRows{std::move(right)}, std::move(layout));
  return make_node(std::move(join), std::move(joined));
}

class JoinsBySize {
 public:
  explicit JoinsBySize(const std::vector<RowsChunks>& tables) : sizes_(tables) {}

  RowsNodePtr operator()(const RowsNodePtr& node) {
    if (!node) return nullptr;
    if (const auto known = made_.find(node); known != made_.end()) return known->second;
    return made_[node] = made_of(node);
  }

 private:
  RowsNodePtr made_of(const RowsNodePtr& node) {
    if (RowsNodePtr joined = joined_by_size(*node)) return joined;
    if (const auto* filter = std::get_if<FilterRows>(&node->step))
      if (RowsNodePtr filtered = with_semi_join(*filter, node->layout)) return filtered;
    bool is_changed = false;
    for_each_input(*node, [&](const RowsNodePtr& input) {
      is_changed = (*this)(input) != input || is_changed;
    });
    if (!is_changed) return node;
    RowsNode made = *node;
    for_each_input(made, [this](RowsNodePtr& input) { input = (*this)(input); });
    return std::make_shared<const RowsNode>(std::move(made));
  }

  // Returns the plan of the node with its chain of joins in a better order; null if the node is not
  // such a chain, or if its order is good enough.
  RowsNodePtr joined_by_size(const RowsNode& node) {
    if (!JoinChain::chained(node) || !sizes_.are_known(node)) return nullptr;
    auto chain = JoinChain::of(node);
    const auto order = chain ? chain->better_order(sizes_) : std::nullopt;
    if (!order) return nullptr;
    for (RowsNodePtr& source : chain->sources()) source = (*this)(source);
    return chain->joined(*order);
  }

  // If a filter needs the result of an IN or EXISTS sub-query to be true, lets that sub-query take
  // part in the order of the joins below it. For example, in query 18 of TPC-H the sub-query leaves
  // only few of the rows that are joined. Returns null if this gains nothing.
  RowsNodePtr with_semi_join(const FilterRows& filter, const Layout& layout) {
    std::vector<RowsNodePtr> appended;  // appended columns, from the last to the first
    for (RowsNodePtr node = filter.input; std::holds_alternative<AppendSubquery>(node->step);
         node = std::get<AppendSubquery>(node->step).input) {
      if (node->is_shared) return nullptr;
      appended.push_back(node);
    }
    if (appended.empty()) return nullptr;
    const RowsNode& first = *appended.back();
    const auto column = static_cast<uint32_t>(first.layout.size() - 1);
    if (!asks_for(filter.condition, column)) return nullptr;
    const RowsNodePtr semi_join = semi_join_of(std::get<AppendSubquery>(first.step));
    RowsNodePtr made = semi_join ? joined_by_size(*semi_join) : nullptr;
    if (!made) return nullptr;
    ComputeColumns with_result{std::move(made), {}};
    for (uint32_t i = 0; i < column; ++i)
      with_result.columns.push_back(column_expression(first.layout[i].type, i));
    with_result.columns.push_back(literal_expression(TypeKind::Boolean, Value::boolean(true)));
    made = make_node(std::move(with_result), first.layout);
    for (size_t i = appended.size() - 1; i-- > 0;) {
      RowsNode next = *appended[i];
      for_each_input(next, [&](RowsNodePtr& input) {
        input = input == appended[i + 1] ? made : (*this)(input);
      });
      made = std::make_shared<const RowsNode>(std::move(next));
    }
    return make_node(FilterRows{std::move(made), filter.condition}, layout);
  }

  Sizes sizes_;
  // The nodes of semi-joins are kept, too, because a later node could get the address of a freed
  // one.
  std::map<RowsNodePtr, RowsNodePtr> made_;
};

}  // namespace

std::shared_ptr<const SelectRowsPlan> with_joins_by_size(std::shared_ptr<const SelectRowsPlan> plan,
                                                         const std::vector<RowsChunks>& tables) {
  RowsNodePtr root = JoinsBySize(tables)(plan->root);
  if (root == plan->root) return plan;
  SelectRowsPlan made = *plan;
  made.root = std::move(root);
  return std::make_shared<const SelectRowsPlan>(std::move(made));
}

}  // namespace engine
