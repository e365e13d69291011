// A machine of the simulation: a disk that outlives the process, and the process while it runs.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "server/cluster/cluster_node.h"
#include "storage/kv/memory_store.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"
#include "tests/sim/chance.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/findings.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_coordinators.h"
#include "tests/sim/sim_etcd.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_task.h"

namespace sim {

class SimNode final : public server::ClusterPort, public server::TaskHost {
 public:
  struct World {
    EventQueue& queue;
    Chance& chance;
    SimNetwork& network;
    SimEtcd& etcd;
    Findings& findings;
    std::vector<std::unique_ptr<SimNode>>& nodes;
    server::ClusterSettings settings;
    server::ClusterRules rules;
    std::vector<SimTask::Places> tasks;
    TransactionTopics transactions = {};
    TransactionSimRules transaction_rules = {};
    SimTaskRules task_rules = {};
    int64_t snapshot_period = 0;
    std::set<Uuid> observed = {};   // topics that nodes without replicas observe
    int64_t next_producer = 5'000;  // id of the next producer that a coordinator registers
    // Called after each event on a node.
    std::function<void(SimNode&)> check = {};
  };
  SimNode(World& world, NodeId id);
  ~SimNode() override;

  NodeId id() const { return id_; }
  bool is_running() const { return process_ != nullptr; }
  // Returns null while the process does not run.
  server::ClusterNode* cluster() { return process_ ? process_->cluster.get() : nullptr; }
  storage::Log* log() { return process_ ? process_->log.get() : nullptr; }
  storage::LogReader* reader() { return process_ ? process_->reader.get() : nullptr; }
  const SimTask& task(size_t index) const { return *process_->tasks[index]; }
  SimCoordinators* coordinators() { return process_ ? process_->coordinators.get() : nullptr; }
  // Returns whether this node has a replica according to the metadata that it has read; true for an
  // observed partition, too.
  bool has_replica(const storage::TopicPartition& partition);
  // Returns the leader of the partition according to the metadata that this node has read; null if the
  // leader does not run.
  SimNode* leader_of(const storage::TopicPartition& partition);
  uint64_t life() const { return life_; }  // the number of processes so far
  SimClock& clock() { return clock_; }
  const Uuid& directory() const { return directory_; }
  int64_t random_number() { return world_.chance.between(1, INT64_MAX); }

  void start();
  // Kills the process. Data that was not synced is lost.
  void kill();
  // Freezes the node until this time; then all waiting events happen.
  void freeze(int64_t until_us) { frozen_until_us_ = until_us; }
  // Ends the freeze early.
  void wake();
  // Gives the node a new, empty disk. Call it only while the process does not run.
  void lose_disk();
  void fill_disk(bool is_full);

  // Runs the work on the node's loop if its process still has this `life`. Work that arrives while the node is
  // frozen waits in its order.
  void run(uint64_t life, std::function<void()> work);

  void send(NodeId to, server::ClusterMessage message) override;
  void post(std::function<void()> work) override;
  void allocate_producer(std::function<void(Result<ProducerId>)> done) override;
  void want_snapshot(bool is_wanted) override;
  void digest(const storage::TopicPartition& partition, Offset from, std::optional<Offset> end,
              size_t max_bytes, server::ScrubCalls::Digested done) override;
  void differs(const server::ReplicaDifference& difference) override;

 private:
  storage::JournalOwnerPort* tasks_of(const storage::TopicPartition& partition) override;
  void owns(const storage::TopicPartition& journal, storage::JournalOwner* owner) override;
  struct Process {
    std::unique_ptr<EtcdClient> etcd;
    std::unique_ptr<storage::Log> log;
    std::unique_ptr<storage::LogReader> reader;
    std::vector<std::unique_ptr<SimTask>> tasks;
    std::unique_ptr<SimCoordinators> coordinators;
    std::unique_ptr<server::ClusterNode> cluster;
    bool makes_snapshot = false;
  };
  void thaw();
  void write_later();
  void tick_later();
  Uuid make_id();

  World& world_;
  const NodeId id_;
  SimClock clock_;
  std::unique_ptr<storage::MemoryDisk> disk_;
  Uuid directory_;
  uint64_t life_ = 0;
  int64_t frozen_until_us_ = 0;
  // the work that arrived for the loop while the process was frozen
  std::deque<std::pair<uint64_t, std::function<void()>>> inbox_;
  // A node without a reserve fills its disk with commits, and repeats those that fail.
  const bool keeps_a_reserve_;
  bool is_full_ = false;
  std::unique_ptr<Process> process_;
};

}  // namespace sim
