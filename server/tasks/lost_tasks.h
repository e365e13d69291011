// Tasks of which something durable is damaged.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace server {

// A task that is lost does not run again before its query was dropped or the server has started anew:
// whoever went on with a part of what it has committed would serve less than was acknowledged.
//
// Threads: any. The owners of journals tell of it, who builds tasks asks.
// Owner:   CheckpointLane.
class LostTasks {
 public:
  // The first reason stays.
  void add(const std::string& task, const Error& why);
  // All that commit there, also those that begin later.
  void add_all_of(PartitionId journal, const Error& why);
  void drop(const std::string& prefix);

  // Why the task cannot run; nothing when it can.
  std::optional<Error> find(const std::string& task, PartitionId journal) const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::string, Error> tasks_;
  std::map<PartitionId, Error> journals_;
};

}  // namespace server
