// A whole server in one object: storage, shards, queries and front ends.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "server/http/connect/connect_pages.h"
#include "server/http/connect/webhook_pages.h"
#include "server/http/console/audit_ring.h"
#include "server/http/console/session_pages.h"
#include "server/http/http_server.h"
#include "server/http/proxy/consumer_instances.h"
#include "server/http/registry/registry_view.h"
#include "server/http/rest/sql_pages.h"
#include "server/kafka/kafka_server.h"
#include "server/node/cluster_parts.h"
#include "server/node/connect_parts.h"
#include "server/node/coordinators.h"
#include "server/node/kafka_backend.h"
#include "server/node/kafka_requests.h"
#include "server/node/movable_clock.h"
#include "server/node/node_access.h"
#include "server/node/peers.h"
#include "server/node/server_facts.h"
#include "server/node/server_metrics.h"
#include "server/node/settings.h"
#include "server/pg/pg_server.h"
#include "server/registry/registry_over_http.h"
#include "server/sql/session.h"
#include "server/tasks/cleanup_targets.h"
#include "server/tasks/query_supervisor.h"
#include "server/tasks/rebuilds.h"
#include "storage/log/log_cleaner.h"
#include "storage/state/state_store.h"

namespace server {

class ConnectLog;
class KafkaLinks;
class LinkStore;
class NativeConnectors;
class ConnectHost;

struct NodeStart {
  double seconds = 0;    // from the call of start() until the node is ready
  uint64_t records = 0;  // number of records in all partitions
  uint64_t queries = 0, table_rows = 0;
  bool is_new = false;  // the data directory was empty
};

// Threads: the owner's. The destructor stops everything in order: no new connections, sessions end, shards stop, the
// log is closed.
class Node {
 public:
  // Opens the data directory, restores every query to its last commit, and listens. Fails with StorageInUse,
  // IncompatibleFormat, StorageFailure, DiskFull, NetworkFailure, and soon with ShuttingDown once `must_stop` is set;
  // after a failure nothing is running.
  static Result<std::unique_ptr<Node>> start(const NodeSettings& settings,
                                             const std::atomic<bool>& must_stop);
  ~Node();

  const Address& pg_address() const { return pg_->address(); }
  std::vector<Address> kafka_addresses() const { return kafka_->addresses(); }
  // Returns the address of the HTTP listener; none if HTTP is switched off.
  std::optional<Address> http_address() const {
    return http_ ? std::optional(http_->address()) : std::nullopt;
  }
  // Returns the URL of the console; empty without a console.
  std::string console_url() const;
  // Returns the address of the separate listener of the schema registry; none if it has no such
  // listener.
  std::optional<Address> registry_address() const {
    return registry_ ? std::optional(registry_->address()) : std::nullopt;
  }
  // Returns the address of the separate listener of Kafka Connect's REST API; none if it has no such listener.
  std::optional<Address> connect_address() const {
    return connect_pages_ ? std::optional(connect_pages_->address()) : std::nullopt;
  }
  // Returns the address for other nodes; none for a lone node.
  std::optional<Address> nodes_address() const { return peers_->address(); }
  const MemoryBudget& memory() const { return memory_; }
  // Reloads the access file and the certificates. Any thread.
  void reload_access() { access_->reload(); }
  const NodeStart& started() const { return started_; }

 private:
  explicit Node(const NodeSettings& settings);
  FrontEndOptions front_end_options(const Address& address, TlsStart tls_start) const;
  Status open_storage();
  Status open_peers(const std::atomic<bool>& must_stop);
  int shard_count() const;
  Status make_shards();
  // Returns the partition for failed records, if the stream of the processing log exists.
  std::optional<engine::PartitionRef> find_processing_log() const;
  // Creates the stream of the processing log at the first start, and again after a user has dropped it.
  Status define_processing_log();
  void keep_processing_log();
  bool may_make_processing_log() const;
  // Facts for SHOW SERVER. Any thread.
  std::vector<engine::ServerFact> facts(int64_t started_us) const;
  Status open_front_ends();
  void stop_front_ends();
  Status open_cleaner();
  std::vector<HeldBackFacts> held_back() const;
  Status open_kafka();
  Status open_http();
  Status open_outside_registry();
  void keep_history();
  Status open_registry(const std::vector<Loop*>& loops);
  void make_connectors();
  Status open_connect(const std::vector<Loop*>& loops);
  http::ConnectView connect_view();
  std::string worker_id() const;
  Result<http::Routes> http_routes();
  http::Routes guarded(http::Routes routes, http::Sessions* sessions = nullptr);
  Status add_console(http::Routes& routes);
  http::ConsoleServer console_server() const;
  http::GateRules gate_rules() const;
  http::RegistryView registry_view();
  void make_coordinators(const std::vector<kafka::KafkaServer::Shard>& shards);
  // own_groups() finds the consumer groups that this node coordinates, with the ends that the leaders of their
  // partitions report; all_groups() finds the groups of all nodes. Both may be called, and call back, on any
  // thread.
  void own_groups(std::function<void(std::vector<coordinator::GroupProgress>)> done) const;
  void all_groups(SqlParts::GroupsDone done) const;
  std::vector<storage::TopicPartition> put_ends(
      std::vector<coordinator::GroupProgress>& groups) const;
  void count_records();
  // Returns the temporary tables of sessions that ended with an earlier server process.
  std::vector<std::string> left_over_tables() const;
  void drop_tables(const std::vector<std::string>& names);
  void on_task_failure(const ShardTask& task);
  void tell_grown(std::span<const storage::TopicPartition> partitions);
  void assignments_changed(std::span<const storage::TopicPartition> changed);
  void on_durable(std::span<const storage::TopicPartition> partitions);

  const NodeSettings settings_;
  MovableClock clock_;
  MemoryBudget memory_;  // destroyed last, because all other parts may hold memory
  NodeStart started_;
  bool shards_are_running_ = false;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::StateStore> state_;
  std::unique_ptr<Peers> peers_;
  Subscriptions subscriptions_;
  std::unique_ptr<engine::SharedRecords> shared_records_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<QueryTasks> queries_;
  std::unique_ptr<QuerySupervisor> supervisor_;
  std::unique_ptr<RegistryOverHttp> outside_registry_;  // only if configured
  std::unique_ptr<MetadataApplier> definitions_;
  std::unique_ptr<ConnectLog> connect_log_;
  std::unique_ptr<ConnectHost> connect_host_;
  std::unique_ptr<NativeConnectors> connectors_;
  std::unique_ptr<LinkStore> link_store_;
  std::unique_ptr<KafkaLinks> links_;
  std::unique_ptr<NodeAccess> access_;
  std::unique_ptr<StatementWorkers> workers_;
  // Checks large batches of Kafka clients, independent of statements.
  std::unique_ptr<StatementWorkers> checkers_;
  std::unique_ptr<StatementWorkers> examiners_;  // checks schemas
  std::unique_ptr<StatementWorkers> slow_rows_;  // evaluates rows that take too long
  std::unique_ptr<http::ProxyView> proxy_;
  std::unique_ptr<http::ConsumerInstances> consumers_;
  std::unique_ptr<ConnectParts> connect_;
  std::unique_ptr<SqlParts> parts_;
  std::unique_ptr<CleanupTargets> cleanup_;
  std::unique_ptr<storage::LogCleaner> cleaner_;
  std::unique_ptr<RebuildPort> rebuild_port_;
  std::unique_ptr<Rebuilds> rebuilds_;
  std::vector<std::unique_ptr<SqlBackend>> backends_;
  std::unique_ptr<pg::PgServer> pg_;
  std::vector<std::unique_ptr<KafkaBackend>> kafka_backends_;
  std::unique_ptr<GroupCoordinators> groups_;
  // destroyed before the coordinators of groups, which it uses
  std::unique_ptr<TransactionCoordinators> transactions_;
  std::unique_ptr<kafka::KafkaServer> kafka_;
  std::unique_ptr<KafkaRequests> kafka_requests_;
  std::unique_ptr<ServerMetrics> metrics_;
  std::unique_ptr<Timer> history_timer_;  // null: no history is kept
  http::OpenQueries http_queries_;
  http::CommandLog http_commands_;
  std::unique_ptr<http::SqlPages> sql_pages_;
  std::shared_ptr<http::AuditRing> audit_ring_;       // null without a console
  std::unique_ptr<http::Sessions> console_sessions_;  // null without a console
  std::unique_ptr<http::HttpServer> http_, registry_, connect_pages_;
  std::atomic<bool> is_serving_{false};  // set while everything runs, until the stop begins
  // These flags are checked by the log's writer, which runs before the parts exist.
  std::atomic<bool> shards_are_ready_{false}, kafka_is_ready_{false}, peers_are_ready_{false},
      queries_are_ready_{false};
  ElectionWatch elections_;  // used by the peers' thread once queries_are_ready_
};

// Runs `millrace server`; returns the exit status.
int run_server_command(int argc, const char* const* argv);

}  // namespace server
