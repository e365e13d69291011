#include "engine/state/aggregate_store.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <tuple>

#include "base/bytes.h"

namespace engine {

namespace {

std::vector<size_t> place_states(const std::vector<AggregateInstance>& instances) {
  std::vector<size_t> offsets;
  size_t at = sizeof(GroupSlot);
  for (const AggregateInstance& instance : instances) {
    const Accumulator& accumulator = instance.def->accumulator;
    at = (at + accumulator.state_align - 1) / accumulator.state_align * accumulator.state_align;
    offsets.push_back(at);
    at += accumulator.state_size;
  }
  offsets.push_back(at);  // the whole slot's size
  return offsets;
}

}  // namespace

AggregateStore::AggregateStore(std::vector<AggregateInstance> instances, bool is_windowed)
    : instances_(std::move(instances)),
      is_windowed_(is_windowed),
      has_heap_(std::ranges::any_of(instances_,
                                    [](const AggregateInstance& instance) {
                                      return instance.def->accumulator.destroy != nullptr;
                                    })),
      offsets_(place_states(instances_)),
      pool_(offsets_.back()) {}

AggregateStore::~AggregateStore() {
  for (auto& [start, slots] : by_start_)  // invariant 1: these are not in groups_
    for (GroupSlot* slot : slots)
      if (slot->key == nullptr) destroy_slot(slot);
  groups_.for_each([this](const KeyMap<Windows>::Entry& group) {
    for (const Window& window : group.second)
      if (window.slot->key) destroy_slot(window.slot);  // else release_some() has done it
  });
}

bool AggregateStore::release_some() {
  constexpr size_t kReleasedAtOnce = 1'000;
  changed_.clear();
  if (is_windowed_) {
    expired_before_ = INT64_MAX;
    return forget_some(kReleasedAtOnce);
  }
  layers_.clear();
  // By their place in the pool, and their keys afterwards.
  for (size_t i = 0; i < kReleasedAtOnce && released_ < pool_.size(); ++i, ++released_)
    if (auto* slot = static_cast<GroupSlot*>(pool_.at(released_)); slot->key) destroy_slot(slot);
  return released_ < pool_.size() || groups_.erase_some();
}

GroupSlot* AggregateStore::make_slot(const std::string& key, int64_t window_start) {
  auto* slot = new (pool_.take()) GroupSlot{.key = &key, .window_start = window_start};
  init_states(*slot);
  if (is_windowed_) groups_at(window_start).push_back(slot);
  return slot;
}

void AggregateStore::init_states(GroupSlot& slot) const {
  for (size_t i = 0; i < instances_.size(); ++i)
    instances_[i].def->accumulator.init(instances_[i], state(slot, i));
}

void AggregateStore::destroy_states(GroupSlot& slot) const {
  for (size_t i = 0; i < instances_.size(); ++i)
    if (const auto destroy = instances_[i].def->accumulator.destroy)
      destroy(instances_[i], state(slot, i));
}

// A record's windows come one after the other, thousands of them when they hop.
AggregateStore::Groups& AggregateStore::groups_at(int64_t window_start) {
  if (last_start_ != by_start_.end() && last_start_->first < window_start) ++last_start_;
  if (last_start_ == by_start_.end() || last_start_->first != window_start)
    last_start_ = by_start_.try_emplace(window_start).first;
  return last_start_->second;
}

void AggregateStore::destroy_slot(GroupSlot* slot) {
  destroy_states(*slot);
  encoded_bytes_ -= slot->encoded_bytes;
  slot->key = nullptr;
  pool_.give_back(slot);
}

// Whether it was made; then it is not counted yet.
std::pair<GroupSlot*, bool> AggregateStore::find_or_make(std::string_view key,
                                                         int64_t window_start) {
  auto* const group = groups_.try_emplace(key).first;
  Windows& windows = group->second;
  // Records mostly fall into the newest window; a late one may find thousands that are newer.
  auto place = windows.end();
  if (!windows.empty() && windows.back().start > window_start)
    place = std::ranges::upper_bound(windows, window_start, {}, &Window::start);
  if (place != windows.begin() && std::prev(place)->start == window_start)
    return {std::prev(place)->slot, false};
  GroupSlot* const made = make_slot(group->first, window_start);
  windows.insert(place, Window{window_start, made});
  return {made, true};
}

// From memory, or into it; null when there is none.
Result<GroupSlot*> AggregateStore::fetch(std::string_view key) {
  if (auto* found = groups_.find(key)) {
    GroupSlot* const slot = found->second.front().slot;
    slot->is_used = true;
    return slot;
  }
  if (layers_.is_complete()) return nullptr;
  const auto stored = TRY(layers_.fetch(key));
  if (!stored) return nullptr;
  GroupSlot* const slot = find_or_make(key, 0).first;
  if (Status decoded = decode(*slot, *stored); !decoded) {
    leave(slot);
    return std::move(decoded).error();
  }
  note_size(*slot, stored->size());
  layers_.fetched();
  return slot;
}

// Out of memory; of a store without windows. It is not counted.
void AggregateStore::leave(GroupSlot* slot) {
  const std::string* const key = slot->key;
  destroy_slot(slot);
  groups_.erase(*key);
}

Result<GroupSlot*> AggregateStore::touch(std::string_view key, int64_t window_start) {
  assert(!is_windowed_ || window_start >= expired_before_);  // invariant 2
  GroupSlot* slot = layers_.is_complete() ? nullptr : TRY(fetch(key));
  if (!slot) {
    bool is_new = false;
    std::tie(slot, is_new) = find_or_make(key, window_start);
    if (is_new) {
      slot->born_in = layers_.current();
      layers_.made();
    }
  }
  slot->is_used = true;
  if (slot->changed_in != layers_.current()) {
    slot->changed_in = layers_.current();
    changed_.push_back(slot);
  }
  return slot;
}

void AggregateStore::prefetch(std::span<const std::string_view> keys) const {
  std::array<const KeyMap<Windows>::Entry*, kPrefetchedAtOnce> found;
  groups_.prefetch(keys, std::span(found).first(keys.size()));
  for (size_t i = 0; i < keys.size(); ++i)
    if (found[i] && !found[i]->second.empty()) __builtin_prefetch(&found[i]->second.back());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!found[i] || found[i]->second.empty()) continue;
    const char* const slot = reinterpret_cast<const char*>(found[i]->second.back().slot);
    __builtin_prefetch(slot);
    __builtin_prefetch(slot + 64);
  }
}

Result<const GroupSlot*> AggregateStore::find(std::string_view key, int64_t window_start) {
  if (!is_windowed_) return TRY(fetch(key));
  const auto* found = groups_.find(key);
  if (!found) return nullptr;
  const auto window = std::ranges::lower_bound(found->second, window_start, {}, &Window::start);
  return window != found->second.end() && window->start == window_start ? window->slot : nullptr;
}

void AggregateStore::erase(std::string_view key, int64_t window_start) {
  auto* found = groups_.find(key);
  if (!found) return;
  const auto window = std::ranges::lower_bound(found->second, window_start, {}, &Window::start);
  if (window == found->second.end() || window->start != window_start) return;
  if (is_windowed_) {
    const auto start = by_start_.find(window_start);
    std::erase(start->second, window->slot);
    if (start->second.empty()) {
      by_start_.erase(start);
      last_start_ = by_start_.end();
    }
  }
  destroy_slot(window->slot);
  layers_.erased();
  found->second.erase(window);
  if (found->second.empty()) groups_.erase(key);
}

// The expired windows of a key are taken out of it together: one by one, each would move all that
// come after it.
void AggregateStore::forget(GroupSlot* slot) {
  if (slot->key != nullptr) {
    auto* found = groups_.find(*slot->key);
    assert(found);  // invariant 1
    Windows& windows = found->second;
    const auto kept = std::ranges::lower_bound(windows, expired_before_, {}, &Window::start);
    assert(kept != windows.begin());
    for (auto window = windows.begin(); window != kept; ++window) window->slot->key = nullptr;
    windows.erase(windows.begin(), kept);
    if (windows.empty()) groups_.erase(found->first);
  }
  destroy_slot(slot);
  layers_.erased();
}

bool AggregateStore::forget_some(size_t max_groups) {
  while (!by_start_.empty() && by_start_.begin()->first < expired_before_) {
    Groups& oldest = by_start_.begin()->second;
    for (; !oldest.empty(); --max_groups) {
      if (max_groups == 0) return true;
      forget(oldest.back());
      oldest.pop_back();
    }
    by_start_.erase(by_start_.begin());
    last_start_ = by_start_.end();
  }
  return false;
}

void AggregateStore::expire_before(int64_t start_ms) {
  if (start_ms <= expired_before_) return;
  expired_before_ = start_ms;
  if (by_start_.empty() || by_start_.begin()->first >= start_ms) return;
  expiry_changed_ = true;
  std::erase_if(changed_, [&](const GroupSlot* slot) { return slot->window_start < start_ms; });
}

std::optional<int64_t> AggregateStore::first_start_in(int64_t from_ms, int64_t to_ms) const {
  const auto at = by_start_.lower_bound(from_ms);
  if (at == by_start_.end() || at->first >= to_ms) return std::nullopt;
  return at->first;
}

const AggregateStore::Groups& AggregateStore::windows_at(int64_t start_ms) const {
  static const Groups kNone;
  const auto at = by_start_.find(start_ms);
  return at == by_start_.end() ? kNone : at->second;
}

Status AggregateStore::for_each_window(std::string_view key, const Visit& visit) {
  if (!is_windowed_) {
    if (const GroupSlot* group = TRY(fetch(key))) visit(*group);
    return {};
  }
  if (const auto* found = groups_.find(key))
    for (const Window& window : found->second) visit(*window.slot);
  return {};
}

void AggregateStore::for_each(const Visit& visit) const {
  assert(layers_.is_complete());
  groups_.for_each([&](const KeyMap<Windows>::Entry& group) {
    for (const Window& window : group.second) visit(*window.slot);
  });
}

// --- Scans

AggregateStore::Loose::~Loose() {
  for (Group& group : groups_) store_.destroy_states(*group.slot);
}

Result<const GroupSlot*> AggregateStore::Loose::add(std::string_view key, std::string_view value) {
  Group& group =
      groups_.emplace_back(std::string(key), std::make_unique<std::byte[]>(store_.offsets_.back()));
  group.slot = new (group.memory.get()) GroupSlot{.key = &group.key};
  store_.init_states(*group.slot);
  TRY(store_.decode(*group.slot, value));
  return group.slot;
}

Result<bool> AggregateStore::scan(StoreCursor& cursor, size_t entries, Loose& loose,
                                  const Visit& visit) {
  const auto in_memory = [&](StoreCursor& at) { return scan_memory(at, entries, visit); };
  const auto in_backing = [&](std::string_view key, std::string_view value) -> Result<bool> {
    if (const auto* found = groups_.find(key)) {
      const GroupSlot& group = *found->second.front().slot;
      if (group.born_in <= cursor.hold->stored) visit(group);  // else later
    } else {
      visit(*TRY(loose.add(key, value)));
    }
    return true;
  };
  return layers_.scan(cursor, pool_.size(), entries, in_memory, in_backing);
}

bool AggregateStore::scan_memory(StoreCursor& cursor, size_t entries, const Visit& visit) const {
  const ScanHold& hold = *cursor.hold;
  const size_t end = cursor.place + std::min(entries, cursor.end_place - cursor.place);
  for (; cursor.place < end; ++cursor.place) {
    const auto* slot = static_cast<const GroupSlot*>(pool_.at(cursor.place));
    if (slot->key && hold.shows_in_memory(slot->born_in)) visit(*slot);
  }
  return cursor.place < cursor.end_place;
}

void AggregateStore::encode_key(const GroupSlot& slot, std::string& out) const {
  out.clear();
  if (is_windowed_) append_be<int64_t>(out, slot.window_start);
  out += *slot.key;
}

void AggregateStore::encode(const GroupSlot& slot, std::string& out) {
  out.clear();
  append_varint(out, zigzag(slot.timestamp));
  out += static_cast<char>(slot.emitted);
  for (size_t i = 0; i < instances_.size(); ++i) {
    state_scratch_.clear();
    instances_[i].def->accumulator.encode(instances_[i], state(slot, i), state_scratch_);
    append_varint(out, state_scratch_.size());
    out += state_scratch_;
  }
}

Status AggregateStore::decode(GroupSlot& slot, std::string_view bytes) const {
  ByteReader in(bytes);
  slot.timestamp = in.signed_varint();
  slot.emitted = in.be<int8_t>() != 0;
  for (size_t i = 0; i < instances_.size(); ++i) {
    const Accumulator& accumulator = instances_[i].def->accumulator;
    if (accumulator.destroy) accumulator.destroy(instances_[i], state(slot, i));
    accumulator.init(instances_[i], state(slot, i));
    const std::string_view part = in.bytes(in.varint());
    if (!in.ok()) break;
    TRY(accumulator.decode(instances_[i], state(slot, i), part));
  }
  if (!in.ok() || !in.at_end())
    return Error{ErrorCode::CorruptRecord, "a stored group does not fit its aggregation"};
  return {};
}

// What lists and texts of a state take on the heap is about what they take when they are written.
void AggregateStore::note_size(GroupSlot& slot, size_t encoded_bytes) {
  constexpr size_t kMost = (size_t{1} << 24) - 1;
  encoded_bytes_ -= slot.encoded_bytes;
  slot.encoded_bytes = std::min(encoded_bytes, kMost) & kMost;
  encoded_bytes_ += slot.encoded_bytes;
}

size_t AggregateStore::memory_bytes() const {
  return pool_.used_bytes() + groups_.memory_bytes() + (has_heap_ ? encoded_bytes_ : 0);
}

void AggregateStore::take_changes(uint32_t store_index, StateChanges& out) {
  // The range first, so that what is put after it stays: no window before it comes again.
  if (expiry_changed_) {
    key_scratch_.clear();
    append_be<int64_t>(key_scratch_, expired_before_);
    out.append({store_index, StateEntry::Kind::DeleteBelow, key_scratch_, {}});
    expiry_changed_ = false;
  }
  for (GroupSlot* slot : changed_) {
    assert(slot->key && (!is_windowed_ || slot->window_start >= expired_before_));  // invariant 2
    encode_key(*slot, key_scratch_);
    encode(*slot, value_scratch_);
    note_size(*slot, value_scratch_.size());
    out.append({store_index, StateEntry::Kind::Put, key_scratch_, value_scratch_});
  }
  changed_.clear();
  layers_.begin(layers_.current() + 1);
}

size_t AggregateStore::evict(size_t max_entries) {
  if (is_windowed_) return 0;
  const auto slot_at = [&](size_t place) { return static_cast<GroupSlot*>(pool_.at(place)); };
  const auto at = [&](size_t place) {
    GroupSlot* const slot = slot_at(place);
    return slot->key ? slot : nullptr;
  };
  return layers_.evict(max_entries, pool_.size(), at, [&](size_t place) { leave(slot_at(place)); });
}

// What the backing has is not looked up: all that a journal holds of a store is put into memory.
Status AggregateStore::restore(const StateEntry& entry, uint64_t commit) {
  std::string_view key = entry.key;
  int64_t window_start = 0;
  if (is_windowed_) {
    if (key.size() < sizeof window_start)
      return Error{ErrorCode::CorruptRecord, "a stored window has no start"};
    window_start = load_be<int64_t>(key.data());
    key.remove_prefix(sizeof window_start);
  }
  switch (entry.kind) {
    case StateEntry::Kind::Put:
      return restore_group(key, window_start, entry.value, commit);
    case StateEntry::Kind::Delete:
      erase(key, window_start);
      return {};
    case StateEntry::Kind::DeleteBelow:
      if (!is_windowed_)
        return Error{ErrorCode::CorruptRecord, "groups without windows do not expire"};
      expired_before_ = std::max(expired_before_, window_start);
      forget_some(SIZE_MAX);
      return {};
  }
  return {};
}

Status AggregateStore::restore_group(std::string_view key, int64_t window_start,
                                     std::string_view value, uint64_t commit) {
  const auto [slot, is_new] = find_or_make(key, window_start);
  if (is_new) {
    slot->born_in = commit & Layers::kMaxCommit;
    layers_.made();
  }
  slot->changed_in = commit & Layers::kMaxCommit;
  TRY(decode(*slot, value));
  note_size(*slot, value.size());
  return {};
}

}  // namespace engine
