// The lost tasks: tasks that must not run because their commits in the journal, or their state, are damaged on the
// disk.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace server {

// A lost task does not run again until its query is dropped or the server restarts. Without the
// damaged part of its committed data, its results would be wrong.
//
// Threads: any. Shards report the lost tasks of their journals; QueryTasks asks before it builds
// tasks. Owner: CheckpointLane.
class LostTasks {
 public:
  // Adds a lost task. If the task was added before, its first reason is kept.
  void add(const std::string& task, const Error& why);
  // Adds all tasks of the journal, including tasks that begin later.
  void add_all_of(PartitionId journal, const Error& why);
  void drop(const std::string& prefix);

  // Returns the reason why the task cannot run; nothing if it can.
  std::optional<Error> find(const std::string& task, PartitionId journal) const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::string, Error> tasks_;
  std::map<PartitionId, Error> journals_;
};

}  // namespace server
