// SHOW, DESCRIBE and EXPLAIN: rows about streams, tables, topics, queries and functions.
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
#include "engine/types/batch.h"
#include "engine/types/schema.h"

namespace engine {

struct InformationRows {
  Schema schema;  // names in lower case, as PostgreSQL users read them
  std::vector<ColumnPtr> columns;
  size_t rows = 0;
};

// What one running query is doing, summed over its tasks.
struct QueryStatus {
  std::string state = "RUNNING";     // RUNNING, PAUSED, ERROR; WAITING for a node that runs it
  std::optional<int32_t> node = {};  // that runs it, in a cluster
  std::optional<int64_t> lag_records = {};  // nothing while it is not known
  uint64_t records_in = 0, records_failed = 0, records_late = 0;
  int64_t records_per_second = 0;
  uint64_t state_entries = 0, state_bytes = 0, memory_bytes = 0;
  std::string last_error = {};
  uint64_t records_ahead = 0;
  uint64_t windows_expired = 0;
  // The record that moved stream time furthest: records are late, or not, by its time.
  int64_t stream_time = -1;
  std::string time_moved_by = {};
};
using QueryStatuses = std::map<std::string, QueryStatus>;  // by query id

// What one task of a query is doing.
struct TaskStatus {
  std::string query_id;
  std::string task;  // "CTAS_X_1/0/3"
  int64_t stage = 0, shard = 0, epoch = 0;
  QueryStatus status;
  std::string positions;  // "orders-3@1742": the next record of each partition
  // Nothing of what is not known.
  std::optional<int64_t> checkpoint_age_ms, journal_bytes;
  int64_t held_back_ms = 0;  // that it has waited for checkpoints
};

// One line of SHOW SERVER: "log", "free bytes", "1742".
struct ServerFact {
  std::string section, name, value;
};

// A node of the cluster that the server is in.
struct NodeStatus {
  int64_t id = 0;
  bool is_here = false, is_there = false, is_controller = false;
  int64_t leads = 0, replicas = 0, in_sync = 0;  // partitions
  std::string clients, nodes, rack;              // where it is reached
};

// A consumer group of Kafka clients, and how far it is.
struct ConsumerGroup {
  struct Partition {
    std::string topic;
    int64_t partition = 0;
    std::optional<int64_t> committed = {}, end = {};  // nothing where it is not known
    std::string member = {};                          // that reads it now
    std::optional<int64_t> lag() const {
      return committed && end ? std::optional(*end - *committed) : std::nullopt;
    }
  };
  std::string id, state, protocol_type, protocol;
  int64_t members = 0;
  std::vector<Partition> partitions = {};
};

struct RunningQuery {
  const PersistentQuery* query;
  const QueryPlan* plan;
};

// The queries that run, those that keep declared tables too. A port: the server knows them.
class RunningQueries {
 public:
  virtual ~RunningQueries() = default;
  virtual std::vector<RunningQuery> all() const = 0;  // by id
  virtual std::optional<RunningQuery> find(std::string_view id) const = 0;
};

struct InformationContext {
  const Catalog& catalog;
  const Topics& topics;
  const RunningQueries& queries;
  const QueryStatuses& statuses;  // filled when needs_statuses() says so
  const EngineSettings& settings;
  const Properties& properties;  // of the session
  const std::map<std::string, std::string>& variables;
  // Filled when the statement asks for them; null has no rows.
  const std::vector<TaskStatus>* tasks = nullptr;
  const std::vector<ServerFact>* server = nullptr;
  const std::vector<ConsumerGroup>* groups = nullptr;
  Properties server_properties = {};        // defaults that the server's own settings give
  const SchemaRegistry* schemas = nullptr;  // null has none
  // Of now; none: there are no users.
  std::function<AccessFacts()> access = {};
  // Of now, by id; none: it is alone.
  std::function<std::vector<NodeStatus>()> cluster = {};
  // How far a sequence has come, where that is less than what the catalog has reserved; none: it is as the catalog says.
  std::function<SequencePosition(const Sequence&)> sequence_position = {};
};

// The answer to every statement about connectors.
Error connectors_run_elsewhere();

// Whether a statement is answered here.
bool is_information_statement(const Statement& statement);
// Whether its answer tells what queries or tasks are doing, which takes asking all shards.
bool needs_statuses(const Statement& statement);
bool needs_server_facts(const Statement& statement);
bool needs_consumer_groups(const Statement& statement);
bool needs_schemas(const Statement& statement);
// The columns of the answer, without the answer.
Schema information_schema(const Statement& statement);
// Fails with UndefinedSource, UndefinedObject, NotSupported.
Result<InformationRows> answer_information(const Statement& statement,
                                           const InformationContext& context);

}  // namespace engine
