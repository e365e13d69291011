// What one operator remembers between batches: a table of entries by key bytes, in memory, whose
// changes are journalled.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "engine/state/state_changes.h"

namespace engine {

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
  virtual void take_changes(uint32_t store_index, StateChanges& out) = 0;
  // Applies an entry from a checkpoint or a journal; it is not a change. Fails with CorruptRecord.
  virtual Status restore(const StateEntry& entry) = 0;
  virtual size_t size() const = 0;
  // The memory that its entries take, about; counted while they change, so asking costs nothing.
  virtual size_t memory_bytes() const = 0;
  // Gives back the memory of some entries of a store that is not used any more; true when there are
  // more. To destroy millions in one go would hold the loop for a second.
  virtual bool release_some() = 0;
};

}  // namespace engine
