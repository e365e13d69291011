#include "server/node/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <iterator>
#include <map>
#include <set>
#include <thread>

#include "base/log.h"
#include "engine/connect/state_record.h"
#include "engine/exec/processing_log.h"
#include "engine/sql/parse.h"
#include "server/connect/cluster/cluster_connect_log.h"
#include "server/connect/cluster/member_connect_host.h"
#include "server/connect/hosts/local_connect_host.h"
#include "server/connect/native_connectors.h"
#include "server/http/console/console_pages.h"
#include "server/http/console/session_pages.h"
#include "server/http/guard.h"
#include "server/http/proxy/proxy_pages.h"
#include "server/http/registry/registry_pages.h"
#include "server/links/kafka_links.h"
#include "server/node/broker_settings.h"
#include "server/node/data_dir_hint.h"
#include "server/node/http_pages.h"
#include "server/node/metadata_link_store.h"
#include "server/sql/barriers/barriers.h"
#include "server/sql/follow/surveys.h"
#include "server/sql/history/server_history.h"
#include "storage/files/backup.h"
#include "storage/state/position_row.h"

namespace server {

namespace {

// Returns the settings with limits that fit into the memory: some data are kept in memory until
// they are complete, and must not be larger than a session's share of it.
NodeSettings fitted(NodeSettings settings) {
  settings.sql.copy_atomic_bytes = std::min(settings.sql.copy_atomic_bytes,
                                            static_cast<int64_t>(memory_limit_bytes(settings) / 8));
  return settings;
}

// A cluster has a processing log if it has at least this many nodes. The topic of the log has this many replicas.
constexpr int64_t kReplicasOfLog = 3;

// Memory per loop for records that several tasks of a partition read (ADR 0047).
constexpr size_t kSharedRecordsBytes = 8 << 20;

// The protocols that the server offers by ALPN, in the order of preference. A client that knows none of them gets
// HTTP/1.1.
TlsStart http_tls() { return {.protocols = {"h2", "http/1.1"}}; }

std::vector<engine::ConsumerGroup> shown(const std::vector<coordinator::GroupProgress>& groups) {
  std::vector<engine::ConsumerGroup> shown;
  for (const coordinator::GroupProgress& group : groups) {
    engine::ConsumerGroup& to = shown.emplace_back();
    to.id = group.group_id;
    to.state = group.state;
    to.protocol_type = group.protocol_type;
    to.protocol = group.protocol;
    to.members = static_cast<int64_t>(group.members);
    for (const coordinator::GroupProgress::Partition& each : group.partitions)
      to.partitions.push_back({each.topic, each.partition, each.committed, each.end, each.member});
  }
  return shown;
}

}  // namespace

Result<std::unique_ptr<Node>> Node::start(const NodeSettings& settings,
                                          const std::atomic<bool>& must_stop) {
  std::unique_ptr<Node> node(new Node(settings));
  if (settings.test_clock) node->clock_.allow_moves();
  const int64_t begun_us = node->clock_.monotonic_us();
  TRY(node->open_storage());
  TRY(node->open_peers(must_stop));
  TRY(node->make_shards());
  std::vector<Shard*> shards;
  for (const auto& shard : node->shards_) shards.push_back(shard.get());
  node->queries_ = std::make_unique<QueryTasks>(
      *node->log_, *node->state_, node->clock_, shards,
      [raw = node.get()] { return raw->definitions_->image()->topics; }, settings.checkpoint_policy,
      must_stop);
  Peers& peers = *node->peers_;
  TRY(peers.open_journals({.log = *node->log_,
                           .state = *node->state_,
                           .clock = node->clock_,
                           .shards = shards,
                           .queries = *node->queries_,
                           .image = [raw = node.get()] { return raw->definitions_->image(); },
                           .rebuild_soon =
                               [raw = node.get()](std::vector<std::string> queries) {
                                 raw->supervisor_->rebuild_soon(std::move(queries));
                               },
                           .journal_bytes = settings.checkpoint_policy.journal_bytes}));
  node->supervisor_ = std::make_unique<QuerySupervisor>(*node->queries_, *node->log_, node->clock_);
  QueryRunner& runner = peers.query_runner(*node->supervisor_, *node->log_, [raw = node.get()] {
    return raw->definitions_->image()->topics;
  });
  node->definitions_ = std::make_unique<MetadataApplier>(*node->log_, peers.metadata(), runner,
                                                         settings.sql.engine, peers.facts());
  peers.use_applied([raw = node.get()] { return raw->definitions_->image()->revision; });
  TRY(node->open_outside_registry());
  node->queries_->set_joins_wait(!settings.sql.engine.ksqldb_compat);
  node->queries_->set_schemas(node->definitions_->schemas());
  // In a cluster, the topic of the processing log may have been created by a single server that has joined later
  // (docs/adr/0094). There it is an ordinary topic, to which the processing log of one node must not append.
  const bool keeps_processing_log =
      settings.processing_log && peers.facts().supports(Feature::LoneProcessingLog);
  if (keeps_processing_log)
    node->queries_->set_processing_log([raw = node.get()] { return raw->find_processing_log(); });
  node->elections_.told_until(peers.unclean_elections());
  node->queries_are_ready_.store(true, std::memory_order_release);
  node->definitions_->use_topic_defaults(topic_defaults(settings));
  TRY(node->definitions_->recover(must_stop));
  peers.queries_are_started();
  node->access_ = TRY(NodeAccess::open(settings.security, *node->definitions_, node->clock_));
  node->workers_ = std::make_unique<StatementWorkers>(settings.statement_threads);
  node->parts_.reset(new SqlParts{*node->log_, node->memory_, *node->definitions_, *node->queries_,
                                  *node->supervisor_, node->clock_, node->settings_.sql,
                                  *node->workers_,
                                  [raw = node.get(), begun_us] { return raw->facts(begun_us); }});
  node->parts_->cluster = peers.open_topics(*node->parts_);
  // shares no ownership: the peers own the locks and outlive the sessions
  node->parts_->locks = {std::shared_ptr<void>(), &peers.locks()};
  node->make_connectors();
  node->connect_ = TRY(ConnectParts::open(settings.outside_connect, node->connectors_.get()));
  node->parts_->connectors = &node->connect_->connectors();
  node->link_store_ = std::make_unique<MetadataLinkStore>(*node->definitions_);
  node->links_ = std::make_unique<KafkaLinks>(*node->link_store_, node->clock_, node->memory_,
                                              SecretSettings{settings.native_connect.secrets_dir});
  node->parts_->links = node->links_.get();
  node->parts_->surveys = std::make_shared<Surveys>(*node->parts_, node->shards_.front()->loop());
  node->parts_->barriers = std::make_shared<Barriers>(*node->parts_, *node->shards_.front());
  TRY(node->open_front_ends());
  TRY(node->open_cleaner());
  node->count_records();
  if (must_stop) return Error{ErrorCode::ShuttingDown, "the server is stopping"};
  node->definitions_->start_thread();
  TRY(node->access_->make_superuser());
  // This process has no sessions yet, so all temporary tables belong to sessions that have ended.
  const std::vector<std::string> left_over = node->left_over_tables();
  const bool has_other_processes = peers.facts().has_other_processes();
  if (!has_other_processes) node->drop_tables(left_over);
  if (keeps_processing_log && !has_other_processes) node->keep_processing_log();
  for (const auto& shard : node->shards_) shard->start_thread();
  node->shards_are_running_ = true;
  node->queries_->note_shards_run();
  peers.start_journals();
  node->groups_->start();
  node->transactions_->start();
  node->supervisor_->start_thread();
  node->rebuild_port_ = peers.open_rebuilds({*node->log_, node->clock_, node->memory_,
                                             static_cast<size_t>(settings.sql.copy_atomic_bytes)});
  node->rebuilds_ =
      std::make_unique<Rebuilds>(*node->log_, *node->rebuild_port_, *node->definitions_,
                                 *node->supervisor_, shards, node->memory_, node->clock_);
  node->rebuilds_->start_thread();
  node->cleaner_->start_thread();
  TRY(peers.join(settings.kafka_advertised.empty() ? node->kafka_addresses().front()
                                                   : settings.kafka_advertised.front(),
                 must_stop));
  if (keeps_processing_log && has_other_processes && node->may_make_processing_log())
    node->keep_processing_log();
  // Before this point the node had not joined the cluster, and could not append to the metadata
  // that all nodes share.
  if (has_other_processes) node->drop_tables(left_over);
  node->definitions_->await_undone();
  node->connectors_->start(node->worker_id());
  node->links_->start();
  node->is_serving_ = true;
  node->started_.seconds = static_cast<double>(node->clock_.monotonic_us() - begun_us) / 1e6;
  return node;
}

Node::Node(const NodeSettings& settings)
    : settings_(fitted(settings)),
      memory_(memory_limit_bytes(settings), state_memory_bytes(settings)) {}

FrontEndOptions Node::front_end_options(const Address& address, TlsStart tls_start) const {
  return {.address = address,
          .max_connections = settings_.max_connections,
          .tls = access_->tls(),
          .tls_start = std::move(tls_start)};
}

Status Node::open_storage() {
  std::error_code error;
  std::filesystem::create_directories(settings_.data_dir, error);
  if (error)
    return Error{
        ErrorCode::StorageFailure,
        fmt::format("cannot create the data directory {}: {}", settings_.data_dir, error.message()),
        {},
        hint_for_data_dir(settings_.data_dir)};
  TRY(storage::check_is_no_unfinished_copy(settings_.data_dir));
  storage::LogOptions options;
  // A shard reads for its tasks and for its Kafka clients; the other readers are for statements and for the start.
  options.max_readers = 128 + 4 * static_cast<uint32_t>(shard_count());
  options.clock = &clock_;
  options.producer_expiration_ms = settings_.producer_id_expiration_ms;
  options.forgets_foreign_tasks = settings_.cluster.id.empty();
  options.queue_limit_bytes = std::clamp<size_t>(memory_.limit_bytes() / 16, 4 << 20, 64 << 20);
  options.on_durable = [this](std::span<const storage::TopicPartition> partitions) {
    on_durable(partitions);
  };
  options.telling = [](const std::function<void()>& tell) {
    const Loop::WakesTogether together;
    tell();
  };
  // After a failure it is unknown whether the last commit is on disk, and only a restart can find out. Stopping is
  // safe, because no client has received an answer about that commit yet.
  options.on_failure = [](const Error& failure) {
    log_error("the log cannot continue error=\"{}\" detail=\"{}\"", failure.message,
              failure.detail);
    std::_Exit(70);
  };
  log_ = TRY(storage::Log::open(settings_.data_dir, std::move(options)));
  storage::StateOptions state_options;
  state_options.log_instance = log_->store().instance_id();
  state_options.chunk_keys = static_cast<size_t>(settings_.checkpoint_policy.chunk_keys);
  state_options.queue_limit_bytes =
      std::clamp<size_t>(memory_.limit_bytes() / 8, 16 << 20, 256 << 20);
  // In a cluster an earlier version of the program may be installed again, and would refuse the
  // changed file. So only a lone node changes it.
  if (settings_.cluster.id.empty()) TRY(storage::add_position_checks(settings_.data_dir));
  state_ = TRY(storage::StateStore::open(settings_.data_dir, state_options));
  return {};
}

Status Node::open_peers(const std::atomic<bool>& must_stop) {
  const auto on_changed = [this](std::span<const storage::TopicPartition> changed) {
    assignments_changed(changed);
  };
  peers_ = settings_.cluster.id.empty()
               ? TRY(open_lone(*log_))
               : TRY(open_member(settings_, *log_, clock_, on_changed, must_stop));
  peers_are_ready_.store(true, std::memory_order_release);
  return peers_->begin(must_stop);
}

void Node::on_durable(std::span<const storage::TopicPartition> partitions) {
  if (peers_are_ready_.load(std::memory_order_acquire)) peers_->on_durable(partitions);
  if (!shards_are_ready_.load(std::memory_order_acquire)) return;
  const auto by_shard = subscriptions_.readers_of(partitions, shards_.size());
  for (size_t i = 0; i < shards_.size(); ++i)
    if (!by_shard[i].empty()) shards_[i]->wake(by_shard[i]);
  if (kafka_is_ready_.load(std::memory_order_acquire)) tell_grown(partitions);
}

// Notifies front ends and consumer groups of the changed partitions, and rebuilds the queries that
// an unclean election affects. Queries that start later check earlier elections themselves.
void Node::assignments_changed(std::span<const storage::TopicPartition> changed) {
  if (kafka_is_ready_.load(std::memory_order_acquire)) tell_grown(changed);
  if (!queries_are_ready_.load(std::memory_order_acquire)) return;
  const auto elections = peers_->unclean_elections();
  const auto lost = elections_.take_new(elections, changed);
  if (lost.empty()) return;
  const MetadataImagePtr image = definitions_->image();
  for (const storage::TopicPartition& partition : lost) {
    const Error why = why_reading_ends(*image, partition, *elections.get(partition));
    for (const auto& shard : shards_)
      shard->post([shard = shard.get(), partition, why] { shard->end_reading(partition, why); });
  }
  supervisor_->rebuild_soon(queries_over(*image, lost));
}

void Node::tell_grown(std::span<const storage::TopicPartition> partitions) {
  kafka_->grown(partitions);
  groups_->grown(partitions);
}

int Node::shard_count() const {
  if (settings_.shards > 0) return settings_.shards;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

Status Node::make_shards() {
  const int count = shard_count();
  // At least this number of threads, since each row of a query may take seconds while other queries wait.
  constexpr int kFewest = 4;
  slow_rows_ = std::make_unique<StatementWorkers>(
      std::max(kFewest, static_cast<int>(std::thread::hardware_concurrency())));
  shared_records_ =
      std::make_unique<engine::SharedRecords>(static_cast<size_t>(count) * kSharedRecordsBytes);
  for (int i = 0; i < count; ++i) {
    shards_.push_back(
        TRY(Shard::make(static_cast<uint32_t>(i), *log_, subscriptions_, *shared_records_, memory_,
                        clock_, [this](const ShardTask& task) { on_task_failure(task); })));
    // The size 0 is passed, so the queue charges no memory for a slow row: each operator has at
    // most one such row, and keeps it in memory anyway.
    shards_.back()->run_slow_rows_by(
        [this](std::function<void()> work) { (void)slow_rows_->try_run(0, std::move(work)); });
  }
  shards_are_ready_.store(true, std::memory_order_release);
  return {};
}

std::optional<engine::PartitionRef> Node::find_processing_log() const {
  const MetadataImagePtr image = definitions_->image();
  const engine::DataSource* stream = image->catalog->find_source(engine::kProcessingLogStream);
  const storage::TopicInfo* topic = stream ? image->topics->find(stream->topic) : nullptr;
  if (!topic) return std::nullopt;
  return engine::PartitionRef{topic->id, PartitionId(0)};
}

// Returns whether this node may create the topic of the processing log. The first two nodes of a
// cluster leave it to the third one, so that the topic gets three replicas. Nodes that start at the
// same time may not consider each other alive yet, so the check is repeated.
bool Node::may_make_processing_log() const {
  constexpr int kMostTries = 60;
  constexpr std::chrono::milliseconds kPause(50);
  for (int i = 0; i < kMostTries; ++i, std::this_thread::sleep_for(kPause)) {
    const auto health = peers_->health();
    if (find_processing_log() || !health || health->nodes < kReplicasOfLog) return false;
    if (health->nodes_there >= kReplicasOfLog) return true;
  }
  return false;
}

// A failure is not fatal, since another node may define the stream at the same time.
void Node::keep_processing_log() {
  const Status defined = define_processing_log();
  if (!defined && !find_processing_log())
    log_warn("the processing log is not available error=\"{}\"", defined.error().message);
}

// Defines the stream of the processing log, and creates its topic again if a user has deleted the topic. Running
// queries write to the new topic once they restart.
Status Node::define_processing_log() {
  const MetadataImagePtr image = definitions_->image();
  if (const auto* stream = image->catalog->find_source(engine::kProcessingLogStream)) {
    if (image->topics->find(stream->topic)) return {};
    std::promise<Status> made;
    definitions_->submit(CreateTopic{stream->topic, 1, {}}, [&](Result<storage::TopicInfo> topic) {
      made.set_value(topic ? Status{} : Status{std::move(topic).error()});
    });
    return made.get_future().get();
  }
  std::vector<engine::ParsedStatement> script =
      TRY(engine::parse_script(engine::processing_log_statement()));
  std::promise<Status> done;
  definitions_->submit(std::make_shared<const engine::ParsedStatement>(std::move(script.front())),
                       engine::Properties(), [&](Result<DefinitionOutcome> outcome) {
                         done.set_value(outcome ? Status{} : std::move(outcome).error());
                       });
  return done.get_future().get();
}

std::vector<engine::ServerFact> Node::facts(int64_t started_us) const {
  std::vector<LoopFacts> loops;
  for (const auto& shard : shards_) {
    SliceMeter& slices = shard->loop().slices();
    loops.push_back({slices.loop_name(), slices.read(), slices.longest_us()});
  }
  auto facts = server_facts({settings_.data_dir, clock_, started_us, std::move(loops),
                             storage::statistics_of(*log_), pg_->connection_count(),
                             kafka_->connection_count(), http_ ? http_->connection_count() : 0,
                             *definitions_->image(), memory_, held_back()});
  for (engine::ServerFact& fact : peers_->server_facts()) facts.push_back(std::move(fact));
  return facts;
}

std::vector<HeldBackFacts> Node::held_back() const {
  std::map<std::pair<std::string, std::string>, int64_t> records;
  const auto topics = definitions_->image()->topics;
  for (const auto& [partition, count] : cleaner_->held_back())
    if (const storage::TopicInfo* topic = topics->find(partition.topic))
      records[{topic->name, cleanup_->holder_of(partition)}] += count;
  std::vector<HeldBackFacts> facts;
  for (const auto& [of, count] : records) facts.push_back({of.first, of.second, count});
  return facts;
}

Status Node::open_cleaner() {
  std::vector<Shard*> shards;
  for (const auto& shard : shards_) shards.push_back(shard.get());
  cleanup_ = std::make_unique<CleanupTargets>(
      *log_, std::move(shards), [this] { return definitions_->image(); },
      [this](const storage::TopicPartition& partition) {
        return peers_->lacks_replicas(partition);
      });
  storage::LogCleanerOptions options;
  options.clock = &clock_;
  options.memory = &memory_;
  options.interval_ms = settings_.log_retention_check_interval_ms;
  cleaner_ = TRY(storage::LogCleaner::open(*log_, options, *cleanup_));
  return {};
}

void Node::on_task_failure(const ShardTask& task) {
  const engine::Task& failed = *task.task;
  Error error = failed.failure()->error;
  error.message = failed.metrics().last_error;  // the text names partition and offset
  supervisor_->task_failed({task.query_id, task.run, std::move(error), failed.is_careful(),
                            failed.last_durable() > task.first_sequence, task.is_lost});
}

Status Node::open_front_ends() {
  std::vector<pg::PgServer::Shard> shards;
  for (const auto& shard : shards_) {
    backends_.push_back(std::make_unique<SqlBackend>(*parts_, *shard));
    shards.push_back({&shard->loop(), backends_.back().get()});
  }
  pg_ = TRY(pg::PgServer::open(
      shards,
      {.front_end =
           front_end_options(settings_.pg, {.has_request = true, .protocols = {"postgresql"}}),
       .access = &access_->access(),
       .superuser_reserved_connections =
           std::min(settings_.superuser_reserved_connections, settings_.max_connections - 1),
       .locks = &peers_->locks(),
       .notify_nodes = peers_->notify_nodes(),
       .node = peers_->node_id()},
      memory_, clock_));
  peers_->use_notifications(pg_->notifications());
  TRY(open_kafka());
  return open_http();
}

Status Node::open_http() {
  std::vector<Loop*> loops;
  std::vector<Shard*> shards;
  for (const auto& shard : shards_) {
    loops.push_back(&shard->loop());
    shards.push_back(shard.get());
  }
  // At least two threads, so that a long check does not block look-ups; at most half of the cores of a large machine.
  examiners_ = std::make_unique<StatementWorkers>(
      std::max(2, static_cast<int>(std::thread::hardware_concurrency() / 2)));
  TRY(open_registry(loops));
  TRY(open_connect(loops));
  metrics_ = std::make_unique<ServerMetrics>(MetricsSources{
      settings_.data_dir,
      clock_,
      clock_.wall_ms(),
      std::move(shards),
      *log_,
      memory_,
      *supervisor_,
      *checkers_,
      [this] { return definitions_->image(); },
      [this](SqlParts::GroupsDone done) {
        own_groups([done = std::move(done)](const auto& own) { done({shown(own), {}}); });
      },
      {{"pg", [this] { return pg_->connection_count(); }},
       {"kafka", [this] { return kafka_->connection_count(); }},
       {"http", [this] { return http_ ? http_->connection_count() : 0; }},
       {"registry", [this] { return registry_ ? registry_->connection_count() : 0; }},
       {"connect", [this] { return connect_pages_ ? connect_pages_->connection_count() : 0; }}},
      [this] { return parts_->open_statements.load(); },
      [this] { return peers_->health(); },
      [this] { return connectors_->figures(); },
      [this] {
        return MetricsSources::Barriers{parts_->barriers->begun(), parts_->barriers->abandoned()};
      }});
  if (settings_.keeps_history) keep_history();
  if (!settings_.http) return {};
  http::Routes routes = TRY(http_routes());
  http_ = TRY(http::HttpServer::open(
      loops, guarded(std::move(routes), console_sessions_.get()),
      {front_end_options(*settings_.http, http_tls()), {}, gate_rules()}, memory_, clock_));
  return {};
}

// Samples the figures on a loop. A worker formats them as text, as for a request of /metrics.
void Node::keep_history() {
  const std::optional<int32_t> number = definitions_->facts().node_number();
  std::function<size_t()> controllers;
  if (number)
    controllers = [this] {
      const auto nodes = parts_->cluster->nodes();
      return static_cast<size_t>(std::ranges::count_if(nodes, &engine::NodeStatus::is_controller));
    };
  const auto history =
      std::make_shared<ServerHistory>(number.value_or(0), memory_, std::move(controllers));
  parts_->history = history;
  history_timer_ = std::make_unique<Timer>(shards_.front()->loop(), "history", [this, history] {
    metrics_->page([history, &clock = clock_](const std::shared_ptr<const std::string>& page) {
      if (page) history->add(*page, clock.wall_ms());
    });
  });
  history_timer_->start_every(SampleRing::kFineMs);
}

Status Node::open_outside_registry() {
  const auto& outside = settings_.outside_registry;
  if (outside.urls.empty()) return {};
  std::vector<HttpEndpoint> endpoints = TRY(parse_registry_urls(outside.urls));
  TRY(use_credentials(endpoints, outside.credentials_file));
  outside_registry_ = std::make_unique<RegistryOverHttp>(std::move(endpoints), clock_);
  outside_registry_->on_news([this] {
    for (const auto& shard : shards_) shard->post([shard = shard.get()] { shard->wake_waiting(); });
  });
  definitions_->use_registry(*outside_registry_);
  return {};
}

Status Node::open_registry(const std::vector<Loop*>& loops) {
  if (!settings_.registry) return {};
  registry_ = TRY(http::HttpServer::open(
      loops, guarded(http::registry_routes(registry_view(), peers_->cluster_id())),
      {front_end_options(*settings_.registry, http_tls()), {}, gate_rules()}, memory_, clock_));
  return {};
}

void Node::make_connectors() {
  constexpr size_t kShareOfConnectors = 4;
  const auto find_topics = [this] { return definitions_->image()->topics; };
  NativeSettings native{.files_dir = settings_.native_connect.files_dir,
                        .secrets = {settings_.native_connect.secrets_dir},
                        .max_threads = settings_.native_connect.max_threads,
                        .max_memory_bytes = settings_.native_connect.memory_bytes.value_or(
                            memory_.limit_bytes() / kShareOfConnectors),
                        .partitions_of_new_topic = settings_.sql.engine.num_partitions};
  if (peers_->facts().has_other_processes()) {
    connect_log_ = std::make_unique<ClusterConnectLog>(*log_, clock_, find_topics,
                                                       connect_appends(*parts_->cluster));
    connect_host_ = std::make_unique<MemberConnectHost>(
        *connect_log_, clock_,
        MemberConnectHost::Node{.id = peers_->node_id().value_or(0),
                                .leads =
                                    [this](const storage::TopicPartition& partition) {
                                      return peers_->leaders()(partition) == Leads::ThisNode;
                                    },
                                .metadata = [this] { return definitions_->image(); }});
  } else {
    connect_log_ =
        std::make_unique<LocalConnectLog>(*log_, clock_, [find_topics]() -> std::optional<Uuid> {
          const auto topics = find_topics();
          const auto* topic = topics->find(engine::kConnectStateTopic);
          return topic ? std::optional(topic->id) : std::nullopt;
        });
    connect_host_ = std::make_unique<LocalConnectHost>(*connect_log_, clock_);
  }
  connectors_ = std::make_unique<NativeConnectors>(*connect_log_, *connect_host_, *definitions_,
                                                   clock_, memory_, std::move(native));
}

Status Node::open_connect(const std::vector<Loop*>& loops) {
  if (!settings_.connect) return {};
  connect_pages_ = TRY(http::HttpServer::open(
      loops, guarded(http::connect_routes(connect_view())),
      {front_end_options(*settings_.connect, http_tls()), {}, gate_rules()}, memory_, clock_));
  return {};
}

// Returns the address to which the listener is bound, since the port in the settings may be 0.
std::string Node::worker_id() const {
  std::string id;
  if (http_)
    id = http_->address().to_string();
  else if (connect_pages_)
    id = connect_pages_->address().to_string();
  // The nodes of a cluster compare their ids, so a node without an HTTP address needs one, too.
  if (!id.empty() || !peers_->facts().has_other_processes()) return id;
  const std::vector<Address> addresses =
      settings_.kafka_advertised.empty() ? kafka_addresses() : settings_.kafka_advertised;
  return addresses.front().to_string();
}

http::ConnectView Node::connect_view() {
  return {connect_->connectors(),
          [this](const http::Request& request) {
            const Asker asker = request.has_rights_of_user ? Asker(request.user) : Asker();
            return check_create_connector(*definitions_->image()->users, asker);
          },
          peers_->cluster_id()};
}

http::RegistryView Node::registry_view() {
  http::RegistryView view;
  view.registry = [this] { return *definitions_->image()->schemas; };
  view.change = [this](http::RegistryView::Change change, http::RegistryView::ChangeDone done) {
    definitions_->submit(std::move(change), std::move(done));
  };
  view.run_aside = [this](size_t bytes, std::function<void()> work) {
    return workers_->try_run(bytes, std::move(work));
  };
  if (outside_registry_) view.elsewhere = outside_registry_->url();
  view.examine_aside = [this](size_t bytes, std::function<void()> work) {
    return examiners_->try_run(bytes, std::move(work));
  };
  return view;
}

http::GateRules Node::gate_rules() const {
  http::GateRules rules{settings_.http_hosts, settings_.http_origins};
  if (const TlsServer* tls = access_->tls())
    rules.is_certified = [tls](std::string_view host) { return tls->is_valid_for(host); };
  return rules;
}

// Adds the checks of the access file, if one is configured.
http::Routes Node::guarded(http::Routes routes, http::Sessions* sessions) {
  return http::guarded(std::move(routes), {access_->access(),
                                           [this](std::function<void()> work) {
                                             constexpr size_t kAbout = 4 << 10;
                                             return checkers_->try_run(kAbout, std::move(work));
                                           },
                                           sessions});
}

Status Node::add_console(http::Routes& routes) {
  if (settings_.console == NodeSettings::Console::Off) return {};
  audit_ring_ = std::make_shared<http::AuditRing>(definitions_->facts().node_number().value_or(0),
                                                  clock_, memory_);
  parts_->audit = audit_ring_;
  console_sessions_ = std::make_unique<http::Sessions>(
      access_->access(),
      http::Sessions::Options{
          settings_.console == NodeSettings::Console::ReadOnly, settings_.insecure,
          [this] { return http_ ? int{http_->address().port} : 0; }, audit_ring_.get()});
  http::add_session_pages(routes, {*console_sessions_, [this] { return console_server(); },
                                   [this](const std::string& user) {
                                     return console_rights(*definitions_->image(), user);
                                   }});
  if (!settings_.console_dir.empty())
    return http::add_console_folder(routes, settings_.console_dir, http::console_assets());
  http::add_console_pages(routes, http::console_assets(), http::console_build());
  return {};
}

http::ConsoleServer Node::console_server() const {
  http::ConsoleServer server{.id = peers_->cluster_id(), .node = peers_->node_id()};
  const auto add = [&](const char* protocol, const std::vector<Address>& addresses) {
    auto& [name, texts] = server.listeners.emplace_back(protocol, std::vector<std::string>());
    for (const Address& address : addresses) texts.push_back(address.to_string());
  };
  add("pg", {pg_address()});
  add("kafka", settings_.kafka_advertised.empty() ? kafka_addresses() : settings_.kafka_advertised);
  add("http", {http_->address()});
  if (registry_) add("registry", {registry_->address()});
  if (connect_pages_) add("connect", {connect_pages_->address()});
  return server;
}

std::string Node::console_url() const {
  if (!http_ || !console_sessions_) return {};
  Address address = http_->address();
  if (address.host.empty() || address.host == "0.0.0.0" || address.host == "::")
    address.host = "localhost";
  return fmt::format("{}://{}/console/", access_->tls() != nullptr ? "https" : "http",
                     address.to_string());
}

Result<http::Routes> Node::http_routes() {
  http::ServerView view;
  view.cluster_id = peers_->cluster_id();
  view.service_id = "default_";  // ksqlDB's own default
  view.is_ready = [this] { return is_serving_.load(); };
  view.is_suspended = [this] { return peers_->is_suspended(); };
  view.is_isolated = [this] { return peers_->is_isolated(); };
  view.accepts_appends = [this] { return !storage::statistics_of(*log_).refuses_appends; };
  view.address = [this] { return http_->address().to_string(); };
  view.query_places = [this] { return query_places(*definitions_->image()); };
  view.wall_ms = [this] { return clock_.wall_ms(); };
  view.run_aside = [this](std::function<void()> work) {
    constexpr size_t kAbout = 1 << 20;
    return checkers_->try_run(kAbout, std::move(work));
  };
  view.metrics = [this](ServerMetrics::Done done) { metrics_->page(std::move(done)); };
  view.has_console = settings_.console != NodeSettings::Console::Off;
  http::Routes routes;
  http::add_server_pages(routes, view);
  TRY(add_console(routes));
  sql_pages_.reset(new http::SqlPages{{},
                                      [this] { return definitions_->image()->revision.value(); },
                                      http_queries_,
                                      http_commands_});
  for (const auto& backend : backends_) sql_pages_->backends.push_back(backend.get());
  sql_pages_->open_script = [this](size_t shard, std::function<void()> wake,
                                   const sql::ScriptRequest& request, sql::AnswerForm& form) {
    return pg_->open_script(shard, std::move(wake), request, form);
  };
  http::add_sql_pages(routes, *sql_pages_);
  if (clock_.may_move()) add_clock_page(routes, clock_);
  http::add_registry_pages(routes, registry_view());
  http::add_connect_pages(routes, connect_view());
  http::add_webhook_pages(routes, [this](const std::string& name) {
    NativeConnectors::WebhookOf found = connectors_->webhook(name);
    return http::FoundWebhook{found.exists, std::move(found.webhook)};
  });
  std::vector<Loop*> loops;
  for (const auto& shard : shards_) loops.push_back(&shard->loop());
  proxy_.reset(new http::ProxyView{
      peers_->cluster_id(),
      [this](size_t shard, MemoryAccount* account) { return kafka_->open_local(shard, account); },
      view.address, std::move(loops), clock_, memory_, registry_view()});
  consumers_ = std::make_unique<http::ConsumerInstances>(*proxy_);
  http::add_proxy_pages(routes, *proxy_, *consumers_);
  return routes;
}

Status Node::open_kafka() {
  checkers_ = std::make_unique<StatementWorkers>(0);
  std::vector<kafka::KafkaServer::Shard> shards;
  for (const auto& shard : shards_) {
    kafka_backends_.push_back(
        TRY(KafkaBackend::make(*log_, *definitions_, peers_->kafka(), shard->loop(), clock_,
                               memory_, settings_.data_dir)));
    const auto run_aside = [this, &loop = shard->loop()](size_t bytes, std::function<void()> work,
                                                         std::function<void()> then) {
      return checkers_->try_run(bytes, [&loop, work = std::move(work), then = std::move(then)] {
        work();
        loop.post(then);
      });
    };
    shards.push_back({&shard->loop(), kafka_backends_.back().get(), run_aside});
  }
  make_coordinators(shards);
  parts_->consumer_groups = [this](SqlParts::GroupsDone done) { all_groups(std::move(done)); };
  kafka::KafkaServerOptions options;
  for (size_t i = 0; i < settings_.kafka.size(); ++i) {
    options.listeners.push_back({settings_.kafka[i]});
    if (!settings_.kafka_advertised.empty())
      options.listeners.back().advertised = settings_.kafka_advertised[i];
  }
  constexpr int64_t kFirstRequestMs =
      30'000;  // clients send the request immediately, and on a busy machine a little later
  const int64_t max_idle_ms = settings_.connections_max_idle_ms;
  options.limits.first_request_timeout_ms =
      max_idle_ms < 0 ? kFirstRequestMs : std::min(kFirstRequestMs, max_idle_ms);
  options.limits.max_idle_ms = max_idle_ms;
  options.front_end = front_end_options(settings_.kafka.front(), {});
  options.access = &access_->access();
  options.limits.max_reauth_ms = settings_.connections_max_reauth_ms;
  options.node.cluster_id = peers_->cluster_id();
  options.node.node_id = peers_->node_id().value_or(options.node.node_id);
  options.node.partitions_of_new_topic = settings_.sql.engine.num_partitions;
  options.node.internal_topic = engine::kProcessingLogTopic;
  options.node.creates_topics = settings_.auto_create_topics;
  options.node.groups = settings_.groups;
  options.node.start_settings =
      std::make_shared<const std::vector<kafka::StartSetting>>(broker_settings(settings_));
  options.relay = peers_->relay();
  const int32_t self = options.node.node_id;
  kafka_ = TRY(kafka::KafkaServer::open(shards, std::move(options), memory_, clock_));
  kafka_requests_ = std::make_unique<KafkaRequests>(
      KafkaRequestParts{shards_.front()->loop(), [this] { return kafka_->open_local(0, nullptr); },
                        *definitions_, *parts_->cluster, self});
  parts_->kafka_admin = kafka_requests_.get();
  peers_->use_requests([this](std::string frame, RequestCalls::Done done) {
    kafka_requests_->handle(std::move(frame), std::move(done));
  });
  kafka_is_ready_.store(true, std::memory_order_release);
  return {};
}

void Node::make_coordinators(const std::vector<kafka::KafkaServer::Shard>& shards) {
  std::vector<CoordinatorPlace> places;
  for (const kafka::KafkaServer::Shard& shard : shards)
    places.push_back({shard.loop, shard.backend});
  groups_ = make_group_coordinators(places, settings_.groups, clock_, memory_, peers_->kafka());
  transactions_ = make_transaction_coordinators(places, settings_.transactions, clock_, memory_,
                                                *groups_, peers_->kafka());
  for (size_t i = 0; i < kafka_backends_.size(); ++i)
    kafka_backends_[i]->set_coordinators(groups_->of(i), transactions_->of(i));
  peers_->use_coordinators(
      places.front(), groups_->of(0), transactions_->of(0), clock_,
      [this](std::function<void(GroupCalls::Groups)> done) { own_groups(std::move(done)); });
}

void Node::own_groups(std::function<void(std::vector<coordinator::GroupProgress>)> done) const {
  groups_->progress([this, done = std::move(done)](std::vector<coordinator::GroupProgress> own) {
    std::vector<storage::TopicPartition> elsewhere = put_ends(own);
    if (elsewhere.empty()) return done(std::move(own));
    peers_->find_ends(
        std::move(elsewhere), [topics = definitions_->image()->topics, own = std::move(own), done](
                                  const std::map<storage::TopicPartition, Offset>& ends) mutable {
          for (coordinator::GroupProgress& group : own)
            for (coordinator::GroupProgress::Partition& each : group.partitions)
              if (const storage::TopicInfo* topic = topics->find(each.topic))
                if (const auto end = ends.find({topic->id, PartitionId(each.partition)});
                    end != ends.end())
                  each.end = end->second.value();
          done(std::move(own));
        });
  });
}

void Node::all_groups(SqlParts::GroupsDone done) const {
  own_groups([this, done = std::move(done)](std::vector<coordinator::GroupProgress> own) mutable {
    peers_->ask_groups(
        [own = std::move(own), done = std::move(done)](GroupCalls::Told told) mutable {
          std::ranges::move(told.groups, std::back_inserter(own));
          // While a group moves to another node, both nodes may report it, so it is listed only
          // once.
          std::ranges::stable_sort(own, {}, &coordinator::GroupProgress::group_id);
          const auto twice = std::ranges::unique(own, {}, &coordinator::GroupProgress::group_id);
          own.erase(twice.begin(), twice.end());
          done({shown(own), std::move(told.incomplete)});
        });
  });
}

// Sets the ends of those partitions that this node leads. Returns the partitions that other nodes
// lead, each once, even if several groups read it. If a partition has no leader, no end is set,
// because its replicas may have different ends.
std::vector<storage::TopicPartition> Node::put_ends(
    std::vector<coordinator::GroupProgress>& groups) const {
  const auto topics = definitions_->image()->topics;
  const Peers::FindLeader find_leader = peers_->leaders();
  std::set<storage::TopicPartition> elsewhere;
  for (coordinator::GroupProgress& group : groups)
    for (coordinator::GroupProgress::Partition& each : group.partitions) {
      const storage::TopicInfo* topic = topics->find(each.topic);
      if (!topic) continue;
      const storage::TopicPartition partition{topic->id, PartitionId(each.partition)};
      const Leads leader = find_leader(partition);
      if (leader == Leads::NoNode) continue;
      if (leader == Leads::OtherNode)
        elsewhere.insert(partition);
      else if (const auto status = log_->find_partition(partition))
        each.end = status->high_watermark().value();
    }
  return {elsewhere.begin(), elsewhere.end()};
}

// Returns the left-over temporary tables of sessions of this node, and of nodes that were removed.
std::vector<std::string> Node::left_over_tables() const {
  std::vector<std::string> names;
  const auto image = definitions_->image();
  for (const auto& [name, source] : image->catalog->sources()) {
    if (source->is_temporary && peers_->is_left_over(name)) names.push_back(name);
  }
  return names;
}

void Node::drop_tables(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    auto drop = std::make_shared<engine::ParsedStatement>();
    drop->text = "DROP TABLE of a session that has ended";
    drop->statement = engine::DropSource{
        engine::SourceKind::Table, true, false, {name, engine::Quoting::Back}, {}};
    definitions_->submit(std::move(drop), engine::Properties(),
                         [name](const Result<DefinitionOutcome>& done) {
                           if (!done)
                             log_warn("cannot drop a temporary table name={} error=\"{}\"", name,
                                      done.error().message);
                         });
  }
}

void Node::count_records() {
  for (const storage::TopicPartition& partition : log_->partitions())
    if (const auto status = log_->find_partition(partition))
      started_.records += static_cast<uint64_t>(status->log_end() - status->log_start());
  started_.queries = definitions_->image()->catalog->queries().size();
  started_.table_rows = queries_->recovered().table_rows;
  started_.is_new = definitions_->image()->revision == Revision(0);
}

namespace {

// Limit for the time in which clients read their last answers. Slower clients are disconnected.
constexpr auto kStopTimeout = std::chrono::seconds(5);

}  // namespace

// Stops the front ends first: they accept no new connections and send their last answers, for which the shards, the
// tasks and the log still run.
void Node::stop_front_ends() {
  std::vector<std::future<void>> stopped;
  const auto stop = [&](auto& front_end) {
    if (!front_end) return;
    auto done = std::make_shared<std::promise<void>>();
    stopped.push_back(done->get_future());
    front_end->stop([done] { done->set_value(); });
  };
  if (groups_) groups_->stop();  // answers clients that wait for other members of their group
  if (transactions_) transactions_->stop();
  stop(pg_);
  stop(kafka_);
  stop(http_);
  stop(registry_);
  stop(connect_pages_);
  const auto until = std::chrono::steady_clock::now() + kStopTimeout;
  for (std::future<void>& each : stopped)
    if (each.wait_until(until) == std::future_status::timeout)
      log_warn("clients that do not read their last answers are disconnected");
}

Node::~Node() {
  const bool was_serving = is_serving_.exchange(false);
  if (!peers_) {  // nothing except the peers was opened yet
    if (log_) log_->close();
    return;
  }
  // Connectors use the metadata thread and the log. They stop before the partitions move, so that
  // their last commits end.
  if (connectors_) connectors_->stop();
  peers_->leave();
  if (was_serving && parts_ && !parts_->sequences.is_shared()) parts_->sequences.give_back();
  if (cleaner_) cleaner_->stop();           // the cleaner uses the shards and the log
  if (rebuilds_) rebuilds_->stop_thread();  // rebuilds use the shards, the log, the metadata
  if (access_) access_->stop();             // clients that wait for keys of tokens are answered
  if (shards_are_running_) stop_front_ends();
  // its answers wake tasks and resume statements
  if (outside_registry_) outside_registry_->stop();
  if (connect_) connect_->stop();  // its answers resume statements
  if (links_) links_->stop();      // its answers resume statements
  if (definitions_) definitions_->stop_thread();
  if (supervisor_) supervisor_->stop_thread();  // the supervisor waits for the shards
  peers_->stop_journals();
  for (const auto& shard : shards_) shard->stop_thread();
  pg_.reset();
  http_.reset();
  registry_.reset();
  connect_pages_.reset();
  consumers_.reset();
  peers_->stop_thread();
  kafka_requests_.reset();  // requests of other nodes arrive until their thread has stopped
  // The log stops before the shards are destroyed, because its writer posts to them. The shards' readers must be
  // destroyed before the log.
  if (log_) log_->close();
  cleaner_.reset();
  peers_->close_journals();
  kafka_.reset();
  transactions_.reset();
  groups_.reset();
  kafka_backends_.clear();
  examiners_.reset();  // waits for its running work, some seconds at most
  checkers_.reset();   // waits for its running work, which may post to the shards
  // When the server stops, no client waits for results of the workers any longer, and all durable
  // data are on disk. So the stop waits only briefly for a function that may never end.
  constexpr std::chrono::seconds kPatience(1);
  for (const auto& workers : {workers_.get(), slow_rows_.get()}) {
    if (!workers || workers->stop(kPatience)) continue;
    log_warn("a function did not end and was abandoned");
    std::_Exit(0);
  }
  // These objects have timers on a loop of the shards, so they are destroyed before the shards.
  history_timer_.reset();
  if (parts_) {
    parts_->surveys.reset();
    parts_->barriers.reset();
  }
  shards_.clear();
}

}  // namespace server
