// A simulated etcd, which works correctly but may be slow, distant or unavailable, as the seed
// decides.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "storage/meta/etcd_client.h"
#include "tests/sim/chance.h"
#include "tests/sim/event_queue.h"

namespace sim {

using storage::EtcdClient;
using storage::EtcdLease;
using storage::EtcdRevision;

class SimEtcd {
 public:
  SimEtcd(EventQueue& queue, Chance& chance) : queue_(queue), chance_(chance) {}

  // A process that uses etcd: `is_alive` returns whether it can receive answers, and `run` delivers
  // them on its loop.
  struct Caller {
    std::function<bool()> is_alive;
    std::function<void(std::function<void()>)> run;
  };
  std::unique_ptr<EtcdClient> connect(NodeId node, Caller caller);

  // While the node is cut off, neither its requests nor their answers arrive.
  void cut(NodeId node, bool is_cut);
  // Sets the probability with which each request, or its answer, is lost.
  void set_loss(double probability) { loss_ = probability; }
  void set_latency_us(int64_t usual) { latency_us_ = usual; }
  // Time of the first attempt to put a value. A client that receives no answer repeats the request.
  int64_t first_asked_us(const std::string& value) const { return first_asked_us_.at(value); }

  // Used by checkers. Called before and after each transaction, with the node that has sent it.
  void watch_commits(std::function<void(NodeId, const storage::EtcdTransaction&)> about_to_commit,
                     std::function<void(NodeId, const storage::EtcdTransaction&)> committed = {}) {
    about_to_commit_ = std::move(about_to_commit);
    committed_ = std::move(committed);
  }
  // For checkers: returns entries at once, without a request.
  storage::EtcdFound find(const storage::EtcdRange& range) const;

 private:
  friend class SimEtcdClient;
  struct Stored {
    storage::EtcdEntry entry;
    EtcdLease lease;
  };
  struct LeaseState {
    int64_t ttl_us, ends_us;
  };
  struct Watcher {
    storage::EtcdRange range;
    // delivers events with the delays of the network
    std::function<void(Result<storage::EtcdEvents>)> tell;
    NodeId node;
  };
  storage::EtcdOutcome commit(NodeId asker, const storage::EtcdTransaction& transaction);
  void put(const storage::EtcdTransaction::Put& put, storage::EtcdEvents& events);
  void remove(const std::string& key, storage::EtcdEvents& events);
  void publish(const storage::EtcdEvents& events);
  void end_lease_if_due(EtcdLease lease);
  // Returns nothing if the events from `first` on have been compacted.
  std::optional<uint64_t> add_watcher(EtcdRevision first, Watcher watcher);
  Result<EtcdRevision> compact(EtcdRevision revision);

  EventQueue& queue_;
  Chance& chance_;
  std::function<void(NodeId, const storage::EtcdTransaction&)> about_to_commit_, committed_;
  double loss_ = 0;
  int64_t latency_us_ = 500;
  std::map<std::string, int64_t> first_asked_us_;
  std::map<NodeId, bool> is_cut_;
  std::map<std::string, Stored> entries_;
  EtcdRevision revision_{1}, compacted_{0};
  std::map<EtcdLease, LeaseState> leases_;
  int64_t next_lease_ = 1;
  std::map<uint64_t, Watcher> watchers_;
  uint64_t next_watcher_ = 1;
  // The events of each revision after the compacted one, for watches that begin in the past.
  std::map<EtcdRevision, storage::EtcdEvents> history_;
};

}  // namespace sim
