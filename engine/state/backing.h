// The contents of one store in the checkpoints.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engine {

// Gives a store read access to its contents in the checkpoints. Keys and values are those of the
// store's changes (StateChanges).
//
// Threads: the task's.
// Owner:   the code that made the task; the backing outlives the task's stores.
class Backing {
 public:
  virtual ~Backing() = default;

  // Returns the value in a checkpoint at least as new as the last note_stored() of the store. The view is valid until
  // the step or the look-up ends. Fails with DataCorrupted if the stored bytes are damaged.
  virtual Result<std::optional<std::string_view>> get(std::string_view key) = 0;

  // Visits each entry from `place` on once, until `visit` returns false, and sets `place` to the entry to continue
  // with. An empty place means the first entry. Returns false at the end. The order of keys that share their first
  // kOrderedKeyBytes bytes is unspecified.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  virtual Result<bool> scan(std::string& place, const Visit& visit) = 0;
  // Returns the place of the first entry whose key is not less than `key`. `key` has at most
  // kOrderedKeyBytes bytes.
  virtual Result<std::string> place_of(std::string_view key) = 0;
  static constexpr size_t kOrderedKeyBytes = 400;
};

}  // namespace engine
