#include "server/node/server_metrics.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "server/http/metrics/exposition.h"
#include "server/tasks/task_survey.h"
#include "storage/log/log_statistics.h"

namespace server {

namespace {

using http::Exposition;
using Kind = Exposition::Kind;

// The figures of a query, summed over its tasks.
struct QueryFigures {
  std::string_view state = "STARTING";     // value until a task has reported
  std::optional<int64_t> lag_records = 0;  // nothing if one of the tasks reports no lag
  int64_t tasks = 0, standbys = 0, records_per_second = 0;
  uint64_t records_in = 0, records_failed = 0, records_late = 0, state_entries = 0, state_bytes = 0;
  uint64_t windows_expired = 0;
  int64_t checkpoint_age_us = 0, held_back_us = 0;
  uint64_t journal_bytes = 0;

  void add(const ShardTaskReport& report) {
    if (tasks++ == 0 && state == "STARTING") state = "RUNNING";
    if (report.is_paused && state != "ERROR") state = "PAUSED";
    if (report.has_failed) state = "ERROR";
    state_entries += report.state_entries;
    state_bytes += report.state_bytes;
    if (report.is_standby) {
      ++standbys;
      return;  // the other figures are reported by the node that runs the query
    }
    if (lag_records && report.lag_records)
      *lag_records += *report.lag_records;
    else
      lag_records.reset();
    records_per_second += report.metrics.records_per_second;
    records_in += report.metrics.records_in;
    records_failed += report.metrics.records_failed + (report.has_failed ? 1 : 0);
    records_late += report.metrics.records_late;
    windows_expired += report.metrics.windows_expired;
    checkpoint_age_us = std::max(checkpoint_age_us, report.backlog.age_us.value_or(0));
    held_back_us += report.held_back_us;
    journal_bytes += report.backlog.journal_bytes;
  }
  // Whether another node of the cluster runs the query: a sum over all nodes must count each query
  // once.
  bool runs_elsewhere() const { return tasks == standbys && state != "ERROR"; }
};
using Figures = absl::flat_hash_map<std::string, QueryFigures>;

double seconds(int64_t us) { return static_cast<double>(us) / 1e6; }

// Adds the figures of the process, under the names that the clients of Prometheus use for them.
void add_process(Exposition& page, const MetricsSources& sources) {
  page.family("process_start_time_seconds", Kind::Gauge,
              "Start time of the server, in seconds since 1970.");
  page.sample(static_cast<double>(sources.started_wall_ms) / 1000);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto time_us = [](const timeval& time) { return time.tv_sec * 1'000'000 + time.tv_usec; };
  page.family("process_cpu_seconds_total", Kind::Counter, "CPU time that the server has used.");
  page.sample(seconds(time_us(usage.ru_utime) + time_us(usage.ru_stime)));
  if (std::ifstream statm("/proc/self/statm"); statm) {
    uint64_t virtual_pages = 0, resident_pages = 0;
    statm >> virtual_pages >> resident_pages;
    const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    page.family("process_resident_memory_bytes", Kind::Gauge,
                "Memory of the process, including pages of mapped files.");
    page.sample(resident_pages * page_bytes);
  }
  std::error_code error;
  const auto open = std::filesystem::directory_iterator("/proc/self/fd", error);
  page.family("process_open_fds", Kind::Gauge, "Open files and connections.");
  page.sample(error ? int64_t{0} : static_cast<int64_t>(std::distance(begin(open), end(open))));
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  page.family("process_max_fds", Kind::Gauge, "Maximum number of open files and connections.");
  page.sample(uint64_t{files.rlim_cur});
}

// Data that was collected on the loops.
struct Gathered {
  std::vector<engine::ConsumerGroup> groups;
  std::vector<ShardTaskReport> reports;
  std::vector<std::pair<std::string_view, size_t>> connections;
};

void add_server(Exposition& page, const MetricsSources& sources, const Gathered& gathered) {
  page.family("millrace_build_info", Kind::Gauge, "Version of the program.");
  page.sample(1, {{"version", MILLRACE_VERSION}});
  page.family("millrace_connections", Kind::Gauge, "Connected clients.");
  for (const auto& [protocol, count] : gathered.connections)
    page.sample(count, {{"protocol", protocol}});
  page.family("millrace_open_statements", Kind::Gauge,
              "Queries of clients that run or have rows that are not fetched.");
  page.sample(sources.open_statements());
  const MetricsSources::Barriers barriers = sources.barriers();
  page.family("millrace_barriers_begun_total", Kind::Counter,
              "Barriers for consistent reads that have begun.");
  page.sample(barriers.begun);
  page.family("millrace_barriers_abandoned_total", Kind::Counter,
              "Barriers for consistent reads that were abandoned.");
  page.sample(barriers.abandoned);
  page.family("millrace_memory_limit_bytes", Kind::Gauge,
              "Limit of the memory of clients and queries together.");
  page.sample(sources.memory.limit_bytes());
  page.family("millrace_memory_held_bytes", Kind::Gauge, "Memory that clients and queries use.");
  for (size_t kind = 0; kind < static_cast<size_t>(MemoryKind::kCount); ++kind)
    page.sample(sources.memory.held_bytes(static_cast<MemoryKind>(kind)),
                {{"kind", name(static_cast<MemoryKind>(kind))}});
  page.family("millrace_loop_longest_slice_seconds", Kind::Gauge,
              "Time that single pieces of work have occupied an event loop, since the start.");
  for (Shard* shard : sources.shards) {
    const SliceMeter& slices = shard->loop().slices();
    page.sample(seconds(slices.longest_us()), {{"loop", slices.loop_name()}});
  }
}

void add_cluster(Exposition& page, const MetricsSources::Cluster& cluster) {
  const auto gauge = [&](std::string_view name, std::string_view help, int64_t value) {
    page.family(name, Kind::Gauge, help);
    page.sample(value);
  };
  gauge("millrace_cluster_nodes", "Nodes of the cluster.", cluster.nodes);
  gauge("millrace_cluster_nodes_there",
        "Nodes of the cluster that are available, as far as this node knows.", cluster.nodes_there);
  gauge("millrace_cluster_is_controller", "1 if this node is the controller.",
        cluster.is_controller ? 1 : 0);
  gauge("millrace_cluster_leads", "Partitions that this node leads.", cluster.leads);
  gauge("millrace_cluster_replicas", "Partitions with a replica on this node.", cluster.replicas);
  gauge("millrace_cluster_under_replicated_partitions",
        "Partitions led by this node with a replica that is not in sync.",
        cluster.under_replicated);
  gauge("millrace_cluster_under_min_isr_partitions",
        "Partitions led by this node that reject acks=all because too few replicas are in sync.",
        cluster.under_min_isr);
  gauge("millrace_cluster_leaderless_partitions",
        "Partitions of the whole cluster without a leader, as far as this node knows.",
        cluster.leaderless);
  if (cluster.metadata_behind)
    gauge("millrace_cluster_metadata_behind",
          "Commands of the metadata log that this node has not read, as reported by the "
          "controller.",
          *cluster.metadata_behind);
  gauge("millrace_cluster_differing_replicas",
        "Replicas of partitions led by this node that differed in a comparison.",
        cluster.differing_replicas);
  page.family("millrace_cluster_scrub_rounds_total", Kind::Counter,
              "Comparisons of all replicas of the partitions led by this node.");
  page.sample(cluster.scrub_rounds);
}

void add_log(Exposition& page, const MetricsSources& sources) {
  const storage::LogStatistics log = storage::statistics_of(sources.log);
  page.family("millrace_log_partitions", Kind::Gauge, "Partitions of topics and exchanges.");
  page.sample(log.partitions);
  page.family("millrace_log_topic_partitions", Kind::Gauge, "Partitions of topics.");
  page.sample(log.topic_partitions);
  page.family("millrace_log_topic_partitions_limit", Kind::Gauge,
              "Maximum number of partitions of topics in a data directory.");
  page.sample(log.max_topic_partitions);
  page.family("millrace_log_commits_total", Kind::Counter, "Group commits, each with one sync.");
  page.sample(log.commits);
  page.family("millrace_log_queued_requests", Kind::Gauge, "Writes that wait for a commit.");
  page.sample(log.queued_requests);
  page.family("millrace_log_queued_bytes", Kind::Gauge,
              "Size of the writes that wait for a commit.");
  page.sample(log.queued_bytes);
  page.family("millrace_log_appends_refused", Kind::Gauge,
              "1 while the disk is full up to the reserve.");
  page.sample(log.refuses_appends ? 1 : 0);
}

void add_disk(Exposition& page, const MetricsSources& sources) {
  page.family("millrace_file_bytes", Kind::Gauge, "Size of a data file on the disk.");
  for (const char* file : {"log.mdb", "state.mdb"}) {
    struct stat found {};
    if (stat(fmt::format("{}/{}", sources.data_dir, file).c_str(), &found) != 0) continue;
    page.sample(found.st_blocks * 512,
                {{"file", file}});  // st_blocks of stat() always counts blocks of 512 bytes
  }
  struct statvfs disk {};
  if (statvfs(sources.data_dir.c_str(), &disk) != 0) return;
  page.family("millrace_disk_free_bytes", Kind::Gauge,
              "Free space on the disk of the data directory.");
  page.sample(uint64_t{disk.f_bavail} * disk.f_frsize);
  page.family("millrace_disk_total_bytes", Kind::Gauge, "Size of the disk of the data directory.");
  page.sample(uint64_t{disk.f_blocks} * disk.f_frsize);
}

// Adds one family with a figure of every query.
template <class F>
void add_query_family(Exposition& page,
                      const std::vector<std::pair<std::string, QueryFigures>>& queries,
                      std::string_view name, Kind kind, std::string_view help, F figure) {
  page.family(name, kind, help);
  for (const auto& [id, figures] : queries)
    if (const auto value = figure(figures)) page.sample(*value, {{"query", id}});
}

void add_queries(Exposition& page, const MetricsSources& sources, const MetadataImage& image,
                 const std::vector<ShardTaskReport>& reports, bool has_peers) {
  Figures figures;
  for (const auto& [id, defined] : image.queries()) {
    QueryFigures& query = figures[id];
    if (defined->query->state == engine::DesiredState::Paused) query.state = "PAUSED";
    if (!defined->unreadable.empty()) query.state = "ERROR";
  }
  for (const ShardTaskReport& report : reports)
    if (const auto query = figures.find(report.query_id); query != figures.end())
      query->second.add(report);
  for (const auto& [id, trouble] : sources.supervisor.troubles()) {
    const auto query = figures.find(id);
    if (query == figures.end()) continue;
    query->second.state = "ERROR";
    ++query->second.records_failed;
  }
  std::vector<std::pair<std::string, QueryFigures>> queries(figures.begin(), figures.end());
  if (has_peers) {
    std::erase_if(queries, [](const auto& query) {
      return query.second.tasks == 0 && query.second.runs_elsewhere();
    });
    for (auto& [id, query] : queries)
      if (query.runs_elsewhere()) query.state = "STANDBY";
  }
  std::ranges::sort(queries, {}, &std::pair<std::string, QueryFigures>::first);

  page.family("millrace_queries", Kind::Gauge, "Persistent queries, by their state.");
  for (const std::string_view state : {"STARTING", "RUNNING", "STANDBY", "PAUSED", "ERROR"})
    page.sample(
        std::ranges::count(queries, state, [](const auto& query) { return query.second.state; }),
        {{"state", state}});
  page.family("millrace_query_state", Kind::Gauge, "1, labelled with the state of the query.");
  for (const auto& [id, query] : queries) page.sample(1, {{"query", id}, {"state", query.state}});
  const auto add = [&](std::string_view name, Kind kind, std::string_view help, auto member) {
    add_query_family(page, queries, name, kind, help,
                     [member](const QueryFigures& query) { return std::optional(query.*member); });
  };
  add("millrace_query_state_entries", Kind::Gauge, "Rows in the state of the query.",
      &QueryFigures::state_entries);
  add("millrace_query_state_bytes", Kind::Gauge, "Memory of the rows in the state of the query.",
      &QueryFigures::state_bytes);
  std::erase_if(queries, [](const auto& query) { return query.second.state == "STANDBY"; });
  add_query_family(page, queries, "millrace_query_lag_records", Kind::Gauge,
                   "Records that the query has not read yet.",
                   [](const QueryFigures& query) { return query.lag_records; });
  add("millrace_query_records_total", Kind::Counter, "Records that the query has read.",
      &QueryFigures::records_in);
  add("millrace_query_records_per_second", Kind::Gauge,
      "Records that the query has read in the last seconds.", &QueryFigures::records_per_second);
  add("millrace_query_errors_total", Kind::Counter, "Records that failed.",
      &QueryFigures::records_failed);
  add("millrace_query_late_records_total", Kind::Counter,
      "Records that arrived after one of their windows had closed.", &QueryFigures::records_late);
  add("millrace_query_expired_windows_total", Kind::Counter,
      "Windows that were removed from the table at the end of their retention.",
      &QueryFigures::windows_expired);
  add("millrace_query_journal_bytes", Kind::Gauge, "Commits that are not in a checkpoint yet.",
      &QueryFigures::journal_bytes);
  add_query_family(
      page, queries, "millrace_query_checkpoint_age_seconds", Kind::Gauge,
      "Time at which the oldest commit without a checkpoint was made.",
      [](const QueryFigures& query) { return std::optional(seconds(query.checkpoint_age_us)); });
}

// Adds the figures of topics, named as by the exporters of Kafka; in a cluster the leader of a
// partition reports the partition.
void add_topics(Exposition& page, const MetricsSources& sources, const MetadataImage& image,
                const std::optional<MetricsSources::Cluster>& health) {
  page.family("kafka_topic_partitions", Kind::Gauge, "Partitions of the topic.");
  for (const auto& [name, topic] : image.topics->by_name())
    if (!health || health->is_led({topic.id, PartitionId(0)}))
      page.sample(topic.partition_count, {{"topic", name}});
  const auto add = [&](std::string_view family, std::string_view help, auto offset) {
    page.family(family, Kind::Gauge, help);
    for (const auto& [name, topic] : image.topics->by_name())
      for (int32_t i = 0; i < topic.partition_count; ++i) {
        const storage::TopicPartition partition{topic.id, PartitionId(i)};
        if (health && !health->is_led(partition)) continue;
        if (const auto status = sources.log.find_partition(partition))
          page.sample(offset(*status).value(),
                      {{"topic", name}, {"partition", fmt::format_int(i).c_str()}});
      }
  };
  add("kafka_topic_partition_current_offset", "The offset of the next record of the partition.",
      [](const storage::PartitionStatus& status) { return status.high_watermark(); });
  add("kafka_topic_partition_oldest_offset", "The offset of the oldest record that is kept.",
      [](const storage::PartitionStatus& status) { return status.log_start(); });
}

void add_groups(Exposition& page, const std::vector<engine::ConsumerGroup>& groups) {
  page.family("kafka_consumergroup_members", Kind::Gauge, "Members of the consumer group.");
  for (const engine::ConsumerGroup& group : groups)
    page.sample(group.members, {{"consumergroup", group.id}});
  const auto add = [&](std::string_view family, std::string_view help, auto figure) {
    page.family(family, Kind::Gauge, help);
    for (const engine::ConsumerGroup& group : groups)
      for (const engine::ConsumerGroup::Partition& each : group.partitions)
        if (const std::optional<int64_t> value = figure(each))
          page.sample(*value, {{"consumergroup", group.id},
                               {"topic", each.topic},
                               {"partition", fmt::format_int(each.partition).c_str()}});
  };
  using Partition = engine::ConsumerGroup::Partition;
  add("kafka_consumergroup_current_offset", "Offset that the group has committed.",
      [](const Partition& each) { return each.committed; });
  add("kafka_consumergroup_lag", "Records that the group has not read yet.",
      [](const Partition& each) { return each.lag(); });
}

// Adds the figures of the connectors that run in this server. Totals count since the start of the task.
void add_connectors(Exposition& page, const std::vector<NativeConnectors::TaskFigures>& tasks) {
  const auto add = [&](std::string_view name, Kind kind, std::string_view help, auto figure) {
    page.family(name, kind, help);
    for (const auto& each : tasks)
      if (const std::optional<int64_t> value = figure(each.facts))
        page.sample(*value,
                    {{"connector", each.connector}, {"task", fmt::format_int(each.task).c_str()}});
  };
  const auto total = [&](std::string_view name, std::string_view help, int64_t TaskFacts::*member) {
    add(name, Kind::Counter, help,
        [member](const TaskFacts& facts) { return std::optional(facts.*member); });
  };
  page.family("millrace_connector_task_state", Kind::Gauge,
              "1, labelled with the state of the task.");
  for (const auto& each : tasks)
    page.sample(1, {{"connector", each.connector},
                    {"task", fmt::format_int(each.task).c_str()},
                    {"state", connector_state_name(each.facts.state)}});
  total("millrace_connector_records_total", "Records that the task has copied.",
        &TaskFacts::records);
  total("millrace_connector_bytes_total", "Size of these records.", &TaskFacts::bytes);
  total("millrace_connector_errors_total", "Bad records that the task has skipped.",
        &TaskFacts::errors);
  total("millrace_connector_dead_letters_total", "Bad records that were written to another topic.",
        &TaskFacts::dead_letters);
  total("millrace_connector_commits_total", "Commits of records and positions.",
        &TaskFacts::commits);
  total("millrace_connector_retries_total", "Commits that were repeated because the disk was full.",
        &TaskFacts::retries);
  total("millrace_connector_restarts_total", "Restarts of the task after a failure.",
        &TaskFacts::restarts);
  add("millrace_connector_lag_records", Kind::Gauge, "Records that a sink has not written yet.",
      [](const TaskFacts& facts) { return facts.lag_records; });
  add("millrace_connector_lag_bytes", Kind::Gauge, "Bytes that a source has not read yet.",
      [](const TaskFacts& facts) { return facts.lag_bytes; });
  add("millrace_connector_memory_bytes", Kind::Gauge, "Memory of the batches of the task.",
      [](const TaskFacts& facts) { return std::optional(facts.memory_bytes); });
}

}  // namespace

struct ServerMetrics::Impl : std::enable_shared_from_this<ServerMetrics::Impl> {
  explicit Impl(MetricsSources its_sources) : sources(std::move(its_sources)) {}

  void begin() {
    begun_us = sources.clock.monotonic_us();
    sources.own_groups([self = shared_from_this()](SqlParts::Groups known) {
      survey_tasks(
          self->sources.shards, self->sources.clock,
          [self, groups = std::move(known.groups)](std::vector<ShardTaskReport> reports) mutable {
            self->make(std::move(groups), std::move(reports));
          });
    });
  }

  // Builds the page from these reports on a worker. Called on a loop.
  void make(std::vector<engine::ConsumerGroup> groups, std::vector<ShardTaskReport> reports) {
    auto input = std::make_shared<Gathered>(Gathered{std::move(groups), std::move(reports), {}});
    for (const MetricsSources::Connections& each : sources.connections)
      input->connections.emplace_back(each.protocol, each.count());
    const size_t bytes = input->reports.size() * sizeof(ShardTaskReport);
    const bool is_taken = sources.workers.try_run(
        bytes, [self = shared_from_this(), input] { self->finish(self->written(*input)); });
    if (!is_taken) finish(nullptr);
  }

  std::shared_ptr<const std::string> written(const Gathered& gathered) const {
    Exposition page;
    const MetadataImagePtr image = sources.image();
    add_process(page, sources);
    add_server(page, sources, gathered);
    const std::optional<MetricsSources::Cluster> health = sources.cluster();
    if (health) add_cluster(page, *health);
    add_log(page, sources);
    add_disk(page, sources);
    add_queries(page, sources, *image, gathered.reports, health.has_value());
    add_topics(page, sources, *image, health);
    add_groups(page, gathered.groups);
    add_connectors(page, sources.connectors());
    page.family("millrace_metrics_seconds", Kind::Gauge,
                "Time that the creation of this page took.");
    page.sample(seconds(sources.clock.monotonic_us() - begun_us));
    return std::make_shared<const std::string>(page.take());
  }

  void finish(const std::shared_ptr<const std::string>& page) {
    std::vector<Done> waiting;
    {
      std::lock_guard lock(mutex);
      waiting.swap(waiters);
    }
    for (const Done& done : waiting) done(page);
  }

  const MetricsSources sources;
  int64_t begun_us = 0;  // start of the page in progress
  std::mutex mutex;
  // Guarded by mutex. While it is not empty, a worker is writing a page.
  std::vector<Done> waiters;
};

ServerMetrics::ServerMetrics(MetricsSources sources)
    : impl_(std::make_shared<Impl>(std::move(sources))) {}
ServerMetrics::~ServerMetrics() = default;

void ServerMetrics::page(Done done) {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->waiters.push_back(std::move(done));
    if (impl_->waiters.size() > 1) return;
  }
  impl_->begin();
}

}  // namespace server
