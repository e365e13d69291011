#include "storage/replica/leader_replica.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "records/batch.h"

namespace storage {

LeaderReplica::LeaderReplica(ReplicaContext& context, PartitionAssignment assignment)
    : context_(context),
      status_(context.log.find_partition(assignment.partition)),
      in_sync_(context.self, context.node_epoch, std::move(assignment), status_->log_end(),
               status_->high_watermark(), context.clock.monotonic_us(), context_.settings,
               context_.rules) {
  publish();
}

void LeaderReplica::reassign(PartitionAssignment assignment) {
  in_sync_.reassign(std::move(assignment), context_.clock.monotonic_us());
  publish();
}

void LeaderReplica::publish() {
  context_.replica_log.advance_high_watermark(assignment().partition, assignment().leader_epoch,
                                              in_sync_.high_watermark());
}

void LeaderReplica::appended() {
  in_sync_.appended(status_->log_end());
  publish();
  std::erase_if(parked_, [&](const auto& each) {
    return each.second.fetch.from < status_->log_end() && may_send(each.first) &&
           answer(each.second.fetch, Patience::AnswersNow);
  });
}

void LeaderReplica::tick() {
  const int64_t now_us = context_.clock.monotonic_us();
  std::erase_if(parked_, [&](const auto& each) {
    const Parked& parked = each.second;
    const bool is_due = now_us - parked.since_us >= context_.settings.fetch_wait_us ||
                        parked.fetch.high_watermark < in_sync_.high_watermark() ||
                        has_new_start(parked.fetch) ||
                        (parked.fetch.from < status_->log_end() && may_send(parked.fetch.follower));
    return is_due && answer(parked.fetch, Patience::AnswersNow);
  });
  if (auto proposal = in_sync_.propose(*context_.cluster, now_us, context_.late_before_us(now_us)))
    context_.port.propose(*std::move(proposal));
}

Status LeaderReplica::check(const ReplicaFetch& fetch) const {
  const LeaderEpoch epoch = assignment().leader_epoch;
  if (fetch.leader_epoch < epoch)
    return Error{ErrorCode::FencedLeaderEpoch,
                 fmt::format("leader epoch {} has ended, the partition is at {}",
                             fetch.leader_epoch.value(), epoch.value())};
  if (fetch.leader_epoch > epoch)
    return Error{ErrorCode::NotLeader, fmt::format("this node has not received leader epoch {} yet",
                                                   fetch.leader_epoch.value())};
  // A node that is not a replica may fetch as an observer, if the cluster has the node.
  if (!assignment().has_replica(fetch.follower) && !context_.cluster->find(fetch.follower))
    return Error{ErrorCode::NotLeader,
                 fmt::format("node {} is not part of the cluster", fetch.follower.value())};
  return {};
}

void LeaderReplica::on_fetch(const ReplicaFetch& fetch) {
  // An earlier fetch of this follower still waits here. The follower no longer expects an answer to
  // that fetch.
  const auto parked = parked_.find(fetch.follower);
  if (parked != parked_.end()) {
    if (parked->second.fetch.number > fetch.number &&
        parked->second.fetch.follower_epoch >= fetch.follower_epoch)
      return;  // this fetch is older than the waiting one
    parked_.erase(parked);
  }
  if (!answer(fetch, Patience::Waits))
    parked_[fetch.follower] = {fetch, context_.clock.monotonic_us()};
}

bool LeaderReplica::answer(const ReplicaFetch& fetch, Patience patience) {
  auto fetched = answer_to(fetch);
  if (!fetched) {
    ReplicaFetched failed;
    failed.error = std::move(fetched).error();
    fetched = std::move(failed);
  }
  const bool has_news = fetched->error || fetched->diverging || fetched->producers ||
                        !fetched->batches.empty() ||
                        fetched->high_watermark > fetch.high_watermark || has_new_start(fetch);
  if (!has_news && patience == Patience::Waits) return false;
  fetched->partition = fetch.partition;
  fetched->number = fetch.number;
  fetched->leader_epoch = assignment().leader_epoch;
  if (const auto start = starts_.find(fetch.follower); start != starts_.end())
    start->second.told = fetched->log_start;
  context_.port.send(fetch.follower, *std::move(fetched));
  return true;
}

Result<ReplicaFetched> LeaderReplica::answer_to(const ReplicaFetch& fetch) {
  TRY(check(fetch));
  ReplicaFetched fetched;
  fetched.log_start = status_->log_start();
  // An empty follower also restarts if it asks for a later offset than the first one. Otherwise its
  // log would lack the earlier records, or would begin within a batch.
  const bool has_nothing = !fetch.last_epoch;
  if (fetch.from < fetched.log_start || has_nothing) {
    const Offset first = TRY(first_kept());
    if (fetch.from < first || (has_nothing && fetch.from > first)) {
      fetched.producers = TRY(context_.replica_log.producer_snapshot(fetch.partition));
      fetched.log_start = first;
      return fetched;
    }
  }
  fetched.diverging = TRY(divergence_of(fetch));
  if (fetched.diverging) return fetched;
  starts_[fetch.follower].known = fetch.log_start;
  in_sync_.fetched(fetch.follower, fetch.follower_epoch, fetch.from, context_.clock.monotonic_us(),
                   fetch.refuses_appends);
  publish();
  if (fetch.from < status_->log_end() && may_send(fetch.follower)) {
    fetched.batches =
        TRY(read(std::max(fetch.from, fetched.log_start), context_.settings.fetch_max_bytes));
    if (is_throttled(assignment(), fetch.follower))
      context_.leader_budget.spend(fetched.batches.size());
  }
  fetched.high_watermark = in_sync_.high_watermark();
  return fetched;
}

bool LeaderReplica::has_new_start(const ReplicaFetch& fetch) const {
  const auto start = starts_.find(fetch.follower);
  return start != starts_.end() && start->second.known &&
         status_->log_start() > std::max(*start->second.known, start->second.told);
}

bool LeaderReplica::have_all_trimmed(Offset start) const {
  return std::ranges::all_of(assignment().isr, [&](NodeId node) {
    if (node == context_.self) return status_->log_start() >= start;
    const auto known = starts_.find(node);
    return known != starts_.end() && known->second.known.value_or(start) >= start;
  });
}

bool LeaderReplica::may_send(NodeId follower) {
  if (!context_.port.has_room(follower)) return false;
  return !is_throttled(assignment(), follower) ||
         !context_.leader_budget.is_spent(context_.clock.monotonic_us());
}

Result<std::optional<EpochEnd>> LeaderReplica::divergence_of(const ReplicaFetch& fetch) const {
  if (!fetch.last_epoch || !context_.rules.truncates) return std::nullopt;
  const EpochEnd mine = TRY(context_.replica_log.end_of_epoch(fetch.partition, *fetch.last_epoch));
  if (mine.epoch == *fetch.last_epoch && mine.end >= fetch.from) return std::nullopt;
  return mine;
}

// first_undecided() is the first offset of an open transaction as of the last append. The
// transaction may have ended since, so the value may be too small. If it is below the high
// watermark, the present value is read from the store.
Result<Offset> LeaderReplica::readable_end() const {
  const Offset high_watermark = status_->high_watermark();
  if (status_->first_undecided() >= high_watermark) return high_watermark;
  TRY(context_.reader.begin_turn());
  const Result<Offset> end = context_.reader.last_stable_offset(assignment().partition);
  context_.reader.end_turn();
  return end;
}

// Returns the offset at which the log of a new or restarted follower begins. A deletion of records
// may move the log start into a batch. The whole batch remains stored, so the follower begins at
// the base offset of the batch.
Result<Offset> LeaderReplica::first_kept() const {
  const Offset start = status_->log_start();
  if (start >= status_->log_end()) return start;
  const std::string first = TRY(read(start, 1));
  if (first.empty()) return start;
  const auto batch = TRY(records::parse_batch(first, records::BatchCheck::Shape));
  return std::min(start, batch.header.base_offset);
}

Result<std::string> LeaderReplica::read(Offset from, size_t max_bytes) const {
  TRY(context_.reader.begin_turn(Snapshot::WhenNeeded));
  std::string bytes;
  const auto batches =
      context_.reader.read(assignment().partition, from, max_bytes, ReadUpTo::LogEnd);
  if (batches) {
    size_t size = 0;
    for (const BatchRef& batch : *batches) size += batch.bytes.size();
    bytes.reserve(size);
    for (const BatchRef& batch : *batches) bytes += batch.bytes;
  }
  context_.reader.end_turn();
  if (!batches) return batches.error();
  return bytes;
}

}  // namespace storage
