#include "server/cluster/remote_appends.h"

#include <algorithm>
#include <utility>

#include "records/batch.h"
#include "records/control_batch.h"
#include "storage/meta/closed_partition.h"

namespace server {

using storage::AppendedBatch;
using storage::TopicPartition;

namespace {

constexpr int64_t kPatienceUs = 10'000'000;  // time limit for one call
// Time limit for rows in a transaction. It is shorter than kPatienceUs, because an open transaction
// blocks readers; a new leader is usually found within this time.
constexpr int64_t kOpenPatienceUs = 3'000'000;
constexpr int64_t kAnswerUs = 1'000'000;  // a request without an answer is sent again
constexpr int64_t kRetryUs = 50'000;
// A node may read the definition of a topic before it reads the assignment of its partitions to
// nodes. A partition that stays unknown for longer than this time was deleted.
constexpr int64_t kUnknownUs = 1'000'000;
constexpr int64_t kIdleUs = 600'000'000;
constexpr size_t kMostBatches = 5;  // number of batches that a partition remembers of a producer
constexpr size_t kMostBytes = 1 << 20;
constexpr size_t kMostReceived = 1'000;  // for each sender

bool passes(ErrorCode code) {
  switch (code) {
    case ErrorCode::NotLeader:
    case ErrorCode::FencedLeaderEpoch:
    case ErrorCode::NotEnoughReplicas:
    case ErrorCode::NetworkFailure:
    case ErrorCode::UnknownTopic:  // the leader has not created the partition yet
    case ErrorCode::OutOfMemory:
    case ErrorCode::ReadTimeout:
      return true;
    default:
      return false;
  }
}

// Returns the error for an unknown outcome. Its code is always NetworkFailure, because client
// programs would interpret another code as "not written".
Error not_known(const std::optional<Error>& why) {
  return {ErrorCode::NetworkFailure,
          "it is not known whether the rows were written: the leader of their partition does not "
          "answer",
          why ? why->message : std::string(),
          "Check whether the rows were written before you retry."};
}

Error was_dropped() {
  return {ErrorCode::UnknownTopic,
          "the stream or table was dropped or altered while rows were written to it"};
}

// Returns the error for rows that may have been written to a topic that was deleted since then. If
// an ALTER TABLE has replaced the topic, the rows are in the new topic.
Error not_known_since_drop() {
  return {ErrorCode::NetworkFailure,
          "it is not known whether the rows were written: the stream or table was dropped or "
          "altered meanwhile",
          {},
          "Check whether the rows were written before you retry."};
}

Error not_written(const std::optional<Error>& why) {
  Error error = why ? *why : Error{ErrorCode::NotLeader, "the partition has no leader"};
  // The rows are certainly not written here. NetworkFailure is reserved for an unknown outcome, so
  // the code is replaced.
  if (error.code == ErrorCode::NetworkFailure) error.code = ErrorCode::NotLeader;
  error.detail = "No row was written.";
  error.hint = "Try again when enough nodes are available. SHOW SERVER shows their state.";
  return error;
}

}  // namespace

RemoteAppends::RemoteAppends(Around around, AppendCallRules rules)
    : around_(std::move(around)),
      rules_(rules),
      next_number_(static_cast<uint64_t>(around_.clock.monotonic_us()) + 1) {}

void RemoteAppends::append(const TopicPartition& partition, std::string batches, Done done) {
  put({partition}, batches,
      std::make_shared<Waiting>(
          Waiting{[done = std::move(done)](Result<AppendedBatch> appended, size_t batches_there) {
                    if (!appended && batches_there > 0)
                      appended.error().detail = "Some of the rows were written.";
                    done(std::move(appended));
                  },
                  kPatienceUs, around_.clock.monotonic_us() + kPatienceUs}));
}

void RemoteAppends::append_unless_changed(const TopicPartition& partition, std::string batches,
                                          Offset since, ChangeDone done) {
  auto waiting = std::make_shared<Waiting>(
      Waiting{std::move(done), kPatienceUs, around_.clock.monotonic_us() + kPatienceUs});
  waiting->unchanged.emplace(storage::Unchanged{since});
  put({partition}, batches, std::move(waiting));
}

void RemoteAppends::append_in_transaction(const TopicPartition& partition, std::string batches,
                                          std::optional<Offset> since,
                                          const coordinator::ProducerIdentity& producer,
                                          ChangeDone done) {
  auto waiting = std::make_shared<Waiting>(
      Waiting{std::move(done), kOpenPatienceUs, around_.clock.monotonic_us() + kOpenPatienceUs});
  if (since) waiting->unchanged.emplace(storage::Unchanged{*since});
  const Way way{partition, producer.id, producer.epoch};
  lanes_[way].producer = producer.id;
  put(way, batches, std::move(waiting));
}

void RemoteAppends::put(const Way& way, std::string_view batches,
                        std::shared_ptr<Waiting> waiting) {
  Lane& lane = lanes_[way];
  lane.idle_since_us = around_.clock.monotonic_us();
  for (std::string_view rest = batches; !rest.empty();) {
    const auto batch = records::parse_batch(rest, records::BatchCheck::Shape);
    if (!batch) return waiting->done(batch.error(), 0);
    lane.batches.push_back(
        {std::string(batch->bytes), batch->header.last_offset_delta + 1, waiting});
    ++waiting->batches_left;
    rest.remove_prefix(batch->bytes.size());
  }
  step(way, lane);
}

void RemoteAppends::tick() {
  const int64_t now_us = around_.clock.monotonic_us();
  for (auto& [way, lane] : lanes_) {
    if (lane.number != 0 && is_lost(way, lane, now_us)) {
      on_their_way_.erase(std::exchange(lane.number, 0));
      lane.may_be_there = true;
      lane.last_error =
          Error{ErrorCode::NetworkFailure, "the leader of the partition does not answer"};
    }
    give_up_late(way, lane, now_us);
    if (now_us >= lane.retry_at_us) step(way, lane);
    if (!lane.batches.empty()) lane.idle_since_us = now_us;
  }
  // A lane holds the rows for one partition and sends one request after the other. A lane that was
  // idle for kIdleUs is dropped, because the leader also forgets a producer that was idle for that
  // time. The lane of a transaction is used only once, so it is dropped as soon as it is empty.
  std::erase_if(lanes_, [now_us](const auto& each) {
    const auto& [way, lane] = each;
    return lane.batches.empty() && !lane.is_allocating &&
           (way.is_transaction() || now_us - lane.idle_since_us > kIdleUs);
  });
  for (const auto& answer : std::exchange(answers_, {})) answer();
}

// Returns whether to stop waiting for the answer of a request: after its time limit, or if another
// node leads the partition now. The previous leader may be frozen, and the new leader can answer
// immediately. A partition that an ALTER TABLE has closed has a new epoch, too, but its leader still
// answers, and would refuse a repetition without looking for the first attempt.
bool RemoteAppends::is_lost(const Way& way, const Lane& lane, int64_t now_us) const {
  if (now_us - lane.sent_us >= kAnswerUs) return true;
  const storage::PartitionAssignment* known = around_.cluster()->find(way.partition);
  return known != nullptr && known->leader && known->leader_epoch != lane.sent_under &&
         !storage::is_closed(*known);
}

void RemoteAppends::step(const Way& way, Lane& lane) {
  if (lane.number != 0 || lane.batches.empty() || lane.is_allocating) return;
  if (!lane.producer) return allocate(way, lane);
  send(way, lane);
}

void RemoteAppends::allocate(const Way& way, Lane& lane) {
  lane.is_allocating = true;
  lane.last_error = Error{ErrorCode::NetworkFailure, "etcd does not answer"};
  around_.allocate_producer(
      [this, way, alive = std::weak_ptr<const char>(alive_)](const Result<ProducerId>& producer) {
        if (alive.expired()) return;
        const auto found = lanes_.find(way);
        if (found == lanes_.end()) return;
        Lane& allocated = found->second;
        allocated.is_allocating = false;
        if (!producer) {
          allocated.last_error = producer.error();
          allocated.retry_at_us = around_.clock.monotonic_us() + kRetryUs;
          return;
        }
        allocated.producer = *producer;
        allocated.last_error.reset();
        step(way, allocated);
      });
}

void RemoteAppends::send(const Way& way, Lane& lane) {
  lane.retry_at_us = around_.clock.monotonic_us() + kRetryUs;
  const storage::PartitionAssignment* known = around_.cluster()->find(way.partition);
  if (known == nullptr && way.is_transaction())
    return give_up(lane, std::shared_ptr(lane.batches.front().of),
                   Error{ErrorCode::UnknownTopic, "the partition was removed"});
  const int64_t now_us = around_.clock.monotonic_us();
  if (known != nullptr) lane.unknown_since_us.reset();
  if (known == nullptr && now_us - lane.unknown_since_us.value_or(now_us) >= kUnknownUs) {
    lane.unknown_since_us.reset();
    give_up_sent(lane, lane.may_be_there ? not_known_since_drop() : was_dropped());
    while (!lane.batches.empty())
      give_up(lane, std::shared_ptr(lane.batches.front().of), was_dropped());
    return;
  }
  if (known == nullptr && !lane.unknown_since_us) lane.unknown_since_us = now_us;
  if (known == nullptr || !known->leader) {
    lane.last_error = Error{ErrorCode::NotLeader, "the partition has no leader"};
    return;
  }
  if (lane.sent == 0) fill_request(lane);
  if (!rules_.sends_the_same) lane.stamped = 0;
  AppendRows request{.partition = way.partition, .unchanged = lane.batches.front().of->unchanged};
  for (size_t i = 0; i < lane.sent; ++i) {
    Batch& batch = lane.batches[i];
    if (i >= lane.stamped) {
      records::set_producer(batch.bytes, {*lane.producer, way.epoch, lane.next_sequence});
      if (way.is_transaction()) records::set_transactional(batch.bytes);
      lane.next_sequence = records::advance_sequence(lane.next_sequence, batch.records);
      lane.stamped = i + 1;
    }
    request.batches += batch.bytes;
  }
  request.number = lane.number = next_number_++;
  lane.sent_us = around_.clock.monotonic_us();
  lane.sent_under = known->leader_epoch;
  on_their_way_.emplace(lane.number, way);
  around_.send(*known->leader, std::move(request));
}

// Fills a new request. Rows with a condition get a request of their own, so that a refusal does not affect other rows.
void RemoteAppends::fill_request(Lane& lane) {
  lane.may_be_there = false;
  const std::shared_ptr<Waiting>& first = lane.batches.front().of;
  size_t bytes = 0;
  while (lane.sent < std::min(lane.batches.size(), kMostBatches)) {
    const Batch& next = lane.batches[lane.sent];
    const bool goes_along = next.of == first || (!next.of->unchanged && !first->unchanged);
    if (!goes_along || (lane.sent > 0 && bytes + next.bytes.size() > kMostBytes)) return;
    bytes += next.bytes.size();
    ++lane.sent;
  }
}

// --- Answers

void RemoteAppends::on_message(NodeId, const RowsAppended& message) {
  const auto found = on_their_way_.find(message.number);
  if (found == on_their_way_.end()) return;  // the request was given up, or sent again
  const Way way = found->second;
  on_their_way_.erase(found);
  Lane& lane = lanes_.at(way);
  lane.number = 0;
  if (message.error)
    refused(way, lane, message);
  else if (message.last_offsets.size() == lane.sent)
    acknowledge(way, lane, message.last_offsets);
  else
    lane.may_be_there = true;  // malformed answer; the request is sent again
  for (const auto& answer : std::exchange(answers_, {})) answer();
}

void RemoteAppends::acknowledge(const Way& way, Lane& lane,
                                const std::vector<Offset>& last_offsets) {
  const int64_t now_us = around_.clock.monotonic_us();
  for (const Offset last : last_offsets) {
    Batch& batch = lane.batches.front();
    ++batch.of->batches_there;
    batch.of->give_up_us =
        now_us + batch.of->patience_us;  // restarts the limit: the call makes progress
    if (auto& unchanged = batch.of->unchanged; unchanged && !unchanged->own_from)
      unchanged->own_from = Offset{last.value() - batch.records + 1};
    if (--batch.of->batches_left == 0)
      answer_later(batch.of,
                   AppendedBatch{way.partition, Offset{last.value() - batch.records + 1}, last});
    lane.batches.pop_front();
  }
  lane.stamped -= std::min(lane.stamped, lane.sent);
  lane.sent = 0;
  lane.last_error.reset();
  step(way, lane);
}

void RemoteAppends::refused(const Way& way, Lane& lane, const RowsAppended& answer) {
  lane.last_error = answer.error;
  lane.retry_at_us = around_.clock.monotonic_us() + kRetryUs;
  const bool was_known = !lane.may_be_there;
  lane.may_be_there |= answer.may_be_there;
  if (passes(answer.error->code)) return;
  // The leader checks its free disk space before it looks for an earlier attempt of the same rows.
  // So an earlier attempt may have been appended even if the answer is DiskFull; the request is
  // then repeated.
  const bool is_sure = was_known || way.is_transaction();
  if (answer.error->code == ErrorCode::DiskFull && !is_sure) return;
  // After a long pause the leader no longer knows the producer. It has therefore written nothing of
  // this request, which can be sent again as a new producer.
  if (answer.error->code == ErrorCode::OutOfOrderSequence && was_known && !way.is_transaction())
    return forget_producer(lane);
  const bool has_changed = answer.error->code == ErrorCode::ObjectState &&
                           lane.batches.front().of->unchanged.has_value();
  if (has_changed) lane.last_error.reset();  // later statements are not affected
  // Rows of an aborted transaction are never visible, so it is certain that nothing was written.
  if (has_changed && (was_known || way.is_transaction() || !rules_.doubts_itself)) {
    give_up_changed(lane, *answer.error);
    return step(way, lane);
  }
  // An earlier attempt may have written these rows. The change that violates the condition `unchanged` may then be
  // these rows themselves, so the error reports that the outcome is not known.
  give_up_sent(lane, has_changed || !is_sure ? not_known(answer.error) : *answer.error);
}

void RemoteAppends::give_up_changed(Lane& lane, const Error& why) {
  // The partition has no batches with these sequence numbers, so the next rows use the numbers
  // again.
  const auto first = records::parse_batch(lane.batches.front().bytes, records::BatchCheck::Shape);
  lane.next_sequence = first->header.base_sequence;
  lane.stamped = lane.sent = 0;
  give_up(lane, std::shared_ptr(lane.batches.front().of), why);
}

void RemoteAppends::forget_producer(Lane& lane) {
  lane.producer.reset();
  lane.next_sequence = 0;
  lane.stamped = lane.sent = 0;
}

void RemoteAppends::answer_later(std::shared_ptr<Waiting> waiting, Result<AppendedBatch> result) {
  answers_.push_back([waiting = std::move(waiting), result = std::move(result)] {
    if (const auto done = std::exchange(waiting->done, nullptr))
      done(result, waiting->batches_there);
  });
}

void RemoteAppends::give_up_late(const Way& way, Lane& lane, int64_t now_us) {
  for (size_t i = 0; i < lane.sent; ++i)
    if (lane.batches[i].of->give_up_us <= now_us)
      return give_up_sent(lane, !way.is_transaction() && (lane.may_be_there || lane.number != 0)
                                    ? not_known(lane.last_error)
                                    : not_written(lane.last_error));
  while (lane.sent == 0 && !lane.batches.empty() && lane.batches.front().of->give_up_us <= now_us)
    give_up(lane, std::shared_ptr(lane.batches.front().of), not_written(lane.last_error));
}

void RemoteAppends::give_up_sent(Lane& lane, const Error& why) {
  std::vector<std::shared_ptr<Waiting>> gone;
  for (size_t i = 0; i < lane.sent; ++i)
    if (gone.empty() || gone.back() != lane.batches[i].of) gone.push_back(lane.batches[i].of);
  for (const auto& waiting : gone) give_up(lane, waiting, why);
  if (lane.number != 0) on_their_way_.erase(std::exchange(lane.number, 0));
  forget_producer(lane);
}

void RemoteAppends::give_up(Lane& lane, const std::shared_ptr<Waiting>& waiting, Error why) {
  answer_later(waiting, std::move(why));
  std::erase_if(lane.batches, [&](const Batch& batch) { return batch.of == waiting; });
}

// --- The leader's side

// Returns whether a copy of the request has arrived before, and remembers the request. If the
// sender has sent many requests since then, an old request counts as a copy.
bool RemoteAppends::is_copy(NodeId from, uint64_t number) {
  std::set<uint64_t>& numbers = received_[from];
  if (numbers.size() == kMostReceived && number < *numbers.begin()) return true;
  if (!numbers.insert(number).second) return true;
  if (numbers.size() > kMostReceived) numbers.erase(numbers.begin());
  return false;
}

void RemoteAppends::on_message(NodeId from, AppendRows message) {
  if (is_copy(from, message.number)) return;
  const auto refuse = [&](const Error& why) {
    around_.send(from, RowsAppended{.number = message.number, .error = why});
  };
  if (const Status leads = around_.check_leads(message.partition); !leads)
    return refuse(leads.error());
  if (const Status checked = storage::check_for_append(message.batches); !checked)
    return refuse(checked.error());
  storage::AppendRequest request;
  request.parts.push_back({message.partition, std::move(message.batches)});
  const bool is_on_condition = message.unchanged.has_value() && rules_.looks_at_conditions;
  auto done = [this, from, number = message.number,
               is_on_condition](const Result<storage::Appended>& appended) {
    RowsAppended answer{.number = number};
    if (appended) {
      for (const AppendedBatch& batch : appended->batches) {
        answer.last_offsets.push_back(batch.last_offset);
        Offset& end = acknowledged_[batch.partition];
        end = std::max(end, batch.last_offset + 1);
      }
    } else {
      const ErrorCode code = appended.error().code;
      answer.error = appended.error();
      // The rows may have been appended before another node became the leader, so after most errors their outcome is
      // unknown.
      answer.may_be_there = code != ErrorCode::OutOfOrderSequence &&
                            !(is_on_condition && code == ErrorCode::ObjectState);
    }
    around_.send(from, std::move(answer));
  };
  if (is_on_condition)
    around_.append_unless_changed(std::move(request), *message.unchanged, std::move(done));
  else
    around_.append(std::move(request), std::move(done));
}

}  // namespace server
