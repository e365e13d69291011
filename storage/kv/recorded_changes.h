// What a write transaction does, as bytes that do the same to a store which is as it was before.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/kv/kv.h"

namespace storage {

// What a transaction has opened, by name: LMDB looks through all names that are open.
using OpenedTables = std::map<std::string, TableHandle, std::less<>>;

// Of one transaction at a time; tables are known by their names, which stay known from one to the next. What would
// become larger than the bound is not kept: then is_whole() is false.
//
// Threads: the one that writes. Owner: the store.
class RecordedChanges {
 public:
  explicit RecordedChanges(size_t max_bytes) : max_bytes_(max_bytes) {}

  // For another transaction.
  void clear();
  // Of what was opened with this name and order, if it was.
  std::optional<TableHandle> find_table(std::string_view name, KeyOrder order) const;
  // Before the table is changed through this handle, in this transaction or a later one. One that is new is a change
  // by itself.
  void open_table(TableHandle table, std::string_view name, KeyOrder order, bool is_new);
  void put(TableHandle table, std::string_view key, std::string_view value);
  void append(TableHandle table, std::string_view key, std::string_view value);
  void erase(TableHandle table, std::string_view key);
  // The first `count` entries from `first_key` on and before `end_key`.
  void erase_range(TableHandle table, std::string_view first_key, std::string_view end_key,
                   size_t count);
  void clear_table(TableHandle table);
  void remove_table(TableHandle table);

  // A write has failed, so that the transaction is going to be thrown away. Told once.
  void note_failure() { has_failed_ = true; }
  bool take_failure() { return std::exchange(has_failed_, false); }
  bool has_failure() const { return has_failed_; }

  bool is_whole() const { return is_whole_; }
  std::string_view bytes() const { return bytes_; }  // empty: nothing has changed
  std::span<const TableHandle> tables() const { return tables_used_; }  // each once

 private:
  enum class Change : char { UseTable, Put, Append, Erase, EraseRange, ClearTable, RemoveTable };
  friend Status apply_changes(std::string_view bytes, WriteTransaction& transaction,
                              OpenedTables& opened);

  bool begin(Change change, TableHandle table, size_t size_bytes);
  void add(std::string_view text);
  uint64_t number_of(TableHandle table);

  struct Table {
    std::string name;
    KeyOrder order = KeyOrder::Bytes;
    uint64_t used_in = 0;  // the transaction in which it has a number
    uint64_t number = 0;
  };

  const size_t max_bytes_;
  std::string bytes_;
  bool is_whole_ = true, has_failed_ = false;
  std::vector<Table> tables_;  // by handle
  uint64_t transaction_ = 1;
  std::vector<TableHandle> tables_used_;  // in this transaction
};

// Fails as the calls do, or with DataCorrupted where the bytes are not such changes; the transaction can then only be
// thrown away. `opened`: of the same transaction.
Status apply_changes(std::string_view bytes, WriteTransaction& transaction, OpenedTables& opened);

}  // namespace storage
