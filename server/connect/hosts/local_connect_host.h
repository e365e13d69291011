// The tasks of connectors on a server without a cluster.
#pragma once
#include "base/clock.h"
#include "server/connect/hosts/connect_host.h"

namespace server {

// Runs all tasks, and knows their states without a look at __connect_state. Each change of a state
// is stored there only to inform clients that read the topic.
class LocalConnectHost final : public ConnectHost {
 public:
  // The arguments outlive this object.
  LocalConnectHost(ConnectLog& log, const Clock& clock) : log_(log), clock_(clock) {}

  Status check(const engine::ConnectorClass&, const engine::PropertyValues&) const override {
    return {};
  }
  void refresh() override {}
  bool runs_here(const storage::ConnectorDefinition&) const override { return true; }
  bool requires_fence() const override { return false; }
  Result<std::vector<StateChange>> fence(const storage::ConnectorDefinition&) const override {
    return std::vector<StateChange>();
  }
  std::vector<StateChange> end_of_fence(const std::string&) const override { return {}; }
  Status request_restart(const storage::ConnectorDefinition&) override { return {}; }
  std::string restart_request(const std::string&) const override { return {}; }
  void changed_state(const storage::ConnectorDefinition& definition, int32_t task,
                     ConnectorState state, const std::string& trace) override;
  void publish(const storage::ConnectorDefinition&, const TaskReport&) override {}
  TaskReport shown(const storage::ConnectorDefinition&, TaskReport own) const override {
    return own;
  }

 private:
  ConnectLog& log_;
  const Clock& clock_;
};

}  // namespace server
