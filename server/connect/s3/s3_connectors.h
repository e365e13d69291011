// The sinks that write objects into buckets of S3 and compatible services: the short class, and that of Confluent.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/connect/family.h"

namespace server {

// Threads: any. Owner: the node.
class S3Connectors final : public ConnectorFamily {
 public:
  explicit S3Connectors(const Clock& clock) : clock_(clock) {}

  std::string_view name() const override { return "s3"; }
  std::vector<engine::PropertyRow> rows(const engine::ConnectorClass& of) const override;
  std::vector<engine::WrongProperty> check(const engine::ConnectorClass& of,
                                           const engine::PropertyValues& values) const override;
  engine::RecordForms forms(const engine::ConnectorClass& of,
                            const engine::PropertyValues& values) const override;
  std::string_view guarantee(const engine::ConnectorClass& of) const override;
  // The classes of the family that read buckets are not built in.
  Result<SourcePlan> plan_source(const engine::ConnectorClass& of,
                                 const engine::PropertyValues& values,
                                 const ConnectorOwner& owner) const override;
  Result<std::unique_ptr<SourceReader>> open_source(const engine::ConnectorClass& of,
                                                    const engine::PropertyValues& values,
                                                    engine::RowColumns columns,
                                                    const ConnectorOwner& owner) const override;
  SinkPlan plan_sink(const engine::ConnectorClass& of,
                     const engine::PropertyValues& values) const override;
  Status check_sink(const engine::ConnectorClass& of, const engine::PropertyValues& values,
                    const ConnectorOwner& owner) const override;
  Result<std::unique_ptr<SinkWriter>> open_sink(const engine::ConnectorClass& of,
                                                const engine::PropertyValues& values,
                                                const ConnectorOwner& owner) const override;

 private:
  const Clock& clock_;
};

}  // namespace server
