// The connector classes of PostgreSQL: Debezium's source, which reads the log of a database, and
// the sinks that write tables.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/connect/family.h"

namespace server {

// Threads: any. Owner: the node.
class PostgresConnectors final : public ConnectorFamily {
 public:
  explicit PostgresConnectors(const Clock& clock) : clock_(clock) {}

  std::string_view name() const override { return "postgres"; }
  std::vector<engine::PropertyRow> rows(const engine::ConnectorClass& of) const override;
  std::vector<engine::WrongProperty> check(const engine::ConnectorClass& of,
                                           const engine::PropertyValues& values) const override;
  engine::RecordForms forms(const engine::ConnectorClass& of,
                            const engine::PropertyValues& values) const override;
  engine::ConnectorProperties without_own_transforms(
      const engine::ConnectorClass& of, const engine::ConnectorProperties& config) const override;
  std::string_view guarantee(const engine::ConnectorClass& of) const override;
  Result<SourcePlan> plan_source(const engine::ConnectorClass& of,
                                 const engine::PropertyValues& values,
                                 const ConnectorOwner& owner) const override;
  Result<std::unique_ptr<SourceReader>> open_source(const engine::ConnectorClass& of,
                                                    const engine::PropertyValues& values,
                                                    engine::RowColumns columns,
                                                    const ConnectorOwner& owner) const override;
  std::string topic_prefix(const engine::ConnectorClass& of,
                           const engine::PropertyValues& values) const override;
  std::vector<ConnectorNotice> after_drop(const engine::ConnectorClass& of,
                                          const engine::PropertyValues& values,
                                          const ConnectorOwner& owner) const override;

  SinkPlan plan_sink(const engine::ConnectorClass& of,
                     const engine::PropertyValues& values) const override;
  Status check_sink(const engine::ConnectorClass& of, const engine::PropertyValues& values,
                    const ConnectorOwner& owner) const override;
  // Sinks of this family write tables.
  Result<std::unique_ptr<SinkWriter>> open_sink(const engine::ConnectorClass& of,
                                                const engine::PropertyValues& values,
                                                const ConnectorOwner& owner) const override;
  Result<std::unique_ptr<TableWriter>> open_tables(const engine::ConnectorClass& of,
                                                   const engine::PropertyValues& values,
                                                   const std::string& connector) const override;

 private:
  const Clock& clock_;
};

}  // namespace server
