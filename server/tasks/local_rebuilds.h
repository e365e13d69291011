// Rebuilds of a lone node: the differences are one transaction of a producer in the node's log.
#pragma once
#include "base/clock.h"
#include "server/tasks/rebuild_port.h"
#include "storage/log/log.h"

namespace server {

class LocalRebuilds final : public RebuildPort {
 public:
  LocalRebuilds(storage::Log& log, const Clock& clock) : log_(log), clock_(clock) {}

  bool runs(const DefinedQuery&) const override { return true; }
  Result<ProducerId> allocate_publisher() override;
  // Returns at once: the outputs of a commit are stored together with it, and no other node exists.
  Status fence(const DefinedQuery&, const std::atomic<bool>&) override { return {}; }
  Result<std::unique_ptr<TableChanges>> begin(const RebuildTopics& topics, ProducerId publisher,
                                              const std::atomic<bool>& must_stop) override;
  Status abort(const RebuildTopics& topics, ProducerId publisher) override;

 private:
  class Transaction;
  // If the publisher has left a transaction open, aborts it. Returns the epoch with which the
  // publisher may continue.
  Result<int16_t> abort_open(const RebuildTopics& topics, ProducerId publisher);
  Status append(storage::AppendRequest request);

  storage::Log& log_;
  const Clock& clock_;
};

}  // namespace server
