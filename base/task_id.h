// The ids of tasks, "query/stage/number". Both the log and the state store use an id as part of the
// keys of a task's rows.
#pragma once
#include <cstddef>
#include <string_view>

// The size is limited, because LMDB limits the size of keys (storage/state/state_file.cc).
inline constexpr size_t kMaxTaskIdSize = 400;

inline bool is_task_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxTaskIdSize && id.find('\0') == id.npos;
}

// Returns the id of the query. The search begins at the end, because a query's id may contain a
// '/'.
inline std::string_view query_of(std::string_view task_id) {
  const size_t number = task_id.rfind('/');
  if (number == task_id.npos || number == 0) return task_id;
  return task_id.substr(0, task_id.rfind('/', number - 1));
}
