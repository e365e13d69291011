// Stores rows under a prefix (such as a foreign key) and a key. The rows of a prefix are visited in the order of their
// keys.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/state/range_store.h"

namespace engine {

// Uses a RangeStore with one part. The checkpoint keeps the order of keys only up to a certain length.
// So prefixes and keys are shortened to kCutBytes, and a 128-bit hash replaces all further bytes.
// Keys are therefore in byte order only with regard to their first kCutBytes bytes.
//
// Threads: belongs to one task.
// Owner:   the operator that keeps the rows.
class PrefixStore {
 public:
  using Loose = RangeStore::Loose;
  // Receives views that are valid as long as `loose` lives and the store does not change. `place` is the row's place
  // among the rows of its prefix.
  using Visit = std::function<bool(std::string_view place, std::string_view value)>;

  // Inserts the row or replaces it.
  Status put(std::string_view prefix, std::string_view key, std::string_view value);
  // Erases the row. Returns true if it existed.
  Result<bool> erase(std::string_view prefix, std::string_view key);
  // Visits the rows of a prefix from the place `from` on (empty: from the first), about `max_rows`
  // at most, until `visit` returns false. Returns false at the end. To continue after a row, call
  // it again with after_place() of the row's place.
  Result<bool> visit(std::string_view prefix, std::string_view from, size_t max_rows, Loose& loose,
                     const Visit& visit);
  static std::string after_place(std::string_view place) { return std::string(place) + '\0'; }

  const Layers& layers() const { return store_.layers(); }
  RangeStore& store() { return store_; }

 private:
  // A prefix, a key, and the header of a RangeStore key must fit into Backing::kOrderedKeyBytes together.
  static constexpr size_t kCutBytes = 160, kHashBytes = 16;
  static constexpr int64_t kPart = 0;
  static std::string_view cut(std::string_view bytes, std::string& room);

  RangeStore store_;
  std::string prefix_, key_;  // buffers for shortened prefixes and keys
};

}  // namespace engine
