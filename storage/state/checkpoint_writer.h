// Writes one checkpoint into the state file, in many small transactions.
#pragma once
#include <functional>
#include <map>
#include <span>
#include <string>

#include "storage/state/state_file.h"

namespace storage {

// Of one transaction, beside the limit in keys.
inline constexpr size_t kMaxChunkBytes = 4 << 20;

// Ranges first, then the entries in key order, then the position: a crash in between leaves newer
// entries under the old position, which the journal from there on overwrites with the same values.
//
// Threads: the state writer's. Owner: its call.
class CheckpointWriter {
 public:
  // `pace` is called between chunks; when it fails the checkpoint is given up.
  using Pace = std::function<Status()>;
  CheckpointWriter(StateFile& file, size_t chunk_keys, const Pace& pace)
      : file_(file), chunk_keys_(chunk_keys), pace_(pace) {}

  // Fails with InvalidParameter, having done nothing, when a name does not fit, and as `pace` does,
  // having left the position where it was.
  Status write(const Checkpoint& checkpoint);

  // One that fits into a transaction with others: thousands of tasks with a few changes each would
  // else be thousands of syncs.
  bool is_small(const Checkpoint& checkpoint) const;
  // What it counts for in keys: a transaction takes chunk_keys of them.
  static size_t key_count(const Checkpoint& checkpoint) { return checkpoint.entries.size() + 1; }
  // Small ones, of different tasks or in their order, in one transaction. All have had their names
  // checked.
  Status write_together(std::span<const Checkpoint* const> checkpoints);
  static Status check_names(const Checkpoint& checkpoint);

 private:
  using StoreRows = std::map<std::string, StoreRow, std::less<>>;  // by the store's name

  Result<StoreRows> find_stores(const Checkpoint& checkpoint);
  Status find_stores(WriteTransaction& transaction, const Checkpoint& checkpoint, StoreRows& rows);
  Status remove_range(const Checkpoint& checkpoint, StoreRow& store, const StateRange& range);
  Result<bool> remove_some(const Checkpoint& checkpoint, StoreRow& store, const StateRange& range);
  Status write_entries(const Checkpoint& checkpoint, StoreRows& stores);
  // With what it contains after the change.
  Status put_store(WriteTransaction& transaction, std::string_view task, std::string_view name,
                   const StoreRow& row) const;
  Status write_position(const Checkpoint& checkpoint);
  Status write_small(WriteTransaction& transaction, const Checkpoint& checkpoint);
  // Returns the bytes that it takes.
  Result<size_t> write_entry(WriteTransaction& transaction, StoreRow& store,
                             const StateEntry& entry, std::string& scratch) const;
  // A position never goes back: an earlier owner's checkpoint, written after the task's new owner has
  // read where it stands, may have had the journal trimmed up to its own. What is written beside it
  // is good at both, as the journal from the higher one on is read over it.
  Status put_position(WriteTransaction& transaction, const Checkpoint& checkpoint) const;

  StateFile& file_;
  const size_t chunk_keys_;
  const Pace& pace_;
};

}  // namespace storage
