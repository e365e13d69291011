#include "engine/query/key_owner.h"

#include <algorithm>

#include "engine/plan/carried_keys.h"
#include "records/partitioner.h"

namespace engine {

std::optional<int32_t> task_of_key(const QueryPlan& plan, std::string_view key) {
  const MaterializationPlan& table = *plan.materialization;
  const StagePlan& stage = plan.stages[static_cast<size_t>(table.stage)];
  if (stage.merges_partitions) return std::nullopt;
  const auto keeps_it = [&](const PlanNode& node) {
    const auto* const step = std::get_if<AggregateStep>(&node.step);
    return step && step->store == table.store;
  };
  const auto aggregation = std::ranges::find_if(stage.nodes, keeps_it);
  if (aggregation == stage.nodes.end()) return std::nullopt;
  const InputStep* const input = carried_keys(stage, *aggregation);
  if (!input) return std::nullopt;
  const int partitions = plan.exchanges[static_cast<size_t>(input->exchange)].partitions;
  return records::partition_for_key(key, partitions).value();
}

}  // namespace engine
