// A family implements the connector classes of one kind of outside system, such as files or
// postgres; each family has its own folder. The runtime of connectors uses this interface to read
// the properties of a class, to check them in CREATE CONNECTOR, and to open the reader or writer of
// a task.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/connect/classes.h"
#include "engine/connect/properties.h"
#include "engine/connect/row_columns.h"
#include "engine/connect/table_rows.h"
#include "engine/connect/transforms/record_forms.h"
#include "server/connect/batches/batch_writer.h"
#include "server/connect/connectors.h"
#include "server/connect/ports.h"
#include "server/connect/tables/table_writer.h"

namespace server {

// A stream that CREATE CONNECTOR declares over a topic of a source.
struct DeclaredStream {
  std::string topic;
  std::string value_format;    // VALUE_FORMAT of CREATE STREAM
  std::string columns;         // list of columns in the syntax of CREATE STREAM
  engine::RowColumns written;  // the types with which the task writes rows
};

struct SourcePlan {
  std::vector<std::string> topics;
  std::optional<DeclaredStream> stream;
  std::vector<ConnectorNotice> notices;
};

// The properties of a sink that sends batches of records.
struct BatchSinkPlan {
  size_t batch_records = 1;  // most records of one batch
};

// The connector for which a source or a sink is opened.
struct ConnectorOwner {
  std::string connector;
  // Whether the owner of the connector is a superuser. Other connectors must not reach the services of the server's own
  // networks.
  bool may_reach_private_addresses = false;
};

// The properties of a sink that writes tables.
struct TableSinkPlan {
  engine::RowMapping mapping;
  size_t batch_records = 0;     // most records of one transaction
  bool is_exactly_once = true;  // the database stores the positions
};

// The parts of a sink's configuration that the runtime uses.
struct SinkPlan {
  std::vector<std::string> topics;
  engine::SinkLimits limits;
  // The files, tables or buckets that the sink writes to. No other sink may write to them. Equal
  // places have equal names, because the names are in a normal form.
  std::vector<std::string> places;
  // A sink of tables sets `tables`, a sink of batches `batches`. A sink of objects (such as files)
  // sets neither.
  std::optional<TableSinkPlan> tables = {};
  std::optional<BatchSinkPlan> batches = {};
};

// The functions get `values` with the secrets in plain text, so their errors must not contain
// values of passwords.
//
// Threads: any. Owner: the node; the family outlives the tasks.
class ConnectorFamily {
 public:
  virtual ~ConnectorFamily() = default;
  // Returns the name of the family in the table of connector classes, such as "file".
  virtual std::string_view name() const = 0;
  virtual std::vector<engine::PropertyRow> rows(const engine::ConnectorClass& of) const = 0;
  // Checks conditions between several properties, which PropertyRow cannot express. Does not
  // connect to the outside system.
  virtual std::vector<engine::WrongProperty> check(const engine::ConnectorClass& of,
                                                   const engine::PropertyValues& values) const = 0;
  // Returns how the transforms read and write the keys and values of records, for example as JSON.
  virtual engine::RecordForms forms(const engine::ConnectorClass&,
                                    const engine::PropertyValues&) const {
    return {};
  }
  // Returns the configuration without the transforms that the family applies itself. The runtime
  // applies those that remain.
  virtual engine::ConnectorProperties without_own_transforms(
      const engine::ConnectorClass& /*of*/, const engine::ConnectorProperties& config) const {
    return config;
  }
  // Returns the guarantee of delivery, for DESCRIBE CONNECTOR.
  virtual std::string_view guarantee(const engine::ConnectorClass& of) const = 0;

  // Connects to the outside system, and returns the topics and streams of the source. If the
  // property "validate" is 'false', the system need not be reachable.
  virtual Result<SourcePlan> plan_source(const engine::ConnectorClass& of,
                                         const engine::PropertyValues& values,
                                         const ConnectorOwner& owner) const = 0;
  // `columns` are the columns of the stream that plan_source() returned.
  virtual Result<std::unique_ptr<SourceReader>> open_source(const engine::ConnectorClass& of,
                                                            const engine::PropertyValues& values,
                                                            engine::RowColumns columns,
                                                            const ConnectorOwner& owner) const = 0;

  // Returns the prefix of the names of all topics, for a source whose outside system determines the
  // topics and may add further ones at any time; empty for other sources.
  virtual std::string topic_prefix(const engine::ConnectorClass& /*of*/,
                                   const engine::PropertyValues& /*values*/) const {
    return {};
  }
  // Called after DROP CONNECTOR. Removes the objects that the connector has left in the outside
  // system, and returns notices about objects that remain there.
  virtual std::vector<ConnectorNotice> after_drop(const engine::ConnectorClass& /*of*/,
                                                  const engine::PropertyValues& /*values*/,
                                                  const ConnectorOwner& /*owner*/) const {
    return {};
  }

  // Families without sinks do not override the following functions. plan_sink() does not connect to
  // the outside system.
  virtual SinkPlan plan_sink(const engine::ConnectorClass& /*of*/,
                             const engine::PropertyValues& /*values*/) const {
    return {};
  }
  // Checks that the outside system can be written to.
  virtual Status check_sink(const engine::ConnectorClass& of,
                            const engine::PropertyValues& /*values*/,
                            const ConnectorOwner& /*owner*/) const {
    return engine::class_is_not_built_in(of.name, false);
  }
  virtual Result<std::unique_ptr<SinkWriter>> open_sink(const engine::ConnectorClass& of,
                                                        const engine::PropertyValues& /*values*/,
                                                        const ConnectorOwner& /*owner*/) const {
    return engine::class_is_not_built_in(of.name, false);
  }
  // Opens a sink whose plan has `batches`.
  virtual Result<std::unique_ptr<BatchWriter>> open_batches(
      const engine::ConnectorClass& of, const engine::PropertyValues& /*values*/,
      const ConnectorOwner& /*owner*/) const {
    return engine::class_is_not_built_in(of.name, false);
  }
  // Opens a sink whose plan has `tables`. The database stores the positions under the name
  // `connector`.
  virtual Result<std::unique_ptr<TableWriter>> open_tables(const engine::ConnectorClass& of,
                                                           const engine::PropertyValues& /*values*/,
                                                           const std::string& /*connector*/) const {
    return engine::class_is_not_built_in(of.name, false);
  }
};

}  // namespace server
