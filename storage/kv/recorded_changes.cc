#include "storage/kv/recorded_changes.h"

#include <cassert>

#include "base/bytes.h"
#include "storage/kv/damage.h"

namespace storage {

void RecordedChanges::clear() {
  bytes_.clear();
  is_whole_ = true;
  tables_used_.clear();
  ++transaction_;
}

void RecordedChanges::open_table(TableHandle table, std::string_view name, KeyOrder order,
                                 bool is_new) {
  if (tables_.size() <= table.value()) tables_.resize(table.value() + 1);
  Table& known = tables_[table.value()];
  if (is_new || known.name != name) known = {.name = std::string(name), .order = order};
  if (is_new) number_of(table);
}

std::optional<TableHandle> RecordedChanges::find_table(std::string_view name,
                                                       KeyOrder order) const {
  for (uint32_t handle = 0; handle < tables_.size(); ++handle)
    if (tables_[handle].name == name && tables_[handle].order == order) return TableHandle{handle};
  return std::nullopt;
}

// Returns the table's number within this transaction. The first call for a table in a transaction
// gives the table the next number, and writes the table's name to bytes_.
uint64_t RecordedChanges::number_of(TableHandle table) {
  assert(table.value() < tables_.size());  // the table was opened
  Table& known = tables_[table.value()];
  if (known.used_in == transaction_) return known.number;
  known.used_in = transaction_;
  known.number = tables_used_.size();
  tables_used_.push_back(table);
  bytes_ += static_cast<char>(Change::UseTable);
  bytes_ += static_cast<char>(known.order);
  add(known.name);
  return known.number;
}

bool RecordedChanges::begin(Change change, TableHandle table, size_t size_bytes) {
  if (!is_whole_ || bytes_.size() + size_bytes > max_bytes_) {
    is_whole_ = false;
    return false;
  }
  const uint64_t number = number_of(table);
  bytes_ += static_cast<char>(change);
  append_varint(bytes_, number);
  return true;
}

void RecordedChanges::add(std::string_view text) {
  append_varint(bytes_, text.size());
  bytes_ += text;
}

void RecordedChanges::put(TableHandle table, std::string_view key, std::string_view value) {
  if (!begin(Change::Put, table, key.size() + value.size())) return;
  add(key);
  add(value);
}

void RecordedChanges::append(TableHandle table, std::string_view key, std::string_view value) {
  if (!begin(Change::Append, table, key.size() + value.size())) return;
  add(key);
  add(value);
}

void RecordedChanges::erase(TableHandle table, std::string_view key) {
  if (begin(Change::Erase, table, key.size())) add(key);
}

void RecordedChanges::erase_range(TableHandle table, std::string_view first_key,
                                  std::string_view end_key, size_t count) {
  if (!begin(Change::EraseRange, table, first_key.size() + end_key.size())) return;
  add(first_key);
  add(end_key);
  append_varint(bytes_, count);
}

void RecordedChanges::clear_table(TableHandle table) { begin(Change::ClearTable, table, 0); }

// Forgets the table's name, because the number of its handle may belong to another table from now
// on.
void RecordedChanges::remove_table(TableHandle table) {
  begin(Change::RemoveTable, table, 0);
  if (table.value() < tables_.size()) tables_[table.value()] = {};
}

Status apply_changes(std::string_view bytes, WriteTransaction& transaction, OpenedTables& opened) {
  using Change = RecordedChanges::Change;
  const auto damaged = [] { return damaged_data("the changes of a commit cannot be read"); };
  ByteReader in(bytes);
  const auto text = [&] { return in.bytes(in.varint()); };
  std::vector<TableHandle> tables;
  while (!in.at_end()) {
    const auto change = static_cast<Change>(in.be<int8_t>());
    if (change == Change::UseTable) {
      const auto order = static_cast<KeyOrder>(in.be<int8_t>());
      const std::string_view name = text();
      if (!in.ok()) return damaged();
      auto known = opened.find(name);
      if (known == opened.end())
        known = opened.emplace(name, TRY(transaction.open_table(name, order))).first;
      tables.push_back(known->second);
      continue;
    }
    const uint64_t number = in.varint();
    if (!in.ok() || number >= tables.size()) return damaged();
    const TableHandle table = tables[number];
    switch (change) {
      case Change::Put:
      case Change::Append: {
        const std::string_view key = text(), value = text();
        if (!in.ok() || key.empty() || key.size() > kMaxKeySize) return damaged();
        TRY(change == Change::Put ? transaction.put(table, key, value)
                                  : transaction.append(table, key, value));
        break;
      }
      case Change::Erase: {
        const std::string_view key = text();
        if (!in.ok()) return damaged();
        TRY(transaction.erase(table, key));
        break;
      }
      case Change::EraseRange: {
        const std::string_view first_key = text(), end_key = text();
        const uint64_t count = in.varint();
        if (!in.ok()) return damaged();
        TRY(transaction.erase_range(table, first_key, end_key, {.max_count = count}));
        break;
      }
      case Change::ClearTable:
        TRY(transaction.clear_table(table));
        break;
      case Change::RemoveTable:
        TRY(transaction.remove_table(table));
        std::erase_if(opened, [&](const auto& known) { return known.second == table; });
        break;
      case Change::UseTable:
      default:
        return damaged();
    }
  }
  return {};
}

}  // namespace storage
