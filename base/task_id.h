// Ids of tasks, "query/stage/number": the log and the state store both keep rows under them.
#pragma once
#include <cstddef>
#include <string_view>

inline constexpr size_t kMaxTaskIdSize = 400;

inline bool is_task_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxTaskIdSize && id.find('\0') == id.npos;
}

// Searches from the end, so that a '/' in a query's id does not end it.
inline std::string_view query_of(std::string_view task_id) {
  const size_t number = task_id.rfind('/');
  if (number == task_id.npos || number == 0) return task_id;
  return task_id.substr(0, task_id.rfind('/', number - 1));
}
