#include "server/coordinator/share_partition.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace server::coordinator {

namespace {

// Up to this number of changed ranges, each one is stored separately. With more, all offsets
// between the first and the last changed range count as changed.
constexpr size_t kMostChanges = 256;

bool is_done(const SharePartition::Range& range) {
  return range.state == RecordState::Acknowledged || range.state == RecordState::Archived;
}

bool are_one(const SharePartition::Range& a, const SharePartition::Range& b) {
  return a.state == b.state && a.delivery_count == b.delivery_count &&
         a.expires_us == b.expires_us &&
         (a.holder == b.holder || (a.holder && b.holder && *a.holder == *b.holder));
}

// Adds records to the list of acquired ranges. Adjacent records with the same delivery count are
// merged into one range. A range with at least `batch_size` records ends at the next batch
// boundary.
void tell(std::vector<AcquiredRecords>& all, const AcquiredRecords& next, int64_t batch_size,
          bool begins_batch) {
  if (!all.empty() && all.back().last + 1 == next.first &&
      all.back().delivery_count == next.delivery_count &&
      (!begins_batch || all.back().last - all.back().first + 1 < batch_size)) {
    all.back().last = next.last;
  } else {
    all.push_back(next);
  }
}

}  // namespace

// --- The window

void SharePartition::begin_at(int64_t offset) {
  start_ = end_ = offset;
  ranges_.clear();
  changes_.clear();
  has_changed_ = true;
}

int64_t SharePartition::done_in_window() const {
  int64_t count = 0;
  for (const auto& [first, range] : ranges_)
    if (is_done(range)) count += range.end - first;
  return count;
}

void SharePartition::split(int64_t at) {
  const auto after = ranges_.upper_bound(at);
  if (after == ranges_.begin()) return;
  const auto around = std::prev(after);
  if (around->first == at || around->second.end <= at) return;
  Range rest = around->second;
  around->second.end = at;
  ranges_.emplace_hint(after, at, std::move(rest));
}

template <class Each>
void SharePartition::visit(int64_t first, int64_t end, Each each) {
  first = std::max(first, start_);
  end = std::min(end, end_);
  Kept parts;
  auto place = ranges_.upper_bound(first);
  if (place != ranges_.begin()) --place;
  for (; place != ranges_.end() && place->first < end; ++place) {
    if (place->second.end <= first) continue;
    parts.emplace_back(std::max(first, place->first), place->second);
    parts.back().second.end = std::min(end, place->second.end);
  }
  for (const auto& [at, part] : parts) each(at, part);
}

void SharePartition::merge(int64_t first, int64_t end) {
  auto place = ranges_.lower_bound(first);
  if (place != ranges_.begin()) --place;
  while (place != ranges_.end()) {
    const auto next = std::next(place);
    if (next == ranges_.end() || next->first > end) return;
    if (are_one(place->second, next->second)) {
      place->second.end = next->second.end;
      ranges_.erase(next);
    } else {
      place = next;
    }
  }
}

void SharePartition::set(int64_t first, int64_t end, const Range& as) {
  assert(start_ <= first && first < end && end <= end_);              // invariant 1
  assert(as.state == RecordState::Acquired || as.holder == nullptr);  // invariant 3
  split(first);
  split(end);
  auto place = ranges_.erase(ranges_.lower_bound(first), ranges_.lower_bound(end));
  place = ranges_.emplace_hint(place, first, as);
  place->second.end = end;
  merge(first, end);
}

void SharePartition::extend(int64_t to, const Range& as) {
  if (to <= end_) return;
  assert(as.state == RecordState::Acquired || as.holder == nullptr);  // invariant 3
  const int64_t from = std::exchange(end_, to);
  ranges_[from] = as;
  ranges_[from].end = to;
  merge(from, to);
}

void SharePartition::advance() {
  while (!ranges_.empty() && is_done(ranges_.begin()->second)) {
    start_ = ranges_.begin()->second.end;
    ranges_.erase(ranges_.begin());
    has_changed_ = true;
  }
  assert(ranges_.empty() ? start_ == end_ : ranges_.begin()->first == start_);
  assert(ranges_.empty() || std::prev(ranges_.end())->second.end == end_);  // invariant 1
}

void SharePartition::move_start(int64_t log_start) {
  if (!has_begun() || log_start <= start_) return;
  split(log_start);
  ranges_.erase(ranges_.begin(), ranges_.lower_bound(log_start));
  start_ = log_start;
  end_ = std::max(end_, log_start);
  has_changed_ = true;
  advance();
}

void SharePartition::finish(int64_t first, int64_t end, RecordState as) {
  set(first, end, {.state = as});
  note(first, end);
}

// --- Lending

std::optional<int64_t> SharePartition::next(int64_t from, int64_t readable_end,
                                            const ShareLimits& limits) const {
  from = std::max(from, start_);
  auto place = ranges_.upper_bound(from);
  if (place != ranges_.begin()) --place;
  for (; place != ranges_.end(); ++place) {
    if (place->second.state != RecordState::Available || place->second.end <= from) continue;
    const int64_t at = std::max(from, place->first);
    return at < readable_end ? std::optional(at) : std::nullopt;
  }
  const int64_t at = std::max(from, end_);
  if (at >= readable_end || end_ - start_ >= limits.most_in_flight) return std::nullopt;
  return at;
}

void SharePartition::lend(int64_t first, int64_t end, int16_t count, const Wish& wish) {
  const Range lent{.state = RecordState::Acquired,
                   .delivery_count = count,
                   .holder = wish.holder,
                   .expires_us = wish.expires_us};
  if (first >= end_) {
    assert(first == end_);  // invariant 1: no offset is left out
    return extend(end, lent);
  }
  set(first, end, lent);
}

void SharePartition::archive_gap(int64_t first, int64_t end) {
  visit(first, end, [&](int64_t at, const Range& part) {
    if (part.state == RecordState::Available) finish(at, part.end, RecordState::Archived);
  });
  if (first <= end_ && end > end_) {
    note(end_, end);
    extend(end, {.state = RecordState::Archived});
  }
  advance();
}

std::vector<AcquiredRecords> SharePartition::acquire(Wish& wish, int64_t from,
                                                     const std::vector<SharedLog::Batch>& batches,
                                                     const ShareLimits& limits) {
  std::vector<AcquiredRecords> acquired;
  for (const SharedLog::Batch& batch : batches) {
    if (wish.records < 1) break;
    const int64_t first = std::max(batch.first, from), end = batch.last + 1;
    if (first > from) archive_gap(from, first);
    if (first >= end) continue;
    from = end;
    if (!batch.is_delivered) {
      archive_gap(first, end);
      continue;
    }
    bool begins_batch = true;
    const auto take = [&](int64_t at, int64_t to, int16_t count) {
      if (wish.is_strict) to = std::min(to, at + std::max<int64_t>(wish.records, 0));
      if (to <= at) return;
      lend(at, to, count, wish);
      wish.records -= to - at;
      tell(acquired, {at, to - 1, count}, wish.batch_size, begins_batch);
      begins_batch = false;
    };
    visit(first, end, [&](int64_t at, const Range& part) {
      if (part.state == RecordState::Available)
        take(at, part.end, static_cast<int16_t>(part.delivery_count + 1));
    });
    const int64_t window_end = std::min(end, start_ + limits.most_in_flight);
    if (end_ < window_end && first <= end_) take(end_, window_end, 1);
  }
  return acquired;
}

// --- Acknowledgements

KafkaError SharePartition::runs_of(const std::vector<AcknowledgedBatch>& batches, bool may_renew,
                                   std::vector<Run>& runs) const {
  int64_t least = 0;
  for (const AcknowledgedBatch& batch : batches) {
    const bool is_range =
        batch.first >= least && batch.first <= batch.last && batch.last < INT64_MAX;
    if (!is_range || batch.types.empty() ||
        (batch.types.size() > 1 &&
         batch.types.size() != static_cast<uint64_t>(batch.last - batch.first) + 1))
      return KafkaError::InvalidRequest;
    least = batch.last + 1;
    if (batch.last >= end_) return kInvalidRecordState;
    if (batch.last < start_) continue;
    for (size_t i = 0; i < batch.types.size(); ++i) {
      const int8_t type = batch.types[i];
      const bool is_known =
          type >= 0 &&
          type <= static_cast<int8_t>(may_renew ? Acknowledgement::Renew : Acknowledgement::Reject);
      if (!is_known) return KafkaError::InvalidRequest;
      const bool is_one = batch.types.size() == 1;
      const int64_t first = is_one ? batch.first : batch.first + static_cast<int64_t>(i);
      const int64_t end = is_one ? batch.last + 1 : first + 1;
      const auto said = static_cast<Acknowledgement>(type);
      if (!runs.empty() && runs.back().end == first && runs.back().type == said)
        runs.back().end = end;
      else
        runs.push_back({first, end, said});
    }
  }
  return KafkaError::None;
}

bool SharePartition::is_held(int64_t first, int64_t end, const std::string& member) const {
  if (end > end_) return false;
  auto place = ranges_.upper_bound(first);
  if (place == ranges_.begin()) return false;
  for (--place; place != ranges_.end() && place->first < end; ++place)
    if (place->second.state != RecordState::Acquired || *place->second.holder != member)
      return false;
  return true;
}

KafkaError SharePartition::acknowledge(const std::string& member,
                                       const std::vector<AcknowledgedBatch>& batches,
                                       bool may_renew, int64_t renewed_until_us,
                                       const ShareLimits& limits) {
  std::vector<Run> runs;
  if (const KafkaError error = runs_of(batches, may_renew, runs); error != KafkaError::None)
    return error;
  std::erase_if(runs, [&](const Run& run) { return run.end <= start_; });
  for (Run& run : runs) {
    run.first = std::max(run.first, start_);
    if (!is_held(run.first, run.end, member)) return kInvalidRecordState;
  }
  for (const Run& run : runs) {
    switch (run.type) {
      case Acknowledgement::Accept:
        finish(run.first, run.end, RecordState::Acknowledged);
        break;
      case Acknowledgement::Gap:
      case Acknowledgement::Reject:
        finish(run.first, run.end, RecordState::Archived);
        break;
      case Acknowledgement::Release:
        visit(run.first, run.end,
              [&](int64_t at, const Range& part) { give_back(at, part, true, limits); });
        break;
      case Acknowledgement::Renew:
        visit(run.first, run.end, [&](int64_t at, const Range& part) {
          Range renewed = part;
          renewed.expires_us = renewed_until_us;
          set(at, part.end, renewed);
        });
        break;
    }
  }
  advance();
  return KafkaError::None;
}

void SharePartition::give_back(int64_t first, const Range& range, bool has_tried,
                               const ShareLimits& limits) {
  assert(range.state == RecordState::Acquired);
  const auto count = static_cast<int16_t>(range.delivery_count - (has_tried ? 0 : 1));
  if (count >= limits.most_deliveries) return finish(first, range.end, RecordState::Archived);
  set(first, range.end, {.state = RecordState::Available, .delivery_count = count});
  note(first, range.end);
}

bool SharePartition::release(const std::string& member, bool has_tried, const ShareLimits& limits) {
  bool has_any = false;
  visit(start_, end_, [&](int64_t at, const Range& part) {
    if (part.state != RecordState::Acquired || *part.holder != member) return;
    give_back(at, part, has_tried, limits);
    has_any = true;
  });
  advance();
  return has_any;
}

bool SharePartition::expire(int64_t now_us, const ShareLimits& limits) {
  bool has_any = false;
  visit(start_, end_, [&](int64_t at, const Range& part) {
    if (part.state != RecordState::Acquired || part.expires_us > now_us) return;
    give_back(at, part, true, limits);
    has_any = true;
  });
  advance();
  return has_any;
}

std::optional<int64_t> SharePartition::next_expiry_us() const {
  std::optional<int64_t> least;
  for (const auto& [first, range] : ranges_)
    if (range.state == RecordState::Acquired && (!least || range.expires_us < *least))
      least = range.expires_us;
  return least;
}

// --- Stored state

void SharePartition::note(int64_t first, int64_t end) {
  has_changed_ = true;
  if (!changes_.empty() && changes_.back().end == first) {
    changes_.back().end = end;
    return;
  }
  changes_.push_back({first, end});
  if (changes_.size() <= kMostChanges) return;
  Change all = changes_.front();
  for (const Change& each : changes_) {
    all.first = std::min(all.first, each.first);
    all.end = std::max(all.end, each.end);
  }
  changes_ = {all};
}

void SharePartition::forget_changes() {
  has_changed_ = false;
  changes_.clear();
}

SharePartition::Kept SharePartition::kept(int64_t first, int64_t end) const {
  Kept all;
  first = std::max(first, start_);
  end = std::min(end, end_);
  auto place = ranges_.upper_bound(first);
  if (place != ranges_.begin()) --place;
  for (; place != ranges_.end() && place->first < end; ++place) {
    if (place->second.end <= first) continue;
    Range part{.end = std::min(end, place->second.end),
               .state = place->second.state,
               .delivery_count = place->second.delivery_count};
    if (part.state == RecordState::Acquired) {
      part.state = RecordState::Available;
      --part.delivery_count;
    }
    const int64_t at = std::max(first, place->first);
    if (!all.empty() && all.back().second.end == at && are_one(all.back().second, part))
      all.back().second.end = part.end;
    else
      all.emplace_back(at, part);
  }
  return all;
}

void SharePartition::restore(int64_t start, const Kept& ranges) {
  begin_at(start);
  restore_change(start, ranges);
}

void SharePartition::restore_change(int64_t start, const Kept& ranges) {
  apply_change(start, ranges);
  forget_changes();
}

void SharePartition::apply_change(int64_t start, const Kept& ranges) {
  if (!has_begun()) begin_at(start);
  for (const auto& [first, range] : ranges) {
    if (range.end <= std::max(first, start_)) continue;
    // If the range starts after end(), the window grows up to it. The offsets between were at most
    // lent and never acknowledged, so they are available.
    extend(range.end, {});
    set(std::max(first, start_), range.end, range);
    note(std::max(first, start_), range.end);
  }
  move_start(start);
  advance();
}

size_t SharePartition::memory_bytes() const {
  constexpr size_t kBytesOfPartition = 400, kBytesOfRange = 112;
  return kBytesOfPartition + kBytesOfRange * ranges_.size();
}

}  // namespace server::coordinator
