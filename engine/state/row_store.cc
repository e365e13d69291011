#include "engine/state/row_store.h"

#include <algorithm>
#include <cassert>

#include "base/bytes.h"

namespace engine {

namespace {

constexpr size_t kReleasedAtOnce = 1'000;

Result<RowStore::Row> decode(std::string_view bytes) {
  ByteReader in(bytes);
  RowStore::Row row;
  row.timestamp = in.signed_varint();
  row.bytes = in.rest();
  if (!in.ok()) return Error{ErrorCode::CorruptRecord, "a stored table row is cut"};
  return row;
}

}  // namespace

// --- Entries

// Creates the entry of a key, which must not be in memory.
RowStore::Entry& RowStore::make(std::string_view key) {
  Entry* const entry = rows_.try_emplace(key).first;
  Kept& kept = entry->second;
  if (free_places_.empty()) {
    kept.place = static_cast<uint32_t>(places_.size());
    places_.push_back(entry);
  } else {
    kept.place = free_places_.back();
    free_places_.pop_back();
    assert(places_[kept.place] == nullptr);  // invariant 1
    places_[kept.place] = entry;
  }
  if (ordered_) ordered_->insert(entry->first);
  assert(places_.size() - free_places_.size() == rows_.size());
  return *entry;
}

// Returns the entry, loaded from the checkpoint if necessary; null if it does not exist.
// The entry may be an erased one.
Result<RowStore::Entry*> RowStore::fetch(std::string_view key) {
  if (Entry* found = rows_.find(key)) {
    found->second.is_used = true;
    return found;
  }
  if (layers_.is_complete()) return nullptr;
  const auto stored = TRY(layers_.fetch(key));
  if (!stored) return nullptr;
  Row row = TRY(decode(*stored));
  Entry& entry = make(key);
  set_row(entry, std::move(row));
  layers_.fetched();
  return &entry;
}

// Removes the entry from memory.
void RowStore::remove(Entry& entry) {
  Kept& kept = entry.second;
  assert(places_[kept.place] == &entry);  // invariant 1
  places_[kept.place] = nullptr;
  free_places_.push_back(kept.place);
  if (ordered_) ordered_->erase(entry.first);
  row_bytes_ -= heap_bytes(kept.row.bytes);
  rows_.erase(entry.first);
}

void RowStore::set_row(Entry& entry, Row row) {
  row_bytes_ -= heap_bytes(entry.second.row.bytes);
  entry.second.row = std::move(row);
  row_bytes_ += heap_bytes(entry.second.row.bytes);
}

void RowStore::mark_changed(Entry& entry) {
  if (entry.second.changed_in == layers_.current()) return;
  entry.second.changed_in = layers_.current() & Layers::kMaxCommit;
  changed_.push_back(&entry);
}

Result<const RowStore::Row*> RowStore::find(std::string_view key) {
  const Entry* found = TRY(fetch(key));
  return found && !found->second.is_erased ? &found->second.row : nullptr;
}

void RowStore::prefetch(std::span<const std::string_view> keys) const {
  static_assert(kPrefetchedAtOnce <= decltype(rows_)::kPrefetchedAtOnce);
  // Least number of rows for which prefetching saves time. The entries of a smaller table are in
  // the CPU caches anyway.
  constexpr size_t kWorthIt = 8'192;
  if (rows_.size() < kWorthIt) return;
  rows_.prefetch(keys.first(std::min(keys.size(), kPrefetchedAtOnce)));
}

uint64_t RowStore::changed_in(std::string_view key) const {
  const Entry* found = rows_.find(key);
  return found ? found->second.changed_in : 0;
}

Result<std::optional<RowStore::Row>> RowStore::put(std::string_view key, Row row) {
  Entry* entry = TRY(fetch(key));
  std::optional<Row> before;
  if (entry == nullptr) {
    entry = &make(key);
    entry->second.born_in = layers_.current() & Layers::kMaxCommit;
    layers_.made();
    if (layers_.has_scans()) layers_.keep_absent(key, entry->second.born_in);
  } else if (entry->second.is_erased) {
    // The row is created again. If an earlier commit has erased the old row, the new row is born in
    // the current commit: the checkpoint no longer has the old row, or loses it in
    // the checkpoint that contains that earlier commit.
    if (entry->second.changed_in != layers_.current())
      entry->second.born_in = layers_.current() & Layers::kMaxCommit;
    entry->second.is_erased = false;
    layers_.made();
    if (layers_.has_scans()) layers_.keep_absent(key, entry->second.born_in);
  } else {
    if (layers_.has_scans()) keep_before(*entry);
    row_bytes_ -= heap_bytes(entry->second.row.bytes);
    before = std::exchange(entry->second.row, {});
  }
  mark_changed(*entry);
  set_row(*entry, std::move(row));
  return before;
}

Result<std::optional<RowStore::Row>> RowStore::erase(std::string_view key) {
  Entry* const entry = TRY(fetch(key));
  if (!entry || entry->second.is_erased) return std::nullopt;
  if (layers_.has_scans()) keep_before(*entry);
  mark_changed(*entry);
  row_bytes_ -= heap_bytes(entry->second.row.bytes);
  std::optional<Row> before = std::exchange(entry->second.row, {});
  entry->second.is_erased = true;
  layers_.erased();
  return before;
}

// --- Scans

namespace {

Result<bool> visit_loose(std::string_view key, std::string_view value, RowStore::Loose& loose,
                         const RowStore::Visit& visit) {
  const auto& [its_key, row] = loose.emplace_back(key, TRY(decode(value)));
  return visit(its_key, row);
}

}  // namespace

// Visits an entry of the checkpoint, if the scan shows the entry at its place in the checkpoint.
Result<bool> RowStore::visit_stored(const StoreScan& scan, std::string_view key,
                                    std::string_view value, Loose& loose,
                                    const Visit& visit) const {
  if (scan.has_before(key)) return true;
  const Entry* const entry = rows_.find(key);
  if (!entry) return visit_loose(key, value, loose, visit);
  const Kept& kept = entry->second;
  // otherwise the scan shows the row later
  const bool is_here = !kept.is_erased && kept.born_in <= scan.stored;
  return !is_here || visit(entry->first, kept.row);
}

Result<bool> RowStore::scan(StoreScan& scan, size_t entries, Loose& loose, const Visit& visit) {
  const auto as_stored = [&](std::string_view key, std::string_view value) {
    return visit_loose(key, value, loose, visit);
  };
  const auto in_backing = [&](std::string_view key, std::string_view value) {
    return visit_stored(scan, key, value, loose, visit);
  };
  const auto in_memory = [&](StoreScan& at) { return scan_memory(at, entries, visit); };
  return layers_.scan(scan, end_of_places(), entries, {in_memory, in_backing, as_stored});
}

bool RowStore::scan_memory(StoreScan& scan, size_t entries, const Visit& visit) const {
  size_t& at = scan.place.number;
  const size_t end = at + std::min(entries, scan.end.number - at);
  // Neighbouring places refer to distant memory, so the loop prefetches an entry and its row before
  // it needs them.
  constexpr size_t kEntriesAhead = 12, kRowsAhead = 6;
  bool goes_on = true;
  while (goes_on && at < end) {
    if (at + kEntriesAhead < end) __builtin_prefetch(places_[at + kEntriesAhead]);
    if (at + kRowsAhead < end)
      if (const Entry* soon = places_[at + kRowsAhead])
        __builtin_prefetch(soon->second.row.bytes.data());
    const Entry* entry = places_[at++];
    if (!entry || entry->second.is_erased) continue;
    if (scan.shows_in_memory(entry->second.born_in) && !scan.has_before(entry->first))
      goes_on = visit(entry->first, entry->second.row);
  }
  return at < scan.end.number;
}

// --- Look-ups by the beginning of the key

namespace {

// Returns the part of the prefix by which the checkpoint orders keys. Keys that differ only after this
// part are in no particular order.
std::string_view ordered_part(std::string_view prefix) {
  return prefix.substr(0, Backing::kOrderedKeyBytes);
}

}  // namespace

Result<StoreScanPtr> RowStore::begin_look_up(std::string_view prefix, size_t key_bytes) {
  assert(ordered_ && prefix.size() < key_bytes);
  StoreScanPtr scan = begin_scan();
  if (scan->part == StoreScan::Part::Backing)
    scan->backing_place = TRY(layers_.backing()->place_of(ordered_part(prefix)));
  scan->memory_key = prefix;
  scan->wants = [prefix = std::string(prefix), key_bytes](const StoreScan&, std::string_view key) {
    return key.size() == key_bytes && key.starts_with(prefix);
  };
  return scan;
}

Result<bool> RowStore::look_up(StoreScan& scan, std::string_view prefix, size_t entries,
                               Loose& loose, const Visit& visit, uint64_t& changed_in) {
  bool is_past = false;
  const auto as_stored = [&](std::string_view key, std::string_view value) {
    return visit_loose(key, value, loose, visit);
  };
  const auto in_backing = [&](std::string_view key, std::string_view value) -> Result<bool> {
    is_past = !key.starts_with(ordered_part(prefix));
    if (is_past) return false;
    if (!scan.wants(scan, key)) return true;
    changed_in = std::max(changed_in, this->changed_in(key));
    return TRY(visit_stored(scan, key, value, loose, visit));
  };
  const auto in_memory = [&](StoreScan& at) {
    return look_up_in_memory(at, prefix, entries, visit, changed_in);
  };
  const bool has_more =
      TRY(layers_.scan(scan, end_of_places(), entries, {in_memory, in_backing, as_stored}));
  if (is_past) scan.part = StoreScan::Part::Memory;
  return has_more || is_past;
}

bool RowStore::look_up_in_memory(StoreScan& scan, std::string_view prefix, size_t entries,
                                 const Visit& visit, uint64_t& changed_in) const {
  bool goes_on = true;
  for (auto at = ordered_->lower_bound(*scan.memory_key);
       at != ordered_->end() && at->starts_with(prefix); ++at) {
    if (entries-- == 0 || !goes_on) {
      *scan.memory_key = *at;
      return true;
    }
    if (!scan.wants(scan, *at)) continue;
    const Kept& kept = rows_.find(*at)->second;
    changed_in = std::max(changed_in, uint64_t{kept.changed_in});
    if (!kept.is_erased && scan.shows_in_memory(kept.born_in) && !scan.has_before(*at))
      goes_on = visit(*at, kept.row);
  }
  return false;
}

// Keeps the current row for open scans. Call before the row changes.
void RowStore::keep_before(const Entry& entry) {
  const Kept& kept = entry.second;
  const auto place = [&] { return StorePlace{.number = kept.place}; };
  const auto value = [&] {
    std::string bytes;
    encode(kept.row, bytes);
    return bytes;
  };
  layers_.keep_before(entry.first, kept.born_in, place, value);
}

// --- Commits

void RowStore::take_changes(uint32_t store_index, StateChanges& out) {
  for (Entry* entry : changed_) {
    Kept& kept = entry->second;
    if (kept.is_erased) {
      out.append({store_index, StateEntry::Kind::Delete, entry->first, {}});
      erased_.emplace_back(uint64_t{kept.changed_in}, kept.place);
      continue;
    }
    encode(kept.row, scratch_);
    out.append({store_index, StateEntry::Kind::Put, entry->first, scratch_});
  }
  changed_.clear();
  layers_.begin(layers_.current() + 1);
  forget_erased();
}

void RowStore::encode(const Row& row, std::string& out) {
  out.clear();
  append_varint(out, zigzag(row.timestamp));
  out += row.bytes;
}

// Removes erased rows whose commit is in a checkpoint. Each call removes a limited number, because
// millions of rows may have been erased. One commit adds at most the rows that it erased.
void RowStore::forget_erased() {
  constexpr size_t kForgottenAtOnce = 4'096;
  for (size_t i = 0; i < kForgottenAtOnce && !erased_.empty(); ++i) {
    const auto [commit, place] = erased_.front();
    if (layers_.backing() != nullptr && !layers_.is_clean(commit)) return;
    erased_.pop_front();
    // The row may have been inserted again since, or its place may belong to another row.
    Entry* const entry = places_[place];
    if (entry && entry->second.is_erased && entry->second.changed_in == commit) remove(*entry);
  }
}

size_t RowStore::evict(size_t max_entries) {
  forget_erased();
  const auto at = [&](size_t place) -> Kept* {
    Entry* const entry = places_[place];
    return entry && !entry->second.is_erased ? &entry->second : nullptr;
  };
  const auto leave = [&](size_t place) { remove(*places_[place]); };
  if (!layers_.begin_eviction()) return 0;
  const size_t count = std::min(max_entries, places_.size());
  const size_t begin = hand_ < places_.size() ? hand_ : 0;
  const size_t before_end = std::min(count, places_.size() - begin);
  hand_ = before_end < count ? count - before_end : begin + before_end;
  return layers_.evict(begin, begin + before_end, at, leave) +
         layers_.evict(0, count - before_end, at, leave);
}

bool RowStore::release_some() {
  // The ordered views of the keys are released first, because they point into the map.
  if (ordered_ && !ordered_->empty()) {
    const auto end = std::next(ordered_->begin(),
                               static_cast<ptrdiff_t>(std::min(ordered_->size(), kReleasedAtOnce)));
    ordered_->erase(ordered_->begin(), end);
    return true;
  }
  row_bytes_ = 0;
  layers_.clear();
  return rows_.erase_some();
}

// Restores an entry of the journal in memory, without reading the checkpoint. Memory then
// has all entries of the journal, so entries that are not in memory are unchanged in the checkpoint.
Status RowStore::restore(const StateEntry& entry, uint64_t commit) {
  if (entry.kind == StateEntry::Kind::DeleteBelow)
    return Error{ErrorCode::CorruptRecord, "a table of rows has no ranges to delete"};
  const bool is_put = entry.kind == StateEntry::Kind::Put;
  Row row = is_put ? TRY(decode(entry.value)) : Row();
  Entry* found = rows_.find(entry.key);
  const bool was_there = found && !found->second.is_erased;
  if (!found) {
    if (!is_put && layers_.backing() == nullptr) return {};
    found = &make(entry.key);
  }
  if (!was_there) found->second.born_in = commit & Layers::kMaxCommit;
  if (is_put != was_there) is_put ? layers_.made() : layers_.erased();
  set_row(*found, std::move(row));
  found->second.changed_in = commit & Layers::kMaxCommit;
  found->second.is_erased = !is_put;
  if (is_put) return {};
  if (layers_.backing() == nullptr)
    remove(*found);
  else
    erased_.emplace_back(commit, found->second.place);
  return {};
}

}  // namespace engine
