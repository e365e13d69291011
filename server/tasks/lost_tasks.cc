#include "server/tasks/lost_tasks.h"

namespace server {

void LostTasks::add(const std::string& task, const Error& why) {
  std::lock_guard lock(mutex_);
  tasks_.try_emplace(task, why);
}

void LostTasks::add_all_of(PartitionId journal, const Error& why) {
  std::lock_guard lock(mutex_);
  journals_.try_emplace(journal, why);
}

void LostTasks::drop(const std::string& prefix) {
  std::lock_guard lock(mutex_);
  auto task = tasks_.lower_bound(prefix);
  while (task != tasks_.end() && task->first.starts_with(prefix)) task = tasks_.erase(task);
}

std::optional<Error> LostTasks::find(const std::string& task, PartitionId journal) const {
  std::lock_guard lock(mutex_);
  if (const auto lost = tasks_.find(task); lost != tasks_.end()) return lost->second;
  if (const auto all = journals_.find(journal); all != journals_.end()) return all->second;
  return std::nullopt;
}

}  // namespace server
