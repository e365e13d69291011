#include "tests/sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "server/cluster/placement.h"
#include "storage/log/task_outputs.h"
#include "storage/meta/closed_partition.h"
#include "storage/meta/partition_requests.h"
#include "tests/sim/checker.h"
#include "tests/sim/lasting_fault.h"
#include "tests/sim/producer.h"
#include "tests/sim/progress_checker.h"
#include "tests/sim/session_client.h"
#include "tests/sim/sim_node.h"
#include "tests/sim/table_closer.h"
#include "tests/sim/transaction_checker.h"
#include "tests/sim/transactional_client.h"

namespace sim {

namespace {

using storage::TopicPartition;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kAttacked = 6 * kSecond, kHealing = 8 * kSecond;
// The time after which everything that began during the attack has ended, such as restarts of nodes and attempts to
// connect.
constexpr int64_t kStillHealing = 3 * kSecond;

// Runs some topics on a cluster of three or more nodes, between which replicas move.
class Scenario {
 public:
  explicit Scenario(const Options& options)
      : chance_(options.seed),
        requiring_(~options.seed ^ 0x72657175697265),
        leaving_(~options.seed ^ 0x6c656176696e67),
        node_count_(
            static_cast<int32_t>(chance_.one_in(2) ? kReplicas : chance_.between(kReplicas, 6))),
        findings_(queue_, options.is_verbose),
        network_(queue_, chance_),
        etcd_(queue_, chance_),
        world_{queue_,
               chance_,
               network_,
               etcd_,
               findings_,
               nodes_,
               settings(),
               options.rules,
               tasks(),
               {},
               options.rules.transactions_here},
        checker_(findings_, partitions(), tasks(), partitions_of(kTransactions, kCoordinators)),
        transactions_(findings_, partitions_of(kOrders, kOrderPartitions)) {
    world_.transactions = {partitions_of(kTransactions, kCoordinators),
                           partitions_of(kOrders, kOrderPartitions)};
    world_.task_rules = options.rules.tasks_here;
    world_.task_rules.journals = options.rules.journals;
    world_.snapshot_period = chance_.between(10, 200);
    // In half of the runs with more nodes than replicas, the nodes without a replica are observers of some topics, as
    // queries need it (docs/adr/0099): each of the three topics has observers with a probability of two thirds. The
    // choice has its own random numbers, so that runs without observers stay the same as before observers existed.
    Chance observers(~options.seed);
    if (node_count_ > kReplicas && observers.one_in(2)) {
      world_.settings.replicas.awaits_observed = true;
      for (const Topic topic : {kInput, kJournal, kOrders})
        if (!observers.one_in(3)) world_.observed.insert(partitions_of(topic, 1).front().topic);
    }
    // Chooses rare conditions, with their own random numbers for the same reason.
    Chance profile(~options.seed ^ 0x70726f66696c65);
    if (profile.one_in(8)) network_.set_very_late(12);
    if (profile.one_in(8)) moves_ = 20;
    requires_ = options.seed % 7 == 4;
    leaves_alone_ = options.seed % 11 == 5;
    // require() would open a closed topic.
    if (!requires_ && !leaves_alone_ && options.seed % 5 == 2)
      closer_ = std::make_unique<TableCloser>(world_, checker_, ~options.seed ^ 0x636c6f73696e67,
                                              partitions_of(kInput, kInputs));
    world_.check = [this](SimNode& node) {
      checker_.check(node);
      transactions_.check(node);
      progress_.check(node);
    };
    for (const char* id : {"cashier", "baker", "courier"})
      clients_.push_back(std::make_unique<TransactionalClient>(world_, transactions_, id));
    etcd_.watch_commits(
        [this](NodeId node, const auto& commit) {
          check_author(node, commit);
          check_assignments(node, commit);
          check_snapshot(commit);
        },
        [this](NodeId, const auto& commit) { check_log(commit); });
    for (int32_t id = 1; id <= node_count_; ++id)
      nodes_.push_back(std::make_unique<SimNode>(world_, NodeId{id}));
    int64_t producer = 1'000;
    for (const TopicPartition& partition : partitions_of(kInput, kInputs))
      for (int i = 0; i < 2; ++i)
        producers_.push_back(
            std::make_unique<Producer>(world_, checker_, ProducerId{producer++}, partition));
    for (const char* name : {"alice", "bob"})
      writers_.push_back(
          std::make_unique<RowWriter>(world_, checker_, name, partitions_of(kInput, kInputs)));
    for (const char* name : {"carol", "dave"})
      counters_.push_back(
          std::make_unique<Counter>(world_, checker_, name, partitions_of(kInput, kInputs)));
    for (const char* name : {"erin", "frank"})
      committers_.push_back(std::make_unique<Committer>(world_, transactions_, name));
  }

  ~Scenario() { nodes_.clear(); }  // destroyed first, because the nodes still answer clients

  Outcome run() {
    for (const auto& node : nodes_) node->start();
    create_topics();
    for (const auto& producer : producers_) queue_.after(kSecond / 4, [&] { producer->start(); });
    for (const auto& client : clients_) queue_.after(kSecond / 4, [&] { client->start(); });
    for (const auto& writer : writers_) queue_.after(kSecond / 4, [&] { writer->start(); });
    for (const auto& counter : counters_) queue_.after(kSecond / 4, [&] { counter->start(); });
    for (const auto& committer : committers_)
      queue_.after(kSecond / 4, [&] { committer->start(); });
    queue_.after(kSecond / 4, [this] { asker_.start(); });
    if (closer_) queue_.after(kSecond / 4, [this] { closer_->start(); });
    queue_.after(kSecond / 2, [this] { attack(); });
    if (requires_) queue_.after(kSecond / 2, [this] { require_in_sync(); });
    if (leaves_alone_)
      queue_.after(leaving_.between(kSecond, 2 * kSecond), [this] { leave_alone(); });
    run_until(kAttacked);
    heal();
    for (const auto& producer : producers_) producer->stop();
    for (const auto& client : clients_) client->stop();
    for (const auto& writer : writers_) writer->stop();
    for (const auto& counter : counters_) counter->stop();
    for (const auto& committer : committers_) committer->stop();
    asker_.stop();
    if (closer_) closer_->stop();
    wait_until_healed();
    if (chance_.one_in(3)) live_with_a_fault();
    // Waits until followers know up to where records are visible, leaders have moved to preferred replicas, and nodes
    // have carried out the last commits of the journals.
    for (int i = 0; i < 40 && !(checker_.are_replicas_equal(nodes_) && are_journals_carried_out());
         ++i)
      run_until(queue_.now_us() + kSecond / 10);
    checker_.check_end(nodes_);
    check_tables();
    check_journals();
    transactions_.check_end(nodes_);
    findings_.trace(fmt::format("acknowledged {} visible {} committed {}",
                                checker_.acknowledged_count(), checker_.visible_count(),
                                transactions_.committed_count()));
    return {findings_.all(),
            findings_.digest(),
            checker_.acknowledged_count(),
            checker_.visible_count(),
            transactions_.committed_count(),
            snapshot_count_,
            trimmed_,
            {}};
  }

 private:
  static constexpr int32_t kReplicas = 3, kInputs = 3, kTasks = 2;
  static constexpr int64_t kMetadataLag = kSecond / 2;
  static constexpr int32_t kCoordinators = 2, kOrderPartitions = 3;
  enum Topic : uint8_t { kInput = 7, kJournal, kOutput, kTransactions, kOrders };

  server::ClusterSettings settings() {
    server::ClusterSettings settings;
    settings.replicas.min_insync_replicas = static_cast<size_t>(chance_.between(1, 3));
    settings.controller.min_insync_replicas = settings.replicas.min_insync_replicas;
    settings.controller.balance_us = chance_.between(500'000, 5'000'000);
    settings.replicas.lag_time_max_us = chance_.between(300'000, 2'000'000);
    settings.controller.metadata_lag_max_us = kMetadataLag;
    settings.controller.max_command_bytes = static_cast<size_t>(chance_.between(1, 400));
    settings.cuts.commands = chance_.between(5, 41);
    settings.cuts.piece_bytes = static_cast<size_t>(chance_.between(60, 400));
    settings.cuts.removed_at_a_time = chance_.between(1, 20);
    settings.scrub.bytes_per_second = chance_.between(50'000, 5'000'000);
    settings.scrub.round_us = chance_.between(100'000, 2'000'000);
    settings.scrub.range_bytes = static_cast<size_t>(chance_.between(100, 5'000));
    settings.scrub.answer_us = 300'000;
    settings.out_of_touch_us = 2'500'000;
    settings.replicas.fetch_wait_us = 100'000;
    settings.replicas.fetch_timeout_us = 300'000;
    settings.replicas.fetch_max_bytes = static_cast<size_t>(chance_.between(200, 4'000));
    return settings;
  }
  static std::vector<TopicPartition> partitions_of(Topic topic, int32_t count) {
    Uuid id;
    id.bytes[0] = topic;
    std::vector<TopicPartition> all;
    for (int32_t number = 0; number < count; ++number) all.push_back({id, PartitionId{number}});
    return all;
  }
  static std::vector<TopicPartition> partitions() {
    std::vector<TopicPartition> all = partitions_of(kInput, kInputs);
    for (const Topic topic : {kJournal, kOutput})
      for (const TopicPartition& partition : partitions_of(topic, kTasks)) all.push_back(partition);
    for (const TopicPartition& partition : partitions_of(kTransactions, kCoordinators))
      all.push_back(partition);
    for (const TopicPartition& partition : partitions_of(kOrders, kOrderPartitions))
      all.push_back(partition);
    return all;
  }
  static std::vector<SimTask::Places> tasks() {
    std::vector<SimTask::Places> all;
    for (int32_t number = 0; number < kTasks; ++number) {
      const auto at = [number](Topic topic) { return partitions_of(topic, number + 1).back(); };
      all.push_back({at(kJournal), at(kInput), at(kOutput), storage::kFirstTaskProducer + number});
    }
    return all;
  }

  // Only the controller decides which nodes are alive and which node leads a partition.
  void check_author(NodeId author, const storage::EtcdTransaction& transaction) {
    const auto holder = etcd_.find({"/millrace/controller", "/millrace/controller0"});
    const bool is_controller =
        !holder.entries.empty() && holder.entries[0].value == fmt::format("{}", author.value());
    for (const auto& put : transaction.puts) {
      if (is_controller || !kKeys.revision_of(put.key)) continue;
      const auto command = storage::decode_metadata_command(std::string_view(put.value).substr(16));
      for (const auto& part : command->parts)
        if (is_decision(part.bytes))
          findings_.add(fmt::format("node {} has made a decision, but is not the controller",
                                    author.value()));
    }
  }
  // An operator may send these commands to any node.
  static bool is_request(std::string_view part) {
    constexpr char kMove = 5, kElect = 6, kConfigure = 8, kRequire = 10;
    return part.size() > 1 &&
           (part[1] == kMove || part[1] == kElect || part[1] == kConfigure || part[1] == kRequire);
  }
  bool is_decision(std::string_view part) {
    if (is_request(part)) return false;
    storage::ClusterTable before = truth();
    const bool has_topic = before.snapshot()->partitions().size() > 0;
    const auto delta = before.apply(part, Revision{INT64_MAX});
    if (!delta) return false;
    // A node registers itself, and any node may create the topic, but only once.
    for (const NodeId node : delta->nodes)
      if (before.snapshot()->find(node)->epoch == storage::NodeEpoch{INT64_MAX}) return false;
    return has_topic;
  }

  // A node that enters the ISR must have every record that was visible. A node that is elected must learn of it.
  void check_assignments(NodeId author, const storage::EtcdTransaction& transaction) {
    std::vector<std::string> parts;
    int64_t decided_us = queue_.now_us();
    for (const auto& put : transaction.puts) {
      if (!kKeys.revision_of(put.key)) continue;
      decided_us = etcd_.first_asked_us(put.value);
      if (const auto command =
              storage::decode_metadata_command(std::string_view(put.value).substr(16)))
        for (const auto& part : command->parts) parts.push_back(part.bytes);
    }
    if (parts.empty()) return;
    storage::ClusterTable table = truth();
    const auto before = table.snapshot();
    for (const std::string& part : parts) {
      const auto delta = table.apply(part, Revision{INT64_MAX});
      if (!delta) continue;
      for (const TopicPartition& partition : delta->partitions) {
        const auto* now = table.snapshot()->find(partition);
        if (now == nullptr) continue;
        for (const NodeId member : now->isr) check_has_all(*table.snapshot(), partition, member);
        const auto* then = before->find(partition);
        if (then != nullptr && is_closed(*then) && !is_closed(*now))
          checker_.opened(partition, now->leader_epoch);
        if (!now->leader || then == nullptr || then->leader == now->leader) continue;
        if (is_request(part)) continue;
        progress_.check_election(decided_us, node_of(author), node_of(*now->leader),
                                 *table.snapshot(), *now);
        progress_.check_room(decided_us, node_of(author), node_of(*now->leader), nodes_,
                             *table.snapshot(), *now);
      }
    }
  }
  SimNode& node_of(NodeId id) { return *nodes_[static_cast<size_t>(id.value() - 1)]; }
  void check_has_all(const storage::ClusterSnapshot& cluster, const TopicPartition& partition,
                     NodeId member) {
    SimNode& node = node_of(member);
    const storage::ClusterNode* known = cluster.find(member);
    // A node with a new, empty disk registers before its replicas count; until then its records are not checked.
    if (node.is_running() && known != nullptr && known->directory == node.directory())
      checker_.check_in_sync(node, partition);
  }

  // Asks any running node to create the topics, and retries until it has succeeded; some nodes may be down meanwhile.
  void create_topics() {
    queue_.after(kSecond / 20, [this] {
      SimNode& node = *chance_.one_of(nodes_);
      if (!node.cluster() ||
          node.cluster()->cluster()->nodes().size() < static_cast<size_t>(node_count_))
        return create_topics();
      const storage::ClusterSnapshot& cluster = *node.cluster()->cluster();
      if (!cluster.partitions().empty()) return;
      if (away_first_ > 0 && !chance_.one_in(3)) {
        --away_first_;
        SimNode& gone = *chance_.one_of(nodes_);
        if (gone.is_running()) kill(gone, chance_.between(kSecond / 10, 2 * kSecond));
        return create_topics();
      }
      if (const auto command = topics(cluster)) {
        auto& metadata = node.cluster()->metadata();
        metadata.append(metadata.last_revision(), *command, std::nullopt,
                        [](const Result<Revision>&) {});
      }
      create_topics();
    });
  }
  Result<storage::MetadataCommand> topics(const storage::ClusterSnapshot& cluster) {
    storage::MetadataCommand command;
    for (const TopicPartition& partition : partitions()) {
      const int32_t number = partition.partition.value();
      const auto replicas =
          TRY(server::place_replicas(cluster, partition.topic, number, 1, kReplicas));
      for (const auto& assignment :
           TRY(server::assign_replicas(cluster, partition.topic, number, replicas,
                                       world_.settings.replicas.min_insync_replicas))) {
        for (const NodeId id : assignment.replicas)
          if (!assignment.is_in_sync(id))
            findings_.trace(fmt::format("partition {} of topic {} is created while node {} is down",
                                        number, partition.topic.bytes[0], id.value()));
        command.parts.push_back(
            {std::string(storage::kClusterPart), storage::encode_assign_partition(assignment)});
      }
    }
    return command;
  }

  void run_until(int64_t end_us) {
    while (findings_.all().empty() && queue_.step(end_us))
      ;
  }

  // --- Faults

  void attack() {
    if (queue_.now_us() >= kAttacked) return;
    SimNode& node = *chance_.one_of(nodes_);
    const int64_t lasts_us =
        chance_.between(kSecond / 50, chance_.one_in(4) ? 2 * kSecond : kSecond / 2);
    switch (chance_.between(0, has_room_to_move() ? 15 + moves_ : 15)) {
      case 0:
      case 1:
      case 2:
        if (node.is_running()) kill(node, lasts_us);
        break;
      case 12:
        if (node.is_running()) shut_down(node, lasts_us);
        break;
      case 13:  // nodes conclude by mistake that the node is gone
        report_as_gone(node);
        break;
      case 3:
        if (node.is_running()) {
          // The freeze may outlast the session: when the node wakes it does not know that it was fenced.
          const int64_t frozen_us =
              chance_.one_in(2) ? lasts_us : chance_.between(kSecond, 2 * kSecond);
          findings_.trace(fmt::format("node {} freezes for {} us", node.id().value(), frozen_us));
          node.freeze(queue_.now_us() + frozen_us);
        }
        break;
      case 4:
      case 5:
        cut(node, lasts_us);
        break;
      case 6:
        // The cut from etcd may last longer than the controller needs to notice it.
        cut_from_etcd(node, chance_.one_in(3) ? chance_.between(kSecond, 3 * kSecond) : lasts_us);
        break;
      case 7:
        set_loss(lasts_us);
        break;
      case 8:
        node.clock().jump_ms(chance_.between(-3'600'000, 3'600'000));
        break;
      case 9:
        node.fill_disk(true);
        queue_.after(lasts_us, [&node] { node.fill_disk(false); });
        break;
      case 10:
        if (node.is_running() && may_lose_its_disk(node)) {
          kill(node, chance_.between(kSecond / 100, kSecond / 4));
          node.lose_disk();
          if (chance_.one_in(2)) cut(node, lasts_us);
        }
        break;
      case 11:
        findings_.trace("etcd is slow");
        etcd_.set_latency_us(chance_.between(1'000, 60'000));
        queue_.after(lasts_us, [this] { etcd_.set_latency_us(500); });
        break;
      case 14:
        elect(node);
        break;
      default:
        move_replicas(node);
    }
    queue_.after(chance_.between(kSecond / 50, kSecond / 4), [this] { attack(); });
  }

  // --- Commands of operators

  bool has_room_to_move() const { return node_count_ > kReplicas; }

  // If the metadata that the node has read are outdated, the log refuses the command.
  void ask(SimNode& node, const std::vector<std::string>& parts) {
    storage::MetadataCommand command;
    for (const std::string& part : parts)
      command.parts.push_back({std::string(storage::kClusterPart), part});
    auto& metadata = node.cluster()->metadata();
    metadata.append(metadata.last_revision(), command, std::nullopt,
                    [](const Result<Revision>&) {});
  }

  void move_replicas(SimNode& node) {
    if (!node.is_running() || node.cluster()->cluster()->partitions().empty()) return;
    const storage::ClusterSnapshot& cluster = *node.cluster()->cluster();
    std::vector<std::string> parts;
    const bool cancels = chance_.one_in(4);
    for (int64_t left = chance_.between(1, 6); left > 0; --left) {
      const TopicPartition partition = chance_.one_of(partitions());
      const std::vector<NodeId> target = cancels ? std::vector<NodeId>() : some_nodes();
      if (cluster.find(partition) == nullptr ||
          !storage::check_move(cluster, partition, target,
                               world_.settings.replicas.min_insync_replicas))
        continue;
      std::string there;
      for (const NodeId id : target) there += fmt::format(" {}", id.value());
      findings_.trace(fmt::format("partition {} of topic {} moves to{}",
                                  partition.partition.value(), partition.topic.bytes[0],
                                  cancels ? " its previous nodes" : there));
      parts.push_back(storage::encode_move_replicas(partition, target));
    }
    if (chance_.one_in(4)) parts.push_back(throttle());
    if (!parts.empty()) ask(node, parts);
  }
  // Changes the number of in-sync replicas that a topic requires: more, fewer, or the default of the cluster.
  void require_in_sync() {
    SimNode& node = *requiring_.one_of(nodes_);
    if (node.is_running() && !node.cluster()->cluster()->partitions().empty()) {
      const TopicPartition partition = requiring_.one_of(partitions());
      require(node, partition.topic, static_cast<int32_t>(requiring_.between(0, kReplicas + 1)));
    }
    queue_.after(requiring_.between(kSecond / 20, kSecond), [this] {
      if (queue_.now_us() < kAttacked) require_in_sync();
    });
  }
  // A `count` of 0 means the default of the cluster.
  void require(SimNode& node, const Uuid& topic, int32_t count) {
    findings_.trace(fmt::format("topic {} requires {} replicas in sync", topic.bytes[0], count));
    ask(node,
        {storage::encode_require_in_sync(topic, count > 0 ? std::optional(count) : std::nullopt,
                                         world_.settings.replicas.min_insync_replicas)});
  }

  // Cuts off a leader with too few replicas in sync. Then the node that was away returns and the topic requires fewer
  // replicas, so that another node becomes the leader and acknowledges records. The first leader learns nothing of
  // this, and can reach no node that could be the leader.
  void leave_alone() {
    SimNode& operating = *leaving_.one_of(nodes_);
    const TopicPartition partition = leaving_.one_of(partitions_of(kInput, kInputs));
    SimNode* leader = operating.is_running() ? operating.leader_of(partition) : nullptr;
    if (leader == nullptr) return;
    const auto cluster = operating.cluster()->cluster();
    for (const auto& away : nodes_) {
      if (away.get() == leader || !cluster->find(partition)->has_replica(away->id())) continue;
      findings_.trace(
          fmt::format("node {} will be the only replica of partition {}, without node {}",
                      leader->id().value(), partition.partition.value(), away->id().value()));
      require(operating, partition.topic, kReplicas);
      away->freeze(queue_.now_us() + 7 * kSecond / 10);
      break;
    }
    queue_.after(13 * kSecond / 20, [this, leader] {
      findings_.trace(fmt::format("node {} is cut off from all other nodes", leader->id().value()));
      etcd_.cut(leader->id(), true);
      for (const auto& other : nodes_) {
        network_.cut(leader->id(), other->id());
        network_.cut(other->id(), leader->id());
      }
    });
    for (int64_t after_us = kSecond; after_us < 3 * kSecond; after_us += kSecond / 20)
      queue_.after(after_us, [this, leader, partition] { look_at_alone(*leader, partition); });
    queue_.after(3 * kSecond, [this, leader] {
      network_.heal();
      report_connections();
      etcd_.cut(leader->id(), false);
    });
  }
  void look_at_alone(SimNode& alone, const TopicPartition& partition) {
    if (alone.is_running())
      alone.run(alone.life(), [this, &alone, partition] { asker_.ask(alone, {partition}); });
    const auto cluster = truth().snapshot();
    const storage::PartitionAssignment* assignment = cluster->find(partition);
    if (assignment == nullptr || !assignment->leader || *assignment->leader == alone.id() ||
        !assignment->own_min_insync)
      return;
    for (const auto& other : nodes_)
      if (other->id() == *assignment->leader && other->is_running())
        require(*other, partition.topic, 0);
  }

  // Limits the transfer rate of moving replicas, or removes the limit.
  std::string throttle() {
    if (chance_.one_in(2)) return storage::encode_configure_node(storage::kAllNodes, {});
    const std::string rate = fmt::to_string(chance_.between(500, 50'000));
    findings_.trace(fmt::format("moving replicas may fetch {} bytes per second", rate));
    return storage::encode_configure_node(
        storage::kAllNodes, {{storage::kLeaderThrottle, rate}, {storage::kFollowerThrottle, rate}});
  }
  std::vector<NodeId> some_nodes() {
    std::vector<NodeId> all, some;
    for (int32_t id = 1; id <= node_count_; ++id) all.push_back(NodeId{id});
    for (int64_t left = chance_.one_in(5) ? chance_.between(1, 5) : kReplicas;
         left > 0 && !all.empty(); --left) {
      some.push_back(chance_.one_of(all));
      std::erase(all, some.back());
    }
    return some;
  }

  // Demands an unclean election, but only if it must be refused, because an in-sync or eligible replica exists. An
  // election that takes place would lose records.
  void elect(SimNode& node) {
    if (!node.is_running()) return;
    const TopicPartition partition = chance_.one_of(partitions());
    const auto has_all = [&](const storage::ClusterSnapshot& cluster) {
      const auto* known = cluster.find(partition);
      if (known == nullptr || known->leader) return true;
      for (const NodeId id : known->replicas)
        if ((known->is_in_sync(id) || known->is_eligible(id)) && !cluster.find(id)->is_fenced)
          return true;
      return false;
    };
    const bool is_unclean = chance_.one_in(3);
    if (is_unclean && !has_all(*node.cluster()->cluster())) return;
    ask(node, {storage::encode_elect_leader(partition, is_unclean ? storage::Election::Unclean
                                                                  : storage::Election::Preferred)});
  }

  void kill(SimNode& node, int64_t for_us) {
    node.kill();
    report_as_gone(node);
    queue_.after(for_us, [&node] {
      if (!node.is_running()) node.start();
    });
  }

  // Some of the other nodes get the report that their connection to the node was refused. They conclude that its
  // process has ended, which is wrong if the node has restarted meanwhile.
  void report_as_gone(SimNode& gone) {
    for (const auto& node : nodes_) {
      if (node.get() == &gone || chance_.one_in(2)) continue;
      queue_.after(chance_.delay_us(kSecond / 100), [to = node.get(), id = gone.id()] {
        to->run(to->life(), [to, id] { to->cluster()->on_gone(id); });
      });
    }
  }

  // Stops the node when it leads no partition, or after a second.
  void shut_down(SimNode& node, int64_t for_us) {
    findings_.trace(fmt::format("node {} shuts down", node.id().value()));
    node.cluster()->leave();
    for (int64_t after_us = kSecond / 50; after_us <= kSecond; after_us += kSecond / 50)
      queue_.after(after_us, [this, &node, for_us, life = node.life(), after_us] {
        if (node.life() != life) return;
        if (node.cluster()->leads_nothing() || after_us == kSecond) kill(node, for_us);
      });
  }

  void cut(SimNode& node, int64_t for_us) {
    const bool one_way = chance_.one_in(3), from_all = chance_.one_in(3);
    for (const auto& other : nodes_) {
      if (other.get() == &node || (!from_all && chance_.one_in(2))) continue;
      findings_.trace(fmt::format("cut {} {} {}", node.id().value(), one_way ? "->" : "-",
                                  other->id().value()));
      network_.cut(node.id(), other->id());
      if (!one_way) network_.cut(other->id(), node.id());
    }
    queue_.after(for_us, [this] {
      network_.heal();
      report_connections();
    });
  }

  // Connections that were cut are established again.
  void report_connections() {
    for (const auto& node : nodes_)
      for (const auto& other : nodes_)
        if (other != node && node->is_running())
          node->run(node->life(),
                    [to = node.get(), id = other->id()] { to->cluster()->on_connected(id); });
  }

  void cut_from_etcd(SimNode& node, int64_t for_us) {
    const bool all = chance_.one_in(4);
    for (const auto& each : nodes_) {
      if (!all && each.get() != &node) continue;
      findings_.trace(fmt::format("node {} is cut from etcd", each->id().value()));
      etcd_.cut(each->id(), true);
      queue_.after(for_us, [this, id = each->id()] { etcd_.cut(id, false); });
    }
  }

  void set_loss(int64_t for_us) {
    const double loss = static_cast<double>(chance_.between(1, 30)) / 100;
    findings_.trace(fmt::format("messages are lost: {}", loss));
    network_.set_loss(loss);
    etcd_.set_loss(loss);
    queue_.after(for_us, [this] {
      network_.set_loss(0);
      etcd_.set_loss(0);
    });
  }

  // Returns whether the disk of the node may be lost. The cluster cannot keep records if the last disk that has them is
  // lost. If one replica is enough to acknowledge records, the next command can make this disk the last one.
  bool may_lose_its_disk(const SimNode& node) {
    if (world_.settings.replicas.min_insync_replicas < 2 || requires_ || leaves_alone_)
      return false;
    storage::ClusterTable table = truth();
    for (const auto& other : nodes_) {
      const storage::ClusterNode* known = table.snapshot()->find(other->id());
      if (!other->is_running() || known == nullptr || known->is_fenced ||
          known->directory != other->directory())
        return false;
    }
    const auto snapshot = table.snapshot();
    for (const auto& [partition, assignment] : snapshot->partitions())
      if (assignment.has_replica(node.id()) &&
          (assignment.isr.size() < kReplicas || is_to_be_alone(node, assignment)))
        return false;
    findings_.trace(fmt::format("node {} may lose its disk", node.id().value()));
    return true;
  }

  // Returns whether the node will have the only replica after replicas have moved. The command that ends the move
  // may have been sent to etcd already.
  static bool is_to_be_alone(const SimNode& node, const storage::PartitionAssignment& assignment) {
    return assignment.replicas.size() - assignment.removing.size() < 2 &&
           std::ranges::find(assignment.removing, node.id()) == assignment.removing.end();
  }

  // Returns the metadata that etcd has, up to a revision.
  storage::ClusterTable truth(Revision up_to = Revision{INT64_MAX}) {
    storage::ClusterTable table;
    Revision last{0};
    if (const auto pointer = pointer_in_etcd())
      if (const auto snapshot = snapshot_in_etcd(*pointer)) {
        last = snapshot->revision;
        table = storage::ClusterTable::load(snapshot->state.parts.at(0).bytes).value();
      }
    for (const auto& entry : etcd_.find(kKeys.commands(last + 1, Revision{INT64_MAX})).entries) {
      const auto command =
          storage::decode_metadata_command(std::string_view(entry.value).substr(16));
      const Revision revision = *kKeys.revision_of(entry.key);
      if (!command || revision > up_to) continue;
      for (const auto& part : command->parts) (void)table.apply(part.bytes, revision);
    }
    return table;
  }
  std::optional<storage::SnapshotPointer> pointer_in_etcd() {
    const auto found = etcd_.find(storage::EtcdRange::only(kKeys.pointer()));
    if (found.entries.empty()) return std::nullopt;
    return storage::decode_snapshot_pointer(found.entries[0].value).value();
  }
  std::optional<storage::MetadataSnapshot> snapshot_in_etcd(
      const storage::SnapshotPointer& pointer) {
    std::string bytes;
    for (uint32_t number = 0; number < pointer.pieces; ++number)
      for (const auto& entry :
           etcd_.find(storage::EtcdRange::only(kKeys.piece(pointer, number))).entries)
        bytes += entry.value;
    if (bytes.size() != pointer.size_bytes) return std::nullopt;
    const auto snapshot = storage::decode_metadata_snapshot(bytes);
    return snapshot ? std::optional(*snapshot) : std::nullopt;
  }

  // Checks that a snapshot has the same contents as the commands that it replaces.
  void check_snapshot(const storage::EtcdTransaction& transaction) {
    for (const auto& put : transaction.puts) {
      if (put.key != kKeys.pointer()) continue;
      ++snapshot_count_;
      const auto next = storage::decode_snapshot_pointer(put.value).value();
      const auto now = pointer_in_etcd();
      // a late commit of an older snapshot; check_log() finds missing commands
      if (now && next.revision < now->revision) continue;
      const auto snapshot = snapshot_in_etcd(next);
      if (!snapshot || snapshot->state.parts.at(0).bytes != truth(next.revision).save())
        findings_.add(
            fmt::format("the snapshot of revision {} differs from the commands up to there",
                        next.revision.value()));
    }
  }
  // Checks that etcd has every command from the snapshot's revision on. The command of this revision
  // itself must stay, because the next append has a condition on it.
  void check_log(const storage::EtcdTransaction& transaction) {
    const bool is_about_it =
        !transaction.removals.empty() || std::ranges::any_of(transaction.puts, [](const auto& put) {
          return put.key == kKeys.pointer();
        });
    if (!is_about_it) return;
    const auto pointer = pointer_in_etcd();
    Revision next = pointer ? pointer->revision : Revision{1};
    if (pointer && !snapshot_in_etcd(*pointer))
      findings_.add(fmt::format("the snapshot of revision {} is missing", next.value()));
    const auto commands = etcd_.find(kKeys.commands(next, Revision{INT64_MAX})).entries;
    if (pointer && commands.empty())
      findings_.add(
          fmt::format("the command of the snapshot of revision {} is missing", next.value()));
    for (const auto& entry : commands) {
      if (*kKeys.revision_of(entry.key) != next)
        return findings_.add(
            fmt::format("command {} is missing, and no snapshot contains it", next.value()));
      ++next;
    }
  }
  // A node that has loaded a snapshot has the same tables as a node that has read all commands.
  void check_tables() {
    const auto entries = etcd_.find(kKeys.commands({}, Revision{INT64_MAX})).entries;
    if (entries.empty()) return;
    const std::string all = truth().save();
    for (const auto& node : nodes_)
      if (node->is_running() &&
          node->cluster()->metadata().last_revision() == *kKeys.revision_of(entries.back().key))
        if (node->cluster()->cluster_table().save() != all)
          findings_.add(fmt::format("node {} has other metadata than etcd", node->id().value()));
  }
  // Returns whether each node has carried out all of its journals.
  bool are_journals_carried_out() const {
    return std::ranges::all_of(nodes_, [this](const auto& node) {
      for (size_t i = 0; i < kTasks && node->is_running(); ++i) {
        const TopicPartition& journal = world_.tasks[i].journal;
        const auto status = node->log()->find_partition(journal);
        if (node->has_replica(journal) &&
            (!status || node->task(i).carried_out() < status->high_watermark()))
          return false;
      }
      return true;
    });
  }
  void check_journals() {
    for (size_t i = 0; i < kTasks; ++i) {
      const TopicPartition& journal = world_.tasks[i].journal;
      std::optional<std::string> all;
      for (const auto& node : nodes_) {
        if (!node->is_running() || !node->has_replica(journal)) continue;
        const SimTask& task = node->task(i);
        if (!all) all = task.describe();
        if (task.describe() != *all)
          findings_.add(fmt::format("journal {}: node {} has another state than the other nodes", i,
                                    node->id().value()));
        if (task.rebuilt() != *all)
          findings_.add(
              fmt::format("journal {}: a replay of the journal of node {} gives another state", i,
                          node->id().value()));
        const auto status = node->log()->find_partition(journal);
        if (!status) continue;
        trimmed_ += static_cast<size_t>(status->log_start().value());
        findings_.trace(fmt::format("journal {} of node {}: {} to {}, {} snapshots", i,
                                    node->id().value(), status->log_start().value(),
                                    status->log_end().value(), task.snapshots()));
      }
    }
  }
  bool is_log_short() {
    const auto pointer = pointer_in_etcd();
    if (!pointer) return true;
    const auto commands = etcd_.find(kKeys.commands({}, Revision{INT64_MAX})).entries.size();
    const auto pieces = etcd_.find({"/millrace/snapshots/", "/millrace/snapshots0"}).entries.size();
    return commands <= 2 * static_cast<size_t>(world_.settings.cuts.commands) + 20 &&
           pieces == pointer->pieces;
  }

  // --- Healing, and the checks after it

  void heal() {
    findings_.trace("all heals");
    network_.heal();
    network_.set_loss(0);
    etcd_.set_loss(0);
    etcd_.set_latency_us(500);
    for (const auto& node : nodes_) {
      etcd_.cut(node->id(), false);
      node->fill_disk(false);
      if (!node->is_running()) node->start();
    }
  }

  void wait_until_healed() {
    const int64_t give_up_us = queue_.now_us() + kHealing;
    // A transactional client sometimes retries only after seconds.
    const auto patience_us = [&] {
      return !are_transactional_clients_idle() && is_all_else_healed() ? kHealing : 0;
    };
    while (findings_.all().empty() && !is_healed() &&
           (queue_.now_us() < give_up_us || queue_.now_us() < give_up_us + patience_us())) {
      lift_throttle();
      run_until(queue_.now_us() + kSecond / 4);
    }
    if (findings_.all().empty() && !is_healed()) report_what_has_not_healed();
  }

  // A producer with acks=all receives answers despite one lasting fault, once the cluster has had time to notice it.
  void live_with_a_fault() {
    run_until(std::max(queue_.now_us(), kAttacked + kStillHealing));
    if (!findings_.all().empty()) return;
    LastingFault fault(world_);
    fault.begin();
    run_until(queue_.now_us() + kSecond);
    for (const auto& producer : producers_) producer->start();
    run_until(queue_.now_us() + kSecond);
    for (const auto& producer : producers_) producer->stop();
    const auto waits = [&](const std::unique_ptr<Producer>& producer) {
      const auto cluster = truth().snapshot();
      return !producer->is_idle() &&
             !fault.excuses(*cluster, *cluster->find(producer->partition()));
    };
    const int64_t give_up_us = queue_.now_us() + kHealing;
    while (findings_.all().empty() && queue_.now_us() < give_up_us &&
           std::ranges::any_of(producers_, waits))
      run_until(queue_.now_us() + kSecond / 4);
    for (const auto& producer : producers_)
      if (waits(producer))
        findings_.add(fmt::format("partition {} accepts no records, only because {}: {}",
                                  producer->partition().partition.value(), fault.name(),
                                  describe(*truth().snapshot()->find(producer->partition()))));
    fault.end();
    heal();
    wait_until_healed();
  }

  static std::string describe(const storage::PartitionAssignment& assignment) {
    const auto numbers = [](const std::vector<NodeId>& nodes) {
      std::string text;
      for (const NodeId id : nodes) text += fmt::format(" {}", id.value());
      return text;
    };
    return fmt::format("led by {}, replicas{}, in sync{}, eligible{}",
                       assignment.leader ? assignment.leader->value() : -1,
                       numbers(assignment.replicas), numbers(assignment.isr),
                       numbers(assignment.eligible));
  }

  // Removes the limit on the rate of moves, with which some moves would take longer than the run
  // waits for them.
  void lift_throttle() {
    const auto cluster = truth().snapshot();
    for (const auto& node : nodes_)
      if (node->is_running() && cluster->number_setting(node->id(), storage::kLeaderThrottle))
        return ask(*node, {storage::encode_configure_node(storage::kAllNodes, {})});
  }

  static bool is_as_it_should_be(const storage::PartitionAssignment& assignment) {
    return assignment.leader && !assignment.is_moving() &&
           assignment.isr.size() == assignment.replicas.size();
  }
  bool is_healed() { return are_transactional_clients_idle() && is_all_else_healed(); }
  bool are_transactional_clients_idle() const {
    return std::ranges::all_of(clients_, [](const auto& client) { return client->is_idle(); });
  }
  bool is_all_else_healed() {
    for (const auto& producer : producers_)
      if (!producer->is_idle()) return false;
    for (const auto& writer : writers_)
      if (!writer->is_idle()) return false;
    for (const auto& counter : counters_)
      if (!counter->is_idle()) return false;
    for (const auto& committer : committers_)
      if (!committer->is_idle()) return false;
    if (closer_ && !closer_->is_idle()) return false;
    const storage::ClusterTable table = truth();
    if (table.snapshot()->partitions().size() != partitions().size()) return false;
    const auto snapshot = table.snapshot();
    for (const auto& [partition, assignment] : snapshot->partitions())
      if (!is_as_it_should_be(assignment)) return false;
    return checker_.are_tasks_done() && are_journals_carried_out() &&
           transactions_.is_quiet(nodes_) && is_log_short();
  }

  void report_what_has_not_healed() {
    for (const auto& producer : producers_)
      if (!producer->is_idle())
        findings_.add("a producer gets no answer although all faults have ended");
    for (const auto& client : clients_)
      if (!client->is_idle())
        findings_.add("a transactional client gets no answer although all faults have ended: " +
                      client->describe());
    for (const auto& writer : writers_)
      if (!writer->is_idle())
        findings_.add("a session gets no answer to a write although all faults have ended");
    for (const auto& counter : counters_)
      if (!counter->is_idle())
        findings_.add("a session gets no answer to an update although all faults have ended");
    for (const auto& committer : committers_)
      if (!committer->is_idle())
        findings_.add("a session gets no answer to a commit although all faults have ended");
    if (closer_ && !closer_->is_idle())
      findings_.add("a closed topic is not opened although all faults have ended");
    if (!is_log_short())
      findings_.add("the metadata log is not trimmed although all faults have ended");
    if (!are_journals_carried_out())
      findings_.add("a journal is not applied although all faults have ended");
    if (!checker_.are_tasks_done())
      findings_.add("a task does not finish although all faults have ended");
    const storage::ClusterTable table = truth();
    const auto snapshot = table.snapshot();
    for (const auto& [id, known] : snapshot->nodes()) {
      if (!known.is_fenced) continue;
      SimNode& fenced = node_of(id);
      if (!fenced.is_running()) {
        findings_.add(
            fmt::format("node {} does not run although all faults have ended", id.value()));
        continue;
      }
      server::ClusterNode& node = *fenced.cluster();
      findings_.add(fmt::format(
          "node {} is fenced although all faults have ended; it has{} registered, and read up to "
          "{}",
          id.value(), node.is_registered() ? "" : " not", node.metadata().last_revision().value()));
    }
    for (const auto& [partition, assignment] : snapshot->partitions())
      if (!is_as_it_should_be(assignment))
        findings_.add(fmt::format(
            "partition {} of topic {}: leader {}, {} of {} in sync{} although all faults have "
            "ended",
            partition.partition.value(), partition.topic.bytes[0],
            assignment.leader ? assignment.leader->value() : -1, assignment.isr.size(),
            assignment.replicas.size(), assignment.is_moving() ? ", and replicas are moving" : ""));
  }

  inline static const storage::EtcdMetadataKeys kKeys{"/millrace/"};

  EventQueue queue_;
  Chance chance_;
  Chance requiring_;
  Chance leaving_;
  bool requires_ = false;      // whether topics change the required number of in-sync replicas
  bool leaves_alone_ = false;  // whether leave_alone() is used
  const int32_t node_count_;
  int64_t moves_ = 3;  // of moves_ + 15 attacks, moves_ are calls of move_replicas()
  Findings findings_;
  SimNetwork network_;
  SimEtcd etcd_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  SimNode::World world_;
  Checker checker_;
  TransactionChecker transactions_;
  // The last argument is the time within which the controller notices a change: kMetadataLag, and
  // 0.7 s for the session time-out and the delay of heartbeats.
  ProgressChecker progress_{queue_, network_, findings_, kMetadataLag + kSecond * 7 / 10};
  std::vector<std::unique_ptr<Producer>> producers_;
  std::vector<std::unique_ptr<TransactionalClient>> clients_;
  std::vector<std::unique_ptr<RowWriter>> writers_;
  std::vector<std::unique_ptr<Counter>> counters_;
  std::vector<std::unique_ptr<Committer>> committers_;
  std::unique_ptr<TableCloser> closer_;  // null: no topic is closed
  size_t snapshot_count_ = 0, trimmed_ = 0;
  // Number of nodes that are killed before topics exist.
  int64_t away_first_ = chance_.one_in(2) ? chance_.between(1, 3) : 0;
  EndAsker asker_{world_, checker_, findings_, partitions_of(kInput, kInputs)};
};

}  // namespace

Outcome run(const Options& options) {
  Outcome outcome = Scenario(options).run();
  outcome.lone = run_lone(options.seed, options.rules.lone, options.is_verbose);
  std::ranges::copy(outcome.lone.findings, std::back_inserter(outcome.findings));
  return outcome;
}

}  // namespace sim
