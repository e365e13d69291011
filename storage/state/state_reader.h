// Reads single entries of checkpoints, for stores that are not completely in memory.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/state/state_keys.h"

namespace storage {

// A turn reads as of its begin, and its results are valid until its end. Nothing is held between
// turns, so that the file does not grow by everything that is written meanwhile.
//
// Threads: one at a time. The state store outlives it.
class StateReader {
 public:
  virtual ~StateReader() = default;
  virtual Status begin_turn() = 0;
  virtual void end_turn() = 0;

  // Returns the row of a store; nothing if no checkpoint of the task has written to the store yet.
  virtual Result<std::optional<StoreRow>> find_store(std::string_view task,
                                                     std::string_view store) = 0;
  // Returns the value of a key; nothing if the store does not have the key. Fails with
  // DataCorrupted if the entry is damaged.
  virtual Result<std::optional<std::string_view>> get(const StoreRow& store,
                                                      std::string_view key) = 0;
  // Visits entries from `place` on until `visit` returns false; `place` is then where to continue.
  // An empty place is the first entry. Returns false at the end. Keys longer than kMaxWholeKeySize
  // are visited in an order of their own.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  virtual Result<bool> scan(const StoreRow& store, std::string& place, const Visit& visit) = 0;
};

}  // namespace storage
