// The interface through which the Kafka front end uses the node. Changes of topics are made by the metadata thread;
// records are read from and written to the log directly.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "server/kafka/backend.h"
#include "server/metadata/metadata_applier.h"
#include "server/net/loop.h"
#include "server/node/kafka_part.h"
#include "storage/log/log.h"
#include "storage/meta/share_groups_level.h"

namespace server {

// Threads: that of the loop; callbacks run there too. Owner: the node; destroyed after the loop has
//           stopped, so posted tasks never outlive it.
// Queues:  appends for which the log has no room wait here in their order, even if their connection
//           has ended. They are charged to the memory budget, and further appends are refused when the
//           budget is exhausted.
class KafkaBackend final : public kafka::Backend {
 public:
  static Result<std::unique_ptr<KafkaBackend>> make(storage::Log& log, MetadataApplier& definitions,
                                                    KafkaPart& cluster, Loop& loop,
                                                    const Clock& clock, MemoryBudget& memory,
                                                    std::string data_dir);

  std::shared_ptr<const storage::TopicSnapshot> topics() const override;
  void create_topic(std::string name, int32_t partition_count, kafka::TopicConfig config,
                    kafka::Replication replication,
                    std::function<void(Result<storage::TopicInfo>)> done) override;
  void delete_topic(std::string name, std::function<void(Status)> done) override;
  void grow_topic(std::string name, int32_t partition_count,
                  std::vector<std::vector<NodeId>> assigned,
                  std::function<void(Status)> done) override;
  void configure_topic(std::string name, std::vector<storage::ConfigChange> changes,
                       bool replaces_all, std::function<void(Status)> done) override;
  std::shared_ptr<const storage::GroupConfigs> group_configs() const override;
  void configure_topic_defaults(std::vector<storage::ConfigChange> changes, bool replaces_all,
                                std::function<void(Status)> done) override;
  void configure_group(std::string name, std::vector<storage::ConfigChange> changes,
                       bool replaces_all, std::function<void(Status)> done) override;
  std::shared_ptr<const storage::ClientQuotas> quotas() const override;
  void alter_quotas(std::vector<storage::QuotaChange> changes,
                    std::function<void(Status)> done) override;
  std::shared_ptr<const storage::Users> users() const override;
  void change_users(UsersChange change, std::function<void(Status)> done) override;
  void change_cluster(ClusterChange change, std::function<void(Status)> done) override;
  void find_best_logs(std::vector<storage::TopicPartition> partitions,
                      std::function<void(Result<BestLogs>)> done) override;
  void append(storage::AppendRequest request, storage::AppendDone done) override;
  storage::AppendDone answered_within(int64_t timeout_ms, storage::AppendDone done) override;
  void delete_records(const storage::TopicPartition& partition, Offset start, int32_t timeout_ms,
                      std::function<void(Status)> done) override;
  void allocate_producer_id(std::function<void(Result<ProducerId>)> done) override;
  std::shared_ptr<const storage::PartitionStatus> find_partition(
      const storage::TopicPartition& partition) const override;
  storage::LogReader& reader() override { return *reader_; }
  coordinator::Groups& groups() override { return *groups_; }
  coordinator::Transactions& transactions() override { return *transactions_; }
  void join_transaction(coordinator::AddPartitions request,
                        coordinator::Done<coordinator::TransactionAnswer> done) override;
  std::shared_ptr<storage::TransactionGuard> guard_transaction(
      const storage::TopicPartition& partition, ProducerId producer) override;
  void confirm_leads(std::set<storage::TopicPartition> partitions,
                     std::function<void(ConfirmedLeaders)> done) override;
  // Sets the coordinators. Call it before the first request. The coordinators outlive the backend's
  // clients.
  void set_coordinators(coordinator::Groups& groups, coordinator::Transactions& transactions) {
    groups_ = &groups;
    transactions_ = &transactions;
  }
  kafka::LogDirectory log_directory() const override;
  std::shared_ptr<const kafka::ClusterView> cluster() const override { return cluster_.view(); }
  bool leads_all() const override { return cluster_.leads_all(); }
  bool has_share_groups() const override {
    const ClusterFacts& facts = definitions_.facts();
    return facts.supports(Feature::ShareGroups) && facts.level() >= storage::kShareGroupsLevel;
  }
  Revision metadata_revision() const override { return definitions_.image()->revision; }

 private:
  struct Waiting {
    storage::AppendRequest request;
    storage::AppendDone done;
    OwnedCharge charge;
  };
  KafkaBackend(storage::Log& log, MetadataApplier& definitions, KafkaPart& cluster, Loop& loop,
               const Clock& clock, MemoryBudget& memory, std::string data_dir,
               std::unique_ptr<storage::LogReader> reader)
      : log_(log),
        definitions_(definitions),
        cluster_(cluster),
        loop_(loop),
        clock_(clock),
        memory_(memory),
        data_dir_(std::move(data_dir)),
        reader_(std::move(reader)) {}
  void change_topic(TopicChange change, std::function<void(Result<storage::TopicInfo>)> done);
  Status accept(storage::AppendRequest& request) const;
  void append_waiting();
  void end_late();

  storage::Log& log_;
  MetadataApplier& definitions_;
  KafkaPart& cluster_;
  Loop& loop_;
  const Clock& clock_;
  MemoryBudget& memory_;
  const std::string data_dir_;
  std::unique_ptr<storage::LogReader> reader_;
  coordinator::Groups* groups_ = nullptr;
  coordinator::Transactions* transactions_ = nullptr;
  std::deque<Waiting> waiting_;
  // Callbacks that depend on other nodes, by the time at which they fail. A function that was
  // called is empty.
  std::multimap<int64_t, std::shared_ptr<storage::AppendDone>> due_;
  Timer end_late_{loop_, "late answers", [this] { end_late(); }};
};

}  // namespace server
