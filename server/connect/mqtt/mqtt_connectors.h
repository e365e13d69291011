// The class "mqtt": a source and a sink of MQTT brokers.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/connect/mqtt/mqtt_properties.h"
#include "server/connect/family.h"
#include "server/connect/mqtt/mqtt_client.h"
#include "storage/meta/topic_table.h"

namespace server {

// Threads: any. Owner: the node.
class MqttConnectors final : public ConnectorFamily {
 public:
  // `find_topics` returns the topics of the server. It is called on any thread.
  using FindTopics = std::function<std::shared_ptr<const storage::TopicSnapshot>()>;
  MqttConnectors(FindTopics find_topics, const Clock& clock)
      : find_topics_(std::move(find_topics)), clock_(clock) {}

  std::string_view name() const override { return "mqtt"; }
  std::vector<engine::PropertyRow> rows(const engine::ConnectorClass& of) const override;
  std::vector<engine::WrongProperty> check(const engine::ConnectorClass& of,
                                           const engine::PropertyValues& values) const override;
  engine::RecordForms forms(const engine::ConnectorClass& of,
                            const engine::PropertyValues& values) const override;
  std::string_view guarantee(const engine::ConnectorClass& of) const override;
  Result<SourcePlan> plan_source(const engine::ConnectorClass& of,
                                 const engine::PropertyValues& values,
                                 const ConnectorOwner& owner) const override;
  Result<std::unique_ptr<SourceReader>> open_source(const engine::ConnectorClass& of,
                                                    const engine::PropertyValues& values,
                                                    engine::RowColumns columns,
                                                    const ConnectorOwner& owner) const override;
  // Ends the session of a source at the broker.
  std::vector<ConnectorNotice> after_drop(const engine::ConnectorClass& of,
                                          const engine::PropertyValues& values,
                                          const ConnectorOwner& owner) const override;
  SinkPlan plan_sink(const engine::ConnectorClass& of,
                     const engine::PropertyValues& values) const override;
  Status check_sink(const engine::ConnectorClass& of, const engine::PropertyValues& values,
                    const ConnectorOwner& owner) const override;
  Result<std::unique_ptr<BatchWriter>> open_batches(const engine::ConnectorClass& of,
                                                    const engine::PropertyValues& values,
                                                    const ConnectorOwner& owner) const override;

 private:
  // Returns the topics of the records of a source, after the transforms.
  std::vector<std::string> topics_of(const engine::ConnectorClass& of,
                                     const engine::PropertyValues& values) const;

  const FindTopics find_topics_;
  const Clock& clock_;
};

}  // namespace server
