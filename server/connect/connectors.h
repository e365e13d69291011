// The interface through which SQL, REST and the command line manage connectors. NativeConnectors runs the classes that
// are built in, OutsideConnectors forwards to a Kafka Connect cluster, and ConnectorRouter asks both.
//
// Names, states and the meaning of each operation are those of Kafka Connect 4.3
// (https://kafka.apache.org/documentation/#connect_rest).
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/connect/classes.h"

namespace server {

// Properties by name, as in the "config" of Kafka Connect's REST. Values are literal: ${...} is not replaced.
using ConnectorConfig = std::map<std::string, std::string>;

enum class ConnectorState : uint8_t { Running, Paused, Stopped, Failed, Restarting, Unassigned };
// Returns the name in capitals: "RUNNING".
std::string_view connector_state_name(ConnectorState state);
std::optional<ConnectorState> connector_state_named(std::string_view name);

// A state that a user can request.
enum class TargetState : uint8_t { Running, Paused, Stopped };

struct ConnectorTask {
  int32_t id = 0;  // number of the task within the connector, from 0
  ConnectorState state = ConnectorState::Unassigned;
  std::string worker_id;  // HOST:PORT of the node or worker; empty: none
  std::string trace;      // the failure, with detail and hint or a Java stack trace; empty: none
};

// The progress of a task, for SHOW CONNECTOR TASKS. A member without a value is not known; most are
// unknown for a task in an outside cluster.
struct TaskProgress {
  std::string connector;
  ConnectorTask task;
  std::string position;
  std::optional<int64_t> lag_records, lag_ms, lag_bytes;
  std::string snapshot;  // table, rows and percentage of a running snapshot
  std::optional<int64_t> records, bytes_per_second, commits, commit_ms, retries, dead_letters,
      memory_bytes, restarts;
  ConnectorConfig config;  // configuration of the task, as in GET /connectors/{c}/tasks
};

// value of ConnectorInfo::runs_at for connectors in this server
inline constexpr std::string_view kThisServer = "millrace";

// A connector with its present state.
struct ConnectorInfo {
  std::string name;
  engine::ConnectorType type = engine::ConnectorType::Unknown;
  std::string class_name;  // "connector.class" of the configuration
  ConnectorConfig config;  // ConnectorRouter hides secrets in it
  ConnectorState state = ConnectorState::Unassigned;
  std::string worker_id;
  std::string trace;
  std::vector<ConnectorTask> tasks;  // by id
  std::string runs_at;               // "millrace", or the URL of the outside cluster
  // The user with whose rights the connector runs; empty: unknown.
  std::string owner;
  std::vector<std::string> topics;   // topics that were used since the last reset
  std::vector<std::string> sources;  // streams and tables that its creation declared
  std::optional<int64_t> lag_records, records_per_second, errors;
  std::string guarantee;  // guarantee of delivery, for DESCRIBE CONNECTOR; empty: not known
};

// A warning or a notice to the client. The message has no full stop; the hint is a sentence.
struct ConnectorNotice {
  bool is_warning = false;
  std::string message, hint;
};

// A list of connectors or classes, from this server and from the outside Kafka Connect cluster. If one of the two does
// not answer, the list has only the items of the other one, and `notices` has a warning.
template <class T>
struct Listed {
  std::vector<T> items;
  std::vector<ConnectorNotice> notices;
};

// Fail: the statement fails. Keep: CREATE ... IF NOT EXISTS keeps the existing connector.
enum class IfConnectorExists : uint8_t { Fail, Keep, Replace };

struct ConnectorDefinition {
  std::string name;
  // from the word SOURCE or SINK in the statement; Unknown for a REST request
  engine::ConnectorType type = engine::ConnectorType::Unknown;
  ConnectorConfig config;
  TargetState initial_state = TargetState::Running;
  std::string owner;
  IfConnectorExists if_exists = IfConnectorExists::Fail;
};

struct CreatedConnector {
  ConnectorInfo info;
  bool is_new = true;  // false: an existing connector was kept or replaced
  std::vector<ConnectorNotice> notices;
};

// One property of a class, as in GET /connector-plugins/{p}/config.
struct PropertyDefinition {
  std::string name;
  std::string type;  // STRING, INT, LONG, BOOLEAN, LIST, PASSWORD, CLASS, ...
  bool is_required = false;
  std::optional<std::string> default_value;
  std::string importance;  // HIGH, MEDIUM, LOW
  std::string documentation, group, width, display_name;
  std::vector<std::string> dependents;
  int32_t order = -1;
};

// A property of a configuration with its value and the errors in it, as PUT .../config/validate
// returns them.
struct CheckedProperty {
  PropertyDefinition definition;
  std::optional<std::string> value;
  std::vector<std::string> recommended_values;
  std::vector<std::string> errors;
  bool is_visible = true;
};

struct CheckedConfig {
  std::string class_name;
  std::vector<std::string> groups;
  std::vector<CheckedProperty> properties;
  std::vector<ConnectorNotice> notices;  // properties that do nothing, literal passwords
  size_t error_count() const;
};

// A row of GET /connector-plugins.
struct ConnectorPlugin {
  std::string class_name;
  std::string type;     // source, sink, converter, header_converter, transformation, predicate
  std::string version;  // empty: not known
  std::string runs_at;  // as in ConnectorInfo::runs_at
};

// The position of a source connector in one of its partitions. Both members are JSON objects as
// text, as in GET /connectors/{c}/offsets. If `offset` is the text "null", the position is removed.
struct ConnectorOffset {
  std::string partition, offset;
};

// Errors of all operations: UndefinedObject: the connector, task or class does not exist.
// DuplicateObject: a connector of this name exists. InvalidParameter: the configuration is wrong;
// the detail has one line for each wrong property. ObjectState: the connector is in the wrong
// state, for example not STOPPED, or the outside cluster is about to rebalance (REST status 409).
// NotSupported, InsufficientPrivilege: as in SQL. NetworkFailure: the outside cluster or system
// does not answer.
//
// The caller has checked the rights. ConnectorRouter answers without the secrets of configurations.
//
// Threads: any. `done` is called once, on another thread or within the call, and must not wait.
// After stop() of the implementation has returned, `done` is no longer called.
class Connectors {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;
  virtual ~Connectors() = default;

  // Checks the configuration, then creates the connector. A failed call leaves nothing of the
  // connector.
  virtual void create(ConnectorDefinition definition, Done<CreatedConnector> done) = 0;
  // Replaces the configuration of a connector (PUT .../config). The connector continues at its position.
  virtual void alter(std::string name, ConnectorConfig config, Done<CreatedConnector> done) = 0;
  // Sets some properties and removes those without a value (PATCH .../config), in one step.
  using ConfigChanges = std::map<std::string, std::optional<std::string>>;
  virtual void change(std::string name, ConfigChanges changes, Done<CreatedConnector> done) = 0;
  // Ends the tasks and deletes the definition. Topics, streams and tables remain. The notices name
  // objects that remain in the outside system.
  virtual void drop(std::string name, Done<std::vector<ConnectorNotice>> done) = 0;
  // Stores the new target state, and calls `done`. The tasks change their state later.
  virtual void set_state(std::string name, TargetState target, Done<void> done) = 0;
  struct Restart {
    bool includes_tasks = false, only_failed = false;  // includeTasks, onlyFailed
  };
  // Restarts, and returns the connector with its state after the restart was begun.
  virtual void restart(std::string name, Restart what, Done<ConnectorInfo> done) = 0;
  virtual void restart_task(std::string name, int32_t task, Done<void> done) = 0;

  // Returns all connectors, by name.
  virtual void list(Done<Listed<ConnectorInfo>> done) = 0;
  virtual void describe(std::string name, Done<ConnectorInfo> done) = 0;
  // Returns the tasks of one connector, or of all connectors if `name` is empty.
  virtual void tasks(std::string name, Done<Listed<TaskProgress>> done) = 0;
  virtual void reset_topics(std::string name, Done<void> done) = 0;

  virtual void offsets(std::string name, Done<std::vector<ConnectorOffset>> done) = 0;
  // alter_offsets() and reset_offsets() fail unless the connector is STOPPED; they return Kafka
  // Connect's message.
  virtual void alter_offsets(std::string name, std::vector<ConnectorOffset> offsets,
                             Done<std::string> done) = 0;
  virtual void reset_offsets(std::string name, Done<std::string> done) = 0;
  // Copies the tables again (ALTER CONNECTOR ... SNAPSHOT). If `tables` is empty, copies all tables
  // of the connector.
  virtual void snapshot(std::string name, std::vector<std::string> tables, Done<void> done) = 0;
  virtual void set_owner(std::string name, std::string owner, Done<void> done) = 0;

  // Checks a configuration without creating the connector. Wrong properties are reported in the
  // result; they are not an error.
  virtual void validate(ConnectorDefinition definition, Done<CheckedConfig> done) = 0;
  // Returns the classes of connectors and, if `connectors_only` is false, of converters, transforms
  // and predicates.
  virtual void plugins(bool connectors_only, Done<Listed<ConnectorPlugin>> done) = 0;
  virtual void plugin_properties(std::string class_name,
                                 Done<std::vector<PropertyDefinition>> done) = 0;
};

}  // namespace server
