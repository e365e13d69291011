// Rebuilds on a node of a cluster: the differences are one transaction over the leaders of the
// topic's partitions (docs/adr/0157).
#pragma once
#include "base/clock.h"
#include "base/memory_budget.h"
#include "server/cluster/cluster_member.h"
#include "server/tasks/journal_fence.h"
#include "server/tasks/rebuild_port.h"
#include "server/tasks/replicated_journals.h"
#include "storage/log/log.h"

namespace server {

class MemberRebuilds final : public RebuildPort {
 public:
  struct Around {
    ClusterMember& member;
    const ReplicatedJournals& journals;
    JournalFence& journal_fence;
    storage::Log& log;
    MemoryBudget& memory;
    size_t most_bytes;  // limit for the changed rows of a table (copy-atomic-bytes)
  };
  explicit MemberRebuilds(Around around) : around_(around) {}

  bool runs(const DefinedQuery& query) const override;
  Result<ProducerId> allocate_publisher() override;
  Status fence(const DefinedQuery& query, const std::atomic<bool>& must_stop) override;
  Result<std::unique_ptr<TableChanges>> begin(const RebuildTopics& topics, ProducerId publisher,
                                              const std::atomic<bool>& must_stop) override;
  // Nothing to do: the transaction begins and ends within TableChanges::commit().
  Status abort(const RebuildTopics&, ProducerId) override { return {}; }

 private:
  class Changes;
  Result<LeaderEndRequests::Ends> find_ends(const RebuildTopics& topics,
                                            const std::atomic<bool>& must_stop) const;

  const Around around_;
};

}  // namespace server
