#include "server/cluster/scrub_calls.h"

#include <algorithm>

namespace server {

using storage::PartitionAssignment;
using storage::RangeDigest;
using storage::TopicPartition;

namespace {

// A replica that differs from the leader is checked again after this time: it may just have been
// changed between the two reads.
constexpr int64_t kAgainUs = 1'000'000;

}  // namespace

ScrubCalls::ScrubCalls(Around around, const ScrubSettings& settings)
    : around_(std::move(around)),
      settings_(settings),
      last_number_(static_cast<uint64_t>(around_.clock.monotonic_us())) {}

void ScrubCalls::tick() {
  if (settings_.bytes_per_second <= 0) return;
  const int64_t now_us = around_.clock.monotonic_us();
  if (now_) {
    if (now_us >= now_->until_us) finish();
    return;
  }
  if (now_us < next_us_) return;
  if (const auto again = std::exchange(again_, std::nullopt))
    begin(again->partition, again->from, again->end, true);
  else
    begin_next();
}

void ScrubCalls::begin_next() {
  const int64_t now_us = around_.clock.monotonic_us();
  if (!is_in_round_) {
    if (now_us < round_began_us_ + settings_.round_us) return;
    round_began_us_ = now_us;
    is_in_round_ = true;
    at_.reset();
    is_done_ = true;
  }
  if (!is_done_) return begin(*at_, next_from_, std::nullopt, false);
  const auto cluster = around_.cluster();
  const auto& partitions = cluster->partitions();
  auto each = at_ ? partitions.lower_bound(*at_) : partitions.begin();
  if (at_ && each != partitions.end() && each->first == *at_) ++each;
  while (each != partitions.end() &&
         (each->second.leader != around_.self || each->second.replicas.size() < 2))
    ++each;
  if (each == partitions.end()) return end_round();
  at_ = each->first;
  is_done_ = false;
  found_here_.clear();
  begin(*at_, Offset{0}, std::nullopt, false);
}

void ScrubCalls::end_round() {
  is_in_round_ = false;
  ++rounds_;
  const auto cluster = around_.cluster();
  std::erase_if(known_, [&](const auto& each) {
    const PartitionAssignment* known = cluster->find(each.first.first);
    return known == nullptr || known->leader != around_.self;
  });
}

void ScrubCalls::end_partition() {
  is_done_ = true;
  std::erase_if(known_, [&](const auto& each) {
    return each.first.first == *at_ && !found_here_.contains(each.first.second);
  });
}

void ScrubCalls::begin(const TopicPartition& partition, Offset from, std::optional<Offset> end,
                       bool is_second) {
  const Result<LeaderEnds> leads = around_.leads(partition);
  if (!leads) {
    is_done_ = true;
    return;
  }
  const uint64_t number = ++last_number_;
  now_ = Comparison{.number = number,
                    .partition = partition,
                    .epoch = leads->epoch,
                    .from = from,
                    .is_second = is_second};
  now_->until_us = around_.clock.monotonic_us() + settings_.answer_us;
  around_.digest(
      partition, from, end, settings_.range_bytes,
      [this, number, alive = std::weak_ptr<const char>(alive_)](Result<RangeDigest> own) {
        if (!alive.expired()) digested(number, std::move(own));
      });
}

void ScrubCalls::digested(uint64_t number, Result<RangeDigest> own) {
  if (!now_ || now_->number != number) return;
  const Result<LeaderEnds> leads = around_.leads(now_->partition);
  if (!own || !leads || leads->epoch != now_->epoch) {
    now_.reset();
    is_done_ = true;  // the next round examines the partition again
    return;
  }
  Comparison& now = *now_;
  now.own = *own;
  now.from = own->from;
  now.end = own->end;
  next_us_ = around_.clock.monotonic_us() +
             static_cast<int64_t>(own->size_bytes) * 1'000'000 / settings_.bytes_per_second;
  if (own->from >= own->comparable_from && own->end > own->from)
    for (const NodeId node : leads->heirs) now.told.try_emplace(node);
  if (now.told.empty()) return finish();
  now.until_us = around_.clock.monotonic_us() + settings_.answer_us;
  for (const auto& [node, reported] : now.told)
    around_.send(node, AskDigest{number, now.partition, now.epoch, now.from, *now.end});
}

void ScrubCalls::on_message(NodeId from, const AskDigest& message) {
  const auto refuse = [this, from, number = message.number](Error why) {
    around_.send(from, DigestReported{.number = number, .error = std::move(why)});
  };
  if (around_.follows(message.partition) != message.leader_epoch)
    return refuse({ErrorCode::NotLeader, "this node does not follow under this leader epoch"});
  around_.digest(message.partition, message.from, message.end, 0,
                 [this, from, message, refuse,
                  alive = std::weak_ptr<const char>(alive_)](const Result<RangeDigest>& digest) {
                   if (alive.expired()) return;
                   if (!digest) return refuse(digest.error());
                   if (around_.follows(message.partition) != message.leader_epoch)
                     return refuse({ErrorCode::NotLeader, "the leader has changed"});
                   around_.send(from, DigestReported{.number = message.number,
                                                     .digest = digest->digest,
                                                     .comparable_from = digest->comparable_from,
                                                     .damaged = digest->damaged});
                 });
}

void ScrubCalls::on_message(NodeId from, const DigestReported& message) {
  if (!now_ || now_->number != message.number || !now_->end) return;
  const auto asked = now_->told.find(from);
  if (asked == now_->told.end() || asked->second) return;
  asked->second = message;
  if (std::ranges::all_of(now_->told, [](const auto& each) { return each.second.has_value(); }))
    finish();
}

bool ScrubCalls::differs(const Comparison& done, const DigestReported& reported) {
  return !reported.error && reported.comparable_from <= done.from &&
         (reported.digest != done.own.digest || reported.damaged);
}

void ScrubCalls::finish() {
  const Comparison done = *std::exchange(now_, std::nullopt);
  const Result<LeaderEnds> leads = around_.leads(done.partition);
  if (!done.end || !leads || leads->epoch != done.epoch) {
    is_done_ = true;
    return;
  }
  if (!done.is_second) {
    if (*done.end <= done.from) return end_partition();
    next_from_ = std::max(*done.end, done.own.comparable_from);
  }
  std::map<NodeId, std::optional<Offset>> found;
  if (done.own.damaged) found[around_.self] = done.own.damaged;
  for (const auto& [node, reported] : done.told)
    if (reported && differs(done, *reported)) found[node] = reported->damaged;
  if (found.empty()) return;
  if (done.is_second) {
    // If the leader's own bytes are damaged, all other replicas differ from the leader although
    // they are correct. In this case only damaged replicas are reported.
    for (const auto& [node, damaged] : found)
      if (damaged || !done.own.damaged) report(done, node, damaged);
    return;
  }
  for (const auto& [node, damaged] : found) found_here_.insert(node);
  again_ = Again{done.partition, done.from, *done.end};
  next_us_ = around_.clock.monotonic_us() + kAgainUs;
}

void ScrubCalls::report(const Comparison& done, NodeId node, std::optional<Offset> damaged) {
  const auto [known, is_new] = known_.try_emplace({done.partition, node}, done.from);
  if (!is_new && std::exchange(known->second, done.from) == done.from) return;
  around_.found({done.partition, node, done.from, *done.end, damaged});
}

}  // namespace server
