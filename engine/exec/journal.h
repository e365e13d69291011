// The journal entry of a task commit: what a micro-batch changed, as bytes. Layout:
// docs/formats/journal.md.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "engine/exec/output_sequences.h"
#include "engine/exec/ports.h"
#include "engine/state/store.h"

namespace engine {

// How far a task has come in one of its input partitions.
struct InputPosition {
  uint32_t input = 0;  // of the stage
  PartitionRef partition;
  Offset next;  // the first record that is not yet taken
  bool operator==(const InputPosition&) const = default;
};

// How many entries a store has: one that is not in memory as a whole cannot be counted.
struct StoreSize {
  uint32_t store = 0;  // index of the store in its task
  uint64_t entries = 0;
  bool operator==(const StoreSize&) const = default;
};

// Absolute, all of it: state = a checkpoint, and the entries after it, whatever of them it already
// contains.
struct JournalEntry {
  std::vector<InputPosition> positions;  // those that changed
  std::vector<int64_t> scalars;          // of all operators, in order; empty: as before
  std::vector<OutputSequence> outputs;   // those that changed, in the order of their partitions
  std::vector<StoreSize> sizes;          // of stores: those that changed
  std::string last_error = {};           // about a record that failed; empty: as before
  StateChanges changes;
  bool operator==(const JournalEntry&) const = default;
};

std::string encode_journal(JournalEntry entry);
// Fails with CorruptRecord, or IncompatibleFormat when a newer version wrote it.
Result<JournalEntry> decode_journal(std::string_view bytes);

// An entry whose changes stay where they are: for those who read many.
struct JournalView {
  JournalEntry head;         // without changes
  std::string_view changes;  // for a StateChangeReader, which tells whether they are damaged
  uint64_t change_count = 0;
};
// Fails like decode_journal(), but does not look at the changes.
Result<JournalView> view_journal(std::string_view bytes);

}  // namespace engine
