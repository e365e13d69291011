#include "engine/plan/check_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "engine/plan/view_plan.h"

namespace engine {

namespace {

// Returns whether the index is below `count`.
bool is_index(auto index, size_t count) {
  return std::cmp_greater_equal(index, 0) && std::cmp_less(index, count);
}
// Number of columns before the left table's columns in the output of a ForeignKeySubscribeStep.
constexpr size_t kSubscribedColumns = 3;
bool is_index_or_none(int index, size_t count) { return index == -1 || is_index(index, count); }

bool reads_columns_of(std::span<const BoundExpression> expressions, const Layout& layout) {
  return std::ranges::all_of(expressions, [&](const BoundExpression& expression) {
    if (expression.kind == BoundKind::Column &&
        (!is_index(expression.index, layout.size()) ||
         !(layout[expression.index].type == expression.type)))
      return false;
    return reads_columns_of(expression.children, layout);
  });
}

// Checks that a node's step fits the layouts of its inputs.
struct StepCheck {
  const QueryPlan& plan;
  const StagePlan& stage;
  const PlanNode& node;
  size_t number;

  const Layout& input(size_t port = 0) const {
    return stage.nodes[static_cast<size_t>(node.from[port])].layout;
  }
  bool has_ports(size_t count) const { return node.from.size() == count; }
  bool keeps(int store, StoreKind kind) const {
    return is_index(store, stage.stores.size()) &&
           stage.stores[static_cast<size_t>(store)].kind == kind;
  }

  bool operator()(const InputStep& step) const {
    return has_ports(0) && is_index_or_none(step.exchange, plan.exchanges.size()) &&
           (step.exchange >= 0 || step.generator || !step.topic.empty()) && makes_columns(step) &&
           step.used.size() == node.layout.size() &&
           step.schema.columns.size() <= node.layout.size() &&
           (step.store == -1 || keeps(step.store, StoreKind::Rows));
  }
  // Checks the rules of a generator. A generator must be the only input of its plan, because its row counter has no
  // partitions.
  bool makes_columns(const InputStep& step) const {
    if (!step.generator) return true;
    const GeneratorPlan& generator = *step.generator;
    return plan.stages.size() == 1 && number == 0 && step.exchange < 0 && step.store < 0 &&
           !step.window && generator.rules.size() == step.schema.columns.size() &&
           generator.rows_per_second > 0 && generator.rows_per_second <= kMaxGeneratedRowsPerSecond;
  }
  bool operator()(const FilterStep& step) const {
    return has_ports(1) && reads_columns_of({&step.predicate, 1}, input()) &&
           node.layout.size() == input().size() && step.predicate.type.kind() == TypeKind::Boolean;
  }
  bool operator()(const ProjectStep& step) const {
    return has_ports(1) && reads_columns_of(step.columns, input()) &&
           node.layout.size() == step.columns.size() && step.is_key.size() == step.columns.size();
  }
  bool operator()(const FlatMapStep& step) const {
    return has_ports(1) && reads_columns_of(step.functions, input()) &&
           node.layout.size() == input().size() + step.functions.size();
  }
  bool operator()(const RegroupStep& step) const {
    return has_ports(1) && step.key_count <= input().size() && node.layout.size() == input().size();
  }
  bool operator()(const AggregateStep& step) const {
    const auto has_arguments = [&](const AggregateCall& call) {
      return call.instance.argument_types.size() == call.arguments.size() &&
             std::ranges::all_of(call.arguments,
                                 [&](int column) { return is_index(column, input().size()); });
    };
    return has_ports(1) && step.key_count <= input().size() &&
           keeps(step.store, is_session(step) ? StoreKind::Ranges : StoreKind::Aggregates) &&
           (!is_session(step) || step.window->part_ms > 0) &&
           std::ranges::all_of(step.calls, has_arguments) &&
           node.layout.size() >= step.key_count + step.calls.size();
  }
  static bool is_session(const AggregateStep& step) {
    return step.window && step.window->type == WindowType::Session;
  }
  bool operator()(const StreamTableJoinStep& step) const {
    return has_ports(2) && is_index(step.stream_key, input().size()) &&
           keeps(step.store, StoreKind::Rows) &&
           node.layout.size() == input().size() + input(1).size();
  }
  bool operator()(const TableTableJoinStep& step) const {
    return has_ports(2) && is_index(step.left_key, input().size()) &&
           is_index(step.right_key, input(1).size()) && keeps(step.left_store, StoreKind::Rows) &&
           keeps(step.right_store, StoreKind::Rows) && keeps(step.store, StoreKind::Rows) &&
           node.layout.size() == 1 + input().size() + input(1).size() &&
           step.used.size() == node.layout.size();
  }
  bool operator()(const ForeignKeySubscribeStep& step) const {
    const auto is_column = [&](int column) { return is_index(column, input().size()); };
    return has_ports(1) && reads_columns_of({&step.foreign_key, 1}, input()) &&
           step.key_count >= 1 && step.key_count <= step.columns.size() &&
           std::ranges::all_of(step.columns, is_column) &&
           has_change(node.layout, 1, kSubscribedColumns + step.columns.size());
  }
  bool operator()(const ForeignKeyJoinStep& step) const {
    const auto is_column = [&](int column) { return is_index(column, input(1).size()); };
    return has_ports(2) && step.key_count >= 1 &&
           has_change(input(), 1, kSubscribedColumns + step.key_count) &&
           std::ranges::all_of(step.right_columns, is_column) &&
           keeps(step.right_store, StoreKind::Rows) && keeps(step.store, StoreKind::Ranges) &&
           has_change(node.layout, step.key_count, input().size() - 1 + step.right_columns.size());
  }
  bool operator()(const ForeignKeyResolveStep& step) const {
    return has_ports(1) && step.key_count >= 1 &&
           has_change(input(), step.key_count, step.key_count + 2) &&
           keeps(step.store, StoreKind::Rows) && keeps(step.moving_store, StoreKind::Rows) &&
           node.layout.size() == input().size() - 2;
  }
  bool operator()(const RecomputeStep& step) const {
    if (!step.view || !keeps(step.store, StoreKind::Rows) ||
        step.stream_stores.size() != node.from.size() ||
        node.layout.size() != step.view->columns.size() + (step.view->has_row_id ? 1 : 0))
      return false;
    const auto is_column = [&](size_t column) {
      return is_index(column, step.view->result.columns.size());
    };
    return std::ranges::all_of(step.view->columns, is_column) &&
           std::ranges::all_of(step.view->identity, is_column) &&
           std::ranges::all_of(
               step.stream_stores,
               [&](int store) { return store == -1 || keeps(store, StoreKind::Rows); }) &&
           std::ranges::all_of(step.view->reads, [&](const ViewRead& read) {
             return is_index(read.port, node.from.size()) &&
                    reads_columns_of(read.columns, input(read.port)) &&
                    (!read.filter || reads_columns_of({&*read.filter, 1}, input(read.port)));
           });
  }
  // Returns whether number and kind of a change are at the columns `at` and `at` + 1, in a layout with at least
  // `columns` columns.
  static bool has_change(const Layout& layout, size_t at, size_t columns) {
    return layout.size() >= columns && layout.size() >= at + 2 &&
           layout[at].type == SqlType(TypeKind::Bigint) &&
           layout[at + 1].type == SqlType(TypeKind::Integer);
  }
  bool operator()(const StreamStreamJoinStep& step) const {
    if (!has_ports(2) || step.left_key.empty() || step.left_key.size() != step.right_key.size())
      return false;
    const auto fit = [](const std::vector<int>& key, const std::vector<bool>& used,
                        const Layout& layout) {
      return used.size() == layout.size() && std::ranges::all_of(key, [&](int column) {
               return is_index(column, layout.size()) && used[static_cast<size_t>(column)];
             });
    };
    return fit(step.left_key, step.left_used, input()) &&
           fit(step.right_key, step.right_used, input(1)) &&
           keeps(step.left_store, StoreKind::Ranges) &&
           keeps(step.right_store, StoreKind::Ranges) &&
           (step.pending_store == -1 || keeps(step.pending_store, StoreKind::Ranges)) &&
           step.before_ms >= 0 && step.after_ms >= 0 && step.grace_ms >= 0 && step.part_ms > 0 &&
           node.layout.size() == step.left_key.size() + input().size() + input(1).size();
  }
};

Error wrong(std::string what) {
  return {ErrorCode::CorruptRecord, "the plan is inconsistent: " + std::move(what)};
}

Status check_stage(const QueryPlan& plan, const StagePlan& stage) {
  if (stage.nodes.empty()) return wrong("a stage without steps");
  for (size_t i = 0; i < stage.nodes.size(); ++i) {
    const PlanNode& node = stage.nodes[i];
    const bool comes_from_before =
        std::ranges::all_of(node.from, [&](int from) { return is_index(from, i); });
    if (!comes_from_before || !std::visit(StepCheck{plan, stage, node, i}, node.step))
      return wrong(fmt::format("step {}", i));
  }
  if (!std::holds_alternative<InputStep>(stage.nodes.front().step))
    return wrong("a stage that does not begin with an input");
  for (const StorePlan& store : stage.stores)
    if (!is_index(store.node, stage.nodes.size())) return wrong("store " + store.name);
  const OutputPlan& output = stage.output;
  const Layout& last = stage.nodes.back().layout;
  const bool writes = output.exchange >= 0 || !output.topic.empty();
  if (!is_index_or_none(output.exchange, plan.exchanges.size()) ||
      !is_index_or_none(output.timestamp_column, last.size()) ||
      (writes && output.schema.columns.size() > last.size()))
    return wrong("an output");
  return {};
}

Status check_materialization(const QueryPlan& plan, const MaterializationPlan& table) {
  if (!is_index(table.stage, plan.stages.size())) return wrong("the table's stage");
  const StagePlan& stage = plan.stages[static_cast<size_t>(table.stage)];
  if (!is_index(table.store, stage.stores.size())) return wrong("the table's store");
  const StorePlan& store = stage.stores[static_cast<size_t>(table.store)];
  Layout rows = stage.nodes[static_cast<size_t>(store.node)].layout;
  // Look-ups of groups and of joined rows also read the time of the last change. The layout of the
  // step has no column for this time, so ROWTIME is appended.
  if (!std::holds_alternative<InputStep>(stage.nodes[static_cast<size_t>(store.node)].step))
    rows.push_back({"", std::string(kRowTime), TypeKind::Bigint});
  if (!reads_columns_of(table.columns, rows) ||
      (table.filter && !reads_columns_of({&*table.filter, 1}, rows)))
    return wrong("the table's columns");
  return {};
}

// Checks the writers of time-ordered exchanges. Such a writer must read exactly one stream and the tables that the
// stream is joined with, because it reports its progress in these inputs.
Status check_time_ordered(const QueryPlan& plan) {
  for (const StagePlan& stage : plan.stages) {
    const int exchange = stage.output.exchange;
    if (exchange < 0 || !plan.exchanges[static_cast<size_t>(exchange)].is_time_ordered) continue;
    size_t streams = 0;
    for (const PlanNode& node : stage.nodes) {
      const auto* input = std::get_if<InputStep>(&node.step);
      if (!input) continue;
      if (input->exchange >= 0) return wrong("a time-ordered exchange after another exchange");
      if (input->kind == SourceKind::Stream) ++streams;
    }
    if (streams != 1 || stage.merges_partitions) return wrong("a time-ordered exchange");
  }
  return {};
}

}  // namespace

Status check_plan(const QueryPlan& plan) {
  if (plan.id.empty() || plan.stages.empty()) return wrong("no id or no stage");
  for (const StagePlan& stage : plan.stages) TRY(check_stage(plan, stage));
  if (plan.sources.empty() != (generator_of(plan) != nullptr)) return wrong("no source");
  for (size_t i = 0; i < plan.exchanges.size(); ++i)
    if (std::ranges::none_of(plan.stages, [&](const StagePlan& stage) {
          return stage.output.exchange == static_cast<int>(i);
        }))
      return wrong("an exchange without a writer");
  TRY(check_time_ordered(plan));
  if (plan.materialization) TRY(check_materialization(plan, *plan.materialization));
  return {};
}

}  // namespace engine
