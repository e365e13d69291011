#include "server/kafka/handlers/fetch_pass.h"

#include <algorithm>
#include <span>

#include "server/kafka/leader_epochs.h"
#include "server/kafka/permissions.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

// A batch up to this size is served even when memory is exhausted; most batches are smaller.
constexpr int64_t kSmallAnswer = 64 << 10;

constexpr int16_t kFirstVersionWithTopicIds = 13;

// Returns whether the answer differs from the values that the session's client already has.
bool is_news(const FetchResponse::Topic::Partition& answer, const FetchSession::Partition& known) {
  return !answer.records->empty() || answer.error_code != KafkaError::None ||
         answer.preferred_read_replica != -1 || answer.diverging_epoch.epoch != -1 ||
         answer.high_watermark != known.high_watermark ||
         answer.log_start_offset != known.log_start_offset;
}

// Returns the size limit for an answer: the bytes that the quota allows within its whole window,
// because a larger answer would be delayed for ever.
int64_t within_quota(const HandlerContext& context) {
  if (!context.throttle || !context.throttle->rates) return kMaxFetchSize;
  const auto quotas = context.backend.quotas();
  if (quotas->empty()) return kMaxFetchSize;
  return QuotaRates::most_bytes(*quotas, QuotaKind::Fetch, context.throttle->client())
      .value_or(kMaxFetchSize);
}

}  // namespace

FetchPass::FetchPass(HandlerContext& context, const FetchRequest& request, int16_t version,
                     const Backend::ConfirmedLeaders* confirmed)
    : reader_(context.backend.reader()),
      topics_(context.backend.topics()),
      leaders_(context.backend),
      request_(request),
      confirmed_(confirmed),
      permissions_(context.permissions),
      uses_topic_ids_(version >= kFirstVersionWithTopicIds),
      room_(context.memory ? static_cast<int64_t>(context.memory->available_bytes() / 2)
                           : kMaxFetchSize),
      size_left_(std::clamp<int64_t>(request.max_bytes, 0,
                                     std::min({kMaxFetchSize, room_, within_quota(context)}))) {}

const storage::TopicInfo* FetchPass::find(const std::string& name, const Uuid& id) const {
  return uses_topic_ids_ ? topics_->find(id) : topics_->find(name);
}

FetchResponse FetchPass::take() {
  FetchResponse response;
  for (const FetchRequest::Topic& topic : request_.topics) {
    FetchResponse::Topic& answers = response.responses.emplace_back();
    answers.topic = topic.topic;
    answers.topic_id = topic.topic_id;
    const storage::TopicInfo* known = find(topic.topic, topic.topic_id);
    for (const FetchRequest::Topic::Partition& asked : topic.partitions)
      answers.partitions.push_back(partition(known, asked));
  }
  response.node_endpoints = std::move(endpoints_);
  return response;
}

FetchResponse FetchPass::take(FetchSession& session) {
  FetchResponse response;
  const FetchSession::Topic* last_topic = nullptr;
  for (auto place = session.partitions().begin(); place != session.partitions().end(); ++place) {
    const FetchSession::Topic& topic = *place->topic;
    Answer answer = partition(find(topic.name, topic.id), place->asked);
    if (!is_news(answer, *place)) continue;
    // An error is followed by an answer with all values, even if they have not changed. To force this, -1 is stored
    // in place of the high watermark.
    const bool has_failed = answer.error_code != KafkaError::None;
    told_.push_back({place, has_failed ? -1 : answer.high_watermark, answer.log_start_offset,
                     !answer.records->empty()});
    if (last_topic != &topic) {
      FetchResponse::Topic& answers = response.responses.emplace_back();
      answers.topic = topic.name;
      answers.topic_id = topic.id;
      last_topic = &topic;
    }
    response.responses.back().partitions.push_back(std::move(answer));
  }
  response.node_endpoints = std::move(endpoints_);
  return response;
}

void FetchPass::remember(FetchSession& session) {
  for (const Told& told : told_) {
    told.partition->high_watermark = told.high_watermark;
    told.partition->log_start_offset = told.log_start_offset;
    if (told.has_records) session.move_to_end(told.partition);
  }
}

FetchPass::Answer FetchPass::partition(const storage::TopicInfo* topic,
                                       const FetchRequest::Topic::Partition& asked) {
  Answer answer;
  answer.partition_index = asked.partition;
  answer.records = "";
  answer.high_watermark = -1;
  if (reads_committed()) answer.aborted_transactions.emplace();
  if (!topic || asked.partition < 0 || asked.partition >= topic->partition_count) {
    answer.error_code =
        !topic && uses_topic_ids_ ? kUnknownTopicId : KafkaError::UnknownTopicOrPartition;
    has_news_ = true;
    return answer;
  }
  if (permissions_ && !permissions_->may_topic(Operation::Read, topic->name)) {
    answer.error_code = kTopicRefused;
    has_news_ = true;
    return answer;
  }
  const storage::TopicPartition id{topic->id, PartitionId(asked.partition)};
  if (!seen_.insert(id).second) {  // a repetition would read the partition again
    answer.error_code = KafkaError::InvalidRequest;
    has_news_ = true;
    return answer;
  }
  const Leaders::Answer who = is_consumer() ? leaders_.of(id, request_.rack_id) : leaders_.of(id);
  if (who.error != KafkaError::None) {
    answer.error_code = who.error;
    answer.current_leader = {who.leader_id, who.leader_epoch};
    leaders_.add_endpoint(who.leader_id, endpoints_);
    has_news_ = true;
    return answer;
  }
  partitions_.push_back(id);
  if (const Status found = fill(answer, id, asked); !found)
    answer.error_code =
        as_confirmed(answer, id, asked.fetch_offset, kafka_error(found.error().code));
  has_news_ |= answer.error_code != KafkaError::None;
  return answer;
}

// Returns the error that the client gets. A client that gets OFFSET_OUT_OF_RANGE resets its
// position, possibly to the first record. So an error about the end of the log must be confirmed: a
// leader that was replaced while it was frozen or cut off has fewer records than clients have read
// from its successor. An error about the start needs no confirmation, because the start only moves
// forward.
KafkaError FetchPass::as_confirmed(const Answer& answer, const storage::TopicPartition& id,
                                   int64_t fetch_offset, KafkaError error) {
  const bool is_about_the_end =
      error == KafkaError::OffsetOutOfRange && fetch_offset >= answer.log_start_offset;
  // An error of a follower needs no confirmation, because the consumer then asks the leader.
  if (!is_about_the_end || leaders_.of(id).error != KafkaError::None) return error;
  if (confirmed_ == nullptr) {
    unconfirmed_.insert(id);
    return error;
  }
  return confirmed_->contains(id) ? error : KafkaError::NotLeaderOrFollower;
}

Status FetchPass::fill(Answer& answer, const storage::TopicPartition& id,
                       const FetchRequest::Topic::Partition& asked) {
  answer.error_code = TRY(check_leader_epoch(reader_, id, asked.current_leader_epoch));
  if (answer.error_code != KafkaError::None) return {};
  answer.log_start_offset = TRY(reader_.log_start(id)).value();
  answer.high_watermark = TRY(reader_.readable_end(id)).value();
  answer.last_stable_offset = TRY(reader_.last_stable_offset(id)).value();
  if (TRY(diverges(answer, id, asked))) return {};
  if (names_nearer(answer, id, asked)) return {};
  const int64_t limit = std::min<int64_t>(asked.partition_max_bytes, size_left_);
  // At least one batch is read even if the answer is full and the limit is 0, because read() also
  // checks the offset.
  const bool must_fit = size_bytes_ > 0;
  const auto batches = TRY(reader_.read(
      id, Offset(asked.fetch_offset), static_cast<size_t>(std::max<int64_t>(limit, 1)),
      reads_committed() ? storage::ReadUpTo::LastStable : storage::ReadUpTo::HighWatermark));
  size_t count = 0, size = 0;
  for (const storage::BatchRef& batch : batches) {
    // The first batch of an answer is returned even if it is larger than the limit. Otherwise the
    // client could not make progress.
    const bool fits = static_cast<int64_t>(size + batch.bytes.size()) <= limit;
    if (!fits && (must_fit || count > 0)) break;
    if (static_cast<int64_t>(batch.bytes.size()) > std::max(room_, kSmallAnswer)) {
      lacks_memory_ = true;
      break;
    }
    ++count;
    size += batch.bytes.size();
  }
  size_bytes_ += size;
  size_left_ -= static_cast<int64_t>(size);
  for (const storage::BatchRef& batch : std::span(batches).first(count))
    answer.records->add(batch.bytes);
  if (reads_committed() && count > 0)
    return list_aborted(answer, id, batches.front().base_offset,
                        batches[count - 1].last_offset + 1);
  return {};
}

// Names a replica in the consumer's rack, if one exists. The consumer sends its next fetches to
// that replica (KIP-392), so this answer contains no records. An in-sync replica has all records
// that are visible on this node, and soon learns that they are visible.
bool FetchPass::names_nearer(Answer& answer, const storage::TopicPartition& id,
                             const FetchRequest::Topic::Partition& asked) {
  if (!is_consumer() || asked.fetch_offset < answer.log_start_offset ||
      asked.fetch_offset > answer.high_watermark)
    return false;
  const auto nearer = leaders_.nearer(id, request_.rack_id);
  if (!nearer) return false;
  answer.preferred_read_replica = *nearer;
  has_news_ = true;
  return true;
}

// Lists the aborted transactions whose batches the reader must skip.
Status FetchPass::list_aborted(Answer& answer, const storage::TopicPartition& id, Offset from,
                               Offset end) {
  std::vector<storage::AbortedTransaction> aborted = TRY(reader_.aborted(id, from, end));
  std::ranges::sort(aborted, {}, &storage::AbortedTransaction::first_offset);
  for (const storage::AbortedTransaction& each : aborted)
    answer.aborted_transactions->push_back({each.producer.value(), each.first_offset.value()});
  return {};
}

// Compares the last epoch that the client has fetched with this log (KIP-595). Returns true if the
// client has read records before the offset that this log does not have. The answer then contains
// no records, but the point at which the two logs diverge.
Result<bool> FetchPass::diverges(Answer& answer, const storage::TopicPartition& id,
                                 const FetchRequest::Topic::Partition& asked) {
  if (asked.last_fetched_epoch < 0) return false;
  const LeaderEpoch fetched(asked.last_fetched_epoch);
  const storage::EpochEnd end = TRY(reader_.end_of_epoch(id, fetched));
  if (end.epoch < LeaderEpoch{0} || asked.fetch_offset < answer.log_start_offset)
    return Error{ErrorCode::OffsetOutOfRange, "the epoch of the last fetched record is not known"};
  if (end.epoch == fetched && end.end >= Offset(asked.fetch_offset)) return false;
  answer.diverging_epoch = {.epoch = end.epoch.value(), .end_offset = end.end.value()};
  has_news_ = true;
  return true;
}

}  // namespace server::kafka
