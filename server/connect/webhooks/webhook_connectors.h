// The class "webhook": a source that receives records at POST /webhooks/NAME of the HTTP listener.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/connect/connector_memory.h"
#include "server/connect/family.h"
#include "server/connect/webhooks/webhooks.h"

namespace server {

// Threads: any. Owner: the node.
class WebhookConnectors final : public ConnectorFamily {
 public:
  WebhookConnectors(Webhooks& webhooks, ConnectorMemory& memory, const Clock& clock)
      : webhooks_(webhooks), memory_(memory), clock_(clock) {}

  std::string_view name() const override { return kWebhookFamily; }
  std::vector<engine::PropertyRow> rows(const engine::ConnectorClass& of) const override;
  std::vector<engine::WrongProperty> check(const engine::ConnectorClass& of,
                                           const engine::PropertyValues& values) const override;
  engine::RecordForms forms(const engine::ConnectorClass& of,
                            const engine::PropertyValues& values) const override;
  std::string_view guarantee(const engine::ConnectorClass& of) const override;
  Result<SourcePlan> plan_source(const engine::ConnectorClass& of,
                                 const engine::PropertyValues& values) const override;
  Result<std::unique_ptr<SourceReader>> open_source(const engine::ConnectorClass& of,
                                                    const engine::PropertyValues& values,
                                                    engine::RowColumns columns,
                                                    const std::string& connector) const override;

 private:
  Webhooks& webhooks_;
  ConnectorMemory& memory_;
  const Clock& clock_;
};

}  // namespace server
