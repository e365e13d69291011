// The connector classes of sinks that send records by HTTP: the class with the short name, and the
// Java classes of Confluent and Aiven.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "server/connect/family.h"

namespace server {

// Threads: any. Owner: the node.
class HttpConnectors final : public ConnectorFamily {
 public:
  std::string_view name() const override { return "http"; }
  std::vector<engine::PropertyRow> rows(const engine::ConnectorClass& of) const override;
  std::vector<engine::WrongProperty> check(const engine::ConnectorClass& of,
                                           const engine::PropertyValues& values) const override;
  engine::RecordForms forms(const engine::ConnectorClass& of,
                            const engine::PropertyValues& values) const override;
  std::string_view guarantee(const engine::ConnectorClass& of) const override;
  // Fails, because the source of the family, which polls by HTTP, is not built in.
  Result<SourcePlan> plan_source(const engine::ConnectorClass& of,
                                 const engine::PropertyValues& values,
                                 const ConnectorOwner& owner) const override;
  Result<std::unique_ptr<SourceReader>> open_source(const engine::ConnectorClass& of,
                                                    const engine::PropertyValues& values,
                                                    engine::RowColumns columns,
                                                    const ConnectorOwner& owner) const override;
  SinkPlan plan_sink(const engine::ConnectorClass& of,
                     const engine::PropertyValues& values) const override;
  // Sends nothing: each request could have an effect.
  Status check_sink(const engine::ConnectorClass& of, const engine::PropertyValues& values,
                    const ConnectorOwner& owner) const override;
  Result<std::unique_ptr<BatchWriter>> open_batches(const engine::ConnectorClass& of,
                                                    const engine::PropertyValues& values,
                                                    const ConnectorOwner& owner) const override;
};

}  // namespace server
