// The functions that the Kafka front end needs from other nodes, such as the leaders of partitions. A lone node
// implements them without other nodes (docs/adr/0128).
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/cluster/cluster_member.h"
#include "server/kafka/backend.h"
#include "server/metadata/metadata_applier.h"
#include "storage/log/log.h"

namespace server {

// Threads: any; callbacks run on any thread, or within the call. Owner: the node; it outlives the backends and the
//          coordinators.
class KafkaPart {
 public:
  virtual ~KafkaPart() = default;
  // Returns the cluster as its nodes describe it to clients; null on a lone node, which describes itself.
  virtual std::shared_ptr<const kafka::ClusterView> view() const = 0;
  virtual void change_cluster(MetadataApplier& definitions, kafka::Backend::ClusterChange change,
                              std::function<void(Status)> done) = 0;
  virtual void find_best_logs(std::vector<storage::TopicPartition> partitions,
                              std::function<void(Result<kafka::Backend::BestLogs>)> done) = 0;
  virtual void allocate_producer_id(storage::Log& log,
                                    std::function<void(Result<ProducerId>)> done) = 0;
  // Calls `done` when the logs of all replicas in sync begin at `start`, as the log of this node
  // already does.
  virtual void await_trimmed(const storage::TopicPartition& partition, Offset start,
                             int64_t timeout_ms, std::function<void(Status)> done) = 0;
  // Whether an append may have to wait for replicas longer than its client wants to wait, so that
  // it needs a time limit.
  virtual bool waits_for_replicas() const = 0;
  // Whether this node leads all partitions. Otherwise another node may have become leader of a partition unnoticed, so
  // that final answers need confirm_leads().
  virtual bool leads_all() const = 0;
  virtual void confirm_leads(std::set<storage::TopicPartition> partitions,
                             std::function<void(kafka::Backend::ConfirmedLeaders)> done) = 0;

  // Sends a request of Kafka's protocol to another node (ClusterMember::ask_node()).
  virtual void ask_node(NodeId node, std::string frame,
                        std::function<void(Result<std::string>)> done) = 0;

  // --- Transactions

  // Whether requests about transactions are sent to the leaders of partitions by join_transaction()
  // and tell_end(), even if this node is the leader, so that requests and ends of transactions stay
  // in order. Otherwise the coordinators of this node handle them directly, and end a transaction
  // at once.
  virtual bool routes_transactions() const = 0;
  virtual void join_transaction(const storage::TopicPartition& coordinator,
                                coordinator::AddPartitions request,
                                coordinator::Done<coordinator::TransactionAnswer> done) = 0;
  virtual void tell_end(const storage::TopicPartition& partition,
                        const coordinator::TransactionEnded& ended,
                        std::function<void(Status)> done) = 0;
  // Returns null if no guard is needed, because coordinators' answers and the ends of transactions
  // always arrive in their order.
  virtual std::shared_ptr<storage::TransactionGuard> guard_transaction(
      storage::Log& log, const storage::TopicPartition& partition, ProducerId producer) = 0;
};

// A lone node leads all partitions, and has no replicas to wait for.
class LocalKafkaPart final : public KafkaPart {
 public:
  std::shared_ptr<const kafka::ClusterView> view() const override { return nullptr; }
  void change_cluster(MetadataApplier& definitions, kafka::Backend::ClusterChange change,
                      std::function<void(Status)> done) override;
  void find_best_logs(std::vector<storage::TopicPartition> partitions,
                      std::function<void(Result<kafka::Backend::BestLogs>)> done) override;
  void allocate_producer_id(storage::Log& log,
                            std::function<void(Result<ProducerId>)> done) override;
  void await_trimmed(const storage::TopicPartition& partition, Offset start, int64_t timeout_ms,
                     std::function<void(Status)> done) override;
  bool waits_for_replicas() const override { return false; }
  bool leads_all() const override { return true; }
  void confirm_leads(std::set<storage::TopicPartition> partitions,
                     std::function<void(kafka::Backend::ConfirmedLeaders)> done) override;
  void ask_node(NodeId node, std::string frame,
                std::function<void(Result<std::string>)> done) override;
  bool routes_transactions() const override { return false; }
  void join_transaction(const storage::TopicPartition& coordinator,
                        coordinator::AddPartitions request,
                        coordinator::Done<coordinator::TransactionAnswer> done) override;
  void tell_end(const storage::TopicPartition& partition,
                const coordinator::TransactionEnded& ended,
                std::function<void(Status)> done) override;
  std::shared_ptr<storage::TransactionGuard> guard_transaction(
      storage::Log& log, const storage::TopicPartition& partition, ProducerId producer) override;
};

// The implementation for a node of a cluster. Owner: the node; the member outlives it.
class MemberKafkaPart final : public KafkaPart {
 public:
  explicit MemberKafkaPart(ClusterMember& member) : member_(member) {}
  std::shared_ptr<const kafka::ClusterView> view() const override { return member_.view(); }
  void change_cluster(MetadataApplier& definitions, kafka::Backend::ClusterChange change,
                      std::function<void(Status)> done) override;
  void find_best_logs(std::vector<storage::TopicPartition> partitions,
                      std::function<void(Result<kafka::Backend::BestLogs>)> done) override;
  void allocate_producer_id(storage::Log& log,
                            std::function<void(Result<ProducerId>)> done) override;
  void await_trimmed(const storage::TopicPartition& partition, Offset start, int64_t timeout_ms,
                     std::function<void(Status)> done) override;
  bool waits_for_replicas() const override { return true; }
  bool leads_all() const override { return false; }
  void confirm_leads(std::set<storage::TopicPartition> partitions,
                     std::function<void(kafka::Backend::ConfirmedLeaders)> done) override;
  void ask_node(NodeId node, std::string frame,
                std::function<void(Result<std::string>)> done) override;
  bool routes_transactions() const override { return true; }
  void join_transaction(const storage::TopicPartition& coordinator,
                        coordinator::AddPartitions request,
                        coordinator::Done<coordinator::TransactionAnswer> done) override;
  void tell_end(const storage::TopicPartition& partition,
                const coordinator::TransactionEnded& ended,
                std::function<void(Status)> done) override;
  std::shared_ptr<storage::TransactionGuard> guard_transaction(
      storage::Log& log, const storage::TopicPartition& partition, ProducerId producer) override;

 private:
  ClusterMember& member_;
};

}  // namespace server
