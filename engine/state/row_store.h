// The rows of a table by key: what a source table looks like right now.
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

// Keys are the serialized key bytes, rows are in the row codec (engine/types/row_codec.h).
//
// Nothing in it grows in one step, however many rows there are.
//
// Invariants:
//   1. each entry has a place of its own in places_, which it keeps as long as it is in memory; other places
//      are null and in free_places_;
//   2. what has changed since take_changes() is in changed_ once, and has changed_in == current();
//   3. an erased entry is in erased_ from the commit on that erased it, until that is in a checkpoint.
//
// Threads: belongs to one task.
// Owner:   the operator that keeps the table.
class RowStore final : public Store {
 public:
  struct Row {
    std::string bytes;
    int64_t timestamp = 0;
  };
  // Whether look_up() will be asked for.
  enum class Order : uint8_t { None, ByKey };
  // Rows that a scan has read, and nobody else keeps.
  using Loose = std::deque<std::pair<std::string, Row>>;

  explicit RowStore(Order order = Order::None) {
    if (order == Order::ByKey) ordered_.emplace();
  }

  // nullptr when there is none. Holds until the store changes or the step ends.
  Result<const Row*> find(std::string_view key);
  void prefetch(std::span<const std::string_view> keys) const override;
  // The commit that changed or erased it last; 0 where that is long ago.
  uint64_t changed_in(std::string_view key) const;
  // Replaces the row and returns what was there before.
  Result<std::optional<Row>> put(std::string_view key, Row row);
  Result<std::optional<Row>> erase(std::string_view key);
  // A look-up of the rows whose keys are so long and begin with `prefix`, which has less: those of all windows of
  // one key. It may rest between its steps, as a scan. Of a store with Order::ByKey.
  Result<StoreScanPtr> begin_look_up(std::string_view prefix, size_t key_bytes);
  // The next rows of a scan, out of at most `entries` entries and until `visit` wants no more; false when it
  // is at its end. What `visit` gets holds as long as `loose` does and the store does not change.
  using Visit = std::function<bool(std::string_view key, const Row& row)>;
  Result<bool> scan(StoreScan& scan, size_t entries, Loose& loose, const Visit& visit);
  // Likewise of a look-up. `changed_in` becomes the commit that has last changed or erased a row that it has passed,
  // if that is later.
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
    bool is_used = false;          // since evict() looked at it
    uint64_t changed_in : 40 = 0;  // 0: as a checkpoint has it
    uint64_t : 0;
    uint64_t born_in : 40 = 0;  // see Layers::evict()
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

  KeyMap<Kept> rows_;  // those that are in memory, and the erased ones
  std::deque<Entry*> places_;
  size_t hand_ = 0;  // the place at which evict() goes on
  std::deque<uint32_t> free_places_;
  size_t row_bytes_ = 0;                                      // of all rows, on the heap
  std::optional<absl::btree_set<std::string_view>> ordered_;  // views of the map's keys
  std::vector<Entry*> changed_;
  std::deque<std::pair<uint64_t, uint32_t>> erased_;  // commit, and the place in places_
  std::string scratch_;
};

}  // namespace engine
