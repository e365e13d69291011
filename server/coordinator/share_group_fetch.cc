// The sessions of a share group, in which records are lent to members, and members acknowledge records.
#include <algorithm>
#include <utility>

#include "server/coordinator/share_group.h"

namespace server::coordinator {

namespace {

constexpr int32_t kOpens = 0, kCloses = -1;  // values of a session epoch
// Minimum pause between checks of a partition's locks. With the pause, one check handles many locks
// that expire one after the other.
constexpr int64_t kLockPauseUs = 100'000;
// Limit for the number of reads in one partition for one request. If the available records are far
// apart, the member gets the rest with its next request.
constexpr int kMostReads = 16;
constexpr size_t kBytesOfSession = 600, kBytesOfPlace = 400;
constexpr size_t kBytesOfShared = 400, kBytesOfRange = 112;

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

int32_t after(int32_t epoch) { return epoch == INT32_MAX ? 1 : epoch + 1; }

// Finds the parts of an answer by partition. It is a map because a request can name very many
// partitions.
class Parts {
 public:
  explicit Parts(ShareFetched& answer) : answer_(answer) {
    for (size_t i = 0; i < answer.partitions.size(); ++i) places_[answer.partitions[i].id] = i;
  }
  ShareFetched::Partition& of(const TopicIdPartition& id) {
    const auto [place, is_new] = places_.emplace(id, answer_.partitions.size());
    if (is_new) answer_.partitions.push_back({.id = id});
    return answer_.partitions[place->second];
  }

 private:
  ShareFetched& answer_;
  std::map<TopicIdPartition, size_t> places_;
};

}  // namespace

// The space left in an answer. As in Kafka, the first batch is added even if it is larger than the
// space, and each further batch only if it fits. No batch is added if the client accepts no bytes.
class ShareGroup::BytesLeft {
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

void ShareGroup::fetch(ShareFetch request, Done<ShareFetched> done) {
  ShareFetched answer{.lock_timeout_ms = static_cast<int32_t>(lock_us() / 1000),
                      .reads_committed = reads_committed()};
  Session* session = begin(request, answer);
  if (!session) return done(std::move(answer));
  acknowledge(request, answer);
  if (request.session_epoch == kCloses) {
    close(sessions_.find(request.member_id), false);
    return send(std::move(answer), std::move(done));
  }
  if (request.acknowledges_only) return send(std::move(answer), std::move(done));
  if (const KafkaError error = update(*session, request, answer); error != KafkaError::None) {
    close(sessions_.find(request.member_id), true);
    return done(request.refusal(error, "The server has no room for the share session."));
  }
  const bool has_news = !answer.partitions.empty();
  const bool may_wait = request.max_wait_ms > 0 && !has_news && !request.may_renew;
  if (!request.may_renew && lend(*session, request, answer))
    return send(std::move(answer), std::move(done));
  if (!may_wait || session->partitions.empty()) return send(std::move(answer), std::move(done));
  wait(*session, std::move(request), std::move(answer), std::move(done));
}

void ShareGroup::send(ShareFetched answer, Done<ShareFetched> done) {
  commit([answer = std::move(answer), done = std::move(done)](KafkaError error) mutable {
    done(error == KafkaError::None ? std::move(answer) : ShareFetch().refusal(error));
  });
}

// --- Sessions

ShareGroup::Session* ShareGroup::begin(const ShareFetch& request, ShareFetched& refused) {
  const auto refuse = [&](KafkaError error, const char* why) {
    refused = request.refusal(error, why);
    return nullptr;
  };
  const auto found = sessions_.find(request.member_id);
  if (request.session_epoch == kOpens) {
    if (request.acknowledges_only)
      return refuse(kInvalidShareSessionEpoch, "An acknowledgement cannot open a share session.");
    if (std::ranges::any_of(request.partitions,
                            [](const auto& each) { return !each.acknowledged.empty(); }))
      return refuse(KafkaError::InvalidRequest,
                    "The first request of a share session cannot have acknowledgements.");
    if (found == sessions_.end() &&
        (sessions_.size() >= static_cast<size_t>(around_.settings.share_max_sessions) ||
         !around_.size.try_grow(kBytesOfSession)))
      return refuse(kShareSessionLimitReached, "There are too many share sessions.");
    Session& session = sessions_[request.member_id];
    // The records that the member has acquired stay acquired, because the member may still process
    // them: perhaps only an answer was lost.
    if (session.waiting) end_wait(session);
    around_.size.shrink(session.charged - (session.charged > 0 ? kBytesOfSession : 0));
    std::set<TopicIdPartition> lent = std::move(session.lent);
    session = {.member = std::make_shared<const std::string>(request.member_id),
               .connection = request.connection,
               .lent = std::move(lent),
               .charged = kBytesOfSession};
    return &session;
  }
  if (found == sessions_.end())
    return refuse(kShareSessionNotFound, "The share session does not exist.");
  Session& session = found->second;
  if (request.session_epoch != kCloses && request.session_epoch != session.next_epoch)
    return refuse(kInvalidShareSessionEpoch,
                  "The epoch of the share session is not the expected one.");
  if (session.waiting) end_wait(session);
  session.connection = request.connection;
  session.next_epoch = after(session.next_epoch);
  return &session;
}

bool ShareGroup::is_there(const TopicIdPartition& id) const {
  const auto topics = around_.topics();
  const storage::TopicInfo* topic = topics->find(id.topic_id);
  return topic && id.partition >= 0 && id.partition < topic->partition_count;
}

KafkaError ShareGroup::update(Session& session, const ShareFetch& request, ShareFetched& answer) {
  Parts parts(answer);
  for (const ShareFetch::Partition& each : request.partitions) {
    if (session.places.contains(each.id)) continue;
    if (!is_there(each.id)) {
      parts.of(each.id).error = kUnknownTopicOfId;
      continue;
    }
    if (!around_.size.try_grow(kBytesOfPlace)) return kShareSessionLimitReached;
    session.charged += kBytesOfPlace;
    session.partitions.push_back(each.id);
    session.places[each.id] = std::prev(session.partitions.end());
  }
  for (const TopicIdPartition& each : request.forgotten) {
    const auto place = session.places.find(each);
    if (place == session.places.end()) continue;
    session.partitions.erase(place->second);
    session.places.erase(place);
    session.charged -= kBytesOfPlace;
    around_.size.shrink(kBytesOfPlace);
  }
  return KafkaError::None;
}

void ShareGroup::close(const CloseShareSession& request) {
  const auto found = sessions_.find(request.member_id);
  if (found == sessions_.end() || found->second.connection != request.connection) return;
  close(found, true);
  commit([](KafkaError) {});
}

void ShareGroup::close(Sessions::iterator session, bool has_tried) {
  if (session->second.waiting) end_wait(session->second);
  const std::string member = session->first;
  const std::set<TopicIdPartition> lent = std::move(session->second.lent);
  around_.size.shrink(session->second.charged);
  sessions_.erase(session);
  std::vector<TopicIdPartition> released;
  for (const TopicIdPartition& id : lent) {
    const auto shared = shared_.find(id);
    if (shared == shared_.end() || !shared->second.state.release(member, has_tried, limits()))
      continue;
    released.push_back(id);
    changed_.insert(id);
    charge(shared->second);
  }
  for (const TopicIdPartition& id : released) wake(id);
}

// --- Lending

ShareLimits ShareGroup::limits() const {
  const GroupSettings& settings = around_.settings;
  return {.most_in_flight =
              number(storage::kSharePartitionMaxRecordLocks, settings.share_max_record_locks),
          .most_deliveries = static_cast<int16_t>(
              number(storage::kShareDeliveryCountLimit, settings.share_delivery_count_limit))};
}

int64_t ShareGroup::lock_us() const {
  return 1000 * number(storage::kShareRecordLockDurationMs, around_.settings.share_record_lock_ms);
}

Result<int64_t> ShareGroup::begin_of(const TopicIdPartition& id) const {
  const auto configs = around_.configs();
  const std::string_view reset =
      storage::group_config_text(*configs, id_, storage::kShareAutoOffsetReset);
  if (reset == "earliest") return 0;
  if (!reset.starts_with(storage::kByDuration)) return INT64_MAX;
  return around_.shared_log->offset_at(
      id, around_.clock.wall_ms() - TRY(storage::begin_duration_ms(reset)));
}

bool ShareGroup::reads_committed() const {
  return storage::group_config_text(*around_.configs(), id_, storage::kShareIsolationLevel) ==
         "read_committed";
}

void ShareGroup::charge(Shared& shared) {
  const size_t bytes = kBytesOfShared + kBytesOfRange * shared.state.ranges().size();
  if (bytes > shared.charged)
    around_.size.grow(bytes - shared.charged);
  else
    around_.size.shrink(shared.charged - bytes);
  shared.charged = bytes;
}

SharePartition::Wish ShareGroup::wish_of(const Session& session, const ShareFetch& request) const {
  return {.records = std::max<int64_t>(request.max_records, 1),
          .is_strict = request.is_strict,
          .batch_size = request.batch_size,
          .holder = session.member,
          .expires_us = around_.clock.monotonic_us() + lock_us()};
}

std::optional<ShareFetched::Partition> ShareGroup::lend_at(
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

bool ShareGroup::lend(Session& session, const ShareFetch& request, ShareFetched& answer) {
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

Status ShareGroup::lend(const TopicIdPartition& id, BytesLeft& bytes_left,
                        SharePartition::Wish& wish, std::vector<AcquiredRecords>& acquired) {
  if (!is_there(id)) return Error{ErrorCode::UnknownTopic, "the topic does not exist"};
  SharedLog& log = *around_.shared_log;
  const bool committed = reads_committed();
  const SharedLog::Extent extent = TRY(log.extent(id, committed));
  // Without memory no further records are lent. Acknowledgements of lent records still work.
  constexpr size_t kRoom = kBytesOfShared + 16 * kBytesOfRange;
  if (!around_.size.try_grow(kRoom)) return {};
  around_.size.shrink(kRoom);
  Shared& shared = shared_[id];
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

void ShareGroup::look_after(const TopicIdPartition& id, Shared& shared, int64_t expiry_us) {
  if (has_ended_ || (shared.lock.is_set() && shared.lock.at_us <= expiry_us)) return;
  around_.deadlines.cancel(shared.lock);
  shared.lock = around_.deadlines.set(expiry_us, [this, id] { on_lock_end(id); });
}

void ShareGroup::on_lock_end(const TopicIdPartition& id) {
  Shared& shared = shared_[id];
  shared.lock = {};
  const int64_t now_us = around_.clock.monotonic_us();
  const bool has_any = shared.state.expire(now_us, limits());
  if (const auto next = shared.state.next_expiry_us())
    look_after(id, shared, std::max(*next, now_us + kLockPauseUs));
  charge(shared);
  if (!has_any) return;
  changed_.insert(id);
  wake(id);
  commit([](KafkaError) {});
}

// --- Acknowledgements

void ShareGroup::acknowledge(const ShareFetch& request, ShareFetched& answer) {
  const int64_t renewed_until_us = around_.clock.monotonic_us() + lock_us();
  std::set<TopicIdPartition> freed;
  Parts parts(answer);
  for (const ShareFetch::Partition& each : request.partitions) {
    if (each.acknowledged.empty()) continue;
    ShareFetched::Partition& part = parts.of(each.id);
    part.has_acknowledged = true;
    const auto found = shared_.find(each.id);
    if (!is_there(each.id)) {
      part.acknowledge_error = kUnknownTopicOfId;
    } else if (found == shared_.end()) {
      part.acknowledge_error = kInvalidRecordState;
    } else {
      part.acknowledge_error = found->second.state.acknowledge(
          request.member_id, each.acknowledged, request.may_renew, renewed_until_us, limits());
      charge(found->second);
      if (found->second.state.has_changed()) changed_.insert(each.id);
      if (part.acknowledge_error == KafkaError::None) freed.insert(each.id);
    }
  }
  for (const TopicIdPartition& id : freed) wake(id);
}

// --- Waiting requests

void ShareGroup::wait(Session& session, ShareFetch request, ShareFetched answer,
                      Done<ShareFetched> done) {
  for (const TopicIdPartition& each : session.partitions) around_.shared_log->watch(each);
  session.waiting.emplace(Waiting{std::move(request), std::move(answer), std::move(done)});
  const std::string member = *session.member;
  Waiting& waiting = *session.waiting;
  waiting.ticket = next_ticket_++;
  // A request that accepts no bytes is not added to the queue: it could get no record, and it would
  // block the requests behind it.
  if (waiting.request.max_bytes > 0)
    for (const TopicIdPartition& each : session.partitions)
      waiting_[each].emplace(waiting.ticket, session.member);
  waiting.deadline = around_.deadlines.set(
      around_.clock.monotonic_us() + waiting.request.max_wait_ms * 1000, [this, member] {
        Session& of = sessions_.find(member)->second;
        of.waiting->deadline = {};
        end_wait(of);
      });
  // Tries once more, because records may have arrived before shared_log.watch() was called.
  if (lend(session, waiting.request, waiting.answer)) return end_wait(session);
  // Makes the start offset of the group durable, so that a restart does not choose another one.
  if (!changed_.empty()) commit([](KafkaError) {});
}

ShareGroup::Waiting ShareGroup::stop_waiting(Session& session) {
  Waiting waiting = *std::exchange(session.waiting, std::nullopt);
  around_.deadlines.cancel(waiting.deadline);
  for (const TopicIdPartition& each : session.partitions) {
    around_.shared_log->unwatch(each);
    const auto here = waiting_.find(each);
    if (here == waiting_.end()) continue;
    here->second.erase(waiting.ticket);
    if (here->second.empty()) waiting_.erase(here);
  }
  return waiting;
}

void ShareGroup::end_wait(Session& session) {
  Waiting waiting = stop_waiting(session);
  send(std::move(waiting.answer), std::move(waiting.done));
}

void ShareGroup::wake(const TopicIdPartition& partition) {
  // Sessions are served in the order of their tickets. If the first session gets no records, the
  // others would get none either.
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

void ShareGroup::grown(const TopicIdPartition& partition) {
  wake(partition);
  if (!changed_.empty()) commit([](KafkaError) {});
}

}  // namespace server::coordinator
