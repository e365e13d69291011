// One node's part in the cluster: reads the metadata, replicates what it says, and decides when it is the one
// who does.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "base/awake_clock.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "server/cluster/append_calls.h"
#include "server/cluster/cluster_messages.h"
#include "server/cluster/commit_calls.h"
#include "server/cluster/controller.h"
#include "server/cluster/end_calls.h"
#include "server/cluster/scrub_calls.h"
#include "server/cluster/transaction_calls.h"
#include "storage/meta/cluster_table.h"
#include "storage/meta/controller_lease.h"
#include "storage/meta/etcd_log_cutter.h"
#include "storage/meta/etcd_metadata_log.h"
#include "storage/replica/journal_owner.h"
#include "storage/replica/replica_manager.h"

namespace server {

struct ClusterSettings {
  std::string prefix = "/millrace/";  // of the cluster's keys in etcd
  int64_t controller_lease_ms = 1'000;
  int64_t heartbeat_us = 100'000;
  int64_t tell_progress_us = 1'000'000;  // as NodesProgress
  // Who was not told of it for so long is out of touch with the controller. Where there is none another node becomes it
  // before that, or etcd is away for all.
  int64_t out_of_touch_us = 5'000'000;
  storage::ReplicaSettings replicas;
  ControllerSettings controller;
  storage::CutSettings cuts;
  ScrubSettings scrub;
};
struct ClusterRules {
  storage::ReplicaRules replicas;
  ControllerRules controller;
  storage::JournalRules journals;
  TransactionCallRules transactions;
  AppendCallRules appends;
  EndCallRules ends;
  CommitCallRules commits;
  storage::CutRules cuts;
  // Commands of the controller are appended on the condition that it is still.
  bool fences_controllers = true;
};

class ClusterPort {
 public:
  virtual ~ClusterPort() = default;
  // May get lost, come late, twice, and in another order. To this node as well.
  virtual void send(NodeId to, ClusterMessage message) = 0;
  // Whether little waits on the way to it.
  virtual bool has_room(NodeId /*to*/) const { return true; }
  // Runs it on the node's loop, soon. Threads: any.
  virtual void post(std::function<void()> work) = 0;
  // A command has been read, and replicas do what it says. `changed` are the partitions whose assignments have.
  virtual void applied(const storage::MetadataRecord& /*record*/,
                       std::span<const storage::TopicPartition> /*changed*/) {}
  // As applied(), of all commands up to the snapshot's revision at once: of these it is known only what they have led to.
  virtual void loaded(const storage::MetadataSnapshot& /*snapshot*/,
                      std::span<const storage::TopicPartition> /*changed*/) {}
  // Whether a snapshot of the metadata is wanted: whoever has the rest of them makes one, as of any revision that was
  // read since, and gives it to save_snapshot(). Every few milliseconds.
  virtual void want_snapshot(bool /*is_wanted*/) {}
  // Another one decides now, or nobody; or whether this node is suspended has changed; or progress().
  virtual void standing_changed() {}
  // As storage::digest_range(), on another thread; answered on the node's loop.
  virtual void digest(const storage::TopicPartition& /*partition*/, Offset /*from*/,
                      std::optional<Offset> /*end*/, size_t /*max_bytes*/,
                      ScrubCalls::Digested done) {
    done(Error{ErrorCode::NotSupported, "no digests are made here"});
  }
  // What does not agree between replicas.
  virtual void differs(const ReplicaDifference& /*difference*/) {}
  // One that nobody in the cluster has had; answered on the node's loop.
  virtual void allocate_producer(std::function<void(Result<ProducerId>)> done) {
    done(Error{ErrorCode::NotSupported, "no producers are given here"});
  }
};

// Where tasks are.
class TaskHost {
 public:
  virtual ~TaskHost() = default;
  // Those of a journal partition; nothing where the partition is of no journal. They outlive the node's part.
  virtual storage::JournalOwnerPort* tasks_of(const storage::TopicPartition& partition) = 0;
  // This node owns them now, or not any more (null).
  virtual void owns(const storage::TopicPartition& journal, storage::JournalOwner* owner) = 0;
  // Every few milliseconds.
  virtual void tick() {}
};

// Threads: one loop. Owner: the node; what it is given outlives it.
class ClusterNode final : storage::ReplicaPort, ControllerPort {
 public:
  // What the process is.
  struct Identity {
    NodeId id;
    Uuid directory;
    std::string rack = {};
  };
  ClusterNode(Identity identity, storage::Log& log, storage::LogReader& reader,
              storage::EtcdClient& etcd, ClusterPort& port, TaskHost& tasks,
              TransactionHost& transactions, const Clock& clock, Random& random,
              ClusterSettings settings, ClusterRules rules = {});
  ~ClusterNode() override;
  ClusterNode(const ClusterNode&) = delete;

  void on_message(NodeId from, ClusterMessage message);
  void on_durable(std::span<const storage::TopicPartition> grown) { replicas_.on_durable(grown); }
  void observe(std::set<Uuid> topics) { replicas_.observe(std::move(topics)); }
  // Every few milliseconds.
  void tick();

  // From now on the node is known to the others, and where it is: for nodes, and for clients. It only reads before.
  // `replaces`: whose registration it may take the place of, at most; nothing: of whoever's there is.
  void announce(std::string endpoint, std::string clients,
                std::optional<storage::NodeEpoch> replaces = std::nullopt);
  // A process with another data directory has registered as this node after the one that this one may replace.
  bool is_taken() const { return is_taken_ || is_replaced_; }
  // As ReplicaManager's.
  void on_connected(NodeId node) { replicas_.on_connected(node); }
  // Nobody listens any more where the node was.
  void on_gone(NodeId node);
  // It is about to stop: the controller moves away what it leads, if somebody else can.
  void leave() { is_leaving_ = true; }
  bool is_leaving() const { return is_leaving_; }
  bool leads_nothing() const;
  // Others lead what it takes itself to lead: see NodeFenced.
  bool is_suspended() const { return fenced_until_ || is_replaced_ || is_outdated_; }
  // Why it reads and writes nothing of the cluster's any more, for good.
  std::optional<Error> out_of_cluster() const;
  bool is_registered() const { return node_epoch_.has_value(); }
  // Where it is the controller: another one is to be, now. False where it is not, or that was said already.
  bool step_down();
  bool is_controller() const { return controller_ != nullptr; }
  std::optional<NodeId> controller() const {
    return lease_.controller() ? std::optional(lease_.controller()->node) : std::nullopt;
  }
  // As the controller has told it last, and when that was; null before, and while another one is about to tell.
  struct Progress {
    NodesProgress told;
    int64_t at_us = 0;
  };
  const std::shared_ptr<const Progress>& progress() const { return progress_; }
  // When a controller has told it last; nothing: not yet, as versions before did not.
  std::optional<int64_t> told_us() const { return told_us_; }
  // There is a controller, and it has told this node nothing for long.
  bool is_out_of_touch() const;
  // It is the controller as far as it knows, and etcd has not confirmed that for as long as the lease lasts.
  bool is_in_doubt() const { return lease_.is_over(); }
  const std::shared_ptr<const storage::ClusterSnapshot> cluster() const {
    return table_.snapshot();
  }
  const storage::ReplicaManager& replicas() const { return replicas_; }
  TransactionCalls& transactions() { return transactions_; }
  AppendCalls& appends() { return appends_; }
  EndCalls& ends() { return ends_; }
  CommitCalls& commits() { return commits_; }
  // As ClusterMember::await_trimmed().
  void await_trimmed(const storage::TopicPartition& partition, Offset start, int64_t patience_us,
                     std::function<void(Status)> done);
  const ScrubCalls& scrub() const { return scrub_; }
  // A command of this node; see EtcdMetadataLog::append().
  storage::EtcdMetadataLog& metadata() { return metadata_; }
  // The part of a snapshot that is the cluster's, as of now.
  const storage::ClusterTable& cluster_table() const { return table_; }
  // Left out where none is wanted; see ClusterPort::want_snapshot().
  void save_snapshot(Revision revision, std::string bytes);

 private:
  using Lease = storage::ControllerLease;
  void register_node();
  void registered(Revision revision);
  void apply(const storage::MetadataRecord& record);
  Status load(const storage::MetadataSnapshot& snapshot);
  void note_replacement();
  void note_level();
  void on_fenced(const NodeFenced& fenced);
  void note_progress();
  // Gives back the key that the process before this one has left.
  void clear_the_way();
  void controller_changed(const std::optional<Lease::Controller>& controller);
  Heartbeat heartbeat_now() const;  // once it is registered
  void beat();
  void on_heartbeat(NodeId from, const Heartbeat& heartbeat);
  void tell_progress();
  void on_progress(NodeId from, NodesProgress told);

  // ReplicaPort
  void send(NodeId to, storage::ReplicaFetch fetch) override;
  void send(NodeId to, storage::ReplicaFetched fetched) override;
  bool has_room(NodeId to) const override { return port_.has_room(to); }
  Offset first_needed(const storage::TopicPartition& partition) override;
  void propose(storage::IsrProposal proposal) override;
  void leads(const storage::TopicPartition& partition) override;
  void leads_no_more(const storage::TopicPartition& partition) override;
  void post(std::function<void()> work) override;
  // ControllerPort
  void append(Revision last, storage::MetadataCommand command,
              std::function<void(Result<Revision>)> done) override;
  void resign() override;
  void tell_fenced(NodeId node, storage::NodeEpoch epoch, Revision revision) override;

  // The owner of a journal partition, and its way to the leaders of others.
  struct Owned;
  void deliver(NodeId from, DeliverOutput message);
  void call(NodeId from, ClusterMessage message);
  // Answered on the loop.
  void append_here(storage::AppendRequest request, storage::AppendDone done);
  Result<LeaderEnds> leader_ends(const storage::TopicPartition& partition) const;
  void look_at_trimming();

  const Identity identity_;
  storage::Log& log_;
  ClusterPort& port_;
  TaskHost& tasks_;
  const Clock& clock_;
  AwakeClock patience_;  // of those who wait for answers to statements
  storage::EtcdClient& etcd_;
  Random& random_;
  const ClusterSettings settings_;
  const ClusterRules rules_;
  storage::ClusterTable table_;
  bool has_passed_over_ = false;  // a part that another version of the program may know
  storage::ReplicaManager replicas_;
  storage::EtcdMetadataLog metadata_;
  Lease lease_;
  int64_t clear_at_us_ = 0;
  TransactionCalls transactions_;
  AppendCalls appends_;
  EndCalls ends_;
  CommitCalls commits_;
  // Who waits for followers to delete what was deleted here.
  struct Trimming {
    storage::TopicPartition partition;
    Offset start;
    int64_t until_us;
    std::function<void(Status)> done;
  };
  std::vector<Trimming> trimming_;
  ScrubCalls scrub_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<storage::EtcdLogCutter> cutter_;  // likewise while this node is the controller
  std::map<NodeId, storage::NodeEpoch>
      gone_;  // nobody listened where it was, nor has it been heard of since
  std::map<storage::TopicPartition, std::unique_ptr<Owned>> owned_;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
  std::optional<storage::NodeEpoch> node_epoch_;  // since its registration was read
  std::optional<Revision> registration_;          // since it is known which it was
  struct Places {
    std::string endpoint, clients;
  };
  std::optional<Places> announced_;
  std::optional<storage::NodeEpoch> replaces_;  // nothing: whatever there is
  bool is_registering_ = false, is_leaving_ = false, is_replaced_ = false, is_taken_ = false;
  bool is_outdated_ = false;              // the cluster is at a level that this program does not know
  std::optional<Revision> fenced_until_;  // it has not read that it is; see NodeFenced
  bool has_resigned_ = false;             // and nobody else has been the controller since
  std::optional<NodeId> predecessor_;     // the last controller that was known
  int64_t beat_at_us_ = 0, tell_progress_at_us_ = 0;
  std::shared_ptr<const Progress> progress_;
  std::optional<int64_t> told_us_;
  int64_t in_touch_us_;  // a controller has told it something then, or was new
};

}  // namespace server
