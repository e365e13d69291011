#include "server/coordinator/replayed_partition.h"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "base/log.h"
#include "server/coordinator/group_errors.h"

namespace server::coordinator {

namespace {

constexpr size_t kLoadSliceBytes = 256 << 10;
constexpr int64_t kLoadSliceUs = 1'000;
// When the collected batch reaches this size, it is sent before the end of the loop iteration.
constexpr size_t kBatchBytes = 1 << 20;

Error not_led() { return {ErrorCode::NotLeader, "this node no longer leads the partition"}; }

}  // namespace

Status ReplayedState::replay_undecided(ProducerId, std::string_view,
                                       std::optional<std::string_view>) {
  return Error{ErrorCode::DataCorrupted, "a record of a transaction is not expected here"};
}

KafkaError coordinator_error(const Status& status) {
  if (status) return KafkaError::None;
  switch (status.error().code) {
    case ErrorCode::NotLeader:
    case ErrorCode::FencedLeaderEpoch:
      return kNotCoordinator;
    case ErrorCode::FencedTask:
      return KafkaError::InvalidProducerEpoch;
    case ErrorCode::RecordTooLarge:
      return KafkaError::UnknownServerError;
    default:
      return KafkaError::CoordinatorNotAvailable;
  }
}

KafkaError coordinator_error_for_users(const Status& status, const CoordinatorPort& port) {
  const bool is_full = !status && status.error().code == ErrorCode::DiskFull;
  return is_full && !port.can_move() ? KafkaError::KafkaStorageError : coordinator_error(status);
}

ReplayedPartition::ReplayedPartition(PartitionId id, CoordinatorPort& port, ReplayedState& state)
    : id_(id), port_(port), state_(state) {}

ReplayedPartition::~ReplayedPartition() { resign(); }

KafkaError ReplayedPartition::unavailable() const {
  switch (stage_) {
    case Stage::Idle:
      return kNotCoordinator;
    case Stage::Loading:
      return kCoordinatorLoadInProgress;
    case Stage::Active:
      return KafkaError::None;
  }
  return KafkaError::UnknownServerError;
}

void ReplayedPartition::lead(LeaderEpoch epoch) {
  resign();
  const Result<CoordinatorPort::Extent> extent = port_.extent(id_);
  if (!extent) {
    log_error("a coordinator cannot read its partition partition={} error=\"{}\"", id_.value(),
              extent.error().message);
    return;
  }
  epoch_ = epoch;
  next_ = extent->start;
  records_ = left_out_ = 0;
  begun_us_ = port_.clock().monotonic_us();
  stage_ = Stage::Loading;
  term_ = std::make_shared<char>();
  if (extent->start == extent->end) return become_active();
  load_later();
}

void ReplayedPartition::load_later() {
  port_.post_rest([this, term = std::weak_ptr(term_)] {
    if (term.lock()) load_slice();
  });
}

void ReplayedPartition::become_active() {
  assert(stage_ == Stage::Loading);                 // invariant 1
  assert(gathered_.empty() && under_way_.empty());  // invariant 3
  stage_ = Stage::Active;
  if (records_ > 0)
    log_debug("a coordinator has loaded partition={} records={} ms={}", id_.value(), records_,
              (port_.clock().monotonic_us() - begun_us_) / 1000);
  state_.on_loaded();
}

void ReplayedPartition::resign() {
  if (stage_ == Stage::Idle) return;
  stage_ = Stage::Idle;
  term_.reset();
  builder_.clear();
  Waiting gathered = std::exchange(gathered_, {});
  for (const auto& waiting : std::exchange(under_way_, {})) answer(*waiting, not_led());
  answer(gathered, not_led());
  state_.on_unloaded();
}

// Loads one slice of the log. At the end of the log, the partition becomes active. No record can be
// appended between the check for the end and this moment, because only this object appends to the
// partition.
void ReplayedPartition::load_slice() {
  const int64_t begin_us = port_.clock().monotonic_us();
  do {
    const Result<Offset> after = port_.read(
        id_, next_, kLoadSliceBytes, [this](const auto& batch) { return replay_batch(batch); });
    if (!after) {
      log_error("a coordinator cannot load its partition partition={} offset={} error=\"{}\"",
                id_.value(), next_.value(), after.error().message);
      return resign();
    }
    if (*after == next_) return become_active();
    assert(*after > next_);
    next_ = *after;
  } while (port_.clock().monotonic_us() - begin_us < kLoadSliceUs);
  load_later();
}

Status ReplayedPartition::replay_batch(const records::BatchView& batch) {
  const records::BatchHeader& header = batch.header;
  if (header.is_control()) {
    state_.replay_end(header.producer_id, TRY(records::parse_marker(batch)).end);
    return {};
  }
  std::string scratch;
  auto reader = TRY(records::RecordReader::open(batch, scratch));
  for (records::RecordView record; reader.next(record);) {
    ++records_;
    if (!record.key) continue;
    const Status replayed =
        header.is_transactional()
            ? state_.replay_undecided(header.producer_id, *record.key, record.value)
            : state_.replay(*record.key, record.value);
    // A record that cannot be applied, for example one of an unknown version, is skipped, so that
    // the other records remain usable. Only the first skipped records are logged.
    constexpr uint64_t kMostLogged = 10;
    if (!replayed && ++left_out_ <= kMostLogged)
      log_warn("a coordinator ignores an invalid record partition={} offset={} error=\"{}\"",
               id_.value(), (batch.header.base_offset + record.offset_delta).value(),
               replayed.error().message);
  }
  return reader.status();
}

void ReplayedPartition::append(const std::vector<StoredRecord>& records, Done done) {
  if (!is_active()) return done(not_led());
  assert(!gathered_.empty() || builder_.empty());  // invariant 2: each record has its callback
  if (gathered_.empty())
    port_.defer([this, term = std::weak_ptr(term_)] {
      if (term.lock()) flush();
    });
  add_to_builder(records);
  gathered_.push_back(std::move(done));
  if (builder_.size_bytes() >= kBatchBytes) flush();
}

void ReplayedPartition::append_for(const ProducerIdentity& producer,
                                   const std::vector<StoredRecord>& records,
                                   CoordinatorPort::Guard guard, Done done) {
  if (!is_active()) return done(not_led());
  flush();
  add_to_builder(records);
  std::string batch = builder_.finish(records::Codec::None, {producer.id, producer.epoch, -1});
  records::set_transactional(batch);
  send(std::move(batch), {std::move(done)}, {}, std::move(guard));
}

void ReplayedPartition::append_with(const std::vector<StoredRecord>& records,
                                    std::vector<CoordinatorPort::Elsewhere> with, Done done) {
  if (!is_active()) return done(not_led());
  // The records of earlier append() calls are sent as a batch of their own, so that they are stored
  // even if this append is refused.
  flush();
  add_to_builder(records);
  send(builder_.finish(), {std::move(done)}, std::move(with));
}

void ReplayedPartition::append_end(const TransactionEnded& ended, Done done) {
  if (!is_active()) return done(not_led());
  flush();
  send(records::marker_batch(ended.producer.id, ended.producer.epoch, ended.marker,
                             port_.clock().wall_ms()),
       {std::move(done)});
}

void ReplayedPartition::add_to_builder(const std::vector<StoredRecord>& records) {
  const int64_t now_ms = port_.clock().wall_ms();
  for (const StoredRecord& record : records) builder_.append(now_ms, record.key, record.value);
}

void ReplayedPartition::flush() {
  if (gathered_.empty()) return;  // already sent when the batch became too large
  Waiting waiting = std::exchange(gathered_, {});
  if (builder_.empty() && under_way_.empty()) return answer(waiting, {});
  if (builder_.empty()) {  // an append without records is answered after the last append in flight
    Waiting& before = *under_way_.back();
    return (void)before.insert(before.end(), waiting.begin(), waiting.end());
  }
  send(builder_.finish(), std::move(waiting));
}

void ReplayedPartition::send(std::string batch, Waiting all,
                             std::vector<CoordinatorPort::Elsewhere> with,
                             CoordinatorPort::Guard guard) {
  assert(is_active() && term_);  // invariant 3
  auto waiting = std::make_shared<Waiting>(std::move(all));
  under_way_.push_back(waiting);
  port_.append(id_, epoch_, std::move(batch), std::move(with), std::move(guard),
               [this, waiting, term = std::weak_ptr(term_)](const Status& status) {
                 if (!term.lock()) return;  // resign() has called the callbacks
                 std::erase(under_way_, waiting);
                 const bool is_led =
                     status || (status.error().code != ErrorCode::NotLeader &&
                                status.error().code != ErrorCode::FencedLeaderEpoch);
                 answer(*waiting, status);
                 if (!is_led) resign();
               });
}

void ReplayedPartition::answer(Waiting& waiting, const Status& status) {
  for (const Done& done : std::exchange(waiting, {})) done(status);
}

}  // namespace server::coordinator
