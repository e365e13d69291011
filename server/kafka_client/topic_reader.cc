#include "server/kafka_client/topic_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "records/batch.h"
#include "records/control_batch.h"
#include "server/kafka/messages/fetch_request.h"
#include "server/kafka/messages/list_offsets_request.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka_client {

namespace {

constexpr int32_t kMetadata = -1;
constexpr int8_t kReadCommitted = 1;
constexpr int64_t kEarliest = -2, kLatest = -1;
constexpr int64_t kUsOfMs = 1'000;
constexpr int64_t kMostOffset = INT64_MAX / 2;
constexpr KafkaError kLeaderNotAvailable{5};
constexpr KafkaError kReplicaNotAvailable{9};

bool passes_by_itself(KafkaError error) {
  return error == KafkaError::NotLeaderOrFollower || error == KafkaError::FencedLeaderEpoch ||
         error == kafka::kUnknownLeaderEpoch || error == kLeaderNotAvailable ||
         error == kReplicaNotAvailable || error == kafka::kOffsetNotAvailable ||
         error == KafkaError::RequestTimedOut || error == KafkaError::KafkaStorageError;
}

// The aborted transactions in one answer. Their records are skipped, as KIP-98 prescribes for readers of committed
// records.
class AbortedTransactions {
 public:
  explicit AbortedTransactions(const kafka::FetchResponse::Topic::Partition& answer) {
    if (!answer.aborted_transactions) return;
    for (const auto& each : *answer.aborted_transactions)
      begins_.emplace_back(each.first_offset, each.producer_id);
    std::ranges::sort(begins_);
  }

  // Returns whether the records of the batch are to be returned. Called with the batches in their order.
  Result<bool> admits(const records::BatchView& batch) {
    const records::BatchHeader& header = batch.header;
    while (next_ < begins_.size() && begins_[next_].first <= header.last_offset().value())
      open_.insert(begins_[next_++].second);
    if (header.is_control()) {
      const auto marker = records::parse_marker(batch);
      if (marker && marker->end == records::TransactionEnd::Abort)
        open_.erase(header.producer_id.value());
      return false;
    }
    return !header.is_transactional() || !open_.contains(header.producer_id.value());
  }

 private:
  std::vector<std::pair<int64_t, int64_t>> begins_;  // first offset and producer
  size_t next_ = 0;
  std::set<int64_t> open_;
};

// Returns whether the bytes end within a batch, which brokers cut at the limit of an answer.
bool is_cut(std::string_view bytes) {
  if (bytes.size() < records::kBatchPrefixSize) return true;
  const auto length = load_be<int32_t>(bytes.data() + sizeof(int64_t));
  return length >= 0 && bytes.size() - records::kBatchPrefixSize < static_cast<size_t>(length);
}

std::optional<std::string> owned(const std::optional<std::string_view>& bytes) {
  return bytes ? std::optional<std::string>(*bytes) : std::nullopt;
}

}  // namespace

Error topic_error(KafkaError error, const std::string& topic, std::string_view action) {
  if (error == KafkaError::UnknownTopicOrPartition || error == kafka::kUnknownTopicId)
    return {ErrorCode::UndefinedSource, fmt::format("there is no topic \"{}\"", topic)};
  if (error == KafkaError::InvalidTopic)
    return {ErrorCode::UndefinedSource, fmt::format("\"{}\" is not a name of a topic", topic)};
  if (error == kafka::kTopicRefused)
    return {ErrorCode::InsufficientPrivilege,
            fmt::format("not allowed to {} topic \"{}\"", action, topic),
            {},
            fmt::format("kafka-acls --add --allow-principal User:NAME --operation {} --topic {}",
                        action, topic)};
  return {ErrorCode::NetworkFailure,
          fmt::format("the broker refuses to {} topic \"{}\" with Kafka's error {}", action, topic,
                      static_cast<int>(error))};
}

std::shared_ptr<TopicReader> TopicReader::make(std::shared_ptr<KafkaClient> client,
                                               std::string topic, Start start) {
  return std::shared_ptr<TopicReader>(new TopicReader(std::move(client), std::move(topic), start));
}

TopicReader::TopicReader(std::shared_ptr<KafkaClient> client, std::string topic, Start start)
    : client_(std::move(client)),
      topic_(std::move(topic)),
      start_(start),
      retry_(client_->loop(), "a topic of another cluster is read again", [this] { step(); }) {}

void TopicReader::next(Done done) {
  waiting_ = std::move(done);
  step();
}

void TopicReader::close() {
  is_over_ = true;
  waiting_ = nullptr;
  retry_.stop();
}

int64_t TopicReader::deadline_us() const {
  return client_->now_us() + client_->settings().request_timeout_ms * kUsOfMs;
}

// Does the next step for a waiting next(): passes ready records on, or sends requests to the
// leaders that have none in progress.
void TopicReader::step() {
  if (is_over_ || !waiting_) return;
  if (!ready_.empty()) {
    ForeignRecords records = std::move(ready_.front());
    ready_.pop_front();
    return deliver(std::move(records));
  }
  if (retry_.is_running()) return;
  if (needs_leaders_) return find_leaders();
  std::set<int32_t> without_offset, with_offset;
  for (const auto& [id, partition] : partitions_)
    (partition.offset ? with_offset : without_offset).insert(partition.leader);
  // Keeps this object alive, because a callback within the calls below may end the reading.
  const auto self = shared_from_this();
  for (const int32_t leader : without_offset)
    if (!is_over_ && !asked_.contains(leader)) find_offsets(leader);
  for (const int32_t leader : with_offset)
    if (!is_over_ && !asked_.contains(leader)) fetch(leader);
}

void TopicReader::deliver(Result<ForeignRecords> records) {
  if (is_over_) return;
  if (!records) is_over_ = true;
  if (const Done done = std::exchange(waiting_, nullptr)) done(std::move(records));
}

void TopicReader::succeeded() { failing_since_us_.reset(); }

// Looks for the leaders again after a pause, or fails if this has had no success for too long.
void TopicReader::fail_or_retry(Error error) {
  const ClientSettings& settings = client_->settings();
  const bool may_pass =
      error.code == ErrorCode::NetworkFailure || error.code == ErrorCode::UnknownTopic;
  if (!failing_since_us_) failing_since_us_ = client_->now_us();
  const int64_t failing_ms = (client_->now_us() - *failing_since_us_) / kUsOfMs;
  if (!may_pass || !has_begun_ || failing_ms > settings.request_timeout_ms)
    return deliver(std::move(error));
  needs_leaders_ = true;
  if (!retry_.is_running())
    retry_.start_once(std::clamp<int64_t>(failing_ms, std::max<int64_t>(settings.backoff_ms, 1),
                                          std::max<int64_t>(settings.backoff_max_ms, 1)));
}

template <class Answer>
std::function<void(Result<Answer>)> TopicReader::answered(
    int32_t leader, void (TopicReader::*take)(const Answer&)) {
  return [self = shared_from_this(), leader, take](Result<Answer> answer) {
    self->asked_.erase(leader);
    if (self->is_over_) return;
    if (!answer) return self->fail_or_retry(std::move(answer).error());
    (self.get()->*take)(*answer);
    self->step();
  };
}

// --- Leaders

void TopicReader::find_leaders() {
  if (!asked_.insert(kMetadata).second) return;
  client_->ask_metadata(std::vector<std::string>{topic_}, deadline_us(),
                        answered(kMetadata, &TopicReader::take_leaders));
}

void TopicReader::take_leaders(const kafka::MetadataResponse& answer) {
  const auto topic = std::ranges::find(answer.topics, topic_,
                                       [](const auto& each) { return each.name.value_or(""); });
  if (topic == answer.topics.end())
    return deliver(topic_error(KafkaError::UnknownTopicOrPartition, topic_, "READ"));
  if (topic->error_code != KafkaError::None && !passes_by_itself(topic->error_code))
    return deliver(topic_error(topic->error_code, topic_, "DESCRIBE"));
  needs_leaders_ = false;
  bool has_all = topic->error_code == KafkaError::None;
  for (const auto& each : topic->partitions) {
    Partition& partition = partitions_[each.partition_index];
    partition.leader = each.leader_id;
    partition.leader_epoch = each.leader_epoch;
    has_all = has_all && each.leader_id >= 0;
  }
  if (!has_all)
    return fail_or_retry({ErrorCode::NetworkFailure,
                          fmt::format("a partition of topic \"{}\" has no leader", topic_)});
  if (!std::exchange(has_begun_, true)) deliver(ForeignRecords{});
}

// --- Offsets

void TopicReader::find_offsets(int32_t leader) {
  asked_.insert(leader);
  kafka::ListOffsetsRequest request;
  request.isolation_level = kReadCommitted;
  request.timeout_ms = static_cast<int32_t>(client_->settings().request_timeout_ms);
  auto& topic = request.topics.emplace_back();
  topic.name = topic_;
  for (const auto& [id, partition] : partitions_)
    if (partition.leader == leader && !partition.offset)
      topic.partitions.push_back({.partition_index = id,
                                  .current_leader_epoch = partition.leader_epoch,
                                  .timestamp = start_ == Start::Beginning ? kEarliest : kLatest});
  client_->ask_broker<kafka::ListOffsetsRequest, kafka::ListOffsetsResponse>(
      leader, request, {4, kafka::ListOffsetsRequest::kMaxVersion}, deadline_us(),
      answered(leader, &TopicReader::take_offsets));
}

Result<bool> TopicReader::check(KafkaError error) {
  if (error == KafkaError::None) return true;
  // The topic existed when the reading began, so this broker may have older metadata than others.
  if (!passes_by_itself(error) && error != KafkaError::UnknownTopicOrPartition)
    return topic_error(error, topic_, "READ");
  fail_or_retry({ErrorCode::NetworkFailure,
                 fmt::format("the broker answers for topic \"{}\" with Kafka's error {}", topic_,
                             static_cast<int>(error))});
  return false;
}

void TopicReader::take_offsets(const kafka::ListOffsetsResponse& answer) {
  for (const auto& topic : answer.topics)
    for (const auto& each : topic.partitions) {
      const auto is_good = check(each.error_code);
      if (!is_good) return deliver(is_good.error());
      const auto found = partitions_.find(each.partition_index);
      if (!*is_good || topic.name != topic_ || found == partitions_.end()) continue;
      if (each.offset < 0)
        return deliver(Error{
            ErrorCode::ProtocolViolation,
            fmt::format("the broker reports offset {} of topic \"{}\"", each.offset, topic_)});
      found->second.offset = each.offset;
      succeeded();
    }
}

// --- Records

void TopicReader::fetch(int32_t leader) {
  asked_.insert(leader);
  const ClientSettings& settings = client_->settings();
  kafka::FetchRequest request;
  request.max_wait_ms = settings.fetch_max_wait_ms;
  request.min_bytes = settings.fetch_min_bytes;
  request.max_bytes = std::min(settings.fetch_max_bytes, settings.partition_max_bytes);
  request.isolation_level = kReadCommitted;
  auto& topic = request.topics.emplace_back();
  topic.topic = topic_;
  for (const auto& [id, partition] : partitions_)
    if (partition.leader == leader && partition.offset)
      topic.partitions.push_back({.partition = id,
                                  .current_leader_epoch = partition.leader_epoch,
                                  .fetch_offset = *partition.offset,
                                  .partition_max_bytes = settings.partition_max_bytes});
  // At most version 12, because later versions name topics by their ids; at least version 11, which Kafka 2.5 has.
  client_->ask_broker<kafka::FetchRequest, kafka::FetchResponse>(
      leader, request, {11, 12}, deadline_us(), answered(leader, &TopicReader::take_records));
}

void TopicReader::take_records(const kafka::FetchResponse& answer) {
  if (const auto is_good = check(answer.error_code); !is_good) return deliver(is_good.error());
  for (const auto& topic : answer.responses) {
    if (topic.topic != topic_) continue;
    for (const auto& partition : topic.partitions) {
      ForeignRecords records;
      if (Status taken = take_partition(partition, records); !taken)
        return deliver(std::move(taken).error());
      if (is_over_) return;
      if (!records.records.empty() || !records.losses.empty()) ready_.push_back(std::move(records));
    }
  }
}

Status TopicReader::take_partition(const kafka::FetchResponse::Topic::Partition& answer,
                                   ForeignRecords& records) {
  const auto found = partitions_.find(answer.partition_index);
  if (found == partitions_.end() || !found->second.offset) return {};
  Partition& partition = found->second;
  if (answer.error_code == KafkaError::OffsetOutOfRange) {
    if (answer.log_start_offset <= *partition.offset)
      return Error{ErrorCode::ObjectState,
                   fmt::format("partition {} of topic \"{}\" was cut before offset {}",
                               answer.partition_index, topic_, *partition.offset)};
    records.losses.push_back(fmt::format(
        "partition {} of topic \"{}\": the offsets {} to {} were deleted before they were read",
        answer.partition_index, topic_, *partition.offset, answer.log_start_offset - 1));
    partition.offset = answer.log_start_offset;
    return {};
  }
  if (!TRY(check(answer.error_code))) return {};
  succeeded();
  return read_batches(answer, partition, records);
}

Status TopicReader::read_batches(const kafka::FetchResponse::Topic::Partition& answer,
                                 Partition& partition, ForeignRecords& records) {
  std::string_view bytes = answer.records ? answer.records->whole() : std::string_view();
  AbortedTransactions aborted(answer);
  std::string scratch;
  const auto damaged = [&](std::string_view reason, std::string hint = {}) {
    return Error{ErrorCode::CorruptRecord,
                 fmt::format("partition {} of topic \"{}\", offset {}: {}", answer.partition_index,
                             topic_, *partition.offset, reason),
                 {},
                 std::move(hint)};
  };
  if (!bytes.empty() && is_cut(bytes))
    return damaged("the broker returns only a part of a record batch");
  while (!bytes.empty() && !is_cut(bytes)) {
    const auto batch = records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc);
    if (!batch)
      return damaged(batch.error().message,
                     "Links read record batches of version 2 (log.message.format.version 0.11 and "
                     "later).");
    bytes.remove_prefix(batch->header.size_bytes);
    if (batch->header.base_offset.value() < 0 || batch->header.last_offset().value() >= kMostOffset)
      return damaged(
          fmt::format("a record batch has offset {}", batch->header.base_offset.value()));
    if (batch->header.last_offset().value() < *partition.offset) continue;
    const bool is_admitted = TRY(aborted.admits(*batch));
    if (is_admitted) {
      auto reader = records::RecordReader::open(*batch, scratch);
      if (!reader) return damaged(reader.error().message);
      for (records::RecordView record; reader->next(record);) {
        if (batch->header.base_offset.value() + record.offset_delta < *partition.offset) continue;
        records.records.push_back(
            {answer.partition_index, record.timestamp, owned(record.key), owned(record.value)});
      }
      if (const Status all = reader->status(); !all) return damaged(all.error().message);
    }
    partition.offset = batch->header.last_offset().value() + 1;
  }
  return {};
}

}  // namespace server::kafka_client
