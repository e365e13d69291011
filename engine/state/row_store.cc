#include "engine/state/row_store.h"

#include "base/bytes.h"

namespace engine {

const RowStore::Row* RowStore::find(std::string_view key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? nullptr : &found->second;
}

std::optional<RowStore::Row> RowStore::put(std::string_view key, Row row) {
  note_change(key);
  const auto [at, is_new] = rows_.try_emplace(key);
  std::optional<Row> before;
  if (!is_new) before = std::move(at->second);
  at->second = std::move(row);
  return before;
}

std::optional<RowStore::Row> RowStore::erase(std::string_view key) {
  const auto found = rows_.find(key);
  if (found == rows_.end()) return std::nullopt;
  note_change(key);
  std::optional<Row> before = std::move(found->second);
  rows_.erase(found);
  return before;
}

void RowStore::for_each(const std::function<void(std::string_view, const Row&)>& visit) const {
  for (const auto& [key, row] : rows_) visit(key, row);
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
      rows_.insert_or_assign(entry.key, std::move(row));
      return {};
    }
    case StateEntry::Kind::Delete:
      rows_.erase(entry.key);
      return {};
    case StateEntry::Kind::DeleteBelow:
      break;
  }
  return Error{ErrorCode::CorruptRecord, "a table of rows has no ranges to delete"};
}

}  // namespace engine
