// The commits of connectors in a cluster (docs/adr/0161).
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/connect/connect_log.h"
#include "storage/meta/topic_table.h"

namespace server {

// The functions of the cluster with which a commit is written. Threads: any.
struct ConnectAppends {
  struct Part {
    std::string topic;
    storage::TopicPartition partition;
    std::string batches;
    // A condition: no record with a key of the batches was written at or after this offset.
    std::optional<Offset> since = {};
  };
  // Appends all parts or none, in one transaction. Fails with ObjectState if a condition does not
  // hold. The result is the position of the last batch of each part.
  using Done = std::function<void(Result<std::vector<storage::AppendedBatch>>)>;
  std::function<void(std::vector<Part>, Done)> commit;
  // Appends a part without a condition.
  std::function<void(Part, std::function<void(Result<storage::AppendedBatch>)>)> append;
};

// The partitions of a commit may have different leaders. A commit is therefore one transaction of
// the cluster, whose part for __connect_state has the condition. A change of the state without
// records and without a condition is an ordinary append.
//
// State and records are read from the replicas of this node, which may be behind. A task that has
// read an old position cannot commit, because the leader checks the condition.
class ClusterConnectLog final : public LocalConnectLog {
 public:
  using FindTopics = std::function<std::shared_ptr<const storage::TopicSnapshot>()>;
  ClusterConnectLog(storage::Log& log, const Clock& clock, FindTopics find_topics,
                    ConnectAppends appends);

  void commit(ConnectCommit commit, std::function<void(Result<Offset>)> done) override;
  Status read(PartitionId state_partition, ConnectState& state) override;
  void await_writable() override;

 private:
  Result<std::vector<ConnectAppends::Part>> parts_of(ConnectCommit commit) const;

  const FindTopics find_topics_;
  const ConnectAppends appends_;
};

}  // namespace server
