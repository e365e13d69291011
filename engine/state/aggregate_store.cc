#include "engine/state/aggregate_store.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <tuple>

#include "base/bytes.h"

namespace engine {

namespace {

constexpr size_t kBytesPerStart = 200;  // memory of a window start, without its groups

std::vector<size_t> place_states(const std::vector<AggregateInstance>& instances) {
  std::vector<size_t> offsets;
  size_t at = sizeof(GroupSlot);
  for (const AggregateInstance& instance : instances) {
    const Accumulator& accumulator = instance.def->accumulator;
    at = (at + accumulator.state_align - 1) / accumulator.state_align * accumulator.state_align;
    offsets.push_back(at);
    at += accumulator.state_size;
  }
  offsets.push_back(at);  // the last offset is the size of the whole slot
  return offsets;
}

std::optional<int64_t> next_start(int64_t window_start) {
  if (window_start == INT64_MAX) return std::nullopt;
  return window_start + 1;
}

}  // namespace

AggregateStore::AggregateStore(std::vector<AggregateInstance> instances, bool is_windowed)
    : instances_(std::move(instances)),
      is_windowed_(is_windowed),
      has_heap_(std::ranges::any_of(instances_,
                                    [](const AggregateInstance& instance) {
                                      return instance.def->accumulator.destroy != nullptr;
                                    })),
      offsets_(place_states(instances_)) {}

AggregateStore::~AggregateStore() {
  for (auto& [window_start, start] : by_start_)
    for (size_t place = start.forgotten; place < start.groups.size(); ++place)
      if (GroupSlot* slot = slot_at(start, place); slot->key) destroy_slot(start, slot);
}

// Frees up to kReleasedAtOnce groups, window start by window start, and finally the index. Returns false when nothing
// is left.
bool AggregateStore::release_some() {
  constexpr size_t kReleasedAtOnce = 1'000;
  changed_.clear();
  layers_.clear();
  for (size_t left = kReleasedAtOnce; !by_start_.empty();) {
    Start& start = by_start_.begin()->second;
    for (; start.forgotten < start.groups.size(); ++start.forgotten, --left) {
      if (left == 0) return true;
      GroupSlot* const slot = slot_at(start, start.forgotten);
      if (slot->key) destroy_slot(start, slot);
    }
    drop_start(by_start_.begin());
  }
  return index_.take_some([](const GroupSlot*) {});
}

// Returns the window start; creates it if necessary. The start that follows the last one is tried before a search,
// because the windows of a record are visited in the order of their starts, and hopping windows may be thousands.
AggregateStore::Start& AggregateStore::start_at(int64_t window_start) {
  if (last_start_ != by_start_.end() && last_start_->first < window_start) ++last_start_;
  if (last_start_ == by_start_.end() || last_start_->first != window_start)
    last_start_ = by_start_.try_emplace(window_start, offsets_.back()).first;
  return last_start_->second;
}

void AggregateStore::drop_start(Starts::iterator start) {
  if (start->second.is_opened) --opened_starts_;
  by_start_.erase(start);
  last_start_ = by_start_.end();
}

GroupSlot* AggregateStore::make_slot(std::string_view key, int64_t window_start) {
  GroupKey::Owner its_key = GroupKey::make(key);
  key_bytes_ += its_key->memory_bytes();
  auto* slot = new (start_at(window_start).groups.take())
      GroupSlot{.key = its_key.release(), .window_start = window_start};
  ++used_slots_;
  init_states(*slot);
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

void AggregateStore::destroy_slot(Start& start, GroupSlot* slot) {
  destroy_states(*slot);
  encoded_bytes_ -= slot->encoded_bytes();
  key_bytes_ -= slot->key->memory_bytes();
  GroupKey::Delete()(std::exchange(slot->key, nullptr));
  start.groups.give_back(slot);
  --used_slots_;
}

uint32_t AggregateStore::hash_of(std::string_view key, int64_t window_start) {
  constexpr uint64_t kMix = 0x9E3779B97F4A7C15;
  const uint64_t start = static_cast<uint64_t>(window_start) * kMix;
  return HashIndex<GroupSlot>::hash_of(key) ^ static_cast<uint32_t>(start >> 32);
}

GroupSlot* AggregateStore::find_in_memory(uint32_t hash, std::string_view key,
                                          int64_t window_start) const {
  return index_.find(hash, [&](const GroupSlot& slot) {
    return slot.window_start == window_start && slot.key->view() == key;
  });
}

// Returns the group and whether it was created. A new group is not counted in layers_ yet.
std::pair<GroupSlot*, bool> AggregateStore::find_or_make(std::string_view key,
                                                         int64_t window_start) {
  const uint32_t hash = hash_of(key, window_start);
  if (GroupSlot* const found = find_in_memory(hash, key, window_start)) return {found, false};
  GroupSlot* const made = make_slot(key, window_start);
  index_.insert(hash, made);
  return {made, true};
}

// Returns whether all groups of this window start are in memory, so that a group that is not in memory does not
// exist.
bool AggregateStore::is_whole(int64_t window_start) {
  if (layers_.is_complete()) return true;
  if (!is_windowed_) return false;
  const bool is_last = last_start_ != by_start_.end() && last_start_->first == window_start;
  const auto start = is_last ? last_start_ : by_start_.find(window_start);
  return start == by_start_.end() || start->second.is_whole();  // invariant 4
}

// Returns the group, loaded from the checkpoint if necessary; null if it does not exist.
Result<GroupSlot*> AggregateStore::fetch(std::string_view key, int64_t window_start) {
  if (GroupSlot* const slot = find_in_memory(key, window_start)) {
    slot->is_used = true;
    return slot;
  }
  if (!knows_starts()) TRY(find_starts());
  if (is_whole(window_start)) return nullptr;
  assert(window_start != held_start_);
  const auto stored = TRY(read(key, window_start));
  if (!stored) return nullptr;
  GroupSlot* const slot = find_or_make(key, window_start).first;
  Start& start = start_at(window_start);
  if (Status decoded = decode(*slot, *stored); !decoded) {
    leave(start, slot);
    return std::move(decoded).error();
  }
  note_size(*slot, stored->size());
  layers_.fetched();
  if (start.away > 0) --start.away;
  return slot;
}

// Reads a group from the checkpoint.
Result<std::optional<std::string_view>> AggregateStore::read(std::string_view key,
                                                             int64_t window_start) {
  encode_key(key, window_start, key_scratch_);
  return layers_.fetch(key_scratch_);
}

// Removes the group from memory. The caller updates the counts in layers_.
void AggregateStore::leave(Start& start, GroupSlot* slot) {
  const auto is_it = [slot](const GroupSlot& other) { return &other == slot; };
  [[maybe_unused]] const GroupSlot* const taken =
      index_.take(hash_of(slot->key->view(), slot->window_start), is_it);
  assert(taken == slot);  // invariant 1
  destroy_slot(start, slot);
}

Result<GroupSlot*> AggregateStore::touch(std::string_view key, int64_t window_start) {
  assert(!is_windowed_ || window_start >= expired_before_);  // invariant 2
  GroupSlot* slot = layers_.is_complete() ? nullptr : TRY(fetch(key, window_start));
  bool is_new = false;
  if (!slot) std::tie(slot, is_new) = find_or_make(key, window_start);
  if (is_new) {
    slot->born_in = layers_.current() & Layers::kMaxCommit;
    layers_.made();
  }
  if (layers_.has_scans()) is_new ? keep_absent(*slot) : keep_before(*slot);
  slot->is_used = true;
  if (slot->encoded_bytes() > kMaxGroupBytes) return nullptr;
  if (slot->changed_in != layers_.current()) {
    slot->changed_in = layers_.current() & Layers::kMaxCommit;
    changed_.push_back(slot);
    changed_bytes_ += slot->encoded_bytes();
  }
  return slot;
}

void AggregateStore::prefetch(std::span<const EntryKey> keys) const {
  std::array<uint32_t, kPrefetchedAtOnce> hashes;
  std::array<const GroupSlot*, kPrefetchedAtOnce> found;
  for (size_t i = 0; i < keys.size(); ++i) hashes[i] = hash_of(keys[i].key, keys[i].window_start);
  index_.prefetch(std::span(hashes).first(keys.size()), std::span(found).first(keys.size()));
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!found[i]) continue;
    __builtin_prefetch(reinterpret_cast<const char*>(found[i]) + 64);
    if (found[i]->key) __builtin_prefetch(found[i]->key);
  }
}

// --- Windows

Result<bool> AggregateStore::find_starts(size_t max_starts) {
  for (; unknown_from_; --max_starts) {
    if (max_starts == 0) return false;
    std::optional<EntryKey> found;
    Status status;
    encode_key({}, std::max(*unknown_from_, expired_before_), key_scratch_);
    std::string place = TRY(layers_.backing()->place_of(key_scratch_));
    TRY(layers_.backing()->scan(place, [&](std::string_view key, std::string_view) {
      if (const auto at = decode_key(key))
        found = *at;
      else
        status = at.error();
      return false;
    }));
    TRY(status);
    if (found) {
      start_at(found->window_start).is_opened = true;
      ++opened_starts_;
    }
    unknown_from_ = found ? next_start(found->window_start) : std::nullopt;
    count_if_known();
  }
  return true;
}

// Makes the number of groups exact once every window start that existed when the store was opened has expired.
void AggregateStore::count_if_known() {
  if (!is_windowed_ || layers_.is_counted() || !knows_starts() || opened_starts_ > 0) return;
  size_t away = 0;
  for (const auto& [window_start, start] : by_start_) away += start.away;
  layers_.count(away);
}

bool AggregateStore::forget_some(size_t max_groups) {
  while (!by_start_.empty() && by_start_.begin()->first < expired_before_) {
    Start& oldest = by_start_.begin()->second;
    for (; oldest.forgotten < oldest.groups.size(); ++oldest.forgotten, --max_groups) {
      if (max_groups == 0) return true;
      GroupSlot* const slot = slot_at(oldest, oldest.forgotten);
      if (!slot->key) continue;
      leave(oldest, slot);
      layers_.erased();
    }
    layers_.expired(oldest.away);
    drop_start(by_start_.begin());
    count_if_known();
  }
  return false;
}

uint64_t AggregateStore::expire_before(int64_t start_ms) {
  assert(knows_starts());
  if (start_ms <= expired_before_) return 0;
  uint64_t count = 0;
  for (auto at = by_start_.lower_bound(expired_before_);
       at != by_start_.end() && at->first < start_ms; ++at)
    count += at->second.groups.used() + at->second.away;
  expired_before_ = start_ms;
  if (by_start_.empty() || by_start_.begin()->first >= start_ms) return 0;
  expiry_changed_ = true;
  expired_in_ = layers_.current();
  std::erase_if(changed_, [&](const GroupSlot* slot) { return slot->window_start < start_ms; });
  return count;
}

std::optional<int64_t> AggregateStore::first_start_in(int64_t from_ms, int64_t to_ms) const {
  assert(knows_starts());
  const auto at = by_start_.lower_bound(from_ms);
  if (at == by_start_.end() || at->first >= to_ms) return std::nullopt;
  return at->first;
}

// --- Commits

void AggregateStore::encode_key(std::string_view key, int64_t window_start,
                                std::string& out) const {
  out.clear();
  if (is_windowed_) append_be<int64_t>(out, window_start);
  out += key;
}

Result<AggregateStore::EntryKey> AggregateStore::decode_key(std::string_view bytes) const {
  if (!is_windowed_) return EntryKey{0, bytes};
  constexpr size_t kStartBytes = sizeof(int64_t);
  if (bytes.size() < kStartBytes)
    return Error{ErrorCode::CorruptRecord, "a stored window has no start"};
  return EntryKey{load_be<int64_t>(bytes.data()), bytes.substr(kStartBytes)};
}

void AggregateStore::encode(const GroupSlot& slot, std::string& out) const {
  append_varint(out, zigzag(slot.timestamp));
  out += static_cast<char>(slot.emitted);
  for (size_t i = 0; i < instances_.size(); ++i)
    append_sized_by(out, slot.encoded_bytes(), [&](std::string& to) {
      instances_[i].def->accumulator.encode(instances_[i], state(slot, i), to);
    });
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

// Notes the encoded size of the states. The heap memory of a state (lists, texts) is about as large as its encoded
// form.
void AggregateStore::note_size(GroupSlot& slot, size_t encoded_bytes) {
  encoded_bytes_ -= slot.encoded_bytes();
  slot.set_encoded_bytes(encoded_bytes);
  encoded_bytes_ += slot.encoded_bytes();
}

size_t AggregateStore::memory_bytes() const {
  return used_slots_ * SlotPool::padded(offsets_.back()) + index_.memory_bytes() + key_bytes_ +
         by_start_.size() * kBytesPerStart + (has_heap_ ? encoded_bytes_ : 0) +
         layers_.scan_bytes();
}

void AggregateStore::take_changes(uint32_t store_index, StateChanges& out) {
  // First deletes all windows before the expiry bound. None of the Puts that follow is before the bound, because an
  // expired window is never created again.
  if (expiry_changed_) {
    encode_key({}, expired_before_, key_scratch_);
    out.append({store_index, StateEntry::Kind::DeleteBelow, key_scratch_, {}});
    expiry_changed_ = false;
  }
  for (GroupSlot* slot : changed_) {
    assert(slot->key && (!is_windowed_ || slot->window_start >= expired_before_));  // invariant 2
    encode_key(slot->key->view(), slot->window_start, key_scratch_);
    note_size(*slot, out.append_put(store_index, key_scratch_, slot->encoded_bytes(),
                                    [&](std::string& to) { encode(*slot, to); }));
  }
  changed_.clear();
  changed_bytes_ = 0;
  layers_.begin(layers_.current() + 1);
}

// Evicts groups from memory. Visits the window starts and the slots of each start in turn. Each visited start
// counts as an entry, because thousands of starts may have nothing in memory.
size_t AggregateStore::evict(size_t max_entries) {
  if (!layers_.begin_eviction()) return 0;
  size_t evicted = 0;
  auto at = by_start_.lower_bound(hand_.start);
  for (int ends = 0; ends < 2 && max_entries > 0;) {
    if (at == by_start_.end()) {
      at = by_start_.begin();
      hand_ = {};
      ++ends;
      continue;
    }
    if (at->first != hand_.start) hand_ = {at->first, 0};
    const size_t looked_at = evict_some(at->second, max_entries, evicted);
    max_entries -= std::max<size_t>(looked_at, 1);
    if (looked_at == 0) ++at;
  }
  return evicted;
}

// Evicts groups of one start, from hand_ on. Returns the number of slots visited.
size_t AggregateStore::evict_some(Start& start, size_t max_entries, size_t& evicted) {
  if (hand_.start == held_start_ || hand_.number >= start.groups.size()) return 0;
  const size_t looked_at = std::min(max_entries, start.groups.size() - hand_.number);
  const auto at = [&](size_t place) {
    GroupSlot* const slot = slot_at(start, place);
    return slot->key ? slot : nullptr;
  };
  const auto leave_from = [&](size_t place) { leave(start, slot_at(start, place)); };
  const size_t count = layers_.evict(hand_.number, hand_.number + looked_at, at, leave_from);
  hand_.number += looked_at;
  evicted += count;
  start.away += count;
  if (count > 0 && start.groups.used() == 0) start.groups.reset();
  return looked_at;
}

// --- Before the first change

void AggregateStore::restore_size(size_t size) {
  Store::restore_size(size);
  if (is_windowed_) unknown_from_ = 0;
}

Status AggregateStore::restore(const StateEntry& entry, uint64_t commit) {
  const EntryKey at = TRY(decode_key(entry.key));
  switch (entry.kind) {
    case StateEntry::Kind::Put:
      return restore_group(at, entry.value, commit);
    case StateEntry::Kind::Delete:
      erase(at);
      return {};
    case StateEntry::Kind::DeleteBelow:
      if (!is_windowed_)
        return Error{ErrorCode::CorruptRecord, "groups without windows do not expire"};
      expired_before_ = std::max(expired_before_, at.window_start);
      forget_some(SIZE_MAX);
      return {};
  }
  return {};
}

Status AggregateStore::restore_group(const EntryKey& at, std::string_view value, uint64_t commit) {
  const auto [slot, is_new] = find_or_make(at.key, at.window_start);
  if (is_new) {
    slot->born_in = commit & Layers::kMaxCommit;
    layers_.made();
  }
  slot->changed_in = commit & Layers::kMaxCommit;
  TRY(decode(*slot, value));
  note_size(*slot, value.size());
  return {};
}

void AggregateStore::erase(const EntryKey& at) {
  GroupSlot* const slot = find_in_memory(at.key, at.window_start);
  if (!slot) return;
  leave(start_at(at.window_start), slot);
  layers_.erased();
}

}  // namespace engine
