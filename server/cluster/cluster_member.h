// A server's part in a cluster, with the world around it: etcd, sockets, the clock, a thread of its own.
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
#include "server/cluster/log_calls.h"
#include "server/cluster/mirrored_metadata_log.h"
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
  Address listen;                     // for other nodes
  std::optional<Address> advertised;  // where they find it; none: where it listens
  std::vector<std::string> etcd;      // http://host:port
  std::optional<NodeTlsFiles> tls = {};
  ClusterSettings settings;
  // Assignments of these have changed: whoever waits for more of them looks again. On its thread.
  std::function<void(std::span<const storage::TopicPartition>)> on_changed;
};

// Starting: open() listens, begin() reads the metadata, join() tells the others that this node is there.
// Stopping: leave(), stop_thread(), then the log is closed, then it is destroyed.
//
// Threads: the owner's for those; what is marked so from any. All else happens on its own loop.
class ClusterMember final : ClusterPort, TaskHost, TransactionHost, ClusterNetwork::Handler {
 public:
  // Fails with NetworkFailure; with ObjectState when the data directory belongs to somebody else.
  static Result<std::unique_ptr<ClusterMember>> open(ClusterMemberOptions options,
                                                     storage::Log& log, const Clock& clock);
  ~ClusterMember() override;

  // Answers when all has been read that etcd has; waits for etcd as long as that takes, and says so. Fails with
  // ShuttingDown once `must_stop`, with ObjectState when this etcd is not the one that the data belong to, or another process is this node.
  Status begin(const std::atomic<bool>& must_stop);
  // `clients` is where Kafka clients find it. Answers when the controller has noticed it, or after some seconds. Fails with
  // ObjectState when another process has become this node since begin().
  Status join(const Address& clients, const std::atomic<bool>& must_stop);
  // What it leads goes to others, as far as there are any, and nothing is appended to the metadata any more.
  void leave();
  void stop_thread();

  const Address& address() const { return network_->address(); }
  storage::MetadataLog& metadata() { return mirror_; }

  // --- Any thread
  // Adds to a command that makes, grows or removes a topic where its partitions have their replicas, or had them.
  struct Wanted {
    int32_t factor = 1;
    std::vector<std::vector<NodeId>> replicas = {};  // of each partition, by hand
  };
  Status place(const storage::TopicDelta& delta, const Wanted& wanted,
               storage::MetadataCommand& command) const;
  void on_durable(std::span<const storage::TopicPartition> grown);
  std::shared_ptr<const kafka::ClusterView> view() const {
    return view_.load(std::memory_order_acquire);
  }
  // --- Tasks: before it has joined. It outlives the thread.
  void set_tasks(TaskHost& host);
  // The topics of which this node is to have all records, also where no replica is its: see ReplicaManager::observe().
  // Nothing that it has is forgotten before the first call. One thread at a time.
  void observe(std::set<Uuid> topics);
  // Whether it has a replica, or observes the topic. Any thread.
  bool has_copy(const storage::TopicPartition& partition) const;
  // Runs it on its thread, in the order of the calls. Any thread.
  void run_soon(std::function<void()> work) { loop_.post(std::move(work)); }
  // --- Transactions: see TransactionCalls. Any thread; answered on its own.
  // Who answers what other nodes ask; outlives the thread.
  void set_transactions(TransactionHost& host);
  void tell_end(const storage::TopicPartition& partition,
                const coordinator::TransactionEnded& ended, std::function<void(Status)> done);
  void join_transaction(const storage::TopicPartition& coordinator,
                        coordinator::AddPartitions request,
                        coordinator::Done<coordinator::TransactionAnswer> done);

  // One that nobody in the cluster has had; answered on its thread.
  void allocate_producer_id(std::function<void(Result<ProducerId>)> done);
  // Answers when all who are in sync begin there, too: else who leads next would show what was deleted. Fails with NotLeader,
  // and with ReadTimeout.
  void await_trimmed(const storage::TopicPartition& partition, Offset start, int64_t timeout_ms,
                     std::function<void(Status)> done);
  // --- What sessions write and read: see AppendCalls and EndCalls. Any thread; answered on its own. Nobody is answered
  // any more once it has left.
  void append_rows(const storage::TopicPartition& partition, std::string batches,
                   AppendCalls::Done done);
  void append_rows_unless_changed(const storage::TopicPartition& partition, std::string batches,
                                  Offset since, AppendCalls::ChangeDone done);
  // All of it or nothing: see CommitCalls.
  void commit_rows(std::vector<CommitCalls::Part> parts, CommitCalls::Done done);
  void ask_ends(std::vector<storage::TopicPartition> partitions, int64_t open_wait_us,
                EndCalls::Done done);
  // Which of them this node leads still: see EndCalls::confirm().
  using ConfirmedLeaders = std::set<storage::TopicPartition>;
  void confirm_leads(std::set<storage::TopicPartition> partitions,
                     std::function<void(ConfirmedLeaders)> done);
  // Replicas of what this node leads that were found to differ, and how often all were compared: see ScrubCalls.
  int64_t differing_replicas() const { return differing_.load(std::memory_order_relaxed); }
  int64_t scrub_rounds() const { return scrub_rounds_.load(std::memory_order_relaxed); }
  // Whether this node is one of those that are there, as far as it can know: a controller has told it something a moment
  // ago, and not that it is fenced.
  bool is_in_touch() const { return is_in_touch_.load(std::memory_order_relaxed); }
  // Whether it hears neither a controller, which etcd confirms, nor most of the nodes: it can acknowledge nothing.
  bool is_isolated() const { return is_isolated_.load(std::memory_order_relaxed); }
  // How far this node has carried out the metadata, which others ask; before the network is heard it may be missing.
  void use_applied(std::function<Revision()> find_applied);
  // Calls back, on the member's loop, when the other nodes have carried them out up to there, or do not say so in time.
  void await_applied(Revision revision, std::function<void()> done);
  // How far the groups are that this node coordinates, which others ask; answered on any thread.
  using OwnGroups = std::function<void(std::function<void(GroupCalls::Groups)>)>;
  void use_groups(OwnGroups own);
  // Calls back, on the member's loop, with those of the other nodes.
  void ask_groups(std::function<void(GroupCalls::Told)> done);
  // Which replica of each loses least where nobody can lead it cleanly; answered on the member's loop. Of none below feature
  // level 4: not all nodes could be asked.
  void find_best_logs(std::vector<storage::TopicPartition> partitions, LogCalls::Done done);
  // Their high watermarks, as their leaders say; without those that do not, and none below level 4 likewise.
  void find_ends(std::vector<storage::TopicPartition> partitions, LogCalls::EndsDone done);
  // Whether there is a connection to the node.
  bool reaches(NodeId node) const {
    return connected_.load(std::memory_order_acquire)->contains(node);
  }

 private:
  ClusterMember(ClusterMemberOptions options, storage::Log& log, const Clock& clock);
  Status check_membership();
  Status check_metadata();
  Status check_is_alone(const std::atomic<bool>& must_stop);
  Error is_there_already(const std::string& how) const;
  // Whether another process answers there as this node.
  bool is_another_at(const std::string& endpoint);
  // Whether the cluster takes this node to be there.
  bool is_heard_of();
  Address advertised() const { return options_.advertised.value_or(network_->address()); }
  void keep_membership();
  void tick();
  void give_producer_ids();
  void publish_view();
  std::shared_ptr<const kafka::ClusterView::MetadataLog> describe_metadata_log() const;
  void cluster_changed(std::span<const storage::TopicPartition> changed);
  void note_touch();
  // Other nodes that are there and know what is asked since feature level 4, and those of them that can be asked now.
  std::set<NodeId> others_that_tell() const;
  std::set<NodeId> reached_that_tell() const;
  LogsTold::Log log_of(const storage::TopicPartition& partition) const;
  void tell_nodes();
  // Runs it on the loop and waits.
  template <class Ask>
  auto on_loop(Ask ask) -> decltype(ask());

  // ClusterPort
  void send(NodeId to, ClusterMessage message) override;
  bool has_room(NodeId to) const override { return network_->has_room(to); }
  void post(std::function<void()> work) override { loop_.post(std::move(work)); }
  void applied(const storage::MetadataRecord& record,
               std::span<const storage::TopicPartition> changed) override;
  void loaded(const storage::MetadataSnapshot& snapshot,
              std::span<const storage::TopicPartition> changed) override;
  void want_snapshot(bool is_wanted) override { mirror_.want_snapshot(is_wanted); }
  void standing_changed() override { publish_view(); }
  void digest(const storage::TopicPartition& partition, Offset from, std::optional<Offset> end,
              size_t max_bytes, ScrubCalls::Digested done) override;
  void differs(const ReplicaDifference& difference) override;
  void allocate_producer(std::function<void(Result<ProducerId>)> done) override;
  // TaskHost
  storage::JournalOwnerPort* tasks_of(const storage::TopicPartition& partition) override {
    return tasks_ == nullptr ? nullptr : tasks_->tasks_of(partition);
  }
  void owns(const storage::TopicPartition& journal, storage::JournalOwner* owner) override {
    if (tasks_ != nullptr) tasks_->owns(journal, owner);
  }
  void tick_tasks() const {
    if (tasks_ != nullptr) tasks_->tick();
  }
  // TransactionHost
  void join(coordinator::AddPartitions request,
            coordinator::Done<coordinator::TransactionAnswer> done) override;
  void end(const storage::TopicPartition& partition, LeaderEpoch under,
           const coordinator::TransactionEnded& ended, std::function<void(Status)> done) override;
  void begin_commit(coordinator::InitProducer request,
                    coordinator::Done<coordinator::InitializedProducer> done) override;
  void end_commit(coordinator::EndTransaction request,
                  coordinator::Done<coordinator::EndedTransaction> done) override;
  void place_commit(std::string ids, coordinator::Done<CommitPlace> done) override;
  // An answer, brought to the loop.
  template <class Answer>
  coordinator::Done<Answer> at_home(coordinator::Done<Answer> done) {
    return [this, done = std::move(done)](Answer answer) {
      loop_.post([done, answer = std::move(answer)] { done(answer); });
    };
  }
  // ClusterNetwork::Handler
  void on_message(NodeId from, ClusterMessage message) override;
  void on_connected(NodeId node) override { node_->on_connected(node); }
  void on_gone(NodeId node) override;

  const ClusterMemberOptions options_;
  storage::Log& log_;
  const Clock& clock_;
  Random random_;
  storage::ClusterMembership
      membership_;                // as the data directory has it; the loop's, once it has joined
  bool is_new_ = false;           // the data directory: it has none yet
  storage::NodeEpoch replaces_;   // whose registration was this node's when it began
  int64_t membership_at_us_ = 0;  // when it is to be written again
  std::atomic<std::shared_ptr<const kafka::ClusterView>> view_;
  std::atomic<std::shared_ptr<const std::set<Uuid>>> observed_;  // null: not told yet
  Loop loop_{"cluster"};
  std::unique_ptr<storage::LogReader> reader_;
  std::unique_ptr<EtcdGateway> etcd_;
  std::unique_ptr<ClusterNetwork> network_;
  MirroredMetadataLog mirror_;
  std::unique_ptr<DigestThread> digests_;
  std::unique_ptr<ClusterNode> node_;
  std::unique_ptr<Timer> timer_;
  std::thread thread_;

  // Ids that are left of the block that was allocated last, and who waits for some.
  ProducerId next_producer_, end_of_producers_;
  std::deque<std::function<void(Result<ProducerId>)>> want_producers_;
  bool is_allocating_ = false, is_stopped_ = false;
  bool knows_nodes_ = false;  // has read all metadata that there were, and is one of them
  TransactionHost* transactions_ = nullptr;  // once it is there

  std::mutex mutex_;
  std::set<storage::TopicPartition> grown_;  // guarded by mutex_

  TaskHost* tasks_ = nullptr;  // once it is there; the loop's
  std::atomic<int64_t> differing_{0}, scrub_rounds_{0};
  std::unique_ptr<AppliedCalls> applied_calls_;
  std::function<Revision()> find_applied_;  // the loop's
  std::unique_ptr<GroupCalls> group_calls_;
  std::unique_ptr<LogCalls> log_calls_;
  OwnGroups own_groups_;  // the loop's; empty until they are there
  std::atomic<bool> is_in_touch_{true}, is_isolated_{false};
  std::atomic<std::shared_ptr<const std::set<NodeId>>> connected_ =
      std::make_shared<const std::set<NodeId>>();
};

}  // namespace server
