#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/view_topic.h"
#include "records/batch.h"
#include "records/decompressor.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/transaction_answers.h"
#include "server/kafka/join_order.h"
#include "server/kafka/leaders.h"
#include "server/kafka/refused_batches.h"
#include "server/kafka/wire_errors.h"
#include "storage/meta/topic_configs.h"

namespace server::kafka {

namespace {

using ProduceAnswer = ProduceResponse::Topic::Partition;

constexpr int16_t kAllReplicas = -1;  // value of acks: all replicas in sync
constexpr int16_t kFirstVersionWithZstd = 7, kFirstProduceWithTopicIds = 13;
constexpr int16_t kFirstWithStorageError = 4;
constexpr int16_t kFirstProduceWithAbortable = 11, kFirstProduceOfSecondVersion = 12;

// Limits for batches that are checked on the loop, in received bytes and in uncompressed bytes.
// Larger batches are checked on another thread, because a few kilobytes may expand to 64 MB, whose
// check takes a third of a second.
constexpr size_t kMostProducedOnLoop = size_t{1} << 20;
constexpr size_t kMostUnpackedOnLoop = size_t{256} << 10;

// The range of timestamps that a topic accepts from its producers.
struct TimeWindow {
  int64_t earliest = INT64_MIN, latest = INT64_MAX;

  Status check(const records::RecordTimes& times) const {
    if (times.latest == records::kNoTimestamp) return {};  // no record has a timestamp
    if (times.earliest >= earliest && times.latest <= latest) return {};
    return Error{
        ErrorCode::InvalidTimestamp,
        fmt::format("timestamp {} is out of range: the topic accepts times from {} to {}",
                    times.latest > latest ? times.latest : times.earliest, earliest, latest)};
  }
};

// The parameters of a batch's check.
struct Checking {
  int16_t version;         // version of the request
  bool names_transaction;  // the request has a transactional id
  bool needs_keys;         // the topic is compacted
  TimeWindow window = {};
  size_t most_unpacked = SIZE_MAX;
};

// Limit for the invalid records that an answer lists one by one.
constexpr size_t kMostRecordErrors = 100;
constexpr std::string_view kWithoutKey = "Compacted topic cannot accept message without key.";
constexpr std::string_view kBehindRefused = "an earlier batch of the same producer was rejected";

// Checks the batch as a whole; its records are checked afterwards. If the batch was damaged during its transfer,
// the error is CORRUPT_MESSAGE (2), after which clients send it again. Other invalid batches would stay invalid;
// their error is INVALID_RECORD (87).
Result<records::BatchView> check_envelope(std::string_view bytes, const Checking& how,
                                          KafkaError& error) {
  error = KafkaError::InvalidRecord;
  const auto parsed = records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc);
  if (!parsed) {
    if (records::is_damaged_on_the_way(bytes)) error = KafkaError::CorruptMessage;
    return parsed.error();
  }
  const records::BatchView& batch = *parsed;
  if (batch.header.size_bytes != bytes.size())
    return Error{ErrorCode::CorruptRecord, "a partition accepts one record batch per request"};
  if (batch.header.is_transactional() && !how.names_transaction) {
    error = coordinator::kInvalidTxnState;
    return Error{ErrorCode::ObjectState,
                 "the batch is part of a transaction, but the request names none"};
  }
  if (batch.header.codec() == records::Codec::Zstd && how.version < kFirstVersionWithZstd) {
    error = kUnsupportedCompression;
    return Error{ErrorCode::CorruptRecord, "zstd requires version 7 of this request"};
  }
  if (batch.header.has_log_append_time()) {
    error = KafkaError::InvalidTimestamp;
    return Error{ErrorCode::InvalidTimestamp, "clients cannot set the append time"};
  }
  TRY(storage::check_header_for_append(batch.header));
  return batch;
}

struct Checked {
  Status status;
  KafkaError error = KafkaError::None;  // set if `status` is an error
  bool is_complete = true;
  records::BatchHeader header = {};  // set if the batch is well-formed
  // The largest timestamp of the records, if the header of the batch has a wrong one. Searches by
  // time rely on the header, so the header is then corrected.
  std::optional<int64_t> max_timestamp;
  // The producer, if the batch is transactional.
  std::optional<coordinator::ProducerIdentity> transaction;
  std::vector<int32_t> without_key;  // positions of records that need a key
};

// Checks that each record has a key. Called if the records are well-formed.
Status check_keys(const records::BatchHeader& header, std::string_view records, Checked& checked) {
  auto reader = TRY(records::RecordReader::over(header, records));
  for (records::RecordView record; reader.next(record);)
    if (!record.key && checked.without_key.size() < kMostRecordErrors)
      checked.without_key.push_back(record.offset_delta);
  if (checked.without_key.empty()) return {};
  return Error{ErrorCode::CorruptRecord,
               "one or more records have been rejected: the topic is "
               "compacted, and they have no key"};
}

// Checks the records of the batch. Returns nullopt, without a check, if the batch has more than
// `most_unpacked` uncompressed bytes.
Result<std::optional<records::RecordTimes>> check_contents(const records::BatchView& batch,
                                                           const Checking& how, Checked& checked) {
  std::optional<records::Decompressor> unpacking;
  std::string_view records = batch.payload();
  if (batch.header.codec() != records::Codec::None) {
    unpacking.emplace(batch.header.codec(), records::kMaxRecordsSize);
    if (!TRY(unpacking->step(batch.payload(), how.most_unpacked))) return std::nullopt;
    records = unpacking->bytes();
  }
  const records::RecordTimes times = TRY(records::check_records(batch.header, records));
  if (how.needs_keys) TRY(check_keys(batch.header, records, checked));
  return times;
}

Checked check(std::string_view bytes, const Checking& how) {
  Checked checked;
  const auto batch = check_envelope(bytes, how, checked.error);
  const Result<std::optional<records::RecordTimes>> contents =
      batch ? check_contents(*batch, how, checked) : batch.error();
  if (!contents) {
    checked.status = contents.error();
    if (contents.error().code == ErrorCode::RecordTooLarge)
      checked.error = KafkaError::MessageTooLarge;
    return checked;
  }
  checked.header = batch->header;
  checked.is_complete = contents->has_value();
  if (!checked.is_complete) return checked;
  checked.status = how.window.check(**contents);
  if (!checked.status) checked.error = KafkaError::InvalidTimestamp;
  if ((*contents)->latest != batch->header.max_timestamp)
    checked.max_timestamp = (*contents)->latest;
  if (batch->header.is_transactional())
    checked.transaction = {batch->header.producer_id, batch->header.producer_epoch};
  return checked;
}

int64_t number_config(const storage::TopicInfo& topic, std::string_view name) {
  const std::string_view text = storage::topic_config(topic, name);
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool is_too_large(const storage::TopicInfo& topic, size_t size) {
  return static_cast<int64_t>(size) > number_config(topic, "max.message.bytes");
}

// Returns the range of accepted timestamps (KIP-937).
TimeWindow window_of(const storage::TopicInfo& topic, int64_t now_ms) {
  const int64_t before_ms = number_config(topic, "message.timestamp.before.max.ms");
  const int64_t after_ms = number_config(topic, "message.timestamp.after.max.ms");
  return {before_ms > now_ms ? INT64_MIN : now_ms - before_ms,
          after_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + after_ms};
}

// The answer to a request, which is sent when all partitions are done. Each partition is stored or
// refused independently. Shared by the callbacks.
struct PartitionAnswers {
  ProduceResponse response;
  Reply<ProduceResponse> reply;
  int16_t acks;
  int32_t timeout_ms;
  size_t left = 1;
  bool has_failed = false;

  void complete_one() {
    if (--left > 0) return;
    if (acks != 0) return reply.send(response);
    // The client expects no answer to a request with acks 0, so a failure can only end the connection.
    has_failed ? reply.end_connection() : reply.send_nothing();
  }
  void refuse(ProduceAnswer& answer, KafkaError error, std::string message) {
    // Clients of earlier versions do not support KAFKA_STORAGE_ERROR. NOT_LEADER_OR_FOLLOWER makes
    // them look up the leader and retry (KIP-112).
    if (error == KafkaError::KafkaStorageError && reply.version() < kFirstWithStorageError)
      error = KafkaError::NotLeaderOrFollower;
    answer.error_code = error;
    answer.error_message = std::move(message);
    has_failed = true;
  }
  void refuse(ProduceAnswer& answer, const Checked& checked) {
    for (const int32_t index : checked.without_key)
      answer.record_errors.push_back({index, std::string(kWithoutKey)});
    refuse(answer, checked.error, checked.status.error().message);
  }
};

// A batch of the request that has passed its checks and is to be appended. The two indexes are the place of its answer
// in the response.
struct Append {
  storage::TopicPartition partition;
  std::string batch;
  bool has_append_time = false;  // the log sets the timestamps, not the client
  size_t topic_index, index;
  std::string topic = {};                     // name of the topic
  std::optional<int64_t> max_timestamp = {};  // replaces the timestamp of the header
  std::optional<SequencedBatch> sequenced = {};
  std::shared_ptr<storage::TransactionGuard> guard = {};
  uint64_t place = 0;  // the batch's place in `JoinOrder`
};

// Logs a batch that was rejected for its contents, at most once a second on each loop. Clients such as kcat show only the
// name of the error.
void log_rejected(const Append& append, const Checked& checked, const Clock& clock) {
  constexpr int64_t kInterval_us = 1'000'000;
  thread_local int64_t next_us = 0;
  thread_local uint64_t others = 0;
  const int64_t now_us = clock.monotonic_us();
  if (now_us < next_us) {
    ++others;
    return;
  }
  next_us = now_us + kInterval_us;
  log_warn("records of a producer rejected topic={} partition={} reason=\"{}{}\" others={}",
           append.topic, append.partition.partition.value(), checked.status.error().message,
           checked.without_key.empty() ? "" : "; send a key with each record, as kcat -K : does",
           std::exchange(others, 0));
}

constexpr KafkaError kUnknownProducerId{59};

// Returns the error for the producer. After REQUEST_TIMED_OUT, which reports a lack of memory,
// producers retry.
KafkaError error_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::OutOfMemory:
      return KafkaError::RequestTimedOut;
    // The leader epoch has changed since the request arrived. librdkafka does not expect
    // FENCED_LEADER_EPOCH in an answer to Produce, and would drop the records.
    case ErrorCode::FencedLeaderEpoch:
      return KafkaError::NotLeaderOrFollower;
    case ErrorCode::ObjectState:  // the batch is outside of its producer's transaction
      return coordinator::kInvalidTxnState;
    case ErrorCode::UndefinedObject:  // the sequence is from a transaction that has ended
      return kUnknownProducerId;
    default:
      return kafka_error(code);
  }
}

// Returns whether the error depends on the log's state of the producer and makes the client give
// up. Such an error is sent only after the leadership is confirmed: a leader that was frozen or cut
// off may have been replaced, and then lacks batches that the new leader has acknowledged.
bool is_verdict(KafkaError error) {
  return error == kafka_error(ErrorCode::OutOfOrderSequence) ||
         error == coordinator::kInvalidTxnState || error == kUnknownProducerId;
}

// Translates the coordinator's error for producers, which do not expect the retriable errors of
// coordinators in the answer to Produce.
KafkaError transaction_error(KafkaError error, int16_t version) {
  const bool passes =
      error == coordinator::kCoordinatorLoadInProgress || error == coordinator::kNotCoordinator ||
      (error == coordinator::kConcurrentTransactions && version < kFirstProduceOfSecondVersion) ||
      error == KafkaError::CoordinatorNotAvailable;
  if (passes) return KafkaError::NotEnoughReplicas;
  return as_abortable(as_old_epoch(error), version, kFirstProduceWithAbortable);
}

// The transactional batches of a request by producer, at most one batch for each partition.
using Joining = std::map<std::pair<ProducerId, int16_t>, std::vector<Append>>;

// The state of a produce request. Its callbacks run after the handler has returned, and share this object.
struct Producer {
  Backend& backend;
  const Clock& clock;
  std::shared_ptr<PartitionAnswers> pending;
  std::shared_ptr<RefusedBatches> refused;
  std::shared_ptr<JoinOrder> order;
  std::string transactional_id = {};

  ProduceAnswer& answer(const Append& append) const {
    return pending->response.responses[append.topic_index].partition_responses[append.index];
  }

  void begin_checked(Append append, const Checked& checked, Joining& joining) const {
    if (!checked.status) {
      log_rejected(append, checked, clock);
      return pending->refuse(answer(append), checked);
    }
    append.max_timestamp = checked.max_timestamp;
    append.sequenced = SequencedBatch::of(append.partition, checked.header);
    if (checked.transaction)
      joining[{checked.transaction->id, checked.transaction->epoch}].push_back(std::move(append));
    else
      begin(std::move(append));
  }

  void join_all(Joining joining) const {
    for (auto& [producer, appends] : joining) {
      for (Append& append : appends)
        append.place = order->enter({append.partition, producer.first});
      join(std::move(appends), {producer.first, producer.second}, Asked::WhetherTheyAre);
    }
  }

  // Verifies with the coordinator that each partition is part of the transaction. If a partition
  // were not, it would never get the marker that ends the transaction (KIP-890). In the second
  // version of the protocol clients do not add partitions to a transaction themselves, so the
  // server adds those that are missing. Batches of other partitions do not wait for this; batches
  // of one partition continue in their order of arrival.
  enum class Asked { WhetherTheyAre, ToAddThem };
  void join(std::vector<Append> appends, const coordinator::ProducerIdentity& producer,
            Asked what) const {
    const bool is_second = pending->reply.version() >= kFirstProduceOfSecondVersion;
    coordinator::AddPartitions asked{.transactional_id = transactional_id,
                                     .producer = producer,
                                     .verify_only = what == Asked::WhetherTheyAre,
                                     .is_of_second_version = is_second};
    for (Append& append : appends) {
      asked.partitions[append.topic].push_back(append.partition.partition.value());
      // In the second version of the protocol, a producer gets a new epoch at the end of each
      // transaction, and batches with an older epoch are refused. So no guard against late batches
      // is needed, even if the previous transaction has not got all of its end markers yet.
      if (!is_second) append.guard = backend.guard_transaction(append.partition, producer.id);
    }
    for (auto& [topic, partitions] : asked.partitions) std::ranges::sort(partitions);
    ++pending->left;
    backend.join_transaction(
        std::move(asked), [self = *this, appends = std::move(appends), producer, what,
                           is_second](const coordinator::TransactionAnswer& answer) mutable {
          std::vector<Append> missing;
          for (Append& append : appends) {
            if (append.guard) append.guard->answered_under(answer.coordinator_epoch);
            if (is_missing(answer, append))
              missing.push_back(std::move(append));
            else
              self.go_on(std::move(append), producer.id,
                         answer.error == KafkaError::None || !answer.missing.empty()
                             ? std::nullopt
                             : std::optional(answer.error));
          }
          if (is_second && what == Asked::WhetherTheyAre && !missing.empty())
            self.join(std::exchange(missing, {}), producer, Asked::ToAddThem);
          for (Append& append : missing) self.go_on(std::move(append), producer.id, answer.error);
          self.pending->complete_one();
        });
  }
  // Appends the batch, or refuses it with `refusal`. Waits until all earlier batches of the producer for the same
  // partition were appended or refused (JoinOrder).
  void go_on(Append append, ProducerId producer, std::optional<KafkaError> refusal) const {
    ++pending->left;
    const JoinOrder::Lane lane{append.partition, producer};
    const uint64_t place = append.place;
    const auto shared = std::make_shared<Append>(std::move(append));
    order->settle(lane, place, [self = *this, shared, refusal] {
      if (refusal)
        self.refuse_joining(*shared, *refusal);
      else
        self.begin(std::move(*shared));
      self.pending->complete_one();
    });
  }
  static bool is_missing(const coordinator::TransactionAnswer& answer, const Append& append) {
    const auto found = answer.missing.find(append.topic);
    return found != answer.missing.end() &&
           std::ranges::binary_search(found->second, append.partition.partition.value());
  }
  void refuse_joining(const Append& append, KafkaError error) const {
    refuse(answer(append), append.partition, append.batch,
           transaction_error(error, pending->reply.version()),
           "the partition is not part of an open transaction of the producer");
  }

  // Refuses the batch and remembers the refusal, so that later batches are not stored before it.
  void refuse(ProduceAnswer& to, const storage::TopicPartition& partition, std::string_view batch,
              KafkaError error, std::string message) const {
    pending->refuse(to, error, std::move(message));
    const auto parsed = records::parse_batch(batch, records::BatchCheck::Shape);
    const auto sequenced = parsed ? SequencedBatch::of(partition, parsed->header) : std::nullopt;
    if (sequenced) refused->refused(*sequenced, error, clock.monotonic_us());
  }

  // Remembers that the batch was refused. Returns the error for the client; it may be the error of
  // an earlier refused batch.
  static KafkaError note(RefusedBatches& refused, const SequencedBatch& batch, ErrorCode why,
                         KafkaError error, const Clock& clock) {
    if (why == ErrorCode::OutOfOrderSequence)
      return refused.before(batch, clock.monotonic_us()).value_or(error);
    // ReadTimeout: the batch is stored on the leader, but not on all in-sync replicas yet, so it does
    // not count as refused.
    if (why != ErrorCode::ReadTimeout) refused.refused(batch, error, clock.monotonic_us());
    return error;
  }

  static void refuse_confirmed(PartitionAnswers& pending, ProduceAnswer& to, KafkaError error,
                               std::string why, bool leads) {
    if (leads)
      pending.refuse(to, error, std::move(why));
    else
      pending.refuse(to, KafkaError::NotLeaderOrFollower,
                     "another node leads the partition, or may do so by now");
    pending.complete_one();
  }

  void begin(Append append) const {
    const std::optional<SequencedBatch> sequenced = append.sequenced;
    if (sequenced && !refused->empty())
      if (const auto error = refused->first_before(*sequenced, clock.monotonic_us()))
        return pending->refuse(answer(append), *error, std::string(kBehindRefused));
    if (append.has_append_time) {
      answer(append).log_append_time_ms = clock.wall_ms();
      records::set_log_append_time(append.batch, answer(append).log_append_time_ms);
    } else if (append.max_timestamp) {
      records::set_max_timestamp(append.batch, *append.max_timestamp);
    }
    storage::AppendRequest request;
    request.parts.push_back(
        {append.partition, std::move(append.batch), {}, std::move(append.guard)});
    request.acks = pending->acks == kAllReplicas ? storage::Acks::All : storage::Acks::Leader;
    ++pending->left;
    storage::AppendDone done = [pending = pending, refused = refused, clock = &clock, sequenced,
                                backend = &backend, partition = append.partition,
                                topic_index = append.topic_index,
                                index = append.index](Result<storage::Appended> appended) {
      ProduceAnswer& to = pending->response.responses[topic_index].partition_responses[index];
      if (appended) {
        if (!appended->batches.empty())
          to.base_offset = appended->batches.front().base_offset.value();
        if (sequenced && !refused->empty()) refused->taken(*sequenced);
        return pending->complete_one();
      }
      KafkaError error = error_of(appended.error().code);
      if (sequenced) error = note(*refused, *sequenced, appended.error().code, error, *clock);
      if (is_verdict(error))
        return backend->confirm_leads(
            {partition}, [pending, &to, error, why = appended.error()](const auto& confirmed) {
              refuse_confirmed(*pending, to, error, why.message, !confirmed.empty());
            });
      pending->refuse(to, error, appended.error().message);
      pending->complete_one();
    };
    if (request.acks == storage::Acks::All)
      done = backend.answered_within(pending->timeout_ms, std::move(done));
    backend.append(std::move(request), std::move(done));
  }
};

class Producing {
 public:
  Producing(HandlerContext& context, std::shared_ptr<PartitionAnswers> pending,
            std::string transactional_id)
      : context_(context),
        pending_(std::move(pending)),
        producer_{context.backend, context.clock,      pending_,
                  context.refused, context.join_order, std::move(transactional_id)},
        topics_(context.backend.topics()),
        leaders_(context.backend) {}

  // Finds the topic. From version 13 on, topics are identified by id instead of name (KIP-516).
  const storage::TopicInfo* find(const ProduceRequest::Topic& asked) const {
    return has_topic_ids() ? topics_->find(asked.topic_id) : topics_->find(asked.name);
  }

  void add(const storage::TopicInfo* topic, const ProduceRequest::Topic::Partition& asked,
           size_t topic_index, size_t index) {
    ProduceAnswer& answer = pending_->response.responses[topic_index].partition_responses[index];
    answer.index = asked.index;
    if (!topic && has_topic_ids())
      return pending_->refuse(answer, kUnknownTopicId, "a topic with this id does not exist");
    if (!topic || asked.index < 0 || asked.index >= topic->partition_count)
      return pending_->refuse(answer, KafkaError::UnknownTopicOrPartition,
                              "the partition does not exist");
    // Clients may not write to these topics: coordinators restore their state from their topics,
    // and the rows of a materialized view must be those of its SELECT.
    if (coordinator::is_coordinator_topic(topic->name) ||
        topic->config.contains(std::string(kViewTopicSetting)))
      return pending_->refuse(
          answer, KafkaError::InvalidTopic,
          fmt::format("topic \"{}\" can only be written by the server", topic->name));
    const storage::TopicPartition partition{topic->id, PartitionId(asked.index)};
    if (!seen_.insert(partition).second)
      return pending_->refuse(answer, KafkaError::InvalidRequest,
                              "the request names the partition twice");
    const std::string_view bytes = asked.records ? asked.records->whole() : "";
    if (!is_led_here(partition, bytes, answer)) return;
    if (is_too_large(*topic, bytes.size()))
      return pending_->refuse(
          answer, KafkaError::MessageTooLarge,
          fmt::format("the batch has {} bytes, but max.message.bytes of topic \"{}\" is {}",
                      bytes.size(), topic->name,
                      storage::topic_config(*topic, "max.message.bytes")));
    const auto status = context_.backend.find_partition(partition);
    answer.log_start_offset = status ? status->log_start().value() : 0;
    const bool has_append_time = storage::has_append_time(*topic);
    Checking how{.version = pending_->reply.version(),
                 .names_transaction = !producer_.transactional_id.empty(),
                 .needs_keys = storage::has_cleanup_policy(*topic, "compact")};
    if (!has_append_time) how.window = window_of(*topic, context_.clock.wall_ms());
    check_and_append(bytes, {partition, {}, has_append_time, topic_index, index, topic->name}, how);
  }
  // Asks the coordinators whether the partitions of the collected transactional batches are part of
  // their transactions, and then appends the batches. Called after the last add().
  void join_transactions() { producer_.join_all(std::move(joining_)); }

 private:
  bool has_topic_ids() const { return pending_->reply.version() >= kFirstProduceWithTopicIds; }

  bool is_led_here(const storage::TopicPartition& partition, std::string_view bytes,
                   ProduceAnswer& answer) {
    const Leaders::Answer who = leaders_.of(partition);
    if (who.error != KafkaError::None) {
      answer.current_leader = {who.leader_id, who.leader_epoch};
      leaders_.add_endpoint(who.leader_id, pending_->response.node_endpoints);
      producer_.refuse(answer, partition, bytes, who.error, "another node leads the partition");
      return false;
    }
    if (pending_->acks != kAllReplicas || leaders_.has_min_isr(partition)) return true;
    producer_.refuse(answer, partition, bytes, KafkaError::NotEnoughReplicas,
                     "fewer replicas are in sync than min.insync.replicas requires");
    return false;
  }

  void check_and_append(std::string_view bytes, Append append, Checking how) {
    const bool may_go_aside = context_.run_aside != nullptr;
    if (may_go_aside && bytes.size() > kMostProducedOnLoop)
      return check_aside(bytes, std::move(append), how);
    if (may_go_aside) how.most_unpacked = kMostUnpackedOnLoop;
    const Checked checked = check(bytes, how);
    if (!checked.is_complete) return check_aside(bytes, std::move(append), how);
    append.batch = bytes;
    producer_.begin_checked(std::move(append), checked, joining_);
  }

  void check_aside(std::string_view bytes, Append append, Checking how) {
    append.batch = bytes;
    how.most_unpacked = SIZE_MAX;
    struct Errand {
      Append append;
      Checked checked;
    };
    auto errand = std::make_shared<Errand>(Errand{std::move(append), {}});
    const auto work = [errand, how] { errand->checked = check(errand->append.batch, how); };
    const auto then = [errand, producer = producer_, aside = context_.aside] {
      Joining joining;
      producer.begin_checked(std::move(errand->append), errand->checked, joining);
      producer.join_all(std::move(joining));
      producer.pending->complete_one();
      aside->leave();
    };
    ++context_.aside->under_way;
    ++pending_->left;
    if ((*context_.run_aside)(bytes.size(), work, then)) return;
    --context_.aside->under_way;
    --pending_->left;
    producer_.refuse(producer_.answer(errand->append), errand->append.partition,
                     errand->append.batch, KafkaError::RequestTimedOut,
                     "too many large batches are queued for checking; try again");
  }

  HandlerContext& context_;
  std::shared_ptr<PartitionAnswers> pending_;
  const Producer producer_;
  std::shared_ptr<const storage::TopicSnapshot> topics_;
  const Leaders leaders_;
  std::set<storage::TopicPartition> seen_;
  Joining joining_;
};

// Returns the delay for a client that exceeds its quota. The records are stored, but the client
// must wait before its next request.
int32_t throttle(HandlerContext& context, const ProduceRequest& request) {
  if (!context.throttle || !context.throttle->rates) return 0;
  const auto quotas = context.backend.quotas();
  if (quotas->empty()) return 0;
  size_t size = 0;
  for (const ProduceRequest::Topic& topic : request.topic_data)
    for (const ProduceRequest::Topic::Partition& partition : topic.partition_data)
      if (partition.records) size += partition.records->size_bytes();
  const QuotaRates::Wait wait = context.throttle->rates->record(
      *quotas, QuotaKind::Produce, context.throttle->client(), static_cast<int64_t>(size),
      context.clock.monotonic_us() / 1000);
  context.throttle->mute(context.clock, wait.ms);
  return wait.ms;
}

}  // namespace

// Appends the partitions separately, so that a refused partition does not delay the others. The
// log's writer puts them into one commit.
void handle_produce(HandlerContext& context, ProduceRequest request, Reply<ProduceResponse> reply) {
  auto pending = std::make_shared<PartitionAnswers>(
      PartitionAnswers{{}, reply, request.acks, request.timeout_ms});
  // A transactional batch needs acks -1: if one of its records were lost, the transaction would not
  // be atomic.
  const bool is_refused =
      request.acks < -1 || request.acks > 1 || (request.transactional_id && request.acks != -1);
  Producing producing(context, pending, request.transactional_id.value_or(""));
  pending->response.responses.resize(request.topic_data.size());
  for (size_t i = 0; i < request.topic_data.size(); ++i) {
    ProduceRequest::Topic& topic = request.topic_data[i];
    ProduceResponse::Topic& answers = pending->response.responses[i];
    answers.name = topic.name;
    answers.topic_id = topic.topic_id;
    const storage::TopicInfo* known = producing.find(topic);
    answers.partition_responses.resize(topic.partition_data.size());
    for (size_t j = 0; j < topic.partition_data.size(); ++j) {
      if (!is_refused) {
        producing.add(known, topic.partition_data[j], i, j);
        continue;
      }
      answers.partition_responses[j].index = topic.partition_data[j].index;
      pending->refuse(answers.partition_responses[j], kInvalidRequiredAcks,
                      request.transactional_id ? "acks must be -1 in a transaction"
                                               : "acks must be 0, 1 or "
                                                 "-1");
    }
  }
  producing.join_transactions();
  pending->response.throttle_time_ms = throttle(context, request);
  pending->complete_one();
}

}  // namespace server::kafka
