#include "engine/state/row_store.h"

#include <algorithm>
#include <cassert>

#include "base/bytes.h"

namespace engine {

namespace {

constexpr size_t kReleasedAtOnce = 1'000;

}  // namespace

const RowStore::Row* RowStore::find(std::string_view key) const {
  const Entry* found = rows_.find(key);
  return found ? &found->second.row : nullptr;
}

RowStore::Entry& RowStore::find_or_make(std::string_view key) {
  const auto [entry, is_new] = rows_.try_emplace(key);
  if (!is_new) return *entry;
  Kept& kept = entry->second;
  kept.born = ++born_;
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

std::optional<RowStore::Row> RowStore::remove(Entry& entry) {
  Kept& kept = entry.second;
  assert(places_[kept.place] == &entry);  // invariant 1
  places_[kept.place] = nullptr;
  free_places_.push_back(kept.place);
  if (kept.change != kUnchanged) changed_[kept.change] = nullptr;
  if (ordered_) ordered_->erase(entry.first);
  row_bytes_ -= heap_bytes(kept.row.bytes);
  std::optional<Row> before = std::move(kept.row);
  rows_.erase(entry.first);
  return before;
}

std::optional<RowStore::Row> RowStore::put(std::string_view key, Row row) {
  const size_t rows_before = rows_.size();
  Entry& entry = find_or_make(key);
  if (entry.second.change == kUnchanged) {
    entry.second.change = static_cast<uint32_t>(changed_.size());
    changed_.push_back(&entry);
  }
  std::optional<Row> before;
  if (rows_.size() == rows_before) {
    row_bytes_ -= heap_bytes(entry.second.row.bytes);
    before = std::exchange(entry.second.row, {});
  }
  set_row(entry, std::move(row));
  return before;
}

void RowStore::set_row(Entry& entry, Row row) {
  row_bytes_ -= heap_bytes(entry.second.row.bytes);
  entry.second.row = std::move(row);
  row_bytes_ += heap_bytes(entry.second.row.bytes);
}

std::optional<RowStore::Row> RowStore::erase(std::string_view key) {
  Entry* entry = rows_.find(key);
  if (!entry) return std::nullopt;
  erased_.emplace_back(key);
  return remove(*entry);
}

void RowStore::for_each(const std::function<void(std::string_view, const Row&)>& visit) const {
  rows_.for_each([&](const Entry& entry) { visit(entry.first, entry.second.row); });
}

void RowStore::for_each_from(std::string_view prefix,
                             const std::function<void(std::string_view, const Row&)>& visit) const {
  assert(ordered_);
  for (auto at = ordered_->lower_bound(prefix); at != ordered_->end() && at->starts_with(prefix);
       ++at)
    visit(*at, *find(*at));
}

bool RowStore::scan(StoreCursor& cursor, size_t places,
                    const std::function<bool(std::string_view, const Row&)>& visit) const {
  if (cursor.born_until == 0) {
    cursor.born_until = born_ + 1;
    cursor.end_place = places_.size();
  }
  const size_t end = cursor.place + std::min(places, cursor.end_place - cursor.place);
  bool goes_on = true;
  while (goes_on && cursor.place < end) {
    const Entry* entry = places_[cursor.place++];
    if (entry && entry->second.born < cursor.born_until)
      goes_on = visit(entry->first, entry->second.row);
  }
  return cursor.place < cursor.end_place;
}

// Where a key went and came again, the deletion comes first.
void RowStore::take_changes(uint32_t store_index, StateChanges& out) {
  for (const std::string& key : erased_)
    out.append({store_index, StateEntry::Kind::Delete, key, {}});
  for (Entry* entry : changed_) {
    if (!entry) continue;
    Kept& kept = entry->second;
    kept.change = kUnchanged;
    scratch_.clear();
    append_varint(scratch_, zigzag(kept.row.timestamp));
    scratch_ += kept.row.bytes;
    out.append({store_index, StateEntry::Kind::Put, entry->first, scratch_});
  }
  erased_.clear();
  changed_.clear();
}

bool RowStore::release_some() {
  // What points into the map is of no use any more.
  if (ordered_ && !ordered_->empty()) {
    const auto end = std::next(ordered_->begin(),
                               static_cast<ptrdiff_t>(std::min(ordered_->size(), kReleasedAtOnce)));
    ordered_->erase(ordered_->begin(), end);
    return true;
  }
  row_bytes_ = 0;
  return rows_.erase_some();
}

Status RowStore::restore(const StateEntry& entry) {
  switch (entry.kind) {
    case StateEntry::Kind::Put: {
      ByteReader in(entry.value);
      Row row;
      row.timestamp = in.signed_varint();
      row.bytes = in.rest();
      if (!in.ok()) return Error{ErrorCode::CorruptRecord, "a stored table row is cut"};
      set_row(find_or_make(entry.key), std::move(row));
      return {};
    }
    case StateEntry::Kind::Delete:
      if (Entry* found = rows_.find(entry.key)) remove(*found);
      return {};
    case StateEntry::Kind::DeleteBelow:
      break;
  }
  return Error{ErrorCode::CorruptRecord, "a table of rows has no ranges to delete"};
}

}  // namespace engine
