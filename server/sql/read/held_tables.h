// Tables whose tasks are stopped while the scans of a SELECT begin, so that all scans see the same commit.
#pragma once
#include <string>

#include "server/tasks/shard.h"

namespace server {

// The tasks are stopped, each between two of its commits, until all copies of a shared pointer to
// this object are destroyed. So scans that begin on several shards show the tables as of one
// moment.
// Threads: any. Owner: shared by the statement and its scans until they have begun.
class HeldTables {
 public:
  virtual ~HeldTables() = default;
  // Returns whether this object has stopped the task. A task that was built after the stop is not
  // stopped. Threads: the task's.
  virtual bool holds(const ShardTask& task) const = 0;
  // Reports that all scans of the query's tasks on this shard have begun, so the tasks may continue.
  // Threads: the shard's.
  virtual void let_go(Shard& /*shard*/, const std::string& /*query_id*/) const {}
};

}  // namespace server
