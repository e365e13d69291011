// Groups that are read and not changed: look-ups, scans.
#include <algorithm>
#include <cassert>

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
  return group.slot;
}

Status AggregateStore::for_each_window(std::string_view key, Loose& loose, const Visit& visit) {
  if (!is_windowed_) {
    if (const GroupSlot* group = TRY(fetch(key, 0))) visit(*group);
    return {};
  }
  TRY(find_starts());
  for (auto at = by_start_.lower_bound(expired_before_); at != by_start_.end(); ++at) {
    if (const GroupSlot* slot = find_in_memory(key, at->first)) {
      visit(*slot);
    } else if (!at->second.is_whole()) {
      if (const auto stored = TRY(read(key, at->first)))
        visit(*TRY(loose.add({at->first, key}, *stored)));
    }
  }
  return {};
}

void AggregateStore::for_each(const Visit& visit) const {
  assert(layers_.is_complete());
  for (const auto& [window_start, start] : by_start_)
    for (size_t place = 0; place < start.groups.size(); ++place)
      if (const GroupSlot* slot = slot_at(start, place); slot->key) visit(*slot);
}

Result<bool> AggregateStore::scan(StoreCursor& cursor, size_t entries, Loose& loose,
                                  const VisitSome& visit) {
  const auto in_memory = [&](StoreCursor& at) { return scan_memory(at, entries, visit); };
  const auto in_backing = [&](std::string_view key, std::string_view value) -> Result<bool> {
    const EntryKey at = TRY(decode_key(key));
    if (at.window_start < expired_before_) return true;
    if (const GroupSlot* group = find_in_memory(at.key, at.window_start)) {
      return group->born_in > cursor.hold->stored || visit(*group);  // else later
    }
    return visit(*TRY(loose.add(at, value)));
  };
  StorePlace end;
  if (!by_start_.empty())
    end = {by_start_.rbegin()->first, by_start_.rbegin()->second.groups.size()};
  return layers_.scan(cursor, end, entries, in_memory, in_backing);
}

bool AggregateStore::scan_memory(StoreCursor& cursor, size_t entries,
                                 const VisitSome& visit) const {
  StorePlace& place = cursor.place;
  bool goes_on = true;
  for (auto at = by_start_.lower_bound(place.start); at != by_start_.end(); ++at) {
    if (at->first > cursor.end.start) return false;
    if (at->first != place.start) place = {at->first, 0};
    size_t end = at->second.groups.size();
    if (at->first == cursor.end.start) end = std::min(end, cursor.end.number);
    for (; place.number < end; ++place.number, --entries) {
      if (entries == 0 || !goes_on) return true;
      const GroupSlot* const slot = slot_at(at->second, place.number);
      if (slot->key && cursor.hold->shows_in_memory(slot->born_in)) goes_on = visit(*slot);
    }
  }
  return false;
}

}  // namespace engine
