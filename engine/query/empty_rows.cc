#include "engine/query/empty_rows.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/expr/bind.h"
#include "engine/plan/rows_inputs.h"

namespace engine {

namespace {

bool is_no_rows(const RowsNodePtr& node) { return std::holds_alternative<NoRows>(node->step); }

// Rebuilds a plan from its leaves and applies `change` to each node, whose inputs have been rebuilt before. A shared node
// remains one node, because its readers share the rows of one run.
template <class Change>
class Rebuilding {
 public:
  explicit Rebuilding(const Change& change) : change_(change) {}

  RowsNodePtr operator()(const RowsNodePtr& node) {
    if (const auto known = made_.find(node.get()); known != made_.end()) return known->second;
    RowsNode made = *node;
    for_each_input(made, [this](RowsNodePtr& input) { input = (*this)(input); });
    change_(made);
    return made_[node.get()] = std::make_shared<const RowsNode>(std::move(made));
  }

 private:
  const Change& change_;
  std::map<const RowsNode*, RowsNodePtr> made_;
};

template <class Change>
RowsNodePtr rebuilt(const RowsNodePtr& root, const Change& change) {
  return Rebuilding<Change>(change)(root);
}

// Decides whether a step never returns a row, whatever rows the tables have: for example a filter that is constantly
// false, or LIMIT 0.
class EmptySteps {
 public:
  explicit EmptySteps(const EvalContext& eval) : eval_(eval) {}

  bool contain(const RowsNode& node) const {
    return std::visit([this](const auto& step) { return has_no_rows(step); }, node.step);
  }

 private:
  template <class Step>
  bool has_no_rows(const Step& step) const {
    if constexpr (requires { step.input; }) return is_no_rows(step.input);
    return false;
  }
  bool has_no_rows(const FilterRows& step) const {
    return is_no_rows(step.input) || is_never_true(step.condition, eval_);
  }
  bool has_no_rows(const CutRows& step) const { return is_no_rows(step.input) || step.most == 0U; }
  // A grouping without keys, and the empty grouping set, return a row even if the input has no rows.
  bool has_no_rows(const GroupRows& step) const {
    return is_no_rows(step.input) && !step.keys.empty() && step.sets.empty();
  }
  bool has_no_rows(const RecursiveRows& step) const { return is_no_rows(step.first); }
  bool has_no_rows(const CombineRows& step) const {
    const bool is_left_empty = is_no_rows(step.left), is_right_empty = is_no_rows(step.right);
    if (step.op == SetOperator::Union) return is_left_empty && is_right_empty;
    return is_left_empty || (step.op == SetOperator::Intersect && is_right_empty);
  }
  bool has_no_rows(const JoinRows& step) const {
    // A step with `otherwise` is LATERAL: if a left row has no match, it is joined with the row of
    // `otherwise`. So the join may have rows even if its right side has none.
    const bool is_left_empty = is_no_rows(step.left);
    const bool is_right_empty = is_no_rows(step.right) && !step.otherwise;
    switch (step.type) {
      case JoinType::Inner:
        return is_left_empty || is_right_empty ||
               (step.condition && is_never_true(*step.condition, eval_));
      case JoinType::Left:
        return is_left_empty;
      case JoinType::Right:
        return is_right_empty;
      case JoinType::Full:
        break;
    }
    return is_left_empty && is_right_empty;
  }

  const EvalContext& eval_;
};

// The tables that the steps read.
struct ReadTables {
  std::vector<bool> tables;  // tables that are read, by their index in SelectRowsPlan::tables
  std::vector<const SystemTable*> system_tables = {};
  std::set<const RowsNode*> shared = {};  // shared nodes whose tables are added already

  void add(const RowsNode& node) {
    if (node.is_shared && !shared.insert(&node).second) return;
    if (const auto* read = std::get_if<ReadRows>(&node.step)) tables[read->table] = true;
    if (const auto* read = std::get_if<ReadSystemTable>(&node.step))
      system_tables.push_back(read->table);
    for_each_input(node, [this](const RowsNodePtr& input) { add(*input); });
  }
};

}  // namespace

bool is_never_true(const BoundExpression& condition, const EvalContext& eval) {
  if (!is_constant(condition)) return false;
  const Result<Value> value = evaluate_constant(condition, eval);
  return value && (value->is_null() || !value->as_bool());
}

SelectRowsPlan without_empty_parts(SelectRowsPlan plan, const EvalContext& eval) {
  const EmptySteps empty(eval);
  plan.root = rebuilt(plan.root, [&](RowsNode& node) {
    if (empty.contain(node)) node.step = NoRows{};
  });

  ReadTables read{std::vector<bool>(plan.tables.size())};
  read.add(*plan.root);
  plan.system_tables = std::move(read.system_tables);
  std::vector<size_t> numbers(plan.tables.size());
  size_t kept = 0;
  for (size_t table = 0; table < plan.tables.size(); ++table) {
    if (!read.tables[table]) continue;
    numbers[table] = kept;
    plan.tables[kept] = plan.tables[table];
    plan.streams[kept] = plan.streams[table];
    ++kept;
  }
  if (kept == plan.tables.size()) return plan;
  plan.tables.resize(kept);
  plan.streams.resize(kept);
  plan.root = rebuilt(plan.root, [&](RowsNode& node) {
    if (auto* table = std::get_if<ReadRows>(&node.step)) table->table = numbers[table->table];
  });
  return plan;
}

}  // namespace engine
