// Maps a key to the task of the query that stores its rows.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/plan/plan.h"

namespace engine {

// Returns the task that stores the row with this key, as a number within the stage that keeps the
// query's table. Returns nullopt if producers have chosen the partitions, because producers may
// distribute keys in any way. `key` is in its stored form.
std::optional<int32_t> task_of_key(const QueryPlan& plan, std::string_view key);

}  // namespace engine
