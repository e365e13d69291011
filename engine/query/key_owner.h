// Maps a key to the task of the query that stores its rows.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/plan/plan.h"

namespace engine {

// Returns the number, within the stage that keeps the query's table, of the task that stores the row of the key.
// Returns nullopt if producers chose the partitions, because they may use any partitioner. `key` has the stored form.
std::optional<int32_t> task_of_key(const QueryPlan& plan, std::string_view key);

}  // namespace engine
