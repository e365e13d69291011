#include "engine/plan/upgrade_query.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/format.h"
#include "engine/plan/upgrade_step.h"

namespace engine {

namespace {

struct NodeAt {
  size_t stage, node;
};

bool is_filter(const PlanNode& node) { return std::holds_alternative<FilterStep>(node.step); }

// Returns all steps except filters, in the order of the flow.
std::vector<NodeAt> steps_of(const QueryPlan& plan) {
  std::vector<NodeAt> steps;
  for (size_t stage = 0; stage < plan.stages.size(); ++stage)
    for (size_t node = 0; node < plan.stages[stage].nodes.size(); ++node)
      if (!is_filter(plan.stages[stage].nodes[node])) steps.push_back({stage, node});
  return steps;
}

const PlanNode& node_at(const QueryPlan& plan, const NodeAt& at) {
  return plan.stages[at.stage].nodes[at.node];
}

class QueryUpgrade {
 public:
  QueryUpgrade(const QueryPlan& old, QueryPlan& next)
      : old_(old), next_(next), old_steps_(steps_of(old)), next_steps_(steps_of(next)) {}

  Status run() {
    TRY(compare_shape());
    // The loop goes from the result to the sources, so that the error names the user's change and not one of its
    // consequences.
    for (size_t i = next_steps_.size(); i-- > 0;) TRY(upgrade_one(i));
    for (size_t i = 0; i < next_.stages.size(); ++i) TRY(upgrade_stage(i));
    for (size_t i = 0; i < next_.exchanges.size(); ++i) TRY(upgrade_exchange(i));
    return upgrade_look_ups();
  }

 private:
  // Fails unless both plans have the same steps in the same order, apart from filters.
  Status compare_shape() const {
    for (size_t i = 0; i < old_steps_.size() || i < next_steps_.size(); ++i) {
      if (i >= next_steps_.size())
        return refusal("Cannot remove a " + step_name(node_at(old_, old_steps_[i])));
      const PlanNode& next = node_at(next_, next_steps_[i]);
      if (i >= old_steps_.size()) return refusal("Cannot add a " + step_name(next));
      const PlanNode& old = node_at(old_, old_steps_[i]);
      if (old.step.index() != next.step.index() || !have_same_sources(i))
        return refusal(
            next_steps_.size() > old_steps_.size() ? "Cannot add a " + step_name(next)
            : next_steps_.size() < old_steps_.size()
                ? "Cannot remove a " + step_name(old)
                : fmt::format("Cannot replace a {} by a {}", step_name(old), step_name(next)));
    }
    return {};
  }

  // Returns the step that provides the rows of a port, apart from filters.
  static size_t source_of(const StagePlan& stage, int from) {
    auto at = static_cast<size_t>(from);
    while (is_filter(stage.nodes[at])) at = static_cast<size_t>(stage.nodes[at].from.front());
    return at;
  }
  static size_t number_of(const std::vector<NodeAt>& steps, size_t stage, size_t node) {
    const auto found = std::ranges::find_if(
        steps, [&](const NodeAt& at) { return at.stage == stage && at.node == node; });
    return static_cast<size_t>(found - steps.begin());
  }

  // Returns whether the step is in the same stage of both plans and reads the same steps.
  bool have_same_sources(size_t i) const {
    const NodeAt &old = old_steps_[i], &next = next_steps_[i];
    const auto &old_from = node_at(old_, old).from, &next_from = node_at(next_, next).from;
    if (old.stage != next.stage || old_from.size() != next_from.size()) return false;
    for (size_t port = 0; port < old_from.size(); ++port)
      if (number_of(old_steps_, old.stage, source_of(old_.stages[old.stage], old_from[port])) !=
          number_of(next_steps_, next.stage, source_of(next_.stages[next.stage], next_from[port])))
        return false;
    return true;
  }

  Status upgrade_one(size_t i) {
    const NodeAt &old_at = old_steps_[i], &next_at = next_steps_[i];
    StagePlan& stage = next_.stages[next_at.stage];
    const StagePlan& old_stage = old_.stages[old_at.stage];
    PlanNode& node = stage.nodes[next_at.node];
    const StepPair pair{old_stage, stage, node_at(old_, old_at), node};
    const bool is_result = i + 1 == next_steps_.size();
    TRY(upgrade_step(pair, is_result));
    for (size_t port = 0; port < node.from.size(); ++port)
      TRY(upgrade_filters(pair, port, is_result));
    return {};
  }

  // Returns the filters between a step and the step that provides its rows, beginning with the last filter.
  template <class Stage>
  static auto filters_before(Stage& stage, int from) {
    std::vector<decltype(&std::get<FilterStep>(stage.nodes[0].step))> filters;
    for (auto at = static_cast<size_t>(from); is_filter(stage.nodes[at]);
         at = static_cast<size_t>(stage.nodes[at].from.front()))
      filters.push_back(&std::get<FilterStep>(stage.nodes[at].step));
    return filters;
  }

  Status upgrade_filters(const StepPair& pair, size_t port, bool is_result) {
    const auto old = filters_before(pair.old_stage, pair.old.from[port]);
    const auto next = filters_before(pair.next_stage, pair.next.from[port]);
    const bool is_table = std::ranges::any_of(old, &FilterStep::is_table) ||
                          std::ranges::any_of(next, &FilterStep::is_table);
    if (!is_table) return {};  // a filter keeps no state about records of a stream
    const Places places = pair.places(port);
    std::vector<BoundExpression> before, after;
    for (const FilterStep* each : old) before.push_back(still(each->predicate));
    for (const FilterStep* each : next) after.push_back(moved(each->predicate, places));
    const bool told_all = std::ranges::any_of(old, &FilterStep::tells_all_deletes);
    if (text_of(before) == text_of(after)) {
      for (FilterStep* each : next) each->tells_all_deletes = told_all;
      return {};
    }
    if (!is_result)
      return refusal(
          fmt::format("Plan step of type TableFilter must have matching filterExpression. Values "
                      "differ: {} vs. "
                      "{}",
                      shown_expressions(before, pair.old_input(port)),
                      shown_filters(next, pair.next_input(port))));
    // An earlier version of a row, which passed the old filter, may still be in the result. This
    // cannot happen if each window is emitted only once, when it closes.
    for (FilterStep* each : next) each->tells_all_deletes = !tells_finals(pair.next_stage);
    return {};
  }
  static std::string shown_filters(const std::vector<FilterStep*>& filters, const Layout& layout) {
    std::vector<BoundExpression> predicates;
    for (const FilterStep* each : filters) predicates.push_back(each->predicate);
    return shown_expressions(predicates, layout);
  }
  static bool tells_finals(const StagePlan& stage) {
    return std::ranges::any_of(stage.nodes, [](const PlanNode& node) {
      const auto* aggregate = std::get_if<AggregateStep>(&node.step);
      return aggregate && aggregate->final_only;
    });
  }

  Status upgrade_stage(size_t index) {
    const StagePlan& old = old_.stages[index];
    StagePlan& next = next_.stages[index];
    // The order in which inputs are read must fit the existing exchanges, even if the planner would
    // now choose another order.
    next.merges_partitions = old.merges_partitions;
    const bool has_same_stores =
        std::ranges::equal(old.stores, next.stores, [&](const StorePlan& a, const StorePlan& b) {
          return a.kind == b.kind && a.name == b.name &&
                 number_of(old_steps_, index, static_cast<size_t>(a.node)) ==
                     number_of(next_steps_, index, static_cast<size_t>(b.node));
        });
    if (!has_same_stores) return refusal("The new query has different stores.");
    return compare_outputs(old.output, next.output);
  }

  Status compare_outputs(const OutputPlan& old, const OutputPlan& next) const {
    const std::string_view step = next.exchange >= 0 ? "Repartition"
                                  : next.is_table    ? "TableSink"
                                                     : "StreamSink";
    if (next.exchange >= 0 && text_of(old.schema) != text_of(next.schema))
      return differs(step, "schema", old.schema.to_string(), next.schema.to_string());
    if (old.topic != next.topic) return differs(step, "topicName", old.topic, next.topic);
    if (!is_same_format(old.key_format, next.key_format))
      return differs(step, "formats", old.key_format.name, next.key_format.name);
    if (!is_same_format(old.value_format, next.value_format))
      return differs(step, "formats", old.value_format.name, next.value_format.name);
    // OutputPlan::key_is_made need not be compared: if PARTITION BY makes another key, the steps of
    // the two plans differ.
    if (old.exchange != next.exchange || old.window != next.window || old.is_table != next.is_table)
      return refusal(fmt::format("The {} is another one", step));
    return {};
  }

  Status upgrade_exchange(size_t index) {
    const ExchangePlan& old = old_.exchanges.at(index);
    ExchangePlan& next = next_.exchanges[index];
    next.partitions = old.partitions;
    next.is_time_ordered = old.is_time_ordered;
    if (text_of(old) == text_of(next)) return {};
    return differs("Repartition", "internalFormats", old.topic, next.topic);
  }

  // Fails if the new plan stores the result in another way, because look-ups read the stores that keep the rows of
  // the old plan.
  Status upgrade_look_ups() const {
    const auto &old = old_.materialization, &next = next_.materialization;
    if (old.has_value() != next.has_value()) return refusal("The result is stored differently.");
    if (!old) return {};
    const bool is_same = old->stage == next->stage && old->store == next->store &&
                         text_of(old->key_schema) == text_of(next->key_schema) &&
                         old->key_format == next->key_format &&
                         old->is_windowed == next->is_windowed;
    return is_same ? Status{} : refusal("The result is stored differently.");
  }

  const QueryPlan& old_;
  QueryPlan& next_;
  const std::vector<NodeAt> old_steps_, next_steps_;
};

}  // namespace

Result<QueryPlan> upgrade_query(const QueryPlan& old, QueryPlan next) {
  TRY(QueryUpgrade(old, next).run());
  return next;
}

}  // namespace engine
