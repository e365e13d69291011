// The rows of a table by key: what a source table looks like right now.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "engine/state/key_map.h"
#include "engine/state/store.h"

namespace engine {

// Keys are the serialized key bytes, rows are in the row codec (engine/types/row_codec.h).
//
// Threads: belongs to one task. Owner: the operator that keeps the table.
class RowStore final : public Store {
 public:
  struct Row {
    std::string bytes;
    int64_t timestamp = 0;
  };

  // nullptr when there is none.
  const Row* find(std::string_view key) const;
  // Replaces the row and returns what was there before.
  std::optional<Row> put(std::string_view key, Row row);
  std::optional<Row> erase(std::string_view key);
  // All rows, in no particular order.
  void for_each(const std::function<void(std::string_view key, const Row& row)>& visit) const;

  const KeyMap<Row>& rows() const { return rows_; }

  void take_changes(uint32_t store_index, std::vector<StateEntry>& out) override;
  Status restore(const StateEntry& entry) override;
  size_t size() const override { return rows_.size(); }

 private:
  void note_change(std::string_view key);

  KeyMap<Row> rows_;
  KeyMap<bool> changed_;  // a set
};

}  // namespace engine
