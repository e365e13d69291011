#include "engine/query/pull_columns.h"

namespace engine {

std::vector<bool> used_columns(const PullPlan& plan) {
  std::vector<bool> used = filter_columns(plan);
  for (const uint32_t column : referenced_columns(plan.columns)) used[column] = true;
  return used;
}

std::vector<bool> filter_columns(const PullPlan& plan) {
  std::vector<bool> used(input_layout(*plan.table, "").size());
  if (plan.filter)
    for (const uint32_t column : referenced_columns({&*plan.filter, 1})) used[column] = true;
  return used;
}

}  // namespace engine
