// Reads single entries from the state file, for stores that are not completely in memory.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/state/state_keys.h"

namespace storage {

// Values are read between begin_turn() and end_turn(), from one snapshot; they are valid until end_turn(). Outside of
// turns the object holds no snapshot: while one is held, the file grows by everything that is written.
//
// Threads: one at a time. The state store outlives it.
class StateReader {
 public:
  virtual ~StateReader() = default;
  virtual Status begin_turn() = 0;
  virtual void end_turn() = 0;

  // Returns the row of a store; nothing if no checkpoint of the task has written to this store yet.
  virtual Result<std::optional<StoreRow>> find_store(std::string_view task,
                                                     std::string_view store) = 0;
  // Returns the value of a key; nothing if the store does not have the key. Fails with
  // DataCorrupted if the entry is damaged.
  virtual Result<std::optional<std::string_view>> get(const StoreRow& store,
                                                      std::string_view key) = 0;
  // Visits entries from `place` on, until `visit` returns false. Sets `place` to the entry at which
  // the next call continues. An empty `place` means the first entry. Returns false at the end of
  // the store. Keys longer than kMaxWholeKeySize are not visited in key order.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  virtual Result<bool> scan(const StoreRow& store, std::string& place, const Visit& visit) = 0;
};

}  // namespace storage
