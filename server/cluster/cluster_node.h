// One node of the cluster, without sockets and threads: reads the metadata, replicates partitions
// as the metadata requires, and runs the controller while this node holds the controller's lease.
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
#include "server/cluster/cluster_messages.h"
#include "server/cluster/controller.h"
#include "server/cluster/leader_end_requests.h"
#include "server/cluster/remote_appends.h"
#include "server/cluster/scrub_calls.h"
#include "server/cluster/transaction_calls.h"
#include "server/cluster/transaction_commits.h"
#include "storage/meta/cluster_table.h"
#include "storage/meta/controller_lease.h"
#include "storage/meta/etcd_log_cutter.h"
#include "storage/meta/etcd_metadata_log.h"
#include "storage/replica/journal_owner.h"
#include "storage/replica/replica_manager.h"

namespace server {

struct ClusterSettings {
  std::string prefix = "/millrace/";  // prefix of the cluster's keys in etcd
  int64_t controller_lease_ms = 1'000;
  int64_t heartbeat_us = 100'000;
  int64_t tell_progress_us = 1'000'000;  // period of NodesProgress
  // A node that has received no NodesProgress for this time counts as out of touch with the
  // controller. The time is long: if the controller itself has failed, another node usually takes
  // over earlier, unless no node can reach etcd.
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
  // The log accepts a controller's command only if the controller still holds the lease.
  bool fences_controllers = true;
};

class ClusterPort {
 public:
  virtual ~ClusterPort() = default;
  // Sends a message to a node, which may be this node itself. Messages may be lost, delayed,
  // duplicated and reordered.
  virtual void send(NodeId to, ClusterMessage message) = 0;
  // Returns whether the node's queue has room for further messages; see ClusterNetwork::has_room().
  virtual bool has_room(NodeId /*to*/) const { return true; }
  // Runs the work on the node's loop, soon. Threads: any.
  virtual void post(std::function<void()> work) = 0;
  // Called when this node has read a metadata command and applied it to its replicas. `changed` are
  // the partitions whose assignments have changed.
  virtual void applied(const storage::MetadataRecord& /*record*/,
                       std::span<const storage::TopicPartition> /*changed*/) {}
  // Called when this node has loaded a snapshot in place of all commands up to its revision. The
  // single commands are not known, only their combined effect.
  virtual void loaded(const storage::MetadataSnapshot& /*snapshot*/,
                      std::span<const storage::TopicPartition> /*changed*/) {}
  // Called every few milliseconds. If the argument is true, a snapshot of the metadata is wanted:
  // the host builds one as of a revision that was read since then, and passes it to
  // save_snapshot().
  virtual void want_snapshot(bool /*is_wanted*/) {}
  // Called when the cluster has another controller, or when is_suspended() or progress() returns another value.
  virtual void standing_changed() {}
  // Runs storage::digest_range() on another thread; calls back on the node's loop.
  virtual void digest(const storage::TopicPartition& /*partition*/, Offset /*from*/,
                      std::optional<Offset> /*end*/, size_t /*max_bytes*/,
                      ScrubCalls::Digested done) {
    done(Error{ErrorCode::NotSupported, "digests are not supported here"});
  }
  // Reports replicas that do not agree.
  virtual void differs(const ReplicaDifference& /*difference*/) {}
  // Allocates a producer id that is unique in the cluster; calls back on the node's loop.
  virtual void allocate_producer(std::function<void(Result<ProducerId>)> done) {
    done(Error{ErrorCode::NotSupported, "producer ids are not supported here"});
  }
};

// The part of the server that runs tasks.
class TaskHost {
 public:
  virtual ~TaskHost() = default;
  // Returns the tasks whose commits are in a journal partition; null if the partition belongs to no
  // journal. The tasks outlive the ClusterNode.
  virtual storage::JournalOwnerPort* tasks_of(const storage::TopicPartition& partition) = 0;
  // Called when this node becomes the owner of the journal, and with a null `owner` when it is no
  // longer the owner.
  virtual void owns(const storage::TopicPartition& journal, storage::JournalOwner* owner) = 0;
  // Called every few milliseconds.
  virtual void tick() {}
};

// Threads: one loop. Owner: the host; all that the constructor gets by reference outlives the node.
class ClusterNode final : storage::ReplicaPort, ControllerPort {
  using Lease = storage::ControllerLease;

 public:
  // Identity of the process.
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
  // Call it every few milliseconds.
  void tick();

  // Registers the node with its addresses for nodes and for clients. Before this call, the node
  // only reads. The new registration may replace the registration `replaces` or an older one;
  // without `replaces`, it may replace any.
  void announce(std::string endpoint, std::string clients,
                std::optional<storage::NodeEpoch> replaces = std::nullopt);
  // Returns whether another process, with another data directory, has registered with this node's
  // id. Registrations that announce() may replace do not count.
  bool is_taken() const { return is_taken_ || is_replaced_; }
  // Informs the replicas of a new connection: see ReplicaManager::on_connected().
  void on_connected(NodeId node) { replicas_.on_connected(node); }
  // Called when the node refuses a new connection, which shows that its process has ended.
  void on_gone(NodeId node);
  // Announces that this node is about to stop: the controller then moves its leaderships to other nodes where possible.
  void leave() { is_leaving_ = true; }
  bool is_leaving() const { return is_leaving_; }
  bool leads_nothing() const;
  // Returns whether this node must assume that other nodes lead the partitions that it believes to
  // lead: see NodeFenced.
  bool is_suspended() const { return fenced_until_ || is_replaced_ || is_outdated_; }
  // Returns an error if this node was removed from the cluster, or if another process runs with its
  // id. This process then no longer reads or writes data of the cluster. Otherwise returns nullopt.
  std::optional<Error> out_of_cluster() const;
  bool is_registered() const { return node_epoch_.has_value(); }
  // Gives up the role of the controller, so that another node can take it at once. Returns false if
  // this node is not the controller, or has given up the role already.
  bool step_down();
  bool is_controller() const { return controller_ != nullptr; }
  std::optional<NodeId> controller() const {
    return lease_.controller() ? std::optional(lease_.controller()->node) : std::nullopt;
  }
  // Returns the node that is the controller and the creation revision of its key in etcd. This
  // revision is the controller's epoch.
  const std::optional<Lease::Controller>& controller_key() const { return lease_.controller(); }
  // Returns whether this process is the controller, and etcd has confirmed it within the duration of the lease.
  bool is_confirmed_controller() const { return lease_.is_held() && !lease_.is_over(); }
  // Returns whether this node assumes that the process of `node` has ended: see on_gone().
  bool is_gone(NodeId node) const { return gone_.contains(node); }
  // The last report of the current controller, with the time of its arrival; null until the first one.
  struct Progress {
    NodesProgress told;
    int64_t at_us = 0;
  };
  const std::shared_ptr<const Progress>& progress() const { return progress_; }
  // Returns the time of the last report of any controller; none if no report has arrived (older versions send none).
  std::optional<int64_t> told_us() const { return told_us_; }
  // Returns whether a controller exists but has sent this node nothing for `out_of_touch_us`.
  bool is_out_of_touch() const;
  // Returns whether this node believes that it is the controller, but etcd has not confirmed this within the duration
  // of the lease.
  bool is_in_doubt() const { return lease_.is_over(); }
  const std::shared_ptr<const storage::ClusterSnapshot> cluster() const {
    return table_.snapshot();
  }
  const storage::ReplicaManager& replicas() const { return replicas_; }
  TransactionCalls& transactions() { return transactions_; }
  RemoteAppends& appends() { return appends_; }
  LeaderEndRequests& ends() { return ends_; }
  TransactionCommits& commits() { return commits_; }
  // Calls back when the in-sync replicas have deleted the same records at the log start as this
  // leader: see ClusterMember::await_trimmed().
  void await_trimmed(const storage::TopicPartition& partition, Offset start, int64_t patience_us,
                     std::function<void(Status)> done);
  const ScrubCalls& scrub() const { return scrub_; }
  // Returns the metadata log, for commands of this node; see EtcdMetadataLog::append().
  storage::EtcdMetadataLog& metadata() { return metadata_; }
  // Returns the current state of the cluster, which becomes a part of metadata snapshots.
  const storage::ClusterTable& cluster_table() const { return table_; }
  // Stores a snapshot of the metadata in etcd. Does nothing if no snapshot is wanted
  // (ClusterPort::want_snapshot()).
  void save_snapshot(Revision revision, std::string bytes);

 private:
  void register_node();
  void registered(Revision revision);
  void apply(const storage::MetadataRecord& record);
  Status load(const storage::MetadataSnapshot& snapshot);
  void note_replacement();
  void note_level();
  void on_fenced(const NodeFenced& fenced);
  void note_progress();
  // Deletes the controller's key in etcd if an earlier process of this node has created it.
  void clear_the_way();
  void controller_changed(const std::optional<Lease::Controller>& controller);
  Heartbeat heartbeat_now() const;  // only while this node is registered
  void beat();
  void on_heartbeat(NodeId from, const Heartbeat& heartbeat);
  void tell_progress();
  void on_progress(NodeId from, NodesProgress told);

  // Implements ReplicaPort.
  void send(NodeId to, storage::ReplicaFetch fetch) override;
  void send(NodeId to, storage::ReplicaFetched fetched) override;
  bool has_room(NodeId to) const override { return port_.has_room(to); }
  Offset first_needed(const storage::TopicPartition& partition) override;
  void propose(storage::IsrProposal proposal) override;
  void leads(const storage::TopicPartition& partition) override;
  void leads_no_more(const storage::TopicPartition& partition) override;
  void post(std::function<void()> work) override;
  // Implements ControllerPort.
  void append(Revision last, storage::MetadataCommand command,
              std::function<void(Result<Revision>)> done) override;
  void resign() override;
  void tell_fenced(NodeId node, storage::NodeEpoch epoch, Revision revision) override;

  // The owner of a journal partition, with its connection to the leaders of output partitions.
  struct Owned;
  void deliver(NodeId from, DeliverOutput message);
  void call(NodeId from, ClusterMessage message);
  // Calls back on the loop.
  void append_here(storage::AppendRequest request, storage::AppendDone done);
  Result<LeaderEnds> leader_ends(const storage::TopicPartition& partition) const;
  void look_at_trimming();

  const Identity identity_;
  storage::Log& log_;
  ClusterPort& port_;
  TaskHost& tasks_;
  const Clock& clock_;
  AwakeClock patience_;  // clock for the time limits of statements
  storage::EtcdClient& etcd_;
  Random& random_;
  const ClusterSettings settings_;
  const ClusterRules rules_;
  storage::ClusterTable table_;
  // True if this node had to skip a part of a command. Its table is then incomplete and must not be
  // stored as a snapshot.
  bool has_passed_over_ = false;
  storage::ReplicaManager replicas_;
  storage::EtcdMetadataLog metadata_;
  Lease lease_;
  int64_t clear_at_us_ = 0;
  TransactionCalls transactions_;
  RemoteAppends appends_;
  LeaderEndRequests ends_;
  TransactionCommits commits_;
  // A caller of await_trimmed(). It waits until the followers have deleted the records before
  // `start`, which this leader has already deleted.
  struct Trimming {
    storage::TopicPartition partition;
    Offset start;
    int64_t until_us;
    std::function<void(Status)> done;
  };
  std::vector<Trimming> trimming_;
  ScrubCalls scrub_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<storage::EtcdLogCutter> cutter_;  // exists only while this node is the controller
  std::map<NodeId, storage::NodeEpoch>
      gone_;  // nodes that have refused a connection, and have sent nothing since then
  std::map<storage::TopicPartition, std::unique_ptr<Owned>> owned_;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
  std::optional<storage::NodeEpoch> node_epoch_;  // set once the registration is read
  // set once etcd has answered with the revision of the registration
  std::optional<Revision> registration_;
  struct Places {
    std::string endpoint, clients;
  };
  std::optional<Places> announced_;
  std::optional<storage::NodeEpoch> replaces_;  // nullopt: any registration may be replaced
  bool is_registering_ = false, is_leaving_ = false, is_replaced_ = false, is_taken_ = false;
  bool is_outdated_ = false;  // the program does not know the cluster's feature level
  // see NodeFenced; this node may lead again when it has read this revision
  std::optional<Revision> fenced_until_;
  bool has_resigned_ = false;          // true until another node becomes the controller
  std::optional<NodeId> predecessor_;  // the controller before the current one
  int64_t beat_at_us_ = 0, tell_progress_at_us_ = 0;
  std::shared_ptr<const Progress> progress_;
  std::optional<int64_t> told_us_;
  // time of the controller's last message to this node, or of the last change of the controller
  int64_t in_touch_us_;
};

}  // namespace server
