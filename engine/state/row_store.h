// The rows of a table by key: what a source table looks like right now.
#pragma once

#include <absl/container/btree_set.h>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/state/key_map.h"
#include "engine/state/store.h"

namespace engine {

// Keys are the serialized key bytes, rows are in the row codec (engine/types/row_codec.h).
//
// Nothing in it grows in one step, however many rows there are.
//
// Invariants:
//   1. each row has a place of its own in places_, which it keeps until it is erased; other places are
//      null and in free_places_;
//   2. a row that has changed since take_changes() is in changed_ under its number `change`; a key
//      that was erased since is in erased_, also when it is there again.
//
// Threads: belongs to one task.
// Owner:   the operator that keeps the table.
class RowStore final : public Store {
 public:
  struct Row {
    std::string bytes;
    int64_t timestamp = 0;
  };
  // Whether for_each_from() will be asked for.
  enum class Order : uint8_t { None, ByKey };

  explicit RowStore(Order order = Order::None) {
    if (order == Order::ByKey) ordered_.emplace();
  }

  // nullptr when there is none.
  const Row* find(std::string_view key) const;
  // Replaces the row and returns what was there before.
  std::optional<Row> put(std::string_view key, Row row);
  std::optional<Row> erase(std::string_view key);
  // Rows whose key begins with these bytes, in the order of the keys: those of all windows of one
  // key. Of a store with Order::ByKey.
  void for_each_from(std::string_view prefix,
                     const std::function<void(std::string_view key, const Row& row)>& visit) const;
  // The next rows of a scan, in no particular order, out of at most `places` places and until
  // `visit` wants no more; false when it is at its end.
  bool scan(StoreCursor& cursor, size_t places,
            const std::function<bool(std::string_view key, const Row& row)>& visit) const;
  // All rows, in no particular order.
  void for_each(const std::function<void(std::string_view key, const Row& row)>& visit) const;

  void take_changes(uint32_t store_index, StateChanges& out) override;
  Status restore(const StateEntry& entry) override;
  size_t size() const override { return rows_.size(); }
  size_t memory_bytes() const override {
    return rows_.memory_bytes() + places_.size() * sizeof(void*) + row_bytes_;
  }
  bool release_some() override;

 private:
  struct Kept {
    Row row;
    uint64_t born = 0;  // the number of rows that were ever made before it
    uint32_t place = 0;
    uint32_t change = kUnchanged;  // in changed_
  };
  using Entry = KeyMap<Kept>::Entry;
  static constexpr uint32_t kUnchanged = UINT32_MAX;

  Entry& find_or_make(std::string_view key);
  std::optional<Row> remove(Entry& entry);
  void set_row(Entry& entry, Row row);

  KeyMap<Kept> rows_;
  std::deque<const Entry*> places_;
  std::deque<uint32_t> free_places_;
  uint64_t born_ = 0;
  size_t row_bytes_ = 0;                                      // of all rows, on the heap
  std::optional<absl::btree_set<std::string_view>> ordered_;  // views of the map's keys
  std::vector<Entry*> changed_;                               // null: erased since
  std::vector<std::string> erased_;
  std::string scratch_;
};

}  // namespace engine
