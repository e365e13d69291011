// The class "webhook": a source that receives records at POST /webhooks/NAME of the HTTP listener.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/connect/connector_memory.h"
#include "server/connect/family.h"
#include "server/connect/webhooks/webhooks.h"
#include "storage/meta/topic_table.h"

namespace server {

// Threads: any. Owner: the node.
class WebhookConnectors final : public ConnectorFamily {
 public:
  // `find_topics` returns the topics of the server. It is called on any thread.
  using FindTopics = std::function<std::shared_ptr<const storage::TopicSnapshot>()>;
  WebhookConnectors(Webhooks& webhooks, FindTopics find_topics, ConnectorMemory& memory,
                    const Clock& clock)
      : webhooks_(webhooks), find_topics_(std::move(find_topics)), memory_(memory), clock_(clock) {}

  std::string_view name() const override { return kWebhookFamily; }
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

 private:
  // Returns the topics of the records, as far as they follow from the configuration.
  std::vector<std::string> topics_of(const engine::ConnectorClass& of,
                                     const engine::PropertyValues& values) const;

  Webhooks& webhooks_;
  const FindTopics find_topics_;
  ConnectorMemory& memory_;
  const Clock& clock_;
};

}  // namespace server
