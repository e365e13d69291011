// Ids of tasks, "query/stage/number": the log and the state store both keep rows under them.
#pragma once
#include <cstddef>
#include <string_view>

inline constexpr size_t kMaxTaskIdSize = 400;

inline bool is_task_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxTaskIdSize && id.find('\0') == id.npos;
}
