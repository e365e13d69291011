// Keeps the changes of a store as a list, so that tests can inspect, shorten and mix them.
#pragma once
#include <deque>
#include <vector>

#include "engine/state/store.h"

namespace engine {

// The entries refer to the bytes of the changes that this object keeps.
class KeptChanges {
 public:
  // The store's changes since the last call.
  std::vector<StateEntry> take(Store& store, uint32_t store_index = 0) {
    StateChanges& changes = kept_.emplace_back();
    store.take_changes(store_index, changes);
    std::vector<StateEntry> entries;
    StateChangeReader reader(changes.bytes());
    for (StateEntry entry; reader.next(entry);) entries.push_back(entry);
    return entries;
  }
  void take(Store& store, std::vector<StateEntry>& onto) {
    const std::vector<StateEntry> entries = take(store);
    onto.insert(onto.end(), entries.begin(), entries.end());
  }

 private:
  std::deque<StateChanges> kept_;  // a deque, because its elements do not move
};

}  // namespace engine
