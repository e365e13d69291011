// Stores the current rows of a table, by key.
#pragma once

#include <absl/container/btree_set.h>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/state/key_map.h"
#include "engine/state/store.h"

namespace engine {

// Keys are the serialized key bytes; rows are in the row codec (engine/types/row_codec.h).
//
// The number of rows does not affect the length of a step: the store always grows in small steps.
//
// Invariants:
//   1. each entry in memory has its own place in places_, which it keeps while it is in memory; other places are null
//      and in free_places_;
//   2. an entry that changed since take_changes() is in changed_ once, and has changed_in == current();
//   3. an erased entry is in erased_ from the commit that erased it until that commit is in a checkpoint.
//
// Threads: belongs to one task.
// Owner:   the operator that keeps the table.
class RowStore final : public Store {
 public:
  struct Row {
    std::string bytes;
    int64_t timestamp = 0;
  };
  // ByKey is set if look_up() will be called.
  enum class Order : uint8_t { None, ByKey };
  // Rows that a scan has read from the checkpoint for itself. They are not rows of the store.
  using Loose = std::deque<std::pair<std::string, Row>>;

  explicit RowStore(Order order = Order::None) {
    if (order == Order::ByKey) ordered_.emplace();
  }

  // Returns the row; nullptr if it does not exist. The pointer is valid until the store changes or the step ends.
  Result<const Row*> find(std::string_view key);
  void prefetch(std::span<const std::string_view> keys) const override;
  // Returns the commit that last changed or erased the row. Returns 0 if the row is not in memory,
  // or has not changed since it was loaded.
  uint64_t changed_in(std::string_view key) const;
  // Inserts or replaces the row, and returns the previous one.
  Result<std::optional<Row>> put(std::string_view key, Row row);
  Result<std::optional<Row>> erase(std::string_view key);
  // Begins a look-up of all windows of one key: the rows whose keys have `key_bytes` bytes and
  // begin with `prefix`, which is shorter. Like a scan, a look-up may pause between its steps.
  // Requires Order::ByKey.
  Result<StoreScanPtr> begin_look_up(std::string_view prefix, size_t key_bytes);
  // Visits the next rows of a scan until `visit` returns false or `entries` entries have been looked at. Returns
  // false at the end of the scan. The visited rows are valid as long as `loose` lives and the store does not change.
  using Visit = std::function<bool(std::string_view key, const Row& row)>;
  Result<bool> scan(StoreScan& scan, size_t entries, Loose& loose, const Visit& visit);
  // Visits the next rows of a look-up, with the limits and the result of scan(). If a commit after
  // `changed_in` has changed or erased one of the rows that the look-up has passed, sets
  // `changed_in` to that commit.
  Result<bool> look_up(StoreScan& scan, std::string_view prefix, size_t entries, Loose& loose,
                       const Visit& visit, uint64_t& changed_in);

  void take_changes(uint32_t store_index, StateChanges& out) override;
  Status restore(const StateEntry& entry, uint64_t commit) override;
  size_t size() const override { return layers_.size(); }
  size_t memory_bytes() const override {
    return rows_.memory_bytes() + places_.size() * sizeof(void*) + row_bytes_ +
           layers_.scan_bytes();
  }
  size_t evict(size_t max_entries) override;
  bool release_some() override;

 private:
  struct Kept {
    Row row;
    uint32_t place = 0;
    bool is_erased = false;
    bool is_used = false;          // the row was used since evict() last visited it
    uint64_t changed_in : 40 = 0;  // commit of the last change; 0: none since a checkpoint
    uint64_t : 0;
    uint64_t born_in : 40 = 0;  // commit in which the row was created; see Layers::evict()
  };
  using Entry = KeyMap<Kept>::Entry;

  Entry& make(std::string_view key);
  Result<Entry*> fetch(std::string_view key);
  void remove(Entry& entry);
  void mark_changed(Entry& entry);
  void set_row(Entry& entry, Row row);
  void forget_erased();
  bool scan_memory(StoreScan& scan, size_t entries, const Visit& visit) const;
  bool look_up_in_memory(StoreScan& scan, std::string_view prefix, size_t entries,
                         const Visit& visit, uint64_t& changed_in) const;
  Result<bool> visit_stored(const StoreScan& scan, std::string_view key, std::string_view value,
                            Loose& loose, const Visit& visit) const;
  StorePlace end_of_places() const override { return {.number = places_.size()}; }
  void keep_before(const Entry& entry);
  static void encode(const Row& row, std::string& out);

  KeyMap<Kept> rows_;  // rows in memory, including erased ones
  std::deque<Entry*> places_;
  size_t hand_ = 0;  // place where evict() continues
  std::deque<uint32_t> free_places_;
  size_t row_bytes_ = 0;                                      // heap memory of all rows
  std::optional<absl::btree_set<std::string_view>> ordered_;  // views of the map's keys
  std::vector<Entry*> changed_;
  std::deque<std::pair<uint64_t, uint32_t>> erased_;  // pairs of a commit and a place in places_
  std::string scratch_;
};

}  // namespace engine
