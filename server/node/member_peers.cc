#include <utility>

#include "server/etcd/supervised_etcd.h"
#include "server/node/cluster_parts.h"
#include "server/node/cluster_topics.h"
#include "server/node/etcd_settings.h"
#include "server/node/journal_owners.h"
#include "server/node/member_rebuilds.h"
#include "server/node/observed_inputs.h"
#include "server/node/peers.h"
#include "server/node/transaction_relay.h"
#include "server/sql/temporary_tables.h"
#include "server/tasks/journal_snapshots.h"
#include "server/tasks/replicated_commits.h"
#include "storage/log/task_journal.h"

namespace server {

namespace {

class MemberPeers final : public Peers {
 public:
  MemberPeers(const NodeSettings& settings, const Clock& clock,
              std::unique_ptr<SupervisedEtcd> etcd, std::unique_ptr<ClusterMember> member)
      : cluster_id_(settings.cluster.id),
        node_id_(settings.cluster.node_id),
        clock_(clock),
        etcd_(std::move(etcd)),
        member_(std::move(member)) {
    owners_ = std::make_unique<JournalOwners>(*member_);
  }

  Status begin(const std::atomic<bool>& must_stop) override {
    TRY(member_->begin(must_stop));
    if (etcd_) etcd_->let_come();
    return {};
  }
  storage::MetadataLog& metadata() override { return member_->metadata(); }
  const ClusterFacts& facts() const override { return facts_; }
  KafkaPart& kafka() override { return kafka_; }
  std::string cluster_id() const override { return cluster_id_; }
  std::optional<int32_t> node_id() const override { return node_id_; }
  std::optional<Address> address() const override { return member_->address(); }
  Status open_journals(JournalParts parts) override;
  QueryRunner& query_runner(QueryRunner& queries, storage::Log& log,
                            FindTopics find_topics) override {
    return observed_inputs_.emplace(queries, *member_, log, std::move(find_topics));
  }
  void queries_are_started() override { observed_inputs_->tell(); }
  void use_applied(std::function<Revision()> find_applied) override {
    member_->use_applied(std::move(find_applied));
  }
  std::unique_ptr<ClusterTopics> open_topics(SqlParts& parts) override {
    parts.sequences.share_with_nodes();
    return std::make_unique<MemberTopics>(*member_, clock_, parts.memory, parts.definitions);
  }
  void use_coordinators(const CoordinatorPlace& place, coordinator::Groups& groups,
                        coordinator::Transactions& transactions, const Clock& clock,
                        OwnGroups own_groups) override {
    relay_.emplace(place, groups, transactions, clock);
    member_->set_transactions(*relay_);
    member_->use_groups(std::move(own_groups));
  }
  void use_requests(RequestCalls::Handle handle) override {
    member_->use_requests(std::move(handle));
  }
  kafka::LocalClient::Relay relay() override {
    return [this](NodeId node, std::string frame, std::function<void(Result<std::string>)> done) {
      member_->ask_node(node, std::move(frame), std::move(done));
    };
  }
  void start_journals() override {
    journals_->start_thread();
    snapshots_->start_thread();
  }
  std::unique_ptr<RebuildPort> open_rebuilds(RebuildParts parts) override {
    return std::make_unique<MemberRebuilds>(MemberRebuilds::Around{
        *member_, *journals_, *owners_, parts.log, parts.memory, parts.most_bytes});
  }
  Status join(const Address& clients, const std::atomic<bool>& must_stop) override {
    return member_->join(clients, must_stop);
  }
  void on_durable(std::span<const storage::TopicPartition> partitions) override {
    member_->on_durable(partitions);
    if (journals_are_ready_.load(std::memory_order_acquire)) journals_->grown(partitions);
  }
  storage::UncleanElections unclean_elections() const override {
    return unclean_elections_by(*member_);
  }
  bool lacks_replicas(const storage::TopicPartition& partition) const override {
    const auto view = member_->view();
    const auto* known = view->metadata->find(partition);
    return known != nullptr && known->isr.size() < known->replicas.size();
  }
  FindLeader leaders() const override {
    return [view = member_->view()](const storage::TopicPartition& partition) {
      const auto* known = view->metadata->find(partition);
      if (known == nullptr || !known->leader) return Leads::NoNode;
      return *known->leader == view->self ? Leads::ThisNode : Leads::OtherNode;
    };
  }
  void find_ends(
      std::vector<storage::TopicPartition> partitions,
      std::function<void(const std::map<storage::TopicPartition, Offset>&)> done) override {
    member_->find_ends(std::move(partitions), std::move(done));
  }
  void ask_groups(std::function<void(GroupCalls::Told)> done) override {
    member_->ask_groups(std::move(done));
  }
  bool is_left_over(const std::string& temporary_table) const override {
    const auto view = member_->view();
    const auto its_node = TemporaryTables::node_of(temporary_table);
    return its_node && (NodeId{*its_node} == view->self ||
                        !view->metadata->nodes().contains(NodeId{*its_node}));
  }
  NamedLocks& locks() override { return member_->locks(); }
  pg::NotifyNodes notify_nodes() override;
  void use_notifications(std::shared_ptr<pg::Notifications> channels) override;
  bool is_suspended() const override { return member_->view()->is_suspended; }
  bool is_isolated() const override { return member_->is_isolated(); }
  std::vector<engine::ServerFact> server_facts() const override { return cluster_facts(*member_); }
  std::optional<MetricsSources::Cluster> health() const override {
    return cluster_health(*member_);
  }
  void leave() override { member_->leave(); }
  void stop_journals() override {
    snapshots_.reset();
    // the journals use the shards and the log, so they stop first
    if (journals_) journals_->stop_thread();
  }
  void stop_thread() override {
    member_->stop_thread();
    if (!journals_) return;
    owners_->tell(nullptr);
    journals_are_ready_.store(false, std::memory_order_release);
  }
  void close_journals() override { journals_.reset(); }

 private:
  const std::string cluster_id_;
  const int32_t node_id_;
  const Clock& clock_;
  const std::unique_ptr<SupervisedEtcd> etcd_;  // set if this node starts a member of its own
  std::unique_ptr<JournalOwners> owners_;       // outlives the replicas of the member, which use it
  const std::unique_ptr<ClusterMember> member_;
  const MemberFacts facts_{*member_};
  MemberKafkaPart kafka_{*member_};
  std::unique_ptr<ReplicatedJournals> journals_;
  std::atomic<bool> journals_are_ready_{
      // false: the log's writer runs before owners_ and journals_ exist, and checks this flag
      false};
  std::optional<ObservedInputs> observed_inputs_;
  std::optional<TransactionRelay> relay_;
  // declared last, since its thread uses all members above
  std::unique_ptr<JournalSnapshots> snapshots_;
};

Status MemberPeers::open_journals(JournalParts parts) {
  journals_ = TRY(ReplicatedJournals::open(parts.log, parts.clock, parts.shards, *owners_,
                                           std::move(parts.image), std::move(parts.rebuild_soon)));
  snapshots_ = std::make_unique<JournalSnapshots>(
      parts.log, parts.state, *journals_, *owners_, parts.clock, parts.journal_bytes,
      [this] { return facts_.level() >= storage::kJournalSnapshotsLevel; });
  journals_->set_elections([this](PartitionId journal) -> std::optional<storage::UncleanElection> {
    const auto elections = unclean_elections();
    const auto* found =
        elections.get(storage::TopicPartition{storage::kReplicatedJournal, journal});
    return found == nullptr ? std::nullopt : std::optional(*found);
  });
  parts.queries.set_elections([this] { return unclean_elections(); });
  owners_->tell(journals_.get());
  const auto has_replica = [this](const storage::TopicPartition& partition) {
    return member_->has_copy(partition);
  };
  parts.queries.set_replicas(has_replica);
  parts.queries.use_commits(std::make_unique<ReplicatedCommits>(
      *journals_, parts.queries, parts.log, parts.state, has_replica));
  member_->set_tasks(*owners_);
  journals_are_ready_.store(true, std::memory_order_release);
  return {};
}

pg::NotifyNodes MemberPeers::notify_nodes() {
  return [this](const std::vector<pg::NotificationPtr>& all, pg::Notifications::Done done) {
    SessionNotices::Notes notes;
    for (const pg::NotificationPtr& each : all)
      notes.push_back({each->process_id, each->channel, each->payload});
    member_->notify_sessions(std::move(notes),
                             [done = std::move(done)](const std::set<NodeId>& silent) {
                               std::vector<int32_t> nodes;
                               for (const NodeId node : silent) nodes.push_back(node.value());
                               done(nodes);
                             });
  };
}

void MemberPeers::use_notifications(std::shared_ptr<pg::Notifications> channels) {
  const auto deliver = [channels](SessionNotices::Notes notes) {
    std::vector<pg::NotificationPtr> all;
    for (NotifySessions::Note& note : notes)
      all.push_back(std::make_shared<const pg::Notification>(
          pg::Notification{note.process_id, std::move(note.channel), std::move(note.payload)}));
    channels->deliver(all);
  };
  member_->use_listeners(
      {deliver, [channels] {
         channels->end_listeners(
             {ErrorCode::ShuttingDown,
              "terminating connection: notifications of other nodes may be missing",
              "This node was frozen, or cut off from the other nodes.",
              "Reconnect, listen again, and then read the changed data."});
       }});
}

}  // namespace

Result<std::unique_ptr<Peers>> open_member(const NodeSettings& settings, storage::Log& log,
                                           const Clock& clock, AssignmentsChanged on_changed,
                                           const std::atomic<bool>& must_stop) {
  TRY(check_etcd_ports(settings, must_stop));
  std::unique_ptr<SupervisedEtcd> etcd;
  if (auto own = own_etcd(settings)) etcd = TRY(SupervisedEtcd::start(std::move(*own)));
  auto member = TRY(open_cluster_member(settings, log, clock, std::move(on_changed)));
  std::unique_ptr<Peers> peers =
      std::make_unique<MemberPeers>(settings, clock, std::move(etcd), std::move(member));
  return peers;
}

}  // namespace server
