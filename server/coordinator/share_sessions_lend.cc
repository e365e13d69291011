// Members acquire and acknowledge records of a share group.
#include <algorithm>
#include <utility>

#include "server/coordinator/group_errors.h"
#include "server/coordinator/share_config.h"
#include "server/coordinator/share_parts.h"
#include "server/coordinator/share_sessions.h"

namespace server::coordinator {

namespace {

// Minimum pause between checks of a partition's locks. With the pause, one check handles many locks
// that expire one after the other.
constexpr int64_t kLockPauseUs = 100'000;
// Limit for the number of reads in one partition for one request. If the available records are far
// apart, the member gets the rest with its next request.
constexpr int kMostReads = 16;

KafkaError error_of(const Status& status) {
  if (status) return KafkaError::None;
  switch (status.error().code) {
    case ErrorCode::UnknownTopic:
      return kUnknownTopicOfId;
    case ErrorCode::NotLeader:
      return KafkaError::NotLeaderOrFollower;
    default:
      return KafkaError::UnknownServerError;
  }
}

}  // namespace

// The space left in an answer. As in Kafka, the first batch is added even if it is larger than the
// space, and each further batch only if it fits. No batch is added if the client accepts no bytes.
class ShareSessions::BytesLeft {
 public:
  explicit BytesLeft(int64_t most) : count_(most) {}
  bool is_over() const { return count_ <= 0; }
  size_t count() const { return static_cast<size_t>(count_); }
  void take(size_t bytes) {
    count_ -= static_cast<int64_t>(bytes);
    has_any_ = true;
  }
  // Removes the first batch that does not fit, and all batches after it. If even the first of
  // `batches` does not fit, the answer counts as full: is_over() is true from then on.
  void keep_what_fits(std::vector<SharedLog::Batch>& batches) {
    int64_t after = count_;
    bool has_any = has_any_;
    const auto stop = std::ranges::find_if(batches, [&](const SharedLog::Batch& batch) {
      if (!batch.is_delivered) return false;
      after -= static_cast<int64_t>(batch.size_bytes);
      return std::exchange(has_any, true) && after < 0;
    });
    batches.erase(stop, batches.end());
    if (batches.empty()) count_ = 0;
  }

 private:
  int64_t count_;
  bool has_any_ = false;
};

// --- Lending

ShareLimits ShareSessions::limits() const {
  const GroupSettings& settings = around_.settings;
  return {
      .most_in_flight = share_group_number(around_, id_, storage::kSharePartitionMaxRecordLocks,
                                           settings.share_max_record_locks),
      .most_deliveries = static_cast<int16_t>(share_group_number(
          around_, id_, storage::kShareDeliveryCountLimit, settings.share_delivery_count_limit))};
}

int64_t ShareSessions::lock_us() const {
  return 1000 * share_group_number(around_, id_, storage::kShareRecordLockDurationMs,
                                   around_.settings.share_record_lock_ms);
}

Result<int64_t> ShareSessions::begin_of(const TopicIdPartition& id) const {
  const auto configs = around_.configs();
  const std::string_view reset =
      storage::group_config_text(*configs, id_, storage::kShareAutoOffsetReset);
  if (reset == "earliest") return 0;
  if (!reset.starts_with(storage::kByDuration)) return INT64_MAX;
  return around_.shared_log->offset_at(
      id, around_.clock.wall_ms() - TRY(storage::begin_duration_ms(reset)));
}

bool ShareSessions::reads_committed() const { return share_group_reads_committed(around_, id_); }

void ShareSessions::charge(Shared& shared) {
  const size_t bytes = shared.state.memory_bytes();
  if (bytes > shared.charged)
    around_.size.grow(bytes - shared.charged);
  else
    around_.size.shrink(shared.charged - bytes);
  shared.charged = bytes;
}

SharePartition::Wish ShareSessions::wish_of(const Session& session,
                                            const ShareFetch& request) const {
  return {.records = std::max<int64_t>(request.max_records, 1),
          .is_strict = request.is_strict,
          .batch_size = request.batch_size,
          .holder = session.member,
          .expires_us = around_.clock.monotonic_us() + lock_us()};
}

std::optional<ShareFetched::Partition> ShareSessions::lend_at(
    Session& session, std::list<TopicIdPartition>::iterator place, BytesLeft& bytes_left,
    SharePartition::Wish& wish) {
  ShareFetched::Partition part{.id = *place};
  const Status lent = lend(*place, bytes_left, wish, part.acquired);
  if (lent && part.acquired.empty()) return std::nullopt;
  part.error = error_of(lent);
  session.lent.insert(*place);
  // Moves the partition to the end of the list, so that the next request examines the other partitions first.
  session.partitions.splice(session.partitions.end(), session.partitions, place);
  return part;
}

bool ShareSessions::lend(Session& session, const ShareFetch& request, ShareFetched& answer) {
  BytesLeft bytes_left(request.max_bytes);
  SharePartition::Wish wish = wish_of(session, request);
  bool has_any = false;
  Parts parts(answer);
  auto place = session.partitions.begin();
  for (size_t left = session.partitions.size(); left > 0; --left) {
    if (bytes_left.is_over() || wish.records <= 0) break;
    auto lent = lend_at(session, place++, bytes_left, wish);
    if (!lent) continue;
    has_any = true;
    ShareFetched::Partition& part = parts.of(lent->id);
    part.error = lent->error;
    part.acquired = std::move(lent->acquired);
  }
  return has_any;
}

Status ShareSessions::lend(const TopicIdPartition& id, BytesLeft& bytes_left,
                           SharePartition::Wish& wish, std::vector<AcquiredRecords>& acquired) {
  if (!is_there(id)) return Error{ErrorCode::UnknownTopic, "the topic does not exist"};
  Shared* const read = TRY(find(id));
  if (!read) return {};  // its waiting sessions are woken when the state has been read
  SharedLog& log = *around_.shared_log;
  const bool committed = reads_committed();
  const SharedLog::Extent extent = TRY(log.extent(id, committed));
  // The bytes that must be free in the memory budget before records are lent. Acknowledgements of lent records need no
  // free memory.
  constexpr size_t kRoom = 2'200;
  if (!around_.size.try_grow(kRoom)) return {};
  around_.size.shrink(kRoom);
  Shared& shared = *read;
  SharePartition& state = shared.state;
  // The offset at which the group starts in the partition is chosen once. Later changes of the
  // settings do not move it, because all records after it belong to the group.
  if (!state.has_begun()) state.begin_at(std::clamp(TRY(begin_of(id)), extent.start, extent.end));
  state.move_start(extent.start);
  const ShareLimits most = limits();
  int64_t from = state.start();
  for (int i = 0; i < kMostReads && wish.records > 0 && !bytes_left.is_over(); ++i) {
    const std::optional<int64_t> next = state.next(from, extent.end, most);
    if (!next) break;
    std::vector<SharedLog::Batch> batches =
        TRY(log.batches(id, *next, static_cast<size_t>(bytes_left.count()), committed));
    if (batches.empty()) {  // compaction has removed all records from `next` on
      state.archive_gap(*next, extent.end);
      break;
    }
    bytes_left.keep_what_fits(batches);
    if (batches.empty()) break;
    const std::vector<AcquiredRecords> lent = state.acquire(wish, *next, batches, most);
    for (const SharedLog::Batch& batch : batches)
      if (std::ranges::any_of(lent, [&](const AcquiredRecords& each) {
            return each.first <= batch.last && each.last >= batch.first;
          }))
        bytes_left.take(batch.size_bytes);
    acquired.insert(acquired.end(), lent.begin(), lent.end());
    from = batches.back().last + 1;
  }
  if (state.has_changed()) changed_.insert(id);
  charge(shared);
  if (!acquired.empty()) look_after(id, shared, wish.expires_us);
  return {};
}

void ShareSessions::wake(const TopicIdPartition& partition) {
  // The session that has waited longest is served first. If the partition has no record for it, it has none for the
  // later sessions either.
  for (auto here = waiting_.find(partition); here != waiting_.end();
       here = waiting_.find(partition)) {
    Session& session = sessions_.find(*here->second.begin()->second)->second;
    Waiting& waiting = *session.waiting;
    BytesLeft bytes_left(waiting.request.max_bytes);
    SharePartition::Wish wish = wish_of(session, waiting.request);
    auto lent = lend_at(session, session.places.at(partition), bytes_left, wish);
    if (!lent) return;
    waiting.answer.partitions.push_back(*std::move(lent));
    end_wait(session);
  }
}

void ShareSessions::look_after(const TopicIdPartition& id, Shared& shared, int64_t expiry_us) {
  if (shared.lock.is_set() && shared.lock.at_us <= expiry_us) return;
  around_.deadlines.cancel(shared.lock);
  shared.lock = around_.deadlines.set(expiry_us, [this, id] { on_lock_end(id); });
}

void ShareSessions::on_lock_end(const TopicIdPartition& id) {
  Shared& shared = shared_.at(id);
  shared.lock = {};
  const int64_t now_us = around_.clock.monotonic_us();
  const bool has_any = shared.state.expire(now_us, limits());
  if (const auto next = shared.state.next_expiry_us())
    look_after(id, shared, std::max(*next, now_us + kLockPauseUs));
  charge(shared);
  if (!has_any) return;
  changed_.insert(id);
  wake(id);
  commit([](const Stored&) {});
}

// --- Acknowledgements

KafkaError ShareSessions::acknowledge(const ShareFetch& request,
                                      const ShareFetch::Partition& each) {
  if (!is_there(each.id)) return kUnknownTopicOfId;
  const auto read = find(each.id);
  if (!read) return error_of(read.error());
  if (!*read) return kInvalidRecordState;
  Shared& shared = **read;
  const KafkaError error =
      shared.state.acknowledge(request.member_id, each.acknowledged, request.may_renew,
                               around_.clock.monotonic_us() + lock_us(), limits());
  charge(shared);
  if (shared.state.has_changed()) changed_.insert(each.id);
  return error;
}

void ShareSessions::acknowledge(const ShareFetch& request, ShareFetched& answer) {
  std::set<TopicIdPartition> freed;
  Parts parts(answer);
  for (const ShareFetch::Partition& each : request.partitions) {
    if (each.acknowledged.empty()) continue;
    ShareFetched::Partition& part = parts.of(each.id);
    part.has_acknowledged = true;
    part.acknowledge_error = acknowledge(request, each);
    if (part.acknowledge_error == KafkaError::None) freed.insert(each.id);
  }
  for (const TopicIdPartition& id : freed) wake(id);
}

}  // namespace server::coordinator
