// Reads of single entries out of checkpoints, for stores that are not in memory as a whole.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/state/state_keys.h"

namespace storage {

// In a turn: as of its begin, and what is returned holds until its end. Between turns nothing is held, so
// that the file does not grow by what is written meanwhile.
//
// Threads: one at a time. The state store outlives it.
class StateReader {
 public:
  virtual ~StateReader() = default;
  virtual Status begin_turn() = 0;
  virtual void end_turn() = 0;

  // Nothing when no checkpoint of the task has written to it yet.
  virtual Result<std::optional<StoreRow>> find_store(std::string_view task,
                                                     std::string_view store) = 0;
  // Fails with DataCorrupted when the entry is damaged.
  virtual Result<std::optional<std::string_view>> get(const StoreRow& store,
                                                      std::string_view key) = 0;
  // Entries from `place` on until `visit` wants no more; `place` is where to go on then. Empty: the first
  // one. False at the end. Keys of more than kMaxWholeKeySize bytes come in an order of their own.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  virtual Result<bool> scan(const StoreRow& store, std::string& place, const Visit& visit) = 0;
};

}  // namespace storage
