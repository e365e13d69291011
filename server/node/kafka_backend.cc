#include "server/node/kafka_backend.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "records/batch.h"
#include "server/coordinator/internal_topics.h"
#include "server/coordinator/key_partition.h"
#include "server/tasks/append_here.h"
#include "storage/meta/closed_partition.h"

namespace server {

namespace {

// Wraps a callback so that it runs on the loop. The wrapper may be called on any thread.
template <class Answer>
std::function<void(Answer)> on_loop(Loop& loop, std::function<void(Answer)> done) {
  return [&loop, done = std::move(done)](Answer answer) {
    loop.post([done, answer = std::move(answer)]() mutable { done(std::move(answer)); });
  };
}

// Returns whether the batches are the end marker of a transaction. A marker must always be written, since readers would
// otherwise wait for it forever.
bool is_marker(std::string_view batches) {
  const auto batch = records::parse_batch(batches, records::BatchCheck::Shape);
  return batch && batch->header.is_control();
}

}  // namespace

Result<std::unique_ptr<KafkaBackend>> KafkaBackend::make(storage::Log& log,
                                                         MetadataApplier& definitions,
                                                         KafkaPart& cluster, Loop& loop,
                                                         const Clock& clock, MemoryBudget& memory,
                                                         std::string data_dir) {
  auto reader = TRY(storage::LogReader::open(log));
  return std::unique_ptr<KafkaBackend>(new KafkaBackend(
      log, definitions, cluster, loop, clock, memory, std::move(data_dir), std::move(reader)));
}

kafka::LogDirectory KafkaBackend::log_directory() const {
  std::error_code unknown;
  kafka::LogDirectory directory{std::filesystem::absolute(data_dir_, unknown).string()};
  const auto room = std::filesystem::space(data_dir_, unknown);
  if (!unknown) {
    directory.total_bytes = static_cast<int64_t>(room.capacity);
    directory.usable_bytes = static_cast<int64_t>(room.available);
  }
  return directory;
}

std::shared_ptr<const storage::TopicSnapshot> KafkaBackend::topics() const {
  return definitions_.image()->topics;
}

void KafkaBackend::change_topic(TopicChange change,
                                std::function<void(Result<storage::TopicInfo>)> done) {
  definitions_.submit(std::move(change), on_loop(loop_, std::move(done)));
}

void KafkaBackend::create_topic(std::string name, int32_t partition_count,
                                kafka::TopicConfig config, kafka::Replication replication,
                                std::function<void(Result<storage::TopicInfo>)> done) {
  CreateTopic create{std::move(name), partition_count, std::move(config)};
  if (replication.factor != -1) create.replicas.factor = std::max(replication.factor, 1);
  create.replicas.replicas = std::move(replication.assigned);
  create.owner = std::move(replication.owner);
  change_topic(std::move(create), std::move(done));
}

void KafkaBackend::delete_topic(std::string name, std::function<void(Status)> done) {
  change_topic(DeleteTopic{std::move(name)},
               [done = std::move(done)](Result<storage::TopicInfo> deleted) {
                 done(deleted ? Status{} : Status{std::move(deleted).error()});
               });
}

void KafkaBackend::grow_topic(std::string name, int32_t partition_count,
                              std::vector<std::vector<NodeId>> assigned,
                              std::function<void(Status)> done) {
  change_topic(GrowTopic{std::move(name), partition_count, std::move(assigned)},
               [done = std::move(done)](Result<storage::TopicInfo> grown) {
                 done(grown ? Status{} : Status{std::move(grown).error()});
               });
}

void KafkaBackend::configure_topic(std::string name, std::vector<storage::ConfigChange> changes,
                                   bool replaces_all, std::function<void(Status)> done) {
  change_topic(ConfigureTopic{std::move(name), std::move(changes), replaces_all},
               [done = std::move(done)](Result<storage::TopicInfo> configured) {
                 done(configured ? Status{} : Status{std::move(configured).error()});
               });
}

std::shared_ptr<const storage::GroupConfigs> KafkaBackend::group_configs() const {
  return definitions_.image()->group_configs;
}

void KafkaBackend::configure_group(std::string name, std::vector<storage::ConfigChange> changes,
                                   bool replaces_all, std::function<void(Status)> done) {
  definitions_.submit(
      MetadataApplier::GroupConfigChange{std::move(name), std::move(changes), replaces_all},
      on_loop(loop_, std::move(done)));
}

void KafkaBackend::configure_topic_defaults(std::vector<storage::ConfigChange> changes,
                                            bool replaces_all, std::function<void(Status)> done) {
  definitions_.submit(MetadataApplier::TopicDefaultsChange{std::move(changes), replaces_all},
                      on_loop(loop_, std::move(done)));
}

std::shared_ptr<const storage::ClientQuotas> KafkaBackend::quotas() const {
  return definitions_.image()->quotas;
}

void KafkaBackend::alter_quotas(std::vector<storage::QuotaChange> changes,
                                std::function<void(Status)> done) {
  definitions_.submit(std::move(changes), on_loop(loop_, std::move(done)));
}

std::shared_ptr<const storage::Users> KafkaBackend::users() const {
  return definitions_.image()->users;
}

void KafkaBackend::change_users(UsersChange change, std::function<void(Status)> done) {
  definitions_.submit(std::move(change), on_loop(loop_, std::move(done)));
}

void KafkaBackend::change_cluster(ClusterChange change, std::function<void(Status)> done) {
  cluster_.change_cluster(definitions_, std::move(change), on_loop(loop_, std::move(done)));
}

void KafkaBackend::find_best_logs(std::vector<storage::TopicPartition> partitions,
                                  std::function<void(Result<BestLogs>)> done) {
  cluster_.find_best_logs(std::move(partitions), on_loop(loop_, std::move(done)));
}

// Refuses records for partitions that are closed while their table is altered. The epoch becomes a
// condition of the append, because the partition may be closed before the log takes the records.
Status KafkaBackend::accept(storage::AppendRequest& request) const {
  const auto view = cluster_.view();
  if (!view || !view->metadata) return {};
  const MetadataImagePtr image = definitions_.image();
  for (storage::PartitionBatches& part : request.parts) {
    const storage::PartitionAssignment* known = view->metadata->find(part.partition);
    if (known == nullptr || is_marker(part.batches)) continue;
    if (storage::is_closed(*known))
      return Error{ErrorCode::NotLeader, "the partition is closed while its table is altered"};
    const storage::TopicInfo* topic = image->topics->find(part.partition.topic);
    if (topic && !topic->name.starts_with("__") && !part.under) part.under = known->leader_epoch;
  }
  return {};
}

void KafkaBackend::append(storage::AppendRequest request, storage::AppendDone done) {
  storage::AppendDone answer = on_loop(loop_, std::move(done));
  if (const MetadataImagePtr image = definitions_.image(); !image->open_definitions.empty())
    for (const auto& part : request.parts) {
      if (is_marker(part.batches)) continue;
      if (const Status stays = check_stays(part.partition.topic, *image); !stays)
        return answer(stays.error());
    }
  if (const Status accepted = accept(request); !accepted) return answer(accepted.error());
  if (waiting_.empty() && try_append(loop_, log_, request, answer)) return;
  OwnedCharge charge(memory_, MemoryKind::Queues);
  if (!charge.try_resize(storage::size_of(request)))
    return answer(charge.refusal("records that wait for the disk"));
  waiting_.push_back({std::move(request), std::move(answer), std::move(charge)});
  if (waiting_.size() == 1) append_waiting();
}

storage::AppendDone KafkaBackend::answered_within(int64_t timeout_ms, storage::AppendDone done) {
  if (!cluster_.waits_for_replicas()) return done;
  constexpr int64_t kLookMs = 50;
  const auto shared = std::make_shared<storage::AppendDone>(std::move(done));
  due_.emplace(clock_.monotonic_us() + std::max<int64_t>(timeout_ms, 0) * 1'000, shared);
  if (!end_late_.is_running()) end_late_.start_every(kLookMs);
  return [shared](Result<storage::Appended> appended) {
    if (const auto answer = std::exchange(*shared, nullptr)) answer(std::move(appended));
  };
}

void KafkaBackend::end_late() {
  const int64_t now_us = clock_.monotonic_us();
  // Also removes the entries of answered requests, because most requests are answered long before their time limit.
  std::vector<std::shared_ptr<storage::AppendDone>> late;
  for (auto each = due_.begin(); each != due_.end();) {
    const bool is_late = each->first <= now_us;
    if (is_late && *each->second) late.push_back(each->second);
    each = is_late || !*each->second ? due_.erase(each) : std::next(each);
  }
  if (due_.empty()) end_late_.stop();
  for (const auto& shared : late)
    if (const auto answer = std::exchange(*shared, nullptr))
      answer(
          Error{ErrorCode::ReadTimeout,
                "fewer replicas than required have received the record within the time-out of the "
                "request"});
}

void KafkaBackend::append_waiting() {
  while (!waiting_.empty()) {
    Waiting& first = waiting_.front();
    if (!log_.try_append(first.request, first.done))
      return log_.when_room([this] { loop_.post([this] { append_waiting(); }); });
    waiting_.pop_front();
  }
}

void KafkaBackend::delete_records(const storage::TopicPartition& partition, Offset start,
                                  int32_t timeout_ms, std::function<void(Status)> done) {
  auto answer = on_loop(loop_, std::move(done));
  log_.trim({partition, start}, [&cluster = cluster_, partition, start, timeout_ms,
                                 answer = std::move(answer)](Status trimmed) {
    if (!trimmed) return answer(std::move(trimmed));
    cluster.await_trimmed(partition, start, timeout_ms, answer);
  });
}

// Adds partitions to a transaction. In a cluster, the request always passes through the member's thread, so that a
// connection's requests for a partition stay in order.
void KafkaBackend::join_transaction(coordinator::AddPartitions request,
                                    coordinator::Done<coordinator::TransactionAnswer> done) {
  if (!cluster_.routes_transactions())
    return transactions_->ask(std::move(request), std::move(done));
  const auto topics = this->topics();
  const storage::TopicInfo* state = topics->find(coordinator::kTransactionsTopic);
  if (!state) return done(request.refusal(KafkaError::CoordinatorNotAvailable));
  const storage::TopicPartition coordinator{
      state->id, coordinator::partition_of_key(request.transactional_id, state->partition_count)};
  cluster_.join_transaction(coordinator, std::move(request), on_loop(loop_, std::move(done)));
}

std::shared_ptr<storage::TransactionGuard> KafkaBackend::guard_transaction(
    const storage::TopicPartition& partition, ProducerId producer) {
  return cluster_.guard_transaction(log_, partition, producer);
}

void KafkaBackend::confirm_leads(std::set<storage::TopicPartition> partitions,
                                 std::function<void(ConfirmedLeaders)> done) {
  if (cluster_.leads_all()) return done(std::move(partitions));
  cluster_.confirm_leads(std::move(partitions), on_loop(loop_, std::move(done)));
}

void KafkaBackend::allocate_producer_id(std::function<void(Result<ProducerId>)> done) {
  cluster_.allocate_producer_id(log_, on_loop(loop_, std::move(done)));
}

std::shared_ptr<const storage::PartitionStatus> KafkaBackend::find_partition(
    const storage::TopicPartition& partition) const {
  return log_.find_partition(partition);
}

}  // namespace server
