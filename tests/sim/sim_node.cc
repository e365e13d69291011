#include "tests/sim/sim_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "storage/log/log_statistics.h"

namespace sim {

namespace {

constexpr int64_t kTickUs = 10'000, kSyncUs = 400, kObservesWithinUs = 300'000;

}  // namespace

SimNode::SimNode(World& world, NodeId id)
    : world_(world),
      id_(id),
      clock_(world.queue),
      disk_(std::make_unique<storage::MemoryDisk>()),
      directory_(make_id()),
      keeps_a_reserve_(world.chance.one_in(2)) {}

SimNode::~SimNode() {
  if (process_) kill();
}

Uuid SimNode::make_id() {
  Uuid id;
  for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(world_.chance.between(0, 256));
  return id;
}

void SimNode::run(uint64_t life, std::function<void()> work) {
  if (life != life_ || !process_) return;
  if (world_.queue.now_us() < frozen_until_us_ || !inbox_.empty()) {
    if (inbox_.empty()) world_.queue.at(frozen_until_us_, [this] { thaw(); });
    inbox_.emplace_back(life, std::move(work));
    return;
  }
  work();
  if (process_) world_.check(*this);
}

void SimNode::thaw() {
  if (world_.queue.now_us() < frozen_until_us_)
    return world_.queue.at(frozen_until_us_, [this] { thaw(); });
  for (auto& [life, work] : std::exchange(inbox_, {})) run(life, std::move(work));
}

void SimNode::wake() {
  frozen_until_us_ = std::min(frozen_until_us_, world_.queue.now_us());
  world_.queue.at(world_.queue.now_us(), [this] { thaw(); });
}

void SimNode::start() {
  world_.findings.trace(fmt::format("node {} starts", id_.value()));
  ++life_;
  frozen_until_us_ = 0;
  const uint64_t life = life_;
  process_ = std::make_unique<Process>();
  Process& process = *process_;
  process.etcd = world_.etcd.connect(
      id_, {[this, life] { return life == life_ && process_; },
            [this, life](std::function<void()> work) { run(life, std::move(work)); }});
  storage::LogOptions options;
  options.clock = &clock_;
  options.writer = storage::LogOptions::Writer::Owner;
  options.task_wait_us = 0;
  options.reserve_bytes = keeps_a_reserve_ ? 1'000 : 0;
  options.forgets_foreign_tasks = false;
  options.on_durable = [this, life](std::span<const storage::TopicPartition> grown) {
    std::vector<storage::TopicPartition> partitions(grown.begin(), grown.end());
    post([this, partitions = std::move(partitions)] { process_->cluster->on_durable(partitions); });
  };
  auto opened = storage::Log::open(disk_->open(), options);
  if (!opened) {  // the disk is full
    process_.reset();
    return;
  }
  process.log = *std::move(opened);
  process.reader = storage::LogReader::open(*process.log).value();
  process.coordinators =
      std::make_unique<SimCoordinators>(*this, world_.transactions, world_.transaction_rules,
                                        [this] { return ProducerId{world_.next_producer++}; });
  process.cluster = std::make_unique<server::ClusterNode>(
      server::ClusterNode::Identity{id_, directory_}, *process.log, *process.reader, *process.etcd,
      *this, *this, *process.coordinators, clock_, world_.chance.random(), world_.settings,
      world_.rules);
  process.cluster->announce({}, {});
  // A node observes partitions only after it has read all metadata, which takes some time.
  if (world_.settings.replicas.awaits_observed)
    world_.queue.after(world_.chance.between(0, kObservesWithinUs), [this, life] {
      run(life, [this] { process_->cluster->observe(world_.observed); });
    });
  for (const SimTask::Places& places : world_.tasks)
    process.tasks.push_back(std::make_unique<SimTask>(*this, world_.findings, places,
                                                      world_.task_rules, world_.snapshot_period));
  write_later();
  tick_later();
}

void SimNode::kill() {
  world_.findings.trace(fmt::format("node {} is killed", id_.value()));
  ++life_;  // messages on the way to the old process are dropped
  inbox_.clear();
  disk_->drop_unsynced();
  // Coordinators answer their waiting callers when they are destroyed. The answers pass through the cluster's part,
  // which still exists then, and are dropped.
  const std::unique_ptr<Process> killed = std::move(process_);
  killed->log->close();
  killed->coordinators.reset();
  killed->cluster.reset();
  killed->reader.reset();
}

bool SimNode::has_replica(const storage::TopicPartition& partition) {
  const auto* known = cluster()->cluster()->find(partition);
  return known != nullptr && (known->has_replica(id_) || world_.observed.contains(partition.topic));
}

SimNode* SimNode::leader_of(const storage::TopicPartition& partition) {
  const auto* known = cluster()->cluster()->find(partition);
  for (const auto& node : world_.nodes)
    if (known != nullptr && known->leader == node->id() && node->is_running()) return node.get();
  return nullptr;
}

void SimNode::lose_disk() {
  world_.findings.trace(fmt::format("node {} loses its disk", id_.value()));
  disk_ = std::make_unique<storage::MemoryDisk>();
  directory_ = make_id();
  is_full_ = false;
}

void SimNode::fill_disk(bool is_full) {
  if (is_full == is_full_) return;
  world_.findings.trace(
      fmt::format("disk of node {} is {}", id_.value(), is_full ? "full" : "not full"));
  is_full_ = is_full;
  disk_->set_capacity(is_full ? 0 : SIZE_MAX);
}

void SimNode::write_later() {
  world_.queue.after(world_.chance.delay_us(kSyncUs), [this, life = life_] {
    if (life != life_) return;
    run(life, [this] {
      // While the disk is full, the log checks in write_next() whether there is space again.
      const storage::LogStatistics log = statistics_of(*process_->log);
      if (log.queued_requests > 0 || log.refuses_appends) process_->log->write_next();
    });
    if (life == life_) write_later();
  });
}

void SimNode::tick_later() {
  world_.queue.after(kTickUs, [this, life = life_] {
    if (life != life_) return;
    run(life, [this] {
      process_->cluster->tick();
      process_->coordinators->step();
      for (const auto& task : process_->tasks) task->step();
    });
    if (life == life_) tick_later();
  });
}

storage::JournalOwnerPort* SimNode::tasks_of(const storage::TopicPartition& partition) {
  for (const auto& task : process_->tasks)
    if (task->places().journal == partition) return task.get();
  return nullptr;
}

void SimNode::owns(const storage::TopicPartition& journal, storage::JournalOwner* owner) {
  for (const auto& task : process_->tasks)
    if (task->places().journal == journal) task->owned_by(owner);
}

void SimNode::send(NodeId to, server::ClusterMessage message) {
  if (!process_) return;
  world_.network.send(id_, to, [this, to, message = std::move(message)] {
    for (const auto& node : world_.nodes)
      if (node->id() == to)
        node->run(node->life(), [receiver = node.get(), from = id_, message] {
          receiver->cluster()->on_message(from, message);
        });
  });
}

// Answers after some time, as etcd would.
void SimNode::allocate_producer(std::function<void(Result<ProducerId>)> done) {
  world_.queue.after(world_.chance.delay_us(1'000), [this, life = life_, done = std::move(done)] {
    run(life, [this, done] { done(ProducerId{world_.next_producer++}); });
  });
}

// Computes the digest some time later, as another thread would.
void SimNode::digest(const storage::TopicPartition& partition, Offset from,
                     std::optional<Offset> end, size_t max_bytes,
                     server::ScrubCalls::Digested done) {
  world_.queue.after(world_.chance.delay_us(1'000),
                     [this, life = life_, partition, from, end, max_bytes, done = std::move(done)] {
                       run(life, [=, this] {
                         done(storage::digest_range(*process_->log, *process_->reader, partition,
                                                    from, end, max_bytes));
                       });
                     });
}

void SimNode::differs(const server::ReplicaDifference& difference) {
  world_.findings.add(fmt::format(
      "node {} reports that partition {} of topic {} at node {} differs between {} and {}",
      id_.value(), difference.partition.partition.value(), difference.partition.topic.bytes[0],
      difference.node.value(), difference.from.value(), difference.end.value()));
}

// Makes the snapshot some time later, as another thread would: the log then has newer commands already.
void SimNode::want_snapshot(bool is_wanted) {
  if (!is_wanted || std::exchange(process_->makes_snapshot, true)) return;
  const storage::MetadataSnapshot snapshot{
      process_->cluster->metadata().last_revision(),
      {{{std::string(storage::kClusterPart), process_->cluster->cluster_table().save()}}}};
  world_.queue.after(world_.chance.delay_us(5'000),
                     [this, life = life_, revision = snapshot.revision,
                      bytes = storage::encode_metadata_snapshot(snapshot).value()] {
                       run(life, [this, revision, bytes] {
                         process_->makes_snapshot = false;
                         process_->cluster->save_snapshot(revision, bytes);
                       });
                     });
}

void SimNode::post(std::function<void()> work) {
  world_.queue.after(1, [this, life = life_, work = std::move(work)] { run(life, work); });
}

}  // namespace sim
