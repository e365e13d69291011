// The interface through which a rebuild makes a change of plans final for all later owners of a
// journal.
#pragma once
#include <functional>

#include "base/ids.h"

namespace server {

// Threads: any. Owner: the node.
class JournalFence {
 public:
  virtual ~JournalFence() = default;
  // Writes a mark with the revision into the journal (storage::plan_mark()). Calls `done` with true
  // when the mark is visible and all outputs of earlier commits are delivered. Later owners of the
  // journal have then read the metadata up to the revision before they run tasks. Calls `done` with
  // false if this node does not own the journal, or ceases to own it meanwhile.
  virtual void fence(PartitionId journal, Revision revision, std::function<void(bool)> done) = 0;
};

}  // namespace server
