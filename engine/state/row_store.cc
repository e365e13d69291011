#include "engine/state/row_store.h"

#include <algorithm>

#include "base/bytes.h"

namespace engine {

const RowStore::Row* RowStore::find(std::string_view key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? nullptr : &found->second.row;
}

std::optional<RowStore::Row> RowStore::replace(std::string_view key, Row row) {
  const auto [at, is_new] = rows_.try_emplace(key);
  Entry& entry = at->second;
  std::optional<Row> before;
  if (is_new) {
    entry.born = ++born_;
    if (free_places_.empty()) {
      entry.place = static_cast<uint32_t>(places_.size());
      places_.push_back(&*at);
    } else {
      entry.place = free_places_.back();
      free_places_.pop_back();
      places_[entry.place] = &*at;
    }
    if (ordered_) ordered_->insert(at->first);
  } else {
    before = std::move(entry.row);
  }
  entry.row = std::move(row);
  return before;
}

std::optional<RowStore::Row> RowStore::remove(std::string_view key) {
  const auto found = rows_.find(key);
  if (found == rows_.end()) return std::nullopt;
  Entry& entry = found->second;
  places_[entry.place] = nullptr;
  free_places_.push_back(entry.place);
  if (ordered_) ordered_->erase(found->first);
  std::optional<Row> before = std::move(entry.row);
  rows_.erase(found);
  return before;
}

std::optional<RowStore::Row> RowStore::put(std::string_view key, Row row) {
  note_change(key);
  return replace(key, std::move(row));
}

std::optional<RowStore::Row> RowStore::erase(std::string_view key) {
  if (!rows_.contains(key)) return std::nullopt;
  note_change(key);
  return remove(key);
}

void RowStore::for_each(const std::function<void(std::string_view, const Row&)>& visit) const {
  for (const auto& [key, entry] : rows_) visit(key, entry.row);
}

void RowStore::for_each_from(std::string_view prefix,
                             const std::function<void(std::string_view, const Row&)>& visit) {
  if (!ordered_) {
    ordered_.emplace();
    for (const auto& [key, entry] : rows_) ordered_->insert(key);
  }
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
    const Map::value_type* entry = places_[cursor.place++];
    if (entry && entry->second.born < cursor.born_until)
      goes_on = visit(entry->first, entry->second.row);
  }
  return cursor.place < cursor.end_place;
}

void RowStore::note_change(std::string_view key) { changed_.try_emplace(key, true); }

void RowStore::take_changes(uint32_t store_index, std::vector<StateEntry>& out) {
  for (const auto& [key, unused] : changed_) {
    StateEntry entry{store_index, StateEntry::Kind::Delete, key, {}};
    if (const Row* row = find(key)) {
      entry.kind = StateEntry::Kind::Put;
      append_varint(entry.value, zigzag(row->timestamp));
      entry.value += row->bytes;
    }
    out.push_back(std::move(entry));
  }
  changed_.clear();
}

Status RowStore::restore(const StateEntry& entry) {
  switch (entry.kind) {
    case StateEntry::Kind::Put: {
      ByteReader in(entry.value);
      Row row;
      row.timestamp = in.signed_varint();
      row.bytes = in.rest();
      if (!in.ok()) return Error{ErrorCode::CorruptRecord, "a stored table row is cut"};
      replace(entry.key, std::move(row));
      return {};
    }
    case StateEntry::Kind::Delete:
      remove(entry.key);
      return {};
    case StateEntry::Kind::DeleteBelow:
      break;
  }
  return Error{ErrorCode::CorruptRecord, "a table of rows has no ranges to delete"};
}

}  // namespace engine
