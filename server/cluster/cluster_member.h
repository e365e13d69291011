// Runs a ClusterNode within the server: provides the etcd client, sockets, a clock and a thread of
// its own.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "server/cluster/applied_calls.h"
#include "server/cluster/cluster_network.h"
#include "server/cluster/cluster_node.h"
#include "server/cluster/digest_thread.h"
#include "server/cluster/group_calls.h"
#include "server/cluster/lock_client.h"
#include "server/cluster/lock_keeper.h"
#include "server/cluster/log_calls.h"
#include "server/cluster/mirrored_metadata_log.h"
#include "server/cluster/request_calls.h"
#include "server/cluster/session_notices.h"
#include "server/etcd/etcd_gateway.h"
#include "server/kafka/cluster_view.h"
#include "storage/log/log_reader.h"
#include "storage/meta/cluster_membership.h"
#include "storage/meta/topic_table.h"

namespace server {

struct ClusterMemberOptions {
  std::string cluster_id;
  NodeId node;
  std::string rack;
  Address listen;                     // address for connections of other nodes
  std::optional<Address> advertised;  // the address that other nodes use; nullopt: `listen`
  std::vector<std::string> etcd;      // http://host:port
  std::optional<NodeTlsFiles> tls = {};
  ClusterSettings settings;
  // Called on the member's thread with the partitions whose assignments have changed, so that the
  // server wakes the readers that wait for them.
  std::function<void(std::span<const storage::TopicPartition>)> on_changed;
};

// Start: open() listens, begin() reads the metadata, and join() registers this node in the cluster.
// Stop: call leave() and stop_thread(), close the log, and then destroy the member.
//
// Threads: the functions above the comment "Any thread" are called on the owner's thread; those
// below it may be called on any thread. All other work runs on the member's own loop.
class ClusterMember final : ClusterPort, TaskHost, TransactionHost, ClusterNetwork::Handler {
 public:
  // Listens for connections of other nodes. Fails with NetworkFailure, and with ObjectState if the
  // data directory belongs to another node or cluster.
  static Result<std::unique_ptr<ClusterMember>> open(ClusterMemberOptions options,
                                                     storage::Log& log, const Clock& clock);
  ~ClusterMember() override;

  // Returns when this node has read all metadata that etcd has. Waits for etcd without a limit, and
  // logs that it waits. Fails with ShuttingDown when `must_stop` is set. Fails with ObjectState if
  // the data directory belongs to another etcd, or if another process runs with this node's id.
  Status begin(const std::atomic<bool>& must_stop);
  // Registers this node in the cluster. `clients` is the address for Kafka clients. Returns when
  // the controller has reported this node as alive, or after some seconds. Fails with ObjectState
  // if another process has registered with this node's id since begin().
  Status join(const Address& clients, const std::atomic<bool>& must_stop);
  // Moves leadership to other nodes that can lead. From then on this node appends no commands to
  // the metadata log.
  void leave();
  void stop_thread();

  const Address& address() const { return network_->address(); }
  storage::MetadataLog& metadata() { return mirror_; }

  // --- Any thread
  // Adds the assignments of a topic's partitions to the command that creates, grows or removes the
  // topic.
  struct Wanted {
    int32_t factor = 1;
    // replicas of each partition, if the user has chosen them
    std::vector<std::vector<NodeId>> replicas = {};
  };
  Status place(const storage::TopicDelta& delta, const Wanted& wanted,
               storage::MetadataCommand& command) const;
  void on_durable(std::span<const storage::TopicPartition> grown);
  std::shared_ptr<const kafka::ClusterView> view() const {
    return view_.load(std::memory_order_acquire);
  }
  // --- Tasks. Call set_tasks() before join(). The host must outlive the member's thread.
  void set_tasks(TaskHost& host);
  // Sets the topics that this node copies completely, even if it is not a replica of their
  // partitions (ReplicaManager::observe()). Until the first call, no copy is deleted. Call it from
  // one thread at a time.
  void observe(std::set<Uuid> topics);
  // Returns whether this node has a replica, or observes the topic. Any thread.
  bool has_copy(const storage::TopicPartition& partition) const;
  // Runs the work on the member's thread, in the order of the calls. Any thread.
  void run_soon(std::function<void()> work) { loop_.post(std::move(work)); }
  // --- Transactions: see TransactionCalls. Any thread; callbacks run on the member's thread.
  // Sets the host that answers questions of other nodes; it must outlive the thread.
  void set_transactions(TransactionHost& host);
  void tell_end(const storage::TopicPartition& partition,
                const coordinator::TransactionEnded& ended, std::function<void(Status)> done);
  void join_transaction(const storage::TopicPartition& coordinator,
                        coordinator::AddPartitions request,
                        coordinator::Done<coordinator::TransactionAnswer> done);

  // Allocates a producer id that is unique in the cluster; calls back on the member's thread.
  void allocate_producer_id(std::function<void(Result<ProducerId>)> done);
  // Calls back when the logs of all in-sync replicas begin at or after `start`. Before that, a
  // replica that becomes leader could still return records that were deleted here. Fails with
  // NotLeader, and with ReadTimeout.
  void await_trimmed(const storage::TopicPartition& partition, Offset start, int64_t timeout_ms,
                     std::function<void(Status)> done);
  // --- Reads and writes of sessions: see RemoteAppends and LeaderEndRequests. May be called on any
  // thread. The callbacks run on the member's thread; after the member has stopped, they are not called.
  void append_rows(const storage::TopicPartition& partition, std::string batches,
                   RemoteAppends::Done done);
  void append_rows_unless_changed(const storage::TopicPartition& partition, std::string batches,
                                  Offset since, RemoteAppends::ChangeDone done);
  // Writes all parts or none: see TransactionCommits.
  void commit_rows(std::vector<TransactionCommits::Part> parts, TransactionCommits::Done done);
  void ask_ends(std::vector<storage::TopicPartition> partitions, int64_t open_wait_us,
                LeaderEndRequests::Done done);
  // Returns, through the callback, the subset of the partitions that this node still leads: see
  // LeaderEndRequests::confirm().
  using ConfirmedLeaders = std::set<storage::TopicPartition>;
  void confirm_leads(std::set<storage::TopicPartition> partitions,
                     std::function<void(ConfirmedLeaders)> done);
  // differing_replicas() returns the number of replicas that differ from the logs that this node
  // leads; scrub_rounds() returns the number of completed rounds of comparison. See ScrubCalls.
  int64_t differing_replicas() const { return differing_.load(std::memory_order_relaxed); }
  int64_t scrub_rounds() const { return scrub_rounds_.load(std::memory_order_relaxed); }
  // Returns whether this node assumes that it is a live node of the cluster: a controller has sent
  // it a message recently and has not reported it as fenced.
  bool is_in_touch() const { return is_in_touch_.load(std::memory_order_relaxed); }
  // Returns whether this node cannot acknowledge any write, because it is cut off: it receives
  // messages neither from a controller that etcd confirms nor from a majority of the nodes.
  bool is_isolated() const { return is_isolated_.load(std::memory_order_relaxed); }
  // Sets the function that returns the metadata revision that this node has applied. Other nodes
  // ask for this revision; before use_applied() is called, they get 0.
  void use_applied(std::function<Revision()> find_applied);
  // Calls back on the member's loop when all reachable nodes have applied the revision, or when the
  // time limit has passed (AppliedCalls).
  void await_applied(Revision revision, std::function<void()> done);
  // Sets the function that finds the progress of the consumer groups that this node coordinates.
  // The function may call back on any thread.
  using OwnGroups = std::function<void(std::function<void(GroupCalls::Groups)>)>;
  void use_groups(OwnGroups own);
  // Calls back on the member's loop with the progress of the consumer groups that other nodes
  // coordinate.
  void ask_groups(std::function<void(GroupCalls::Told)> done);
  // Sets the function that handles requests of Kafka's protocol for other nodes; it may call back on any thread.
  void use_requests(RequestCalls::Handle handle);
  // Passes a request of Kafka's protocol to another node; see RequestCalls. Calls back on the member's loop.
  void ask_node(NodeId node, std::string frame, RequestCalls::Done done);
  // For each partition, finds the replica that would lose the fewest records as leader. For
  // partitions without an available in-sync replica. Calls back on the member's loop. The result is
  // empty below feature level 4, because older nodes do not know the message.
  void find_best_logs(std::vector<storage::TopicPartition> partitions, LogCalls::Done done);
  // Asks the leaders of the partitions for the high watermarks. Partitions whose leader does not
  // answer are missing in the result. Below feature level 4 the result is empty.
  void find_ends(std::vector<storage::TopicPartition> partitions, LogCalls::EndsDone done);
  // The locks of the sessions of all nodes.
  NamedLocks& locks() { return *lock_client_; }
  // Passes messages of NOTIFY to the sessions of the other nodes. Calls back on the member's loop
  // with the live nodes that have not confirmed the messages within some seconds. Below feature
  // level 6, the messages are not sent to other nodes.
  void notify_sessions(SessionNotices::Notes notes, SessionNotices::Done done);
  // Functions that the member calls on its loop: `deliver` passes messages of NOTIFY from other
  // nodes to the sessions of this node, and `end_all` ends the sessions that listen. See
  // SessionNotices::Around.
  struct Listeners {
    std::function<void(SessionNotices::Notes)> deliver;
    std::function<void()> end_all;
  };
  void use_listeners(Listeners listeners);
  // Returns whether this node is connected to `node`.
  bool reaches(NodeId node) const {
    return connected_.load(std::memory_order_acquire)->contains(node);
  }

 private:
  ClusterMember(ClusterMemberOptions options, storage::Log& log, const Clock& clock);
  Status check_membership();
  Status check_metadata();
  Status check_is_alone(const std::atomic<bool>& must_stop);
  Error is_there_already(const std::string& how) const;
  // Returns whether another process with this node's id answers at `endpoint`.
  bool is_another_at(const std::string& endpoint);
  // Returns whether the cluster believes that this node is alive.
  bool is_heard_of();
  Address advertised() const { return options_.advertised.value_or(network_->address()); }
  void keep_membership();
  // Submits the write of this node's position in the metadata to the data directory. Returns false if the directory has
  // the position already, or if the node is not registered. Runs on the loop.
  bool save_membership();
  void tick();
  void give_producer_ids();
  void publish_view();
  std::shared_ptr<const kafka::ClusterView::MetadataLog> describe_metadata_log() const;
  void cluster_changed(std::span<const storage::TopicPartition> changed);
  void note_touch();
  void note_controller();
  std::optional<storage::NodeEpoch> process() const;
  void open_session_parts();
  // others_that_tell() returns the live nodes whose programs know the messages of feature level 4.
  // reached_that_tell() returns those of them to which this node is connected.
  std::set<NodeId> others_that_tell() const;
  std::set<NodeId> reached_that_tell() const;
  LogsReported::Log log_of(const storage::TopicPartition& partition) const;
  void tell_nodes();
  // Runs the function on the loop and waits for its result.
  template <class Ask>
  auto on_loop(Ask ask) -> decltype(ask());

  // Implements ClusterPort.
  void send(NodeId to, ClusterMessage message) override;
  bool has_room(NodeId to) const override { return network_->has_room(to); }
  void post(std::function<void()> work) override { loop_.post(std::move(work)); }
  void applied(const storage::MetadataRecord& record,
               std::span<const storage::TopicPartition> changed) override;
  void loaded(const storage::MetadataSnapshot& snapshot,
              std::span<const storage::TopicPartition> changed) override;
  void want_snapshot(bool is_wanted) override { mirror_.want_snapshot(is_wanted); }
  void standing_changed() override {
    publish_view();
    note_controller();
  }
  void digest(const storage::TopicPartition& partition, Offset from, std::optional<Offset> end,
              size_t max_bytes, ScrubCalls::Digested done) override;
  void differs(const ReplicaDifference& difference) override;
  void allocate_producer(std::function<void(Result<ProducerId>)> done) override;
  // Implements TaskHost.
  storage::JournalOwnerPort* tasks_of(const storage::TopicPartition& partition) override {
    return tasks_ == nullptr ? nullptr : tasks_->tasks_of(partition);
  }
  void owns(const storage::TopicPartition& journal, storage::JournalOwner* owner) override {
    if (tasks_ != nullptr) tasks_->owns(journal, owner);
  }
  void tick_tasks() const {
    if (tasks_ != nullptr) tasks_->tick();
  }
  // Implements TransactionHost.
  void join(coordinator::AddPartitions request,
            coordinator::Done<coordinator::TransactionAnswer> done) override;
  void end(const storage::TopicPartition& partition, LeaderEpoch under,
           const coordinator::TransactionEnded& ended, std::function<void(Status)> done) override;
  void begin_commit(coordinator::InitProducer request,
                    coordinator::Done<coordinator::InitializedProducer> done) override;
  void end_commit(coordinator::EndTransaction request,
                  coordinator::Done<coordinator::EndedTransaction> done) override;
  void place_commit(std::string ids, coordinator::Done<CommitPlace> done) override;
  // Wraps a callback so that it runs on the loop.
  template <class Answer>
  coordinator::Done<Answer> at_home(coordinator::Done<Answer> done) {
    return [this, done = std::move(done)](Answer answer) {
      loop_.post([done, answer = std::move(answer)] { done(answer); });
    };
  }
  // Implements ClusterNetwork::Handler.
  void on_message(NodeId from, ClusterMessage message) override;
  void on_connected(NodeId node) override;
  void on_gone(NodeId node) override;

  const ClusterMemberOptions options_;
  storage::Log& log_;
  const Clock& clock_;
  Random random_;
  // The membership that the data directory stores. After join(), only the loop uses it.
  storage::ClusterMembership membership_;
  bool is_new_ = false;           // the data directory stores no membership yet
  storage::NodeEpoch replaces_;   // epoch of this node's registration at the start
  int64_t membership_at_us_ = 0;  // earliest time of the next write of membership_
  std::atomic<std::shared_ptr<const kafka::ClusterView>> view_;
  std::atomic<std::shared_ptr<const std::set<Uuid>>> observed_;  // null: not set yet
  Loop loop_{"cluster"};
  std::unique_ptr<storage::LogReader> reader_;
  std::unique_ptr<EtcdGateway> etcd_;
  std::unique_ptr<ClusterNetwork> network_;
  MirroredMetadataLog mirror_;
  std::unique_ptr<DigestThread> digests_;
  std::unique_ptr<ClusterNode> node_;
  std::unique_ptr<Timer> timer_;
  std::thread thread_;

  // Producer ids that are left in the last allocated block, and the callers that wait for an id.
  ProducerId next_producer_, end_of_producers_;
  std::deque<std::function<void(Result<ProducerId>)>> want_producers_;
  bool is_allocating_ = false, is_stopped_ = false;
  // True after begin() has read and checked all metadata that existed at the start. Only then does
  // network_ get the addresses of the other nodes.
  bool knows_nodes_ = false;
  TransactionHost* transactions_ = nullptr;  // null until it is set

  std::mutex mutex_;
  std::set<storage::TopicPartition> grown_;  // guarded by mutex_

  TaskHost* tasks_ = nullptr;  // null until it is set; used only on the loop
  std::atomic<int64_t> differing_{0}, scrub_rounds_{0};
  std::unique_ptr<AppliedCalls> applied_calls_;
  std::function<Revision()> find_applied_;  // used only on the loop
  std::unique_ptr<GroupCalls> group_calls_;
  std::unique_ptr<LogCalls> log_calls_;
  std::unique_ptr<RequestCalls> request_calls_;
  RequestCalls::Handle handle_request_;  // used only on the loop; empty until it is set
  OwnGroups own_groups_;                 // used only on the loop; empty until it is set
  std::unique_ptr<LockKeeper> lock_keeper_;
  std::unique_ptr<LockClient> lock_client_;
  std::unique_ptr<SessionNotices> notices_;
  Listeners listeners_;              // used only on the loop; empty until they are set
  std::optional<int64_t> keeps_at_;  // epoch under which this node, as the controller, grants locks
  std::atomic<bool> is_in_touch_{true}, is_isolated_{false};
  std::atomic<std::shared_ptr<const std::set<NodeId>>> connected_ =
      std::make_shared<const std::set<NodeId>>();
};

}  // namespace server
