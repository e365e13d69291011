// The journal entry of a task commit: the changes of a micro-batch, as bytes. Layout:
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

// How far a task has read one of its input partitions. Each commit of the task contains these values for all inputs, so
// that a restart continues after the last committed record.
struct InputPosition {
  uint32_t input = 0;  // index of the stage's input
  PartitionRef partition;
  Offset next;  // offset of the first record that is not taken yet
  bool operator==(const InputPosition&) const = default;
};

// Number of entries in a store. The journal records this number, because the entries of a store
// that is partly on disk cannot be counted.
struct StoreSize {
  uint32_t store = 0;  // index of the store in its task
  uint64_t entries = 0;
  bool operator==(const StoreSize&) const = default;
};

// All values are absolute, so applying an entry twice has the same effect as applying it once. This
// matters because the state of a task is restored from a checkpoint and the later entries, and the
// checkpoint may already contain some of these entries.
struct JournalEntry {
  std::vector<InputPosition> positions;  // positions that changed
  std::vector<int64_t> scalars;          // numbers of all operators, in order; empty: unchanged
  std::vector<OutputSequence> outputs;   // sequences that changed, in the order of their partitions
  std::vector<StoreSize> sizes;          // stores whose size changed
  std::string last_error = {};           // text about the last failed record; empty: unchanged
  StateChanges changes;
  bool operator==(const JournalEntry&) const = default;
};

std::string encode_journal(JournalEntry entry);
// Decodes an entry. Fails with CorruptRecord, or with IncompatibleFormat if a newer version wrote
// the entry.
Result<JournalEntry> decode_journal(std::string_view bytes);

// An entry of the journal whose changes are still encoded. Callers that read many entries decode only the changes that
// they need.
struct JournalView {
  JournalEntry head;         // the entry without its changes
  std::string_view changes;  // encoded; a StateChangeReader detects damage
  uint64_t change_count = 0;
};
// Decodes an entry without its changes. Fails like decode_journal(), except that damaged changes
// are not detected.
Result<JournalView> view_journal(std::string_view bytes);

}  // namespace engine
