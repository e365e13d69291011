// A backend over a log in memory. A test can delay its answers.
#pragma once
#include <future>
#include <vector>

#include "server/coordinator/group_shard.h"
#include "server/coordinator/transaction_shard.h"
#include "server/kafka/backend.h"
#include "server/kafka/cluster_view.h"
#include "storage/kv/memory_store.h"
#include "storage/log/log.h"
#include "tests/server/coordinator/memory_port.h"

namespace server::kafka {

// The coordinators of one kind with a single partition and a clock that the test advances. Requests are answered
// immediately, unless they wait for other members.
template <class Shard, class Port, class Listed>
class MemoryCoordinators : public Port {
 public:
  void list(coordinator::Done<Listed> done) override {
    done({KafkaError::None, shard().find(kOnly)->list()});
  }
  void prepare(coordinator::Done<KafkaError> done) override { done(KafkaError::None); }
  // Gives up the coordination: requests that wait for other members get the error NOT_COORDINATOR.
  void resign() { shard().resign_all(); }
  // Advances the clock, and runs the work that becomes due.
  void pass_ms(int64_t ms) {
    clock_.advance_us(ms * 1000);
    shard().run_due();
    port_.settle();
  }

 protected:
  virtual Shard& shard() = 0;
  void run(const std::string&, typename Port::Work work) override {
    run_at(kOnly, std::move(work));
  }
  void run_at(PartitionId, typename Port::Work work) override {
    auto* only = shard().find(kOnly);
    const KafkaError why_not = only->unavailable();
    work(why_not == KafkaError::None ? only : nullptr, why_not);
    port_.settle();
  }
  typename Port::Home home() override {
    return [](std::function<void()> task) { task(); };
  }

  static constexpr PartitionId kOnly{0};
  SimulatedClock clock_{1'700'000'000'000};
  MemoryBudget memory_;
  coordinator::MemoryPort port_{clock_};
};

class MemoryGroups final : public MemoryCoordinators<coordinator::GroupShard, coordinator::Groups,
                                                     coordinator::ListedGroups> {
 public:
  MemoryGroups(coordinator::GroupShard::Topics topics, coordinator::GroupShard::Configs configs)
      : shard_(settings_, port_, memory_, std::move(topics), std::move(configs),
               [] { return Uuid::random(); }) {
    shard_.lead(kOnly, LeaderEpoch(0));
  }

 private:
  coordinator::GroupShard& shard() override { return shard_; }
  const coordinator::GroupSettings settings_;
  coordinator::GroupShard shard_;
};

// Coordinators of transactions that write no markers to the partitions.
class MemoryTransactions final
    : public MemoryCoordinators<coordinator::TransactionShard, coordinator::Transactions,
                                coordinator::ListedTransactions> {
 public:
  MemoryTransactions() { shard_.lead(kOnly, LeaderEpoch(0)); }

 private:
  coordinator::TransactionShard& shard() override { return shard_; }
  const coordinator::TransactionSettings settings_;
  int64_t next_producer_ = 1000;
  coordinator::TransactionShard shard_{
      settings_, port_, memory_,
      [this](auto done) { port_.post_rest([this, done] { done(ProducerId{next_producer_++}); }); },
      [this](const std::string&, int32_t, const coordinator::TransactionEnded&, coordinator::Marker,
             auto done) { port_.post_rest([done] { done({}); }); }};
};

class MemoryBackend : public Backend {
 public:
  MemoryBackend()
      : log_(storage::Log::open(disk_.open(), {}).value()),
        reader_(storage::LogReader::open(*log_).value()) {}

  std::shared_ptr<const storage::TopicSnapshot> topics() const override {
    return topics_.snapshot();
  }
  void create_topic(std::string name, int32_t partition_count, TopicConfig config, Replication,
                    std::function<void(Result<storage::TopicInfo>)> done) override {
    const storage::TopicInfo topic{Uuid::random(), std::move(name), partition_count,
                                   std::move(config)};
    if (const auto checked = topics_.check(storage::encode_create_topic(topic)); !checked)
      return done(checked.error());
    if (const auto made = topics_.apply(storage::encode_create_topic(topic)); !made)
      return done(made.error());
    const Status partitions = storage::create_partitions_and_wait(*log_, topic.id, partition_count);
    partitions ? done(topic) : done(partitions.error());
  }
  void delete_topic(std::string name, std::function<void(Status)> done) override {
    const auto known = topics();
    const storage::TopicInfo* topic = known->find(name);
    if (!topic) return done(Error{ErrorCode::UnknownTopic, "there is no such topic"});
    const Uuid id = topic->id;
    if (const auto deleted = topics_.apply(storage::encode_delete_topic(id)); !deleted)
      return done(deleted.error());
    std::promise<Status> dropped;
    log_->drop_topic(id, [&](Status status) { dropped.set_value(std::move(status)); });
    done(dropped.get_future().get());
  }
  void grow_topic(std::string name, int32_t partition_count,
                  std::vector<std::vector<NodeId>> assigned,
                  std::function<void(Status)> done) override {
    assigned_by_hand = std::move(assigned);
    const Uuid id = topics()->find(name)->id;
    if (const auto grown = topics_.apply(storage::encode_grow_topic(id, partition_count)); !grown)
      return done(grown.error());
    done(storage::create_partitions_and_wait(*log_, id, partition_count));
  }
  void configure_topic(std::string name, std::vector<storage::ConfigChange> changes,
                       bool replaces_all, std::function<void(Status)> done) override {
    const storage::TopicInfo topic = *topics()->find(name);
    const auto config =
        storage::changed_configs(replaces_all ? TopicConfig() : topic.config, changes);
    if (!config) return done(config.error());
    const auto changed = topics_.apply(storage::encode_configure_topic(topic.id, *config));
    done(changed ? Status{} : Status{changed.error()});
  }
  std::shared_ptr<const storage::GroupConfigs> group_configs() const override {
    return group_configs_;
  }
  void configure_group(std::string name, std::vector<storage::ConfigChange> changes,
                       bool replaces_all, std::function<void(Status)> done) override {
    storage::GroupConfigs all = *group_configs_;
    const auto config =
        storage::changed_group_config(replaces_all ? storage::GroupConfig() : all[name], changes);
    if (!config) return done(config.error());
    auto changed =
        storage::apply_group_configs(*group_configs_, storage::encode_group_config(name, *config));
    if (!changed) return done(changed.error());
    group_configs_ = std::make_shared<const storage::GroupConfigs>(*std::move(changed));
    done({});
  }
  void configure_topic_defaults(std::vector<storage::ConfigChange> changes, bool replaces_all,
                                std::function<void(Status)> done) override {
    storage::TopicDefaults defaults = topics_.defaults();
    if (replaces_all) defaults.cluster_wide.clear();
    auto changed = storage::changed_topic_defaults(defaults.cluster_wide, changes);
    if (!changed) return done(changed.error());
    defaults.cluster_wide = *std::move(changed);
    topics_.set_defaults(std::move(defaults));
    done({});
  }
  void start_with(std::map<std::string, std::string> defaults) {
    topics_.set_defaults({topics_.defaults().cluster_wide, std::move(defaults)});
  }
  std::shared_ptr<const storage::ClientQuotas> quotas() const override { return quotas_; }
  void alter_quotas(std::vector<storage::QuotaChange> changes,
                    std::function<void(Status)> done) override {
    auto changed = storage::apply_quota_changes(*quotas_, storage::encode_quota_changes(changes));
    if (!changed) return done(changed.error());
    quotas_ = std::make_shared<const storage::ClientQuotas>(*std::move(changed));
    done({});
  }
  void append(storage::AppendRequest request, storage::AppendDone done) override {
    if (append_error) return done(*append_error);
    held_.push_back([this, request = std::move(request), done = std::move(done)] {
      auto appended = storage::append_and_wait(*log_, request);
      if (!appended) return done(std::move(appended).error());
      done(storage::Appended{{}, *std::move(appended)});
    });
    if (!holds_appends) let_through();
  }
  void delete_records(const storage::TopicPartition& partition, Offset start, int32_t,
                      std::function<void(Status)> done) override {
    done(storage::trim_and_wait(*log_, {partition, start}));
  }
  void allocate_producer_id(std::function<void(Result<ProducerId>)> done) override {
    std::promise<Result<ProducerId>> id;
    log_->allocate_producer_ids(
        1, [&](Result<ProducerId> allocated) { id.set_value(std::move(allocated)); });
    done(id.get_future().get());
  }
  std::shared_ptr<const storage::PartitionStatus> find_partition(
      const storage::TopicPartition& partition) const override {
    return log_->find_partition(partition);
  }
  // The commands for the cluster are collected in `cluster_parts`.
  void change_cluster(ClusterChange change, std::function<void(Status)> done) override {
    if (!view) return Backend::change_cluster(std::move(change), std::move(done));
    cluster_parts = change(*view->metadata);
    done({});
  }
  std::shared_ptr<const ClusterView> cluster() const override { return view; }
  bool leads_all() const override { return !view; }
  bool has_share_groups() const override { return !view; }
  LogDirectory log_directory() const override { return {"/data", 1000, 400}; }
  Revision metadata_revision() const override { return Revision{7}; }
  storage::LogReader& reader() override {
    if (on_reader) on_reader();
    return *reader_;
  }

  MemoryGroups& groups() override { return groups_; }
  storage::Log& log() { return *log_; }
  MemoryTransactions& transactions() override { return transactions_; }

  std::shared_ptr<const ClusterView> view;  // the cluster; null: there is only this node
  std::vector<std::string> cluster_parts;
  // Requests to the coordinator of a transaction; with holds_joins, each waits in `joins` until the test calls it.
  void join_transaction(coordinator::AddPartitions request,
                        coordinator::Done<coordinator::TransactionAnswer> done) override {
    if (!holds_joins) return Backend::join_transaction(std::move(request), std::move(done));
    joins.push_back([this, request = std::move(request), done = std::move(done)] {
      Backend::join_transaction(request, done);
    });
  }
  // Confirms the leadership at once; with holds_confirmations, the answer waits until the test calls it.
  void confirm_leads(std::set<storage::TopicPartition> partitions,
                     std::function<void(ConfirmedLeaders)> done) override {
    asked_to_confirm += partitions.size();
    const auto answer = [this, partitions = std::move(partitions), done = std::move(done)] {
      done(is_replaced ? ConfirmedLeaders() : partitions);
    };
    holds_confirmations ? confirmations.push_back(answer) : answer();
  }
  bool is_replaced = false, holds_confirmations = false;
  std::vector<std::function<void()>> confirmations;
  size_t asked_to_confirm = 0;  // number of partitions that were to be confirmed
  bool holds_joins = false;
  std::vector<std::function<void()>> joins;
  // the replicas that the last created partitions got
  std::vector<std::vector<NodeId>> assigned_by_hand;
  std::function<void()> on_reader;  // called at each use of a reader of the log
  bool holds_appends = false;
  std::optional<Error> append_error = {};  // if set, each append fails with it
  void let_through() {
    for (const auto& append : std::exchange(held_, {})) append();
  }

 private:
  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::LogReader> reader_;
  storage::TopicTable topics_;
  std::shared_ptr<const storage::ClientQuotas> quotas_ =
      std::make_shared<const storage::ClientQuotas>();
  std::shared_ptr<const storage::GroupConfigs> group_configs_ =
      std::make_shared<const storage::GroupConfigs>();
  std::vector<std::function<void()>> held_;
  MemoryTransactions transactions_;
  MemoryGroups groups_{[this] { return topics(); }, [this] { return group_configs_; }};
};

}  // namespace server::kafka
