// Implements look-ups and scans, which read groups without changing them.
#include <algorithm>

#include "base/bytes.h"
#include "engine/state/aggregate_store.h"

namespace engine {

AggregateStore::Loose::~Loose() { drop_first(groups_.size()); }

void AggregateStore::Loose::drop_first(size_t count) {
  for (; count > 0; --count) {
    store_.destroy_states(*groups_.front().slot);
    groups_.pop_front();
  }
}

Result<const GroupSlot*> AggregateStore::Loose::add(const EntryKey& at, std::string_view value) {
  Group& group = groups_.emplace_back(GroupKey::make(at.key),
                                      std::make_unique<std::byte[]>(store_.offsets_.back()));
  group.slot =
      new (group.memory.get()) GroupSlot{.key = group.key.get(), .window_start = at.window_start};
  store_.init_states(*group.slot);
  TRY(store_.decode(*group.slot, value));
  group.slot->set_encoded_bytes(value.size());
  return group.slot;
}

// --- One key

Result<bool> AggregateStore::next_windows(KeyWindows& at, size_t max_starts, Loose& loose,
                                          const VisitSome& visit) {
  if (!is_windowed_) {
    if (const GroupSlot* group = TRY(fetch(at.key, 0))) visit(*group);
    ++at.asked;
    return false;
  }
  if (at.scan) TRY(Layers::check_goes_on(*at.scan));
  if (!knows_starts()) {
    at.asked += max_starts;
    TRY(find_starts(max_starts));
    return true;
  }
  auto start = by_start_.lower_bound(std::max(at.next, expired_before_));
  for (bool goes_on = true; start != by_start_.end() && start->first <= at.last; ++start) {
    at.next = start->first;
    if (max_starts-- == 0 || !goes_on) return true;
    ++at.asked;
    if (const GroupSlot* group = TRY(group_at(at, *start, loose))) goes_on = visit(*group);
  }
  return false;
}

// Returns the key's group with this window start as the look-up must see it, or null if it does not
// exist.
Result<const GroupSlot*> AggregateStore::group_at(const KeyWindows& at,
                                                  Starts::const_reference start, Loose& loose) {
  const EntryKey its{start.first, at.key};
  if (at.scan && at.scan->before.size() > 0) {
    encode_key(its.key, its.window_start, key_scratch_);
    if (const auto before = Layers::take_before(*at.scan, key_scratch_))
      return *before ? TRY(loose.add(its, **before)) : nullptr;
  }
  if (const GroupSlot* slot = find_in_memory(its.key, its.window_start))
    return at.scan && slot->born_in > at.scan->until ? nullptr : slot;
  if (start.second.is_whole()) return nullptr;
  const auto stored = TRY(read(its.key, its.window_start));
  return stored ? TRY(loose.add(its, *stored)) : nullptr;
}

StoreScanPtr AggregateStore::begin_rest(const KeyWindows& at) {
  StoreScanPtr scan = begin_scan();
  scan->part = StoreScan::Part::Wanted;
  scan->was_complete = false;  // evicted groups are read from the checkpoint
  scan->place.start = at.next;
  scan->wants = [key = std::string(at.key), last = at.last](const StoreScan& its,
                                                            std::string_view stored) {
    const auto start = load_be<int64_t>(stored.data());
    return start >= its.place.start && start <= last && stored.substr(sizeof start) == key;
  };
  return scan;
}

// --- Scans

Result<bool> AggregateStore::scan(StoreScan& scan, size_t entries, Loose& loose,
                                  const VisitSome& visit) {
  const auto as_stored = [&](std::string_view key, std::string_view value) -> Result<bool> {
    const EntryKey at = TRY(decode_key(key));
    return visit(*TRY(loose.add(at, value)));
  };
  const auto in_backing = [&](std::string_view key, std::string_view value) -> Result<bool> {
    if (scan.has_before(key)) return true;
    const EntryKey at = TRY(decode_key(key));
    if (at.window_start < expired_before_) return true;
    const GroupSlot* const group = find_in_memory(at.key, at.window_start);
    if (!group) return as_stored(key, value);
    return group->born_in > scan.stored || visit(*group);  // a younger group is shown later
  };
  const auto in_memory = [&](StoreScan& at) { return scan_memory(at, entries, visit); };
  return layers_.scan(scan, end_of_places(), entries, {in_memory, in_backing, as_stored});
}

StorePlace AggregateStore::end_of_places() const {
  if (by_start_.empty()) return {};
  return {by_start_.rbegin()->first, by_start_.rbegin()->second.groups.size()};
}

bool AggregateStore::scan_memory(StoreScan& scan, size_t entries, const VisitSome& visit) {
  const auto is_as_it_was = [&](const GroupSlot& slot) {
    if (!scan.shows_in_memory(slot.born_in)) return false;
    if (scan.before.size() == 0) return true;
    encode_key(slot.key->view(), slot.window_start, key_scratch_);
    return !scan.has_before(key_scratch_);
  };
  StorePlace& place = scan.place;
  bool goes_on = true;
  for (auto at = by_start_.lower_bound(place.start); at != by_start_.end(); ++at) {
    if (at->first > scan.end.start) return false;
    if (at->first != place.start) place = {at->first, 0};
    size_t end = at->second.groups.size();
    if (at->first == scan.end.start) end = std::min(end, scan.end.number);
    for (; place.number < end; ++place.number, --entries) {
      if (entries == 0 || !goes_on) return true;
      const GroupSlot* const slot = slot_at(at->second, place.number);
      if (slot->key && is_as_it_was(*slot)) goes_on = visit(*slot);
    }
  }
  return false;
}

// Keeps the current value of the group for open scans. Call before the group changes.
void AggregateStore::keep_before(GroupSlot& slot) {
  encode_key(slot.key->view(), slot.window_start, key_scratch_);
  const auto place = [&] {
    return StorePlace{slot.window_start, start_at(slot.window_start).groups.number_of(&slot)};
  };
  const auto value = [&] {
    std::string bytes;
    encode(slot, bytes);
    return bytes;
  };
  layers_.keep_before(key_scratch_, slot.born_in, place, value);
}

void AggregateStore::keep_absent(const GroupSlot& slot) {
  encode_key(slot.key->view(), slot.window_start, key_scratch_);
  layers_.keep_absent(key_scratch_, slot.born_in);
}

}  // namespace engine
