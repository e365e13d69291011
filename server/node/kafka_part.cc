#include "server/node/kafka_part.h"

#include <utility>

namespace server {

void LocalKafkaPart::change_cluster(MetadataApplier&, kafka::Backend::ClusterChange,
                                    std::function<void(Status)> done) {
  done(Error{ErrorCode::NotSupported, "this server is not part of a cluster"});
}

void LocalKafkaPart::find_best_logs(std::vector<storage::TopicPartition>,
                                    std::function<void(Result<kafka::Backend::BestLogs>)> done) {
  done(kafka::Backend::BestLogs());
}

void LocalKafkaPart::allocate_producer_id(storage::Log& log,
                                          std::function<void(Result<ProducerId>)> done) {
  log.allocate_producer_ids(1, std::move(done));
}

void LocalKafkaPart::await_trimmed(const storage::TopicPartition&, Offset, int64_t,
                                   std::function<void(Status)> done) {
  done({});
}

void LocalKafkaPart::confirm_leads(std::set<storage::TopicPartition> partitions,
                                   std::function<void(kafka::Backend::ConfirmedLeaders)> done) {
  done(std::move(partitions));
}

void LocalKafkaPart::ask_node(NodeId, std::string, std::function<void(Result<std::string>)> done) {
  done(Error{ErrorCode::NotSupported, "this server is not part of a cluster"});
}

void LocalKafkaPart::join_transaction(const storage::TopicPartition&,
                                      coordinator::AddPartitions request,
                                      coordinator::Done<coordinator::TransactionAnswer> done) {
  // A lone node never calls this function, because routes_transactions() is false, so the request
  // is refused.
  done(request.refusal(KafkaError::CoordinatorNotAvailable));
}

void LocalKafkaPart::tell_end(const storage::TopicPartition&, const coordinator::TransactionEnded&,
                              std::function<void(Status)> done) {
  done(Error{ErrorCode::NotLeader, "no other node takes the ends of transactions"});
}

std::shared_ptr<storage::TransactionGuard> LocalKafkaPart::guard_transaction(
    storage::Log&, const storage::TopicPartition&, ProducerId) {
  return nullptr;
}

void MemberKafkaPart::change_cluster(MetadataApplier& definitions,
                                     kafka::Backend::ClusterChange change,
                                     std::function<void(Status)> done) {
  definitions.submit(
      MetadataApplier::ClusterChange([&member = member_, change = std::move(change)] {
        return change(*member.view()->metadata);
      }),
      std::move(done));
}

void MemberKafkaPart::find_best_logs(std::vector<storage::TopicPartition> partitions,
                                     std::function<void(Result<kafka::Backend::BestLogs>)> done) {
  member_.find_best_logs(std::move(partitions), std::move(done));
}

void MemberKafkaPart::allocate_producer_id(storage::Log&,
                                           std::function<void(Result<ProducerId>)> done) {
  member_.allocate_producer_id(std::move(done));
}

void MemberKafkaPart::await_trimmed(const storage::TopicPartition& partition, Offset start,
                                    int64_t timeout_ms, std::function<void(Status)> done) {
  member_.await_trimmed(partition, start, timeout_ms, std::move(done));
}

void MemberKafkaPart::confirm_leads(std::set<storage::TopicPartition> partitions,
                                    std::function<void(kafka::Backend::ConfirmedLeaders)> done) {
  member_.confirm_leads(std::move(partitions), std::move(done));
}

void MemberKafkaPart::ask_node(NodeId node, std::string frame,
                               std::function<void(Result<std::string>)> done) {
  member_.ask_node(node, std::move(frame), std::move(done));
}

void MemberKafkaPart::join_transaction(const storage::TopicPartition& coordinator,
                                       coordinator::AddPartitions request,
                                       coordinator::Done<coordinator::TransactionAnswer> done) {
  member_.join_transaction(coordinator, std::move(request), std::move(done));
}

void MemberKafkaPart::tell_end(const storage::TopicPartition& partition,
                               const coordinator::TransactionEnded& ended,
                               std::function<void(Status)> done) {
  member_.tell_end(partition, ended, std::move(done));
}

std::shared_ptr<storage::TransactionGuard> MemberKafkaPart::guard_transaction(
    storage::Log& log, const storage::TopicPartition& partition, ProducerId producer) {
  return log.guard_transaction(partition, producer);
}

}  // namespace server
