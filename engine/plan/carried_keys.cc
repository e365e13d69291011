#include "engine/plan/carried_keys.h"

namespace engine {

const InputStep* carried_keys(const StagePlan& stage, const PlanNode& aggregation) {
  const auto& step = std::get<AggregateStep>(aggregation.step);
  const PlanNode& from = stage.nodes[static_cast<size_t>(aggregation.from.front())];
  const auto* const input = std::get_if<InputStep>(&from.step);
  return input && input->exchange >= 0 && input->key_format == step.key_format ? input : nullptr;
}

}  // namespace engine
