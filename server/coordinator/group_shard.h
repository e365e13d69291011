// The coordinators of groups on one loop.
#pragma once
#include <functional>
#include <memory>
#include <utility>

#include "server/coordinator/coordinator_shard.h"
#include "server/coordinator/group_partition.h"

namespace server::coordinator {

class GroupShard : public CoordinatorShard<GroupPartition, GroupSurroundings> {
 public:
  using Topics = std::function<std::shared_ptr<const storage::TopicSnapshot>()>;
  using Configs = std::function<std::shared_ptr<const storage::GroupConfigs>()>;
  // `settings` and `port` outlive the shard.
  GroupShard(const GroupSettings& settings, CoordinatorPort& port, MemoryBudget& memory,
             Topics topics, Configs configs, std::function<Uuid()> new_id,
             SharedLog* shared_log = nullptr, ShareStateCalls* share_state = nullptr)
      : CoordinatorShard(
            port, memory, settings.retention_check_ms, [&](Deadlines& deadlines, StateSize& size) {
              return GroupSurroundings{
                  settings,           port.clock(),      deadlines,  size,       std::move(topics),
                  std::move(configs), std::move(new_id), shared_log, share_state};
            }) {}
};

}  // namespace server::coordinator
