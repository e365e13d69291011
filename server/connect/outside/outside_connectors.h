// The connectors of an outside Kafka Connect cluster. Their definitions are stored there, not in
// this server.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/connect/connectors.h"
#include "server/connect/outside/connect_client.h"

namespace server {

// Threads: any; the callbacks run on the HTTP thread. Owner: the node.
class OutsideConnectors final : public Connectors {
 public:
  explicit OutsideConnectors(std::vector<HttpEndpoint> endpoints) : client_(std::move(endpoints)) {}
  // Ends all requests in progress without an answer.
  void stop() { client_.stop(); }
  // Returns the addresses of the workers.
  const std::string& url() const { return client_.url(); }

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
  struct Request {
    std::string method, path, body = {};
    // The connector and its class, for the texts of errors.
    std::string connector = {}, class_name = {};
  };
  // Sends the request. Calls `done` with the answer, or with an error if its status is not 2xx.
  void ask(Request request, Done<ConnectReply> done);
  // Sends the request, and calls `done` with the converted body of the answer.
  template <class T>
  void ask_for(Request request, std::function<T(const engine::JsonTree&)> convert, Done<T> done);
  void ask_status(Request request, Done<void> done);
  // Sends the request, which creates or changes the connector. Then requests the connector's
  // description, and calls `done` with it.
  void ask_then_describe(Request request, std::string name, Done<CreatedConnector> done);

  ConnectClient client_;
};

}  // namespace server
