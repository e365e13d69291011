// Rows that are found one by one, and all of one prefix in the order of their keys: whose foreign key it is.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/state/range_store.h"

namespace engine {

// A RangeStore with one part. Prefixes and keys are cut to what the backing keeps in order; what is cut off is told
// apart by 128 bits of its hash. So the order of keys is that of their bytes as far as kCutBytes.
//
// Threads: belongs to one task.
// Owner:   the operator that keeps the rows.
class PrefixStore {
 public:
  using Loose = RangeStore::Loose;
  // What it gets holds as long as `loose` does and the store does not change. `place`: of the row under its prefix.
  using Visit = std::function<bool(std::string_view place, std::string_view value)>;

  // Replaces what is there, or makes it.
  Status put(std::string_view prefix, std::string_view key, std::string_view value);
  // True when it was there.
  Result<bool> erase(std::string_view prefix, std::string_view key);
  // The rows of a prefix from this place on (empty: the first), out of about `max_rows`, until `visit` wants no more;
  // false when there are no more. Behind a place comes the next after_place() of it.
  Result<bool> visit(std::string_view prefix, std::string_view from, size_t max_rows, Loose& loose,
                     const Visit& visit);
  static std::string after_place(std::string_view place) { return std::string(place) + '\0'; }

  const Layers& layers() const { return store_.layers(); }
  RangeStore& store() { return store_; }

 private:
  // Two of them, and what a RangeStore puts before them, are within Backing::kOrderedKeyBytes.
  static constexpr size_t kCutBytes = 160, kHashBytes = 16;
  static constexpr int64_t kPart = 0;
  static std::string_view cut(std::string_view bytes, std::string& room);

  RangeStore store_;
  std::string prefix_, key_;  // room for those that are cut
};

}  // namespace engine
