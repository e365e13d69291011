// Tables whose tasks stand still while scans of them begin.
#pragma once
#include <string>

#include "server/tasks/shard.h"

namespace server {

// As long as copies of a shared pointer to this object exist, the tasks stand, each between two of
// its commits, so that scans which begin on several shards show the tables as of one moment.
//
// Threads: any. Owner: shared by the statement and its scans until they have begun.
class HeldTables {
 public:
  virtual ~HeldTables() = default;
  // Whether the task stands. A task that was built meanwhile does not. Threads: the task's.
  virtual bool holds(const ShardTask& task) const = 0;
  // Reports that all scans of the query's tasks on this shard have begun, so the tasks may continue.
  // Threads: the shard's.
  virtual void let_go(Shard& /*shard*/, const std::string& /*query_id*/) const {}
};

}  // namespace server
