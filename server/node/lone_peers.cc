#include <utility>

#include "server/node/cluster_parts.h"
#include "server/node/peers.h"
#include "server/sql/write/local_topics.h"
#include "server/tasks/local_rebuilds.h"
#include "storage/meta/embedded_metadata_log.h"

namespace server {

namespace {

class LonePeers final : public Peers {
 public:
  LonePeers(storage::Log& log, std::unique_ptr<storage::MetadataLog> metadata)
      : log_(log), metadata_(std::move(metadata)) {}

  Status begin(const std::atomic<bool>&) override { return {}; }
  storage::MetadataLog& metadata() override { return *metadata_; }
  const ClusterFacts& facts() const override { return local_facts(); }
  KafkaPart& kafka() override { return kafka_; }
  std::string cluster_id() const override { return log_.store().instance_id().to_string(); }
  std::optional<int32_t> node_id() const override { return std::nullopt; }
  std::optional<Address> address() const override { return std::nullopt; }
  Status open_journals(JournalParts) override { return {}; }
  QueryRunner& query_runner(QueryRunner& queries, storage::Log&, FindTopics) override {
    return queries;
  }
  void queries_are_started() override {}
  void use_applied(std::function<Revision()>) override {}
  std::unique_ptr<ClusterTopics> open_topics(SqlParts& parts) override {
    return std::make_unique<LocalTopics>(parts.log, parts.memory, parts.definitions,
                                         parts.committed_ends, parts.fence);
  }
  void use_coordinators(const CoordinatorPlace&, coordinator::Groups&, coordinator::Transactions&,
                        const Clock&, OwnGroups) override {}
  void use_requests(RequestCalls::Handle) override {}
  kafka::LocalClient::Relay relay() override { return {}; }
  void start_journals() override {}
  std::unique_ptr<RebuildPort> open_rebuilds(RebuildParts parts) override {
    return std::make_unique<LocalRebuilds>(parts.log, parts.clock);
  }
  Status join(const Address&, const std::atomic<bool>&) override { return {}; }
  void on_durable(std::span<const storage::TopicPartition>) override {}
  storage::UncleanElections unclean_elections() const override { return {}; }
  bool lacks_replicas(const storage::TopicPartition&) const override { return false; }
  FindLeader leaders() const override {
    return [](const storage::TopicPartition&) { return Leads::ThisNode; };
  }
  void find_ends(
      std::vector<storage::TopicPartition>,
      std::function<void(const std::map<storage::TopicPartition, Offset>&)> done) override {
    done({});
  }
  void ask_groups(std::function<void(GroupCalls::Told)> done) override { done({}); }
  bool is_left_over(const std::string&) const override { return true; }
  NamedLocks& locks() override { return locks_; }
  pg::NotifyNodes notify_nodes() override { return {}; }
  void use_notifications(std::shared_ptr<pg::Notifications>) override {}
  bool is_suspended() const override { return false; }
  bool is_isolated() const override { return false; }
  std::vector<engine::ServerFact> server_facts() const override { return {}; }
  std::optional<MetricsSources::Cluster> health() const override { return std::nullopt; }
  void leave() override {}
  void stop_journals() override {}
  void stop_thread() override {}
  void close_journals() override {}

 private:
  LocalLocks locks_;
  storage::Log& log_;
  const std::unique_ptr<storage::MetadataLog> metadata_;
  LocalKafkaPart kafka_;
};

}  // namespace

Result<std::unique_ptr<Peers>> open_lone(storage::Log& log) {
  TRY(check_alone(log));
  auto metadata = TRY(storage::open_embedded_metadata_log(log.store(), log));
  std::unique_ptr<Peers> peers = std::make_unique<LonePeers>(log, std::move(metadata));
  return peers;
}

}  // namespace server
