// Answers SHOW, DESCRIBE and EXPLAIN with rows about streams, tables, topics, queries and functions.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/plan/plan.h"
#include "engine/registry/registry.h"
#include "engine/sql/ast.h"
#include "engine/system_tables/access_facts.h"
#include "engine/system_tables/audit_trail.h"
#include "engine/system_tables/history.h"
#include "engine/types/batch.h"
#include "engine/types/schema.h"

namespace engine {

struct InformationRows {
  Schema schema;  // names in lower case, as PostgreSQL's users expect
  std::vector<ColumnPtr> columns;
  size_t rows = 0;
};

// The status of one running query, summed over its tasks.
struct QueryStatus {
  std::string state = "RUNNING";     // RUNNING, PAUSED, ERROR; WAITING if no node runs it yet
  std::optional<int32_t> node = {};  // node that runs the query, in a cluster
  std::optional<int64_t> lag_records = {};  // no value if not known
  uint64_t records_in = 0, records_failed = 0, records_late = 0;
  int64_t records_per_second = 0;
  uint64_t state_entries = 0, state_bytes = 0, memory_bytes = 0;
  std::string last_error = {};
  uint64_t records_ahead = 0;
  uint64_t windows_expired = 0;
  // The time and the origin of the record that has moved stream time furthest. Other records are
  // late because of this record.
  int64_t stream_time = -1;
  std::string time_moved_by = {};
};
using QueryStatuses = std::map<std::string, QueryStatus>;  // by query id

// The status of one task of a query.
struct TaskStatus {
  std::string query_id;
  std::string task;  // for example "CTAS_X_1/0/3"
  int64_t stage = 0, shard = 0, epoch = 0;
  QueryStatus status;
  std::string positions;  // for example "orders-3@1742": the next record of each partition
  // empty if the value is not known
  std::optional<int64_t> checkpoint_age_ms, journal_bytes;
  int64_t held_back_ms = 0;  // time that the task has waited for checkpoints
};

// One line of SHOW SERVER, for example "log", "free bytes", "1742".
struct ServerFact {
  std::string section, name, value;
};

// A node of the server's cluster.
struct NodeStatus {
  int64_t id = 0;
  bool is_here = false, is_there = false, is_controller = false;
  int64_t leads = 0, replicas = 0, in_sync = 0;  // numbers of partitions
  // addresses for clients and for nodes; name of the rack
  std::string clients, nodes, rack;
};

// A consumer group of Kafka clients, and its position.
struct ConsumerGroup {
  struct Partition {
    std::string topic;
    int64_t partition = 0;
    std::optional<int64_t> committed = {}, end = {};  // empty if not known
    // the member of the group that reads the partition at present
    std::string member = {};
    std::optional<int64_t> lag() const {
      return committed && end ? std::optional(*end - *committed) : std::nullopt;
    }
  };
  std::string id, state, protocol_type, protocol;
  int64_t members = 0;
  std::vector<Partition> partitions = {};
};

// A connector as SHOW CONNECTORS shows it.
struct ConnectorStatus {
  std::string name, type, class_name, state, runs_at, worker;
  int64_t tasks = 0, running_tasks = 0;
  std::vector<std::string> topics;
  std::optional<int64_t> lag_records, errors;
  std::string last_error;
};

struct RunningQuery {
  const PersistentQuery* query;
  const QueryPlan* plan;
};

// The running queries, including those that maintain declared tables. The server implements this interface.
class RunningQueries {
 public:
  virtual ~RunningQueries() = default;
  virtual std::vector<RunningQuery> all() const = 0;  // ordered by id
  virtual std::optional<RunningQuery> find(std::string_view id) const = 0;
};

struct InformationContext {
  const Catalog& catalog;
  const Topics& topics;
  const RunningQueries& queries;
  const QueryStatuses& statuses;  // filled if needs_statuses() is true
  const EngineSettings& settings;
  const Properties& properties;  // properties of the session
  const std::map<std::string, std::string>& variables;
  // The following members are set if the statement needs them. If a member is null, the statement
  // shows no rows from it.
  const std::vector<TaskStatus>* tasks = nullptr;
  const std::vector<ServerFact>* server = nullptr;
  const std::vector<ConsumerGroup>* groups = nullptr;
  Properties server_properties = {};        // defaults from the server's own settings
  const SchemaRegistry* schemas = nullptr;  // null: no schemas
  // Returns the current users and rights. Unset: the server has no users.
  std::function<AccessFacts()> access = {};
  // Returns the current nodes, by id. Unset: the server is a single node.
  std::function<std::vector<NodeStatus>()> cluster = {};
  // Returns the position up to which numbers of a sequence were given out; the catalog only has the
  // position up to which they are reserved. Unset: the position in the catalog is used.
  std::function<SequencePosition(const Sequence&)> sequence_position = {};
  // Returns whether the reader may read or write the topic; with an empty name, whether it may read
  // or write every topic. Unset: the reader may see everything.
  std::function<bool(const std::string& topic)> may_see = {};
  const SampleHistory* history = nullptr;                    // null: the server keeps no history
  const std::vector<ConnectorStatus>* connectors = nullptr;  // by name; filled like `groups`
  const AuditTrail* audit = nullptr;                         // null: the server has no console
};

// Returns whether the statement creates, changes or shows connectors. Connectors are no part of the catalog, so
// answer_information() does not show them.
bool is_connector_statement(const Statement& statement);

// Returns whether the statement is about links to other clusters. Like connectors, links are no part of the catalog.
bool is_link_statement(const Statement& statement);

// Returns whether answer_information() answers the statement.
bool is_information_statement(const Statement& statement);
// Returns whether the answer contains the status of queries or tasks, which requires a request to all shards.
bool needs_statuses(const Statement& statement);
bool needs_server_facts(const Statement& statement);
bool needs_consumer_groups(const Statement& statement);
bool needs_schemas(const Statement& statement);
// Returns the columns of the answer.
Schema information_schema(const Statement& statement);
// Returns the answer. Fails with UndefinedSource, UndefinedObject or NotSupported.
Result<InformationRows> answer_information(const Statement& statement,
                                           const InformationContext& context);

}  // namespace engine
