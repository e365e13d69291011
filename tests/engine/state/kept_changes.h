// Changes of a store as a list that tests can look at, cut and mix.
#pragma once
#include <deque>
#include <vector>

#include "engine/state/store.h"

namespace engine {

// Entries are views of the changes that are kept here.
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
  std::deque<StateChanges> kept_;  // its elements do not move
};

}  // namespace engine
