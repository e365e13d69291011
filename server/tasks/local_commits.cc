#include "server/tasks/local_commits.h"

#include "server/tasks/query_tasks.h"
#include "server/tasks/shard.h"

namespace server {

namespace {

class LocalStart final : public CommitPath::Start {
 public:
  void tasks_have_begun(std::span<const QueryLaunch>, std::span<TaskPlace>,
                        const std::vector<Status>&) override {}
};

}  // namespace

std::unique_ptr<CommitPath::Start> LocalCommits::prepare(std::span<const QueryLaunch> launches,
                                                         std::vector<Status>& results) {
  for (size_t i = 0; i < launches.size(); ++i)
    results[i] = tasks_.renew_if_lost(*launches[i].defined);
  return std::make_unique<LocalStart>();
}

Result<TaskRole> LocalCommits::role_of(const TaskPlace& place, Shard& shard) {
  return TaskRole{.sink = &shard.sink(), .own_sink = {}, .producer = place.begun.producer_id};
}

void LocalCommits::when_applied(PartitionId /*journal*/, Offset /*end*/,
                                const std::weak_ptr<const void>& receiver,
                                std::function<void(Status)> done) {
  if (!receiver.expired()) done({});
}

}  // namespace server
