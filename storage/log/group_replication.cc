// The part of a group transaction that serves replication: appends of a follower, truncation,
// roles.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include <absl/container/flat_hash_map.h>

#include "base/bytes.h"
#include "storage/log/batch_cursor.h"
#include "storage/log/epoch_history.h"
#include "storage/log/group_transaction.h"
#include "storage/log/producer_snapshot.h"
#include "storage/log/time_index.h"
#include "storage/log/transaction_index.h"

namespace storage {

namespace {

// Limits of one commit of a truncation, which removes batches from the end of the log backwards.
constexpr size_t kMaxTruncatedAtOnce = 1'000, kMaxBytesTruncatedAtOnce = 4 << 20;
// Limit for the search for batches of a producer whose remembered batches were all truncated: the
// number of batches that are examined, from the end of the log backwards.
constexpr size_t kMaxBatchesSearched = 10'000;

Error fenced(LeaderEpoch asked, LeaderEpoch now) {
  return {
      ErrorCode::FencedLeaderEpoch,
      fmt::format("leader epoch {} has ended, the partition is at {}", asked.value(), now.value())};
}

template <class Visit>
Status for_each_batch(std::string_view batches, const Visit& visit) {
  while (!batches.empty()) {
    const records::BatchView batch = TRY(records::parse_batch(batches, records::BatchCheck::Shape));
    TRY(visit(batch));
    batches.remove_prefix(batch.header.size_bytes);
  }
  return {};
}

}  // namespace

Status GroupTransaction::set_role(const TopicPartition& id, ReplicaRole role, LeaderEpoch epoch,
                                  LeaderEpoch unclean) {
  Moved& moved = moved_[TRY(find(id))];
  PartitionState& state = moved.state;
  if (epoch < state.leader_epoch) return fenced(epoch, state.leader_epoch);
  if (epoch == state.leader_epoch) {
    if (role == state.role) return {};
    // Within one epoch a partition may gain and lose followers, but its leader does not change.
    if (role == ReplicaRole::Follower || state.role == ReplicaRole::Follower)
      return fenced(epoch, state.leader_epoch);
  }
  if (role != ReplicaRole::Follower) TRY(begin_epoch(moved, epoch, state.log_end));
  if (epoch != state.leader_epoch) guards_.move(id);
  // If the partition has no replicas before or after the change, all of its records are visible,
  // including those that the same commit has appended.
  if (role == ReplicaRole::Alone || state.role == ReplicaRole::Alone)
    state.high_watermark = state.log_end;
  if (role == ReplicaRole::Follower && state.leader_epoch < unclean)
    state.high_watermark = state.log_start;
  state.role = role;
  state.leader_epoch = epoch;
  moved.is_cut = true;
  return put_row(moved);
}

Result<size_t> GroupTransaction::find_follower(const TopicPartition& id, LeaderEpoch epoch) {
  const size_t index = TRY(find(id));
  const PartitionState& state = moved_[index].state;
  if (epoch != state.leader_epoch || state.role != ReplicaRole::Follower)
    return fenced(epoch, state.leader_epoch);
  return index;
}

// --- The history of epochs. The newest epoch is cached, so that most appends do not read the store
// for it.

Result<EpochStart> GroupTransaction::newest_epoch(Moved& moved) {
  auto& known = moved.state.newest_epoch;
  if (!known) known = TRY(storage::newest_epoch(*transaction_, tables_, moved.partition->number()));
  return *known;
}

Status GroupTransaction::begin_epoch(Moved& moved, LeaderEpoch epoch, Offset start) {
  if (epoch <= TRY(newest_epoch(moved)).epoch) return {};
  TRY(storage::begin_epoch(*transaction_, tables_, moved.partition->number(), epoch, start));
  moved.state.newest_epoch = EpochStart{epoch, start};
  return {};
}

// Erases newer epochs without records. They exist if this node has led in such an epoch without
// writing, and now receives batches of an older epoch.
Status GroupTransaction::cut_newer_epochs(Moved& moved, LeaderEpoch epoch) {
  const EpochStart newest = TRY(newest_epoch(moved));
  if (newest.epoch <= epoch || newest.start < moved.state.log_end) return {};
  moved.state.newest_epoch.reset();
  return storage::cut_newer_epochs(*transaction_, tables_, moved.partition->number(), epoch,
                                   moved.state.log_end);
}

Result<LeaderEpoch> GroupTransaction::last_written_epoch(Moved& moved) {
  const Offset log_end = moved.state.log_end;
  const EpochStart newest = TRY(newest_epoch(moved));
  if (newest.start < log_end || newest.epoch == LeaderEpoch{0}) return newest.epoch;
  return storage::last_written_epoch(*transaction_, tables_, moved.partition->number(), log_end);
}

// --- Appends as a follower

Result<std::vector<AppendedBatch>> GroupTransaction::follow(const FollowRequest& request) {
  Moved& moved = moved_[TRY(find_follower(request.partition, request.leader_epoch))];
  PartitionState& state = moved.state;
  TRY(check_follow(moved, request));
  std::vector<AppendedBatch> appended;
  const auto append = [&](const records::BatchView& batch) -> Status {
    if (appended.empty()) TRY(cut_newer_epochs(moved, batch.header.leader_epoch));
    TRY(follow_batch(moved, batch));
    appended.push_back({request.partition, batch.header.base_offset, batch.header.last_offset()});
    return {};
  };
  TRY(for_each_batch(request.batches, append));
  const Offset high_watermark =
      std::max(state.high_watermark, std::min(request.high_watermark, state.log_end));
  // The flag makes publish() notify readers of the records that have become visible.
  if (high_watermark > state.high_watermark) moved.has_new_records = true;
  state.high_watermark = high_watermark;
  const Offset log_start = std::min(request.leader_log_start, state.log_end);
  if (log_start > state.log_start)
    TRY(write_trim({request.partition, log_start}));
  else
    TRY(put_row(moved));
  return appended;
}

// Checks the offsets and epochs of fetched batches. A batch that begins after the log end is
// accepted, since compaction leaves gaps.
Status GroupTransaction::check_follow(Moved& moved, const FollowRequest& request) {
  Offset log_end = moved.state.log_end;
  LeaderEpoch epoch = TRY(last_written_epoch(moved));
  return for_each_batch(request.batches, [&](const records::BatchView& batch) -> Status {
    const records::BatchHeader& header = batch.header;
    if (header.base_offset < log_end)
      return Error{ErrorCode::OutOfOrderSequence,
                   fmt::format("a batch begins at offset {}, and the log ends at {}",
                               header.base_offset.value(), log_end.value())};
    if (header.leader_epoch < epoch || header.leader_epoch > request.leader_epoch)
      return Error{
          ErrorCode::CorruptRecord,
          fmt::format("a batch of leader epoch {} follows one of {} in what was fetched "
                      "under {}",
                      header.leader_epoch.value(), epoch.value(), request.leader_epoch.value())};
    log_end = header.last_offset() + 1;
    epoch = header.leader_epoch;
    return {};
  });
}

Status GroupTransaction::follow_batch(Moved& moved, const records::BatchView& batch) {
  const records::BatchHeader& header = batch.header;
  TRY(begin_epoch(moved, header.leader_epoch, header.base_offset));
  if (header.producer_id != records::kNoProducer &&
      (header.base_sequence >= 0 || header.is_transactional()))
    TRY(remember_batch(moved, batch));
  return store_batch(moved, batch.bytes, header.last_offset(), header.max_timestamp);
}

// Updates the state of the batch's producer. The sequence is not checked, because the leader has
// checked it.
Status GroupTransaction::remember_batch(Moved& moved, const records::BatchView& batch) {
  const records::BatchHeader& header = batch.header;
  const std::string key = producer_key(moved.partition->number(), header.producer_id);
  if (is_task_producer(header.producer_id)) {
    TaskOutputState state = TRY(stored_task_output(key));
    state.appended(header, header.last_offset());
    return transaction_->put(tables_.producers, key, state.encode());
  }
  ProducerState state = TRY(stored_producer(key)).value_or(ProducerState());
  if (const auto step = TRY(remember(state, batch, header.base_offset, now_ms_)))
    TRY(take_step(moved, *step, header.base_offset));
  return transaction_->put(tables_.producers, key, state.encode());
}

// --- Truncation

Result<bool> GroupTransaction::truncate(const TopicPartition& id, LeaderEpoch epoch, Offset end) {
  Moved& moved = moved_[TRY(find_follower(id, epoch))];
  const Partition& partition = *moved.partition;
  PartitionState& state = moved.state;
  if (end < state.log_start)
    return Error{ErrorCode::OffsetOutOfRange, "a log cannot be truncated before its start"};
  if (end >= state.log_end) return true;
  Offset log_end = state.log_end;
  bool is_all = true;
  FirstCut producers;
  size_t count = 0, bytes = 0;
  while (true) {
    auto cursor = TRY(BatchCursor::open(*transaction_, partition));
    const auto last = TRY(cursor.last());
    if (!last || last->last_offset < end) break;
    is_all = count < kMaxTruncatedAtOnce && bytes < kMaxBytesTruncatedAtOnce;
    if (!is_all) break;
    const auto batch = TRY(records::parse_batch(last->bytes, records::BatchCheck::Shape));
    ++count;
    bytes += last->bytes.size();
    log_end = batch.header.base_offset;
    if (batch.header.producer_id != records::kNoProducer)
      producers[batch.header.producer_id] = batch.header.base_sequence;
    TRY(transaction_->erase(partition.table(), BatchKey(partition, last->last_offset)));
  }
  // A batch that begins before `end` and ends after it is removed as a whole, so the log may then
  // end before `end`.
  if (is_all) log_end = std::max(std::min(log_end, end), state.log_start);
  state.log_end = log_end;
  state.high_watermark = std::min(state.high_watermark, log_end);
  // Only an unclean election truncates records that compaction has processed. Records that are
  // appended afterwards have to be processed again.
  state.cleaned_end = std::min(state.cleaned_end, log_end);
  state.gaps_end = std::min(state.gaps_end, log_end);
  moved.is_cut = moved.is_truncated = true;
  moved.time_mark.reset();  // the time index is read again before the next append
  TRY(cut_epochs(*transaction_, tables_, partition.number(), log_end));
  state.newest_epoch.reset();  // the newest epoch is read again when it is needed
  moved.recent.clear();
  TRY(cut_time_index(*transaction_, tables_, partition, log_end));
  TRY(cut_producers(partition, log_end, producers));
  if (partition.has_transactions()) TRY(cut_transactions(moved));
  TRY(put_row(moved));
  return is_all;
}

// Updates the states of the producers whose batches were truncated. A state remembers the
// producer's last five batches. If all five are truncated, the log is searched for earlier batches.
Status GroupTransaction::cut_producers(const Partition& partition, Offset log_end,
                                       const FirstCut& producers) {
  struct Lost {
    // the state that is left after the truncation, without its batches
    ProducerState state;
    // headers of the producer's truncated batches, newest first
    std::vector<records::BatchHeader> headers;
  };
  absl::flat_hash_map<ProducerId, Lost> lost;
  for (const auto& [producer, sequence] : producers) {
    const std::string key = producer_key(partition.number(), producer);
    if (is_task_producer(producer)) {
      TaskOutputState state;
      state.cut(sequence, log_end);
      TRY(transaction_->put(tables_.producers, key, state.encode()));
      continue;
    }
    auto state = TRY(stored_producer(key));
    if (!state) continue;
    if (state->cut(log_end))
      TRY(transaction_->put(tables_.producers, key, state->encode()));
    else
      lost.emplace(producer, Lost{std::move(*state), {}});
  }
  if (lost.empty()) return {};
  auto cursor = TRY(BatchCursor::open(*transaction_, partition));
  auto stored = TRY(cursor.last());
  size_t missing = lost.size();
  for (size_t i = 0; stored && missing > 0 && i < kMaxBatchesSearched; ++i) {
    const auto batch = TRY(records::parse_batch(stored->bytes, records::BatchCheck::Shape));
    const auto found = lost.find(batch.header.producer_id);
    if (found != lost.end() && batch.header.base_sequence >= 0 &&
        found->second.headers.size() < ProducerState::kRemembered) {
      found->second.headers.push_back(batch.header);
      missing -= found->second.headers.size() == ProducerState::kRemembered;
    }
    stored = TRY(cursor.previous());
  }
  for (auto& [producer, one] : lost) {
    auto& [state, headers] = one;
    const std::string key = producer_key(partition.number(), producer);
    if (headers.empty() && !state.open_since()) {
      TRY(transaction_->erase(tables_.producers, key));
      continue;
    }
    for (auto header = headers.rbegin(); header != headers.rend(); ++header)
      state.appended(*header, header->base_offset, now_ms_);
    TRY(transaction_->put(tables_.producers, key, state.encode()));
  }
  return {};
}

// Updates the producers' states to the truncated index of transactions.
Status GroupTransaction::cut_transactions(Moved& moved) {
  const LogNumber number = moved.partition->number();
  for (const CutTransaction& cut :
       TRY(storage::cut_transactions(*transaction_, tables_, number, moved.state.log_end))) {
    const std::string key = producer_key(number, cut.producer);
    auto state = TRY(stored_producer(key)).value_or(ProducerState());
    state.set_open_since(cut.first_offset);
    TRY(transaction_->put(tables_.producers, key, state.encode()));
  }
  moved.state.first_undecided =
      TRY(first_undecided(*transaction_, tables_, number, moved.state.high_watermark))
          .value_or(Offset{INT64_MAX});
  return {};
}

Status GroupTransaction::start_at(const TopicPartition& id, LeaderEpoch epoch, Offset start,
                                  std::string_view producers) {
  Moved& moved = moved_[TRY(find_follower(id, epoch))];
  const Partition& partition = *moved.partition;
  PartitionState& state = moved.state;
  if (state.log_start != state.log_end)
    return Error{ErrorCode::OffsetOutOfRange, "only an empty log can begin at another offset"};
  TRY(install_producers(*transaction_, tables_, partition.number(), start, producers));
  moved.partition->note_transactions();
  TRY(cut_epochs(*transaction_, tables_, partition.number(), Offset{0}));
  state.newest_epoch.reset();
  state.log_start = state.log_end = state.high_watermark = start;
  state.first_undecided = TRY(first_undecided(*transaction_, tables_, partition.number(), start))
                              .value_or(Offset{INT64_MAX});
  moved.is_cut = true;
  moved.time_mark.reset();
  return put_row(moved);
}

// Replaces the partition by an empty one, to which clients cannot append. Waiting appends to the
// old partition fail, and its content is removed later.
Status GroupTransaction::renew_partition(const TopicPartition& id, LeaderEpoch epoch) {
  const Moved& moved = moved_[TRY(find_any(id))];
  if (epoch < moved.state.leader_epoch) return fenced(epoch, moved.state.leader_epoch);
  const std::shared_ptr<Partition> old = moved.partition;
  TRY(drop_partition(old));
  TRY(create_partition(id, old->kind()));
  dropped_ids_.erase(id);
  return set_role(id, ReplicaRole::Follower, epoch);
}

}  // namespace storage
