// What one operator remembers between batches: a table of entries by key bytes, in memory, whose
// changes are journalled.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engine {

// One changed entry of a store. Entries are absolute: applying one twice changes nothing.
struct StateEntry {
  enum class Kind : uint8_t {
    Put,          // key -> value
    Delete,       // key is gone
    DeleteBelow,  // all keys that are smaller than this one are gone
  };
  uint32_t store = 0;  // index of the store in its task
  Kind kind = Kind::Put;
  std::string key, value;
  bool operator==(const StateEntry&) const = default;
};

// Where a scan of a store stands. It may rest between two steps for as long as it likes while the
// store goes on changing: each entry that was there when it began is seen once at most, in its state
// of that moment, and no other.
struct StoreCursor {
  size_t place = 0;         // of the next entry
  size_t end_place = 0;     // behind it are younger entries only: a scan ends, however many come
  uint64_t born_until = 0;  // younger entries are not seen; 0 before the first step
};

// Threads: belongs to one task.
class Store {
 public:
  virtual ~Store() = default;
  // Appends what changed since the last call.
  virtual void take_changes(uint32_t store_index, std::vector<StateEntry>& out) = 0;
  // Applies an entry from a checkpoint or a journal; it is not a change. Fails with CorruptRecord.
  virtual Status restore(const StateEntry& entry) = 0;
  virtual size_t size() const = 0;
};

}  // namespace engine
