// Read access to the contents of one store in the checkpoints.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engine {

// Gives a store read access to its contents in the checkpoints. Keys and values have the same encoding as in the
// store's changes (StateChanges).
//
// Threads: the task's.
// Owner:   the code that made the task; the backing outlives the task's stores.
class Backing {
 public:
  virtual ~Backing() = default;

  // Returns the value of the key, from a checkpoint at least as new as the last call of the store's
  // note_stored(). Returns nullopt if the key does not exist. The view is valid until the step or
  // the look-up ends. Fails with DataCorrupted if the stored bytes are damaged.
  virtual Result<std::optional<std::string_view>> get(std::string_view key) = 0;

  // Visits the entries from `place` on, each once, until `visit` returns false. Sets `place` to the
  // entry at which the scan continues; an empty place stands for the first entry. Returns false at
  // the end. Keys are visited in order, but the order of keys with the same first kOrderedKeyBytes
  // bytes is unspecified.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  virtual Result<bool> scan(std::string& place, const Visit& visit) = 0;
  // Returns the place of the first entry whose key is not less than `key`, which has at most kOrderedKeyBytes bytes.
  virtual Result<std::string> place_of(std::string_view key) = 0;
  static constexpr size_t kOrderedKeyBytes = 400;
};

}  // namespace engine
