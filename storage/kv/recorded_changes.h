// Records the changes of a write transaction as bytes, and can repeat them later on a store that is
// in the state before the transaction.
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

// The tables that a transaction has opened, by name. Without this map, each use of a table would
// make LMDB compare its name with the names of all open tables.
using OpenedTables = std::map<std::string, TableHandle, std::less<>>;

// Records the changes of one transaction at a time. The bytes identify tables by name; the names of
// open tables are kept from one transaction to the next. If the changes exceed the size limit, they
// are not kept, and is_whole() returns false.
//
// Threads: the one that writes. Owner: the store.
class RecordedChanges {
 public:
  explicit RecordedChanges(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Begins to record another transaction.
  void clear();
  // Returns the table that was opened with this name and order; nothing if none was.
  std::optional<TableHandle> find_table(std::string_view name, KeyOrder order) const;
  // Called before this transaction or a later one changes the table through this handle. With
  // `is_new`, the creation of the table is recorded as a change.
  void open_table(TableHandle table, std::string_view name, KeyOrder order, bool is_new);
  void put(TableHandle table, std::string_view key, std::string_view value);
  void append(TableHandle table, std::string_view key, std::string_view value);
  void erase(TableHandle table, std::string_view key);
  // Records that the first `count` entries with first_key <= key < end_key were erased.
  void erase_range(TableHandle table, std::string_view first_key, std::string_view end_key,
                   size_t count);
  void clear_table(TableHandle table);
  void remove_table(TableHandle table);

  // Records that a write has failed and the transaction will be discarded. take_failure() returns
  // true once for each such failure.
  void note_failure() { has_failed_ = true; }
  bool take_failure() { return std::exchange(has_failed_, false); }
  bool has_failure() const { return has_failed_; }

  bool is_whole() const { return is_whole_; }
  std::string_view bytes() const { return bytes_; }  // empty if nothing has changed
  std::span<const TableHandle> tables() const { return tables_used_; }  // each table occurs once

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
    uint64_t used_in = 0;  // the last transaction in which the table got a number
    uint64_t number = 0;
  };

  const size_t max_bytes_;
  std::string bytes_;
  bool is_whole_ = true, has_failed_ = false;
  std::vector<Table> tables_;  // the index is the table's handle
  uint64_t transaction_ = 1;
  std::vector<TableHandle> tables_used_;  // tables used in this transaction
};

// Repeats recorded changes in `transaction`. Fails like the calls of the transaction, or with
// DataCorrupted if the bytes are not recorded changes; the transaction can then only be discarded.
// `opened` has the tables that earlier calls have opened in the same transaction.
Status apply_changes(std::string_view bytes, WriteTransaction& transaction, OpenedTables& opened);

}  // namespace storage
