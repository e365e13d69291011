// The cost of a large cluster's metadata: the real tables, placement, controller and definitions, driven in one
// process.
//
//   bench_large_cluster [--nodes N] [--racks R] [--partitions P] [--partitions-per-topic K] [--queries Q]
//
// Does these steps, and prints one line for each figure:
// 1. creates the nodes, then the topics one after the other as CREATE does;
// 2. sends heartbeats of all nodes;
// 3. takes one rack away, and drives the controller until all partitions have leaders again;
// 4. registers each node again;
// 5. defines the queries.
// Times are CPU times of the thread. The controller's clock is simulated: an append takes 2 ms of it, and the time
// of computations is added to it.
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <fstream>
#include <map>
#include <set>

#include "base/log.h"
#include "engine/sql/parse.h"
#include "server/cluster/controller.h"
#include "server/cluster/node_wire.h"
#include "server/cluster/placement.h"
#include "server/kafka/codec.h"
#include "server/kafka/messages/metadata_response.h"
#include "server/metadata/apply_command.h"
#include "server/metadata/plan_definition.h"
#include "storage/kv/memory_store.h"
#include "storage/replica/replica_manager.h"

namespace {

using server::Controller;
using storage::ClusterSnapshot;
using storage::PartitionAssignment;
using storage::TopicPartition;

struct Size {
  int32_t nodes = 100, racks = 10, partitions = 100'000, partitions_per_topic = 50,
          queries = 10'000;
  int32_t topics() const { return partitions / partitions_per_topic; }
};

[[noreturn]] void die(std::string_view what) {
  fmt::print(stderr, "bench_large_cluster: {}\n", what);
  std::exit(1);
}

double used_us() {
  timespec used;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) / 1e3;
}
template <class Work>
double us_of(const Work& work) {
  const double begin_us = used_us();
  work();
  return used_us() - begin_us;
}
void show(std::string_view what, double value, std::string_view unit) {
  fmt::print("{:<66} {:>12.1f} {}\n", what, value, unit);
  std::fflush(stdout);
}
// Returns the resident memory of the process. It includes memory that was needed only to create the
// data.
double memory_mb() {
  double size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * 4096 / 1e6;
}

constexpr int64_t kAppendUs = 2'000, kTickUs = 5'000, kBeatUs = 100'000;

// The state of the cluster as every node has it, and the controller that changes it.
class Cluster final : public server::ControllerPort {
 public:
  explicit Cluster(const Size& size) : size_(size) {
    settings_.session_timeout_us = 500'000;
    settings_.min_insync_replicas = 2;
    settings_.balance_us = INT64_MAX / 2;
  }

  void register_node(int32_t id) {
    storage::ClusterNode node{.id = NodeId{id}};
    node.directory.bytes[14] = static_cast<uint8_t>(id >> 8);
    node.directory.bytes[15] = static_cast<uint8_t>(id);
    node.endpoint = fmt::format("node-{}.example.com:9093", id);
    node.clients = fmt::format("node-{}.example.com:9092", id);
    node.rack = fmt::format("rack-{}", id % size_.racks);
    apply_command({{{std::string(storage::kClusterPart), storage::encode_register_node(node)}}});
  }
  void begin() {
    server::ControllerPort& port = *this;
    controller_.emplace(port, clock_, settings_);
    controller_->applied(table_.snapshot(), Revision{revision_});
  }
  // Advances the clock; nodes that are not in `away` send heartbeats. The clock also advances by the time of
  // computations.
  void pass(int64_t for_us, const std::set<int32_t>& away = {}) {
    for (const int64_t until_us = clock_.monotonic_us() + for_us;
         clock_.monotonic_us() < until_us;) {
      clock_.advance_us(kTickUs);
      if (clock_.monotonic_us() >= beat_at_us_) {
        beat_at_us_ = clock_.monotonic_us() + kBeatUs;
        for (int32_t id = 1; id <= size_.nodes; ++id)
          if (!away.contains(id)) beat(id);
      }
      if (appended_ && clock_.monotonic_us() >= appended_at_us_) apply_appended();
      compute([this] { controller_->tick(); });
    }
  }
  void beat(int32_t id) {
    controller_->on_heartbeat(
        {NodeId{id}, table_.snapshot()->find(NodeId{id})->epoch, Revision{revision_}});
    ++beats_;
  }
  // Applies one command, which the controller and all nodes read.
  double apply_command(const storage::MetadataCommand& command) {
    const std::string bytes = encode(command);
    bytes_ += bytes.size();
    ++commands_;
    const Revision revision{++revision_};
    std::vector<TopicPartition> changed;
    const double applied_us = us_of([&] {
      for (const storage::MetadataPart& part : command.parts) {
        const auto delta = table_.apply(part.bytes, revision);
        if (!delta) die(delta.error().message);
        changed.insert(changed.end(), delta->partitions.begin(), delta->partitions.end());
      }
    });
    apply_us_ += applied_us;
    if (controller_) compute([&] { controller_->applied(table_.snapshot(), revision, changed); });
    return applied_us;
  }
  const ClusterSnapshot& snapshot() const { return *table_.snapshot(); }
  const storage::ClusterTable& table() const { return table_; }
  int64_t now_us() const { return clock_.monotonic_us(); }
  bool is_quiet() const { return !appended_; }

  // The counts since take_counts() was last called.
  struct Counts {
    int64_t commands, beats;
    size_t bytes;
    double decide_us, apply_us;
  };
  Counts take_counts() {
    return {std::exchange(commands_, 0), std::exchange(beats_, 0), std::exchange(bytes_, 0),
            std::exchange(decide_us_, 0), std::exchange(apply_us_, 0)};
  }

  void append(Revision last, storage::MetadataCommand command,
              std::function<void(Result<Revision>)> done) override {
    if (last != Revision{revision_}) die("the controller is behind");
    appended_.emplace(std::move(command), std::move(done));
    appended_at_us_ = clock_.monotonic_us() + kAppendUs;
  }
  void resign() override { die("the controller hears too few"); }
  void tell_fenced(NodeId, storage::NodeEpoch, Revision) override {}

 private:
  template <class Work>
  void compute(const Work& work) {
    const double took_us = us_of(work);
    decide_us_ += took_us;
    clock_.advance_us(static_cast<int64_t>(took_us));
  }
  void apply_appended() {
    auto [command, done] = *std::exchange(appended_, {});
    const double took_us = apply_command(command);
    clock_.advance_us(static_cast<int64_t>(took_us));
    compute([&] { done(Revision{revision_}); });
  }

  const Size size_;
  server::ControllerSettings settings_;
  SimulatedClock clock_;
  storage::ClusterTable table_;
  int64_t revision_ = 0;
  std::optional<Controller> controller_;
  std::optional<std::pair<storage::MetadataCommand, std::function<void(Result<Revision>)>>>
      appended_;
  int64_t appended_at_us_ = 0, beat_at_us_ = 0;
  int64_t commands_ = 0, beats_ = 0;
  size_t bytes_ = 0;
  double decide_us_ = 0, apply_us_ = 0;
};

// Returns an id that differs for each topic. The last four bytes are the number; the first byte varies, too, because
// the ids of real topics are random.
Uuid topic_id(int32_t number) {
  Uuid id;
  for (int i = 0; i < 4; ++i)
    id.bytes[static_cast<size_t>(12 + i)] = static_cast<uint8_t>(number >> (24 - 8 * i));
  id.bytes[0] = static_cast<uint8_t>(number * 37);
  return id;
}

void make_topics(Cluster& cluster, const Size& size) {
  const double before_mb = memory_mb();
  double place_us = 0, last_us = 0;
  cluster.take_counts();
  for (int32_t number = 0; number < size.topics(); ++number) {
    const Uuid topic = topic_id(number);
    storage::MetadataCommand command;
    place_us += us_of([&] {
      const auto replicas =
          server::place_replicas(cluster.snapshot(), topic, 0, size.partitions_per_topic, 3);
      if (!replicas) die(replicas.error().message);
      for (int32_t i = 0; i < size.partitions_per_topic; ++i) {
        PartitionAssignment made{{topic, PartitionId{i}}};
        made.replicas = made.isr = (*replicas)[static_cast<size_t>(i)];
        command.parts.push_back(
            {std::string(storage::kClusterPart), storage::encode_assign_partition(made)});
      }
    });
    last_us = cluster.apply_command(command);
    while (!cluster.is_quiet()) cluster.pass(kTickUs);
  }
  const auto counts = cluster.take_counts();
  const double topics = size.topics();
  show("topics: placing one", place_us / topics, "us");
  show("topics: carrying one out at a node (making and first leaders)", counts.apply_us / topics,
       "us");
  show("topics: the same, the last one, without its leaders", last_us, "us");
  show("topics: deciding the leaders of one", counts.decide_us / topics, "us");
  show("topics: commands for each", static_cast<double>(counts.commands) / topics, "");
  show("topics: bytes of commands for each partition",
       static_cast<double>(counts.bytes) / size.partitions, "bytes");
  show("image: memory for each partition", (memory_mb() - before_mb) * 1e6 / size.partitions,
       "bytes");
  show("image: memory", memory_mb() - before_mb, "MB");
}

struct Leaders {
  int32_t without = 0, in_sync = 0, led_by_most = 0, same_rack = 0;
};
Leaders leaders_of(const ClusterSnapshot& snapshot) {
  Leaders leaders;
  std::map<NodeId, int32_t> led;
  for (const auto& [partition, assignment] : snapshot.partitions()) {
    leaders.in_sync += static_cast<int32_t>(assignment.isr.size());
    if (!assignment.leader)
      ++leaders.without;
    else
      leaders.led_by_most = std::max(leaders.led_by_most, ++led[*assignment.leader]);
    std::set<std::string> racks;
    for (const NodeId node : assignment.replicas) racks.insert(snapshot.find(node)->rack);
    leaders.same_rack += racks.size() < assignment.replicas.size();
  }
  return leaders;
}

void beat_for_a_second(Cluster& cluster, const Size& size) {
  cluster.take_counts();
  cluster.pass(2'000'000);
  const double us = us_of([&] {
    for (int32_t round = 0; round < 10; ++round)
      for (int32_t id = 1; id <= size.nodes; ++id) cluster.beat(id);
  });
  const auto counts = cluster.take_counts();
  const double seconds = 2;
  show("heartbeats at the controller, each second",
       static_cast<double>(counts.beats - 10 * size.nodes) / seconds, "");
  show("heartbeats: one, decoded already", us / (10 * size.nodes), "us");
  show("controller at rest: of a core", counts.decide_us / seconds / 1e4, "%");
  const server::Heartbeat heartbeat{NodeId{1}, storage::NodeEpoch{100}, Revision{1'000'000}};
  show("heartbeats: bytes of one",
       static_cast<double>(encode(server::ClusterMessage(heartbeat)).size()), "bytes");
}

void lose_a_rack(Cluster& cluster, const Size& size) {
  std::set<int32_t> away;
  for (int32_t id = 1; id <= size.nodes; ++id)
    if (id % size.racks == 0) away.insert(id);
  const Leaders before = leaders_of(cluster.snapshot());
  int32_t to_move = 0;
  for (const auto& [partition, assignment] : cluster.snapshot().partitions())
    to_move += assignment.leader && away.contains(assignment.leader->value());
  cluster.take_counts();
  const int64_t begin_us = cluster.now_us();
  // Runs until each partition has a live leader and the controller has changed nothing for a second.
  int64_t noticed_us = 0, led_us = 0, done_us = 0;
  const auto all_are_led = [&] {
    for (const auto& [partition, assignment] : cluster.snapshot().partitions())
      if (!assignment.leader || away.contains(assignment.leader->value())) return false;
    return true;
  };
  int64_t quiet_us = 0;
  while (quiet_us < 1'000'000) {
    const int64_t from_us = cluster.now_us();
    cluster.pass(kTickUs, away);
    if (!cluster.is_quiet()) {
      quiet_us = 0;
      done_us = cluster.now_us();
      if (noticed_us == 0) noticed_us = cluster.now_us();
    } else {
      quiet_us += cluster.now_us() - from_us;
    }
    if (noticed_us != 0 && led_us == 0 && all_are_led()) led_us = cluster.now_us();
  }
  const auto counts = cluster.take_counts();
  const Leaders after = leaders_of(cluster.snapshot());
  show("a rack is lost: nodes", static_cast<double>(away.size()), "");
  show("a rack is lost: leaders to move", to_move, "");
  show("a rack is lost: replicas out of sync", before.in_sync - after.in_sync, "");
  show("a rack is lost: partitions without a leader afterwards", after.without, "");
  show("a rack is lost: partitions led by one node, at most", after.led_by_most, "");
  show("a rack is lost: partitions with two replicas in one rack", before.same_rack, "");
  show("a rack is lost: noticed after", static_cast<double>(noticed_us - begin_us) / 1e3, "ms");
  show("a rack is lost: from then on until all are led",
       static_cast<double>(led_us - noticed_us) / 1e3, "ms");
  show("a rack is lost: from then on until all is decided",
       static_cast<double>(done_us - noticed_us) / 1e3, "ms");
  show("a rack is lost: commands", static_cast<double>(counts.commands), "");
  show("a rack is lost: bytes of commands", static_cast<double>(counts.bytes) / 1e6, "MB");
  show("a rack is lost: time of the controller", counts.decide_us / 1e3, "ms");
  show("a rack is lost: time of each node to carry it out", counts.apply_us / 1e3, "ms");
  cluster.pass(2'000'000);  // the nodes are back, as followers
}

void register_anew(Cluster& cluster) {
  cluster.take_counts();
  cluster.register_node(1);
  const auto counts = cluster.take_counts();
  show("a node registers again: time of each node to apply it", counts.apply_us / 1e3, "ms");
  show("a node registers again: time of the controller", counts.decide_us / 1e3, "ms");
  cluster.pass(1'000'000);
}

void save_and_load(const Cluster& cluster) {
  std::string saved, packed;
  show("snapshot of the cluster: made in", us_of([&] { saved = cluster.table().save(); }) / 1e3,
       "ms");
  show("snapshot of the cluster: bytes", static_cast<double>(saved.size()) / 1e6, "MB");
  const double pack_us = us_of([&] {
    packed = storage::encode_metadata_snapshot(
                 {Revision{1}, {{{std::string(storage::kClusterPart), saved}}}})
                 .value();
  });
  show("snapshot of the cluster: compressed in", pack_us / 1e3, "ms");
  show("snapshot of the cluster: compressed", static_cast<double>(packed.size()) / 1e6, "MB");
  const double load_us = us_of([&] {
    if (!storage::ClusterTable::load(saved)) die("the snapshot cannot be read");
  });
  show("snapshot of the cluster: loaded in", load_us / 1e3, "ms");
}

// Builds Kafka's answer to a Metadata request that names no topics, which means all topics.
void answer_metadata(const Cluster& cluster) {
  using Response = server::kafka::MetadataResponse;
  Response response;
  std::string bytes;
  const double us = us_of([&] {
    for (const auto& [id, node] : cluster.snapshot().nodes())
      response.brokers.push_back({id.value(), "node.example.com", 9092, node.rack});
    for (const auto& [partition, assignment] : cluster.snapshot().partitions()) {
      if (response.topics.empty() || response.topics.back().topic_id != partition.topic) {
        Response::Topic& topic = response.topics.emplace_back();
        topic.topic_id = partition.topic;
        topic.name = fmt::format("topic-{:08}", response.topics.size());
      }
      auto& described = response.topics.back().partitions.emplace_back();
      described.partition_index = partition.partition.value();
      described.leader_id = assignment.leader ? assignment.leader->value() : -1;
      for (const NodeId node : assignment.replicas) described.replica_nodes.push_back(node.value());
      for (const NodeId node : assignment.isr) described.isr_nodes.push_back(node.value());
    }
    server::kafka::append_response(bytes, 1, Response::kMaxVersion, response);
  });
  show("Metadata about all topics: made in", us / 1e3, "ms");
  show("Metadata about all topics: bytes", static_cast<double>(bytes.size()) / 1e6, "MB");
}

// The replicas of one node whose partitions receive no writes: the real ReplicaManager over a log in memory. Simulated
// peers answer its requests and send requests to it.
class OneNode final : public storage::ReplicaPort {
 public:
  explicit OneNode(const Cluster& cluster) : cluster_(cluster.table().snapshot()) {
    storage::LogOptions options;
    options.writer = storage::LogOptions::Writer::Owner;
    options.clock = &clock_;
    options.reserve_bytes = 0;
    auto opened = storage::Log::open(disk_.open(), options);
    if (!opened) die(opened.error().message);
    log_ = *std::move(opened);
    reader_ = storage::LogReader::open(*log_).value();
    storage::ReplicaPort& port = *this;
    replicas_.emplace(kSelf, *log_, *reader_, port, clock_, settings_);
    for (const auto& [partition, assignment] : cluster_->partitions())
      if (assignment.has_replica(kSelf)) mine_.push_back(partition);
  }
  void run() {
    clock_.advance_us(1'000'000);
    const double begin_us = us_of([&] {
      replicas_->apply(cluster_, cluster_->find(kSelf)->epoch, mine_);
      drain();
    });
    size_t led = 0;
    for (const TopicPartition& partition : mine_) {
      const PartitionAssignment& assignment = *cluster_->find(partition);
      if (assignment.leader != kSelf) continue;
      ++led;
      for (const NodeId node : assignment.replicas)
        if (node != kSelf) asks_[{partition, node}] = {};
    }
    show("a node: replicas that it has", static_cast<double>(mine_.size()), "");
    show("a node: of these led", static_cast<double>(led), "");
    show("a node: takes all of these roles in", begin_us / 1e3, "ms");
    pass(1'000'000);
    sent_ = answered_ = 0;
    used_us_ = ticks_us_ = 0;
    constexpr int kSeconds = 2;
    pass(kSeconds * 1'000'000);
    show("a node at rest: fetches that it sends each second", static_cast<double>(sent_) / kSeconds,
         "");
    show("a node at rest: fetches that it answers each second",
         static_cast<double>(answered_) / kSeconds, "");
    show("a node at rest: a turn that looks at all replicas", ticks_us_ * kTickUs / 1e6 / kSeconds,
         "us");
    show("a node at rest: of a core, without encoding and sockets", used_us_ / kSeconds / 1e4, "%");
  }

 private:
  static constexpr NodeId kSelf{2};  // node 1 has just registered again, and leads nothing
  struct Ask {
    uint64_t number = 0;
    bool waits = false;
  };
  void pass(int64_t for_us) {
    for (int64_t passed = 0; passed < for_us; passed += kTickUs) {
      clock_.advance_us(kTickUs);
      while (!answers_.empty() && answers_.front().first <= clock_.monotonic_us()) {
        auto fetched = std::move(answers_.front().second);
        answers_.pop_front();
        used_us_ += us_of([&] { replicas_->on_fetched(std::move(fetched)); });
      }
      for (auto& [who, ask] : asks_) {
        if (std::exchange(ask.waits, true)) continue;
        storage::ReplicaFetch fetch;
        fetch.partition = who.first;
        fetch.follower = who.second;
        fetch.follower_epoch = cluster_->find(who.second)->epoch;
        fetch.leader_epoch = cluster_->find(who.first)->leader_epoch;
        fetch.number = ++ask.number;
        used_us_ += us_of([&] { replicas_->on_fetch(fetch); });
      }
      const double tick_us = us_of([&] { replicas_->tick(); });
      ticks_us_ += tick_us;
      used_us_ += tick_us + us_of([&] { drain(); });
    }
  }
  void drain() {
    do {
      while (log_->write_next()) continue;
      for (auto& work : std::exchange(posted_, {})) work();
    } while (!posted_.empty());
  }

  void send(NodeId, storage::ReplicaFetch fetch) override {
    ++sent_;
    storage::ReplicaFetched fetched;
    fetched.partition = fetch.partition;
    fetched.number = fetch.number;
    fetched.leader_epoch = fetch.leader_epoch;
    fetched.high_watermark = fetch.high_watermark;
    answers_.emplace_back(clock_.monotonic_us() + settings_.fetch_wait_us, std::move(fetched));
  }
  void send(NodeId to, storage::ReplicaFetched fetched) override {
    ++answered_;
    asks_[{fetched.partition, to}].waits = false;
  }
  void propose(storage::IsrProposal) override {}
  void leads(const TopicPartition&) override {}
  void leads_no_more(const TopicPartition&) override {}
  void post(std::function<void()> work) override { posted_.push_back(std::move(work)); }

  const std::shared_ptr<const ClusterSnapshot> cluster_;
  SimulatedClock clock_;
  storage::ReplicaSettings settings_;
  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::LogReader> reader_;
  std::optional<storage::ReplicaManager> replicas_;
  std::vector<TopicPartition> mine_;
  std::vector<std::function<void()>> posted_;
  std::deque<std::pair<int64_t, storage::ReplicaFetched>> answers_;
  std::map<std::pair<TopicPartition, NodeId>, Ask> asks_;
  size_t sent_ = 0, answered_ = 0;
  double used_us_ = 0, ticks_us_ = 0;
};

// Computes the network traffic of replication without writes from the protocol and the sizes of its
// messages.
void count_messages(const Size& size) {
  const double followed = 2.0 * size.partitions / size.nodes;  // three replicas for each partition
  const storage::ReplicaSettings settings;
  const double fetches = followed * 1e6 / static_cast<double>(settings.fetch_wait_us);
  storage::ReplicaFetch fetch;
  fetch.partition = {topic_id(1), PartitionId{1}};
  fetch.last_epoch = LeaderEpoch{1};
  storage::ReplicaFetched fetched;
  fetched.partition = fetch.partition;
  const size_t bytes =
      encode(server::ClusterMessage(fetch)).size() + encode(server::ClusterMessage(fetched)).size();
  constexpr int kRounds = 100'000;
  const double us = us_of([&] {
    for (int i = 0; i < kRounds; ++i) {
      const std::string frame = encode(server::ClusterMessage(fetch));
      if (!server::decode_message(std::string_view(frame).substr(4))) die("a message is not read");
      const std::string answer = encode(server::ClusterMessage(fetched));
      if (!server::decode_message(std::string_view(answer).substr(4))) die("a message is not read");
    }
  });
  show("connections of a node: to others, and from them", 2.0 * (size.nodes - 1), "");
  show("replicas that a node follows", followed, "");
  show("at rest: fetches that a node sends each second, and answers", fetches, "");
  show("at rest: bytes of a fetch and its answer", static_cast<double>(bytes), "bytes");
  show("at rest: written and read by a node in messages each second",
       2 * fetches * static_cast<double>(bytes) / 1e6, "MB");
  show("at rest: to encode and decode them, of a core", fetches * us / kRounds / 1e4, "%");
}

// Carries out definitions as a node does.
class Definitions {
 public:
  double define(const std::string& sql) {
    const auto parsed = engine::parse_script(sql);
    if (!parsed) die(parsed.error().message);
    const server::DefinitionSources sources{[this] { return topic_id(++ids_); },
                                            [](const Uuid&, PartitionId) { return Offset{0}; }};
    storage::MetadataCommand command;
    plan_us_ += us_of([&] {
      auto planned =
          server::plan_definition(parsed->front(), *image_, settings_, properties_, sources);
      if (!planned) die(planned.error().message);
      command = std::move(planned->command);
    });
    bytes_ += encode(command).size();
    const double us = us_of([&] {
      auto change = server::apply_command(*image_, topics_,
                                          server::read_definitions(Revision{++revision_}, command));
      if (!change) die(change.error().message);
      image_ = change->next;
    });
    apply_us_ += us;
    return us;
  }
  void run(const Size& size) {
    constexpr int32_t kStreams = 100;
    for (int32_t i = 0; i < kStreams; ++i)
      define(
          fmt::format("CREATE STREAM s{} (id INT KEY, city VARCHAR, amount DOUBLE, tag VARCHAR) "
                      "WITH (kafka_topic = 's{}', value_format = 'JSON', partitions = 6);",
                      i, i));
    plan_us_ = apply_us_ = 0;
    bytes_ = 0;
    const double before_mb = memory_mb();
    double last_us = 0;
    for (int32_t i = 0; i < size.queries; ++i)
      last_us = define(
          i % 2 == 0
              ? fmt::format("CREATE TABLE q{} AS SELECT city, COUNT(*) AS n, SUM(amount) AS total "
                            "FROM s{} WHERE amount > {} GROUP BY city;",
                            i, i % kStreams, i)
              : fmt::format("CREATE STREAM q{} AS SELECT id, UCASE(city) AS place, amount * {} AS "
                            "scaled FROM s{} WHERE tag = 'x{}';",
                            i, i, i % kStreams, i));
    const double queries = size.queries;
    show("queries: planning one", plan_us_ / queries, "us");
    show("queries: carrying one out in the image", apply_us_ / queries, "us");
    show("queries: the same, the last one", last_us, "us");
    show("queries: bytes of a command", static_cast<double>(bytes_) / queries, "bytes");
    show("queries: memory of the image", memory_mb() - before_mb, "MB");
    storage::MetadataSnapshot snapshot;
    show("snapshot of definitions: made in",
         us_of([&] { snapshot = server::snapshot_of(*image_, topics_); }) / 1e3, "ms");
    std::string packed;
    const double pack_us =
        us_of([&] { packed = storage::encode_metadata_snapshot(snapshot).value(); });
    size_t saved = 0;
    for (const auto& part : snapshot.state.parts) saved += part.bytes.size();
    show("snapshot of definitions: bytes", static_cast<double>(saved) / 1e6, "MB");
    show("snapshot of definitions: compressed in", pack_us / 1e3, "ms");
    show("snapshot of definitions: compressed", static_cast<double>(packed.size()) / 1e6, "MB");
    storage::TopicTable topics;
    const double load_us = us_of([&] {
      if (!server::apply_snapshot(snapshot, topics)) die("the snapshot cannot be read");
    });
    show("snapshot of definitions: loaded in", load_us / 1e3, "ms");
  }

 private:
  server::MetadataImagePtr image_ = std::make_shared<const server::MetadataImage>();
  storage::TopicTable topics_;
  engine::EngineSettings settings_;
  engine::Properties properties_;
  int32_t ids_ = 1 << 24;
  int64_t revision_ = 0;
  double plan_us_ = 0, apply_us_ = 0;
  size_t bytes_ = 0;
};

Size read_arguments(int argc, char** argv) {
  Size size;
  const std::map<std::string_view, int32_t*> known{
      {"--nodes", &size.nodes},
      {"--racks", &size.racks},
      {"--partitions", &size.partitions},
      {"--partitions-per-topic", &size.partitions_per_topic},
      {"--queries", &size.queries}};
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto found = known.find(argv[i]);
    if (found == known.end()) die(fmt::format("{} is not an option", argv[i]));
    const std::string_view text = argv[i + 1];
    if (std::from_chars(text.data(), text.data() + text.size(), *found->second).ec != std::errc() ||
        *found->second < 1)
      die(fmt::format("{} takes a number", argv[i]));
  }
  if (size.nodes < 4 || size.racks < 4 || size.partitions < size.partitions_per_topic)
    die("four nodes in four racks, and one topic, at least");
  return size;
}

}  // namespace

int main(int argc, char** argv) {
  const Size size = read_arguments(argc, argv);
  set_log_level(LogLevel::Error);
  fmt::print("{} nodes in {} racks, {} partitions of {} topics, {} queries\n", size.nodes,
             size.racks, size.partitions, size.topics(), size.queries);
  {
    Cluster cluster(size);
    for (int32_t id = 1; id <= size.nodes; ++id) cluster.register_node(id);
    cluster.begin();
    cluster.pass(1'000'000);
    make_topics(cluster, size);
    beat_for_a_second(cluster, size);
    save_and_load(cluster);
    answer_metadata(cluster);
    lose_a_rack(cluster, size);
    register_anew(cluster);
    OneNode(cluster).run();
    if (leaders_of(cluster.snapshot()).without > 0) die("partitions are left without a leader");
  }
  count_messages(size);
  Definitions().run(size);
  return 0;
}
