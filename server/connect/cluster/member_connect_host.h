// The tasks of connectors on a node of a cluster (docs/adr/0161).
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/connect/state_record.h"
#include "server/connect/hosts/connect_host.h"
#include "server/metadata/image.h"
#include "storage/log/topic_partition.h"

namespace server {

// Invariants:
//    1. a task runs on the node that leads its partition of __connect_state, or on the node that
//       the connector names. If two nodes run it for a moment, each commit of one node fences the
//       other one (see ConnectTask);
//    2. the state of each task is in __connect_state. All nodes report the state from there, also
//       the node that runs the task, so that they report the same.
//
// Threads: as for ConnectHost.
class MemberConnectHost final : public ConnectHost {
 public:
  struct Node {
    int32_t id = 0;  // --node-id of this node
    // Returns whether this node leads the partition now.
    std::function<bool(const storage::TopicPartition&)> leads;
    std::function<MetadataImagePtr()> metadata;
  };
  // `log` and `clock` outlive this object.
  MemberConnectHost(ConnectLog& log, const Clock& clock, Node node);

  Status check(const engine::ConnectorClass& of,
               const engine::PropertyValues& values) const override;
  void refresh() override;
  bool runs_here(const storage::ConnectorDefinition& definition) const override;
  bool requires_fence() const override { return true; }
  Result<std::vector<StateChange>> fence(
      const storage::ConnectorDefinition& definition) const override;
  std::vector<StateChange> end_of_fence(const std::string& connector) const override;
  Status request_restart(const storage::ConnectorDefinition& definition) override;
  std::string restart_request(const std::string& connector) const override;
  // Does nothing: publish() stores the state.
  void changed_state(const storage::ConnectorDefinition&, int32_t, ConnectorState,
                     const std::string&) override {}
  // Stores the state and the figures of the task if the newest record of __connect_state has others.
  // The node that ran the task before may have written that record.
  void publish(const storage::ConnectorDefinition& definition, const TaskReport& own) override;
  TaskReport shown(const storage::ConnectorDefinition& definition, TaskReport own) const override;

 private:
  bool is_placed_here(const storage::ConnectorDefinition& definition) const;
  bool has_fence(const storage::ConnectorDefinition& definition) const;
  // Returns the value of a record in states_; null if it does not exist.
  const std::string* stored_value(const std::string& connector, const std::string& key) const;
  engine::TaskStateValue stored_state(const storage::ConnectorDefinition& definition) const;
  std::string stored_position(const storage::ConnectorDefinition& definition) const;

  ConnectLog& log_;
  const Clock& clock_;
  const Node node_;
  // The records of __connect_state that this node has read.
  std::map<PartitionId, ConnectState> states_;
  // The time of the last publish() that stored a record, by connector.
  std::map<std::string, int64_t> published_us_;
};

}  // namespace server
