#include "engine/state/range_store.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/bytes.h"
#include "engine/state/range_entries.h"

namespace engine {

namespace {

constexpr size_t kRangesReleasedAtOnce = 1'000;
// Overhead of an entry: its place in a group and the allocator's bytes. Overhead of a group: the object, its place in
// the part, and its place in the index.
constexpr size_t kBytesAround = 24, kBytesPerGroup = 100;
constexpr size_t kBytesPerPart = 200;

}  // namespace

RangeStore::~RangeStore() {
  size_t all = SIZE_MAX;
  for (auto& [number, part] : parts_) destroy_some(part, all);
}

// --- Entries in memory

void RangeStore::destroy(Entry* entry) {
  --entry_count_;
  entry_bytes_ -= entry->memory_bytes();
  Entry::destroy(entry);
}

// Destroys entries of a part that is no longer read. The index of the part is not updated. Returns false when the
// part has no entries left.
bool RangeStore::destroy_some(Part& part, size_t& max_entries) {
  last_group_ = nullptr;
  while (!part.groups.empty()) {
    Group* const group = part.groups.back();
    while (!group->empty()) {
      if (max_entries == 0) return true;
      --max_entries;
      Entry* const entry = group->many ? *group->many->begin() : group->few.back();
      if (group->many)
        group->many->erase(group->many->begin());
      else
        group->few.pop_back();
      if (!entry->is_erased) {
        layers_.erased();
        expired_ += entry->group().empty() ? 0 : 1;
      }
      destroy(entry);
    }
    delete group;
    --group_count_;
    part.groups.pop_back();
  }
  return false;
}

RangeStore::Part& RangeStore::part_at(int64_t part) {
  if (last_part_ == parts_.end() || last_part_->first != part)
    last_part_ = parts_.try_emplace(part).first;
  return last_part_->second;
}

RangeStore::Group* RangeStore::find_group(const Part& part, std::string_view group) const {
  if (last_group_ && last_group_part_ == &part && last_group_->key() == group) return last_group_;
  Group* const found = part.index.find(HashIndex<Group>::hash_of(group),
                                       [&](const Group& one) { return one.key() == group; });
  if (found) {
    last_group_ = found;
    last_group_part_ = &part;
  }
  return found;
}

void RangeStore::prefetch(std::span<const std::pair<int64_t, std::string>> groups) const {
  static_assert(kPrefetchedAtOnce <= HashIndex<Group>::kPrefetchedAtOnce);
  std::array<uint32_t, kPrefetchedAtOnce> hashes;
  std::array<const Group*, kPrefetchedAtOnce> found;
  // Consecutive groups of one part are prefetched together.
  for (size_t begin = 0, end = 0; begin < groups.size(); begin = end) {
    size_t count = 0;
    for (; end < groups.size() && groups[end].first == groups[begin].first; ++end)
      if (count < kPrefetchedAtOnce)
        hashes[count++] = HashIndex<Group>::hash_of(groups[end].second);
    const auto part = parts_.find(groups[begin].first);
    if (part == parts_.end()) continue;
    part->second.index.prefetch(std::span(hashes).first(count), std::span(found).first(count));
    for (size_t i = 0; i < count; ++i)
      if (found[i] && !found[i]->few.empty()) __builtin_prefetch(found[i]->few.front());
  }
}

RangeStore::Entry* RangeStore::find_in_memory(const Key& key) {
  if (key.part < expired_before_) return nullptr;
  if (last_part_ == parts_.end() || last_part_->first != key.part) {
    const auto part = parts_.find(key.part);
    if (part == parts_.end()) return nullptr;
    last_part_ = part;
  }
  const Group* const group = find_group(last_part_->second, key.group);
  return group ? group->find(key.suffix) : nullptr;
}

// Creates an entry, which must not be in memory yet.
RangeStore::Entry& RangeStore::make(const Key& key, std::string_view value) {
  Entry* const entry = Entry::make(key, value);
  Part& part = part_at(key.part);
  Group* group = find_group(part, key.group);
  const bool is_new = group == nullptr;
  if (is_new) {
    group = new Group;
    group->place = part.groups.size();
    part.groups.push_back(group);
    ++group_count_;
  }
  group->insert(entry);
  if (is_new) part.index.insert(HashIndex<Group>::hash_of(key.group), group);
  ++entry_count_;
  entry_bytes_ += entry->memory_bytes();
  return *entry;
}

void RangeStore::remove(Part& part, Entry* entry) {
  Group* const group = find_group(part, entry->group());
  const uint32_t hash = HashIndex<Group>::hash_of(entry->group());
  group->erase(entry);
  if (group->empty()) {
    part.index.take(hash, [&](const Group& one) { return &one == group; });
    remove_group(part, group);
  }
  destroy(entry);
}

// Removes a group, which must be empty and no longer in the index.
void RangeStore::remove_group(Part& part, Group* group) {
  last_group_ = nullptr;
  Group* const last = part.groups.back();
  // The last group moves into the freed place. An open scan may have passed this place already, so the values of the
  // group are kept for the scans.
  if (layers_.has_scans() && last != group)
    last->visit_from({}, [&](const Entry* entry) {
      if (!entry->is_erased) keep_before(*entry, last->place);
      return true;
    });
  part.groups[group->place] = last;
  last->place = group->place;
  part.groups.pop_back();
  delete group;
  --group_count_;
}

void RangeStore::mark_changed(Entry& entry) {
  if (entry.changed_in == layers_.current()) return;
  entry.changed_in = layers_.current();
  entry.changed_at = static_cast<uint32_t>(changed_.size());
  changed_.push_back(&entry);
}

Status RangeStore::put(const Key& key, std::string_view value) {
  assert(key.part >= expired_before_);  // invariant 3
  TRY(find_parts());
  Entry* const before = find_in_memory(key);
  if (!before) {
    const bool is_whole = part_at(key.part).is_whole;
    if (!is_whole && layers_.has_scans()) TRY(keep_stored(key));
    insert(key, value);
    // The checkpoint may already have the entry. In this case the size of the store is only an estimate, and a later
    // delete must be written to the journal.
    if (!is_whole) changed_.back()->is_stored = true;
    return {};
  }
  if (layers_.has_scans() && !before->is_erased) keep_before(*before);
  // An entry that an earlier commit has erased counts as new, because the checkpoint has lost the old entry
  // or will lose it.
  if (before->is_erased && before->changed_in != layers_.current())
    before->born_in = layers_.current();
  mark_changed(*before);
  Entry* const now = Entry::make(key, value);
  now->is_stored = before->is_stored;
  now->changed_in = before->changed_in;
  now->changed_at = before->changed_at;
  now->born_in = before->born_in;
  changed_[now->changed_at] = now;
  find_group(part_at(key.part), key.group)->replace(before, now);
  ++entry_count_;
  entry_bytes_ += now->memory_bytes();
  if (before->is_erased) {
    layers_.made();
    if (layers_.has_scans()) {
      encode_key(key, scratch_);
      layers_.keep_absent(scratch_, now->born_in);
    }
  }
  destroy(before);
  return {};
}

void RangeStore::insert(const Key& key, std::string_view value) {
  assert(key.part >= expired_before_);  // invariant 3
  Entry& entry = make(key, value);
  entry.born_in = layers_.current();
  layers_.made();
  mark_changed(entry);
  if (!layers_.has_scans()) return;
  encode_key(key, scratch_);
  layers_.keep_absent(scratch_, entry.born_in);
}

Result<bool> RangeStore::erase(const Key& key) {
  TRY(find_parts());
  Entry* entry = find_in_memory(key);
  if (!entry) {
    const auto part = parts_.find(key.part);
    if (part == parts_.end() || part->second.is_whole) return false;
    encode_key(key, scratch_);
    if (!TRY(layers_.fetch(scratch_))) return false;
    if (layers_.has_scans()) TRY(keep_stored(key));
    entry = &make(key, {});
    entry->is_stored = true;
    layers_.fetched();
    if (part->second.away > 0) --part->second.away;
  } else if (layers_.has_scans() && !entry->is_erased) {
    keep_before(*entry);
  }
  if (entry->is_erased) return false;
  mark_changed(*entry);
  entry->is_erased = true;
  layers_.erased();
  return true;
}

// --- Expiry

void RangeStore::expire_before(int64_t part) {
  if (part <= expired_before_) return;
  expired_before_ = part;
  expiry_changed_ |= must_find_parts_ || (!parts_.empty() && parts_.begin()->first < part);
  for (Entry*& entry : changed_)
    if (entry && entry->part < part) entry = nullptr;
}

bool RangeStore::forget_some(size_t max_entries) {
  while (!parts_.empty() && parts_.begin()->first < expired_before_) {
    Part& part = parts_.begin()->second;
    if (destroy_some(part, max_entries)) return true;
    layers_.expired(part.away);
    expired_ += part.away;
    parts_.erase(parts_.begin());
    last_part_ = parts_.end();
  }
  return false;
}

// --- Commits

void RangeStore::encode_key(const Key& key, std::string& out) {
  out.clear();
  append_be<int64_t>(out, key.part);
  append_varint(out, key.group.size());
  out += key.group;
  out += key.suffix;
}

Result<RangeStore::Key> RangeStore::decode_key(std::string_view bytes) {
  ByteReader in(bytes);
  Key key;
  key.part = in.be<int64_t>();
  key.group = in.bytes(in.varint());
  key.suffix = in.rest();
  if (!in.ok()) return Error{ErrorCode::CorruptRecord, "the key of a stored record is cut"};
  return key;
}

void RangeStore::take_changes(uint32_t store_index, StateChanges& out) {
  // First deletes all entries below the expiry bound. None of the Puts that follow is below the bound, because an
  // expired part (a span of time) is never created again.
  if (expiry_changed_) {
    scratch_.clear();
    append_be<int64_t>(scratch_, expired_before_);
    out.append({store_index, StateEntry::Kind::DeleteBelow, scratch_, {}});
    expiry_changed_ = false;
  }
  for (Entry* entry : changed_) {
    if (!entry) continue;
    // neither the journal nor the checkpoint has the entry
    if (entry->is_erased && !entry->is_stored) {
      remove(part_at(entry->part), entry);
      continue;
    }
    encode_key(entry->key(), scratch_);
    if (entry->is_erased) {
      out.append({store_index, StateEntry::Kind::Delete, scratch_, {}});
      erased_.emplace_back(entry->changed_in, scratch_);
    } else {
      out.append({store_index, StateEntry::Kind::Put, scratch_, entry->value()});
      entry->is_stored = true;
    }
  }
  changed_.clear();
  layers_.begin(layers_.current() + 1);
  forget_erased();
}

// Removes erased entries whose commit is in a checkpoint. At most kForgottenAtOnce entries are removed per call, so
// that one large commit does not block the loop.
void RangeStore::forget_erased() {
  constexpr size_t kForgottenAtOnce = 4'096;
  for (size_t i = 0; i < kForgottenAtOnce && !erased_.empty(); ++i) {
    const auto& [commit, bytes] = erased_.front();
    if (layers_.backing() != nullptr && !layers_.is_clean(commit)) return;
    const Result<Key> key = decode_key(bytes);
    Entry* const entry = find_in_memory(*key);
    if (entry && entry->is_erased && entry->changed_in == commit) remove(part_at(key->part), entry);
    erased_.pop_front();
  }
}

// --- Memory

size_t RangeStore::memory_bytes() const {
  return entry_bytes_ + entry_count_ * kBytesAround + group_count_ * kBytesPerGroup +
         parts_.size() * kBytesPerPart + layers_.scan_bytes();
}

// Evicts entries from memory. Visits the parts, the groups of each part, and their entries in turn. Each visited
// part and group counts as an entry.
size_t RangeStore::evict(size_t max_entries) {
  forget_erased();
  if (!layers_.begin_eviction()) return 0;
  size_t evicted = 0;
  auto part = parts_.lower_bound(hand_part_);
  for (int ends = 0; ends < 2 && max_entries > 0; --max_entries) {
    if (part == parts_.end()) {
      part = parts_.begin();
      hand_part_ = INT64_MIN;
      ++ends;
      continue;
    }
    if (part->first != hand_part_) {
      hand_group_ = 0;
      hand_suffix_.reset();
    }
    hand_part_ = part->first;
    if (hand_group_ >= part->second.groups.size()) {
      hand_part_ = INT64_MIN;
      ++part;
      continue;
    }
    std::vector<Entry*> some;
    const auto take = [&](Entry* entry) {
      some.push_back(entry);
      return some.size() < max_entries;
    };
    Group* const group = part->second.groups[hand_group_];
    const size_t groups = part->second.groups.size();
    group->visit_from(hand_suffix_ ? *hand_suffix_ + '\0' : std::string(), take);
    if (some.size() < max_entries)
      hand_suffix_.reset();
    else
      hand_suffix_ = std::string(some.back()->suffix());
    max_entries -= std::min(max_entries - 1, some.size());
    const size_t gone = layers_.evict(
        0, some.size(), [&](size_t i) { return some[i]->is_erased ? nullptr : some[i]; },
        [&](size_t i) { remove(part->second, some[i]); });
    part->second.away += gone;
    if (gone > 0) part->second.is_whole = false;
    evicted += gone;
    // If a group was removed, another one has moved into its place.
    if (part->second.groups.size() != groups)
      hand_suffix_.reset();
    else if (!hand_suffix_)
      ++hand_group_;
  }
  return evicted;
}

bool RangeStore::release_some() {
  changed_.clear();
  size_t left = kRangesReleasedAtOnce;
  while (!parts_.empty()) {
    if (destroy_some(parts_.begin()->second, left)) return true;
    parts_.erase(parts_.begin());
    last_part_ = parts_.end();
  }
  layers_.clear();
  return false;
}

// --- Before the first change

void RangeStore::restore_size(size_t size) {
  Store::restore_size(size);
  must_find_parts_ = layers_.backing() != nullptr;
}

// Restores an entry of the journal in memory, without reading the checkpoint. Memory then has all entries of
// the journal, so entries that are not in memory are unchanged in the checkpoint.
Status RangeStore::restore(const StateEntry& entry, uint64_t commit) {
  if (entry.kind == StateEntry::Kind::DeleteBelow) {
    ByteReader in(entry.key);
    expired_before_ = std::max(expired_before_, in.be<int64_t>());
    forget_some(SIZE_MAX);
    if (!in.ok()) return Error{ErrorCode::CorruptRecord, "the bound of an expiry is cut"};
    return {};
  }
  const Key key = TRY(decode_key(entry.key));
  if (key.part < expired_before_) return {};
  Entry* const found = find_in_memory(key);
  const bool is_put = entry.kind == StateEntry::Kind::Put;
  const bool was_there = found && !found->is_erased;
  const uint64_t born_in = was_there ? found->born_in : commit;
  if (found) remove(part_at(key.part), found);
  if (is_put != was_there) is_put ? layers_.made() : layers_.erased();
  if (!is_put && layers_.backing() == nullptr) return {};
  Entry& made = make(key, is_put ? entry.value : std::string_view());
  made.is_stored = true;
  made.is_erased = !is_put;
  made.changed_in = commit;
  made.born_in = born_in;
  if (!is_put) erased_.emplace_back(commit, entry.key);
  return {};
}

}  // namespace engine
