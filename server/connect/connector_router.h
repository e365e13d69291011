// Decides for each connector where it runs: in this server if its class is built in, and otherwise in the outside
// Kafka Connect cluster. Hides secrets in the configurations that it returns.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "server/connect/connectors.h"

namespace server {

// A connector exists either in this server or in the outside cluster. Its name is unique over both.
//
// Threads: any. Owner: the node; the implementations outlive this object.
class ConnectorRouter final : public Connectors {
 public:
  // Either pointer may be null: `native` if this server runs no connectors, `outside` if
  // --connect-url is not set.
  ConnectorRouter(Connectors* native, Connectors* outside) : native_(native), outside_(outside) {}

  void create(ConnectorDefinition definition, Done<CreatedConnector> done) override;
  void alter(std::string name, ConnectorConfig config, Done<CreatedConnector> done) override;
  void change(std::string name, ConfigChanges changes, Done<CreatedConnector> done) override;
  void drop(std::string name, Done<std::vector<ConnectorNotice>> done) override;
  void set_state(std::string name, TargetState target, Done<void> done) override;
  void restart(std::string name, Restart what, Done<ConnectorInfo> done) override;
  void restart_task(std::string name, int32_t task, Done<void> done) override;
  void list(Done<Listed<ConnectorInfo>> done) override;
  void describe(std::string name, Done<ConnectorInfo> done) override;
  void tasks(std::string name, Done<Listed<TaskProgress>> done) override;
  void reset_topics(std::string name, Done<void> done) override;
  void offsets(std::string name, Done<std::vector<ConnectorOffset>> done) override;
  void alter_offsets(std::string name, std::vector<ConnectorOffset> offsets,
                     Done<std::string> done) override;
  void reset_offsets(std::string name, Done<std::string> done) override;
  void snapshot(std::string name, std::vector<std::string> tables, Done<void> done) override;
  void set_owner(std::string name, std::string owner, Done<void> done) override;
  void validate(ConnectorDefinition definition, Done<CheckedConfig> done) override;
  void plugins(bool connectors_only, Done<Listed<ConnectorPlugin>> done) override;
  void plugin_properties(std::string class_name,
                         Done<std::vector<PropertyDefinition>> done) override;

 private:
  // Returns the implementation that will run a new connector. A client can choose it with the property
  // "runs", which the function removes from the definition. Fails if no implementation can run the
  // class.
  Result<Connectors*> place_of(ConnectorDefinition& definition) const;
  // Calls `then` with the implementation (native_ or outside_) that has the connector.
  void find(const std::string& name, std::function<void(Result<Connectors*>)> then);
  // Finds the implementation that has the connector, and calls `method` of it.
  template <class Method, class T, class... Arguments>
  void forward(Method method, std::string name, Done<T> done, Arguments... arguments);
  // Finds the implementation that has the connector, and calls `method` of it, which is alter() or
  // change(). Hidden values in `config` are replaced first.
  template <class Config>
  void update(void (Connectors::*method)(std::string, Config, Done<CreatedConnector>),
              std::string name, Config config, Done<CreatedConnector> done);
  void create_at(Connectors& at, ConnectorDefinition definition, Done<CreatedConnector> done);
  // Calls `ask` for both implementations, and returns all their items in one list.
  template <class T>
  void ask_both(std::function<void(Connectors&, Done<Listed<T>>)> ask, Done<Listed<T>> done);

  Connectors* const native_;
  Connectors* const outside_;
};

}  // namespace server
