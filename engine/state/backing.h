// What the checkpoints hold of one store.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engine {

// Keys and values are those of the store's changes (StateChanges).
//
// Threads: the task's.
// Owner:   who made the task; it outlives the task's stores.
class Backing {
 public:
  virtual ~Backing() = default;

  // As of a checkpoint that is at least as new as the last one of which the store was told; the view holds
  // until the step or the look-up ends. Fails with DataCorrupted where what is there is damaged.
  virtual Result<std::optional<std::string_view>> get(std::string_view key) = 0;

  // Entries from `place` on, each once, until `visit` wants no more; `place` is where to go on then. Empty:
  // the first one. False at the end. Keys that have the same first kOrderedKeyBytes, and more, come in an order
  // of their own.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  virtual Result<bool> scan(std::string& place, const Visit& visit) = 0;
  // Where a scan of the entries begins whose keys are not before this one, which is not longer.
  virtual Result<std::string> place_of(std::string_view key) = 0;
  static constexpr size_t kOrderedKeyBytes = 400;
};

}  // namespace engine
