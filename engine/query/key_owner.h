// Which of a query's tasks keeps the rows under a key.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/plan/plan.h"

namespace engine {

// By its number within the stage that keeps the query's table; nothing where producers have chosen the
// partitions, who may do that in their own way. `key`: as it lies in the store.
std::optional<int32_t> task_of_key(const QueryPlan& plan, std::string_view key);

}  // namespace engine
