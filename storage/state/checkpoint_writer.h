// Writes one checkpoint into the state file, in many small transactions.
#pragma once
#include <functional>
#include <map>
#include <span>
#include <string>

#include "storage/state/state_file.h"

namespace storage {

// The most bytes of one transaction (chunk). The number of keys is limited, too.
inline constexpr size_t kMaxChunkBytes = 4 << 20;

// Writes in this order: removes ranges, writes the entries by key, and last stores the task's position (the last commit
// that the checkpoint contains). After a crash in between, the file has some newer entries with the old position. The
// owner of the task then replays the journal from the old position, which writes the same values again.
//
// Threads: the state writer's. Owner: its call.
class CheckpointWriter {
 public:
  // `pace` is called between two chunks. If it fails, the checkpoint is given up.
  using Pace = std::function<Status()>;
  CheckpointWriter(StateFile& file, size_t chunk_keys, const Pace& pace)
      : file_(file), chunk_keys_(chunk_keys), pace_(pace) {}

  // Writes a checkpoint. Fails with InvalidParameter, without changes, if a name is too long. If
  // `pace` fails, fails with that error, and the position is unchanged.
  Status write(const Checkpoint& checkpoint);

  // Returns whether the checkpoint is small enough to share a transaction with others. Without
  // sharing, thousands of tasks with a few changes each would need thousands of syncs.
  bool is_small(const Checkpoint& checkpoint) const;
  // Returns the number of keys that the checkpoint writes; a transaction has at most chunk_keys of
  // them.
  static size_t key_count(const Checkpoint& checkpoint) { return checkpoint.entries.size() + 1; }
  // Writes small checkpoints in one transaction. If several of them belong to one task, they must
  // be in the order in which the task made them. The caller has checked the names with
  // check_names().
  Status write_together(std::span<const Checkpoint* const> checkpoints);
  static Status check_names(const Checkpoint& checkpoint);

 private:
  using StoreRows = std::map<std::string, StoreRow, std::less<>>;  // rows by the name of the store

  Result<StoreRows> find_stores(const Checkpoint& checkpoint);
  Status find_stores(WriteTransaction& transaction, const Checkpoint& checkpoint, StoreRows& rows);
  Status remove_range(const Checkpoint& checkpoint, StoreRow& store, const StateRange& range);
  Result<bool> remove_some(const Checkpoint& checkpoint, StoreRow& store, const StateRange& range);
  Status write_entries(const Checkpoint& checkpoint, StoreRows& stores);
  // Writes the store's row, including the new count and sum of its entries (StoreContent).
  Status put_store(WriteTransaction& transaction, std::string_view task, std::string_view name,
                   const StoreRow& row) const;
  Status write_position(const Checkpoint& checkpoint);
  Status write_small(WriteTransaction& transaction, const Checkpoint& checkpoint);
  // Writes an entry, and returns the size of its key and value.
  Result<size_t> write_entry(WriteTransaction& transaction, StoreRow& store,
                             const StateEntry& entry, std::string& scratch) const;
  // Writes the position, unless a higher one is stored. A position never moves backwards. The case
  // occurs if a former owner of the task writes its checkpoint after the new owner's: the journal
  // may be trimmed up to the higher position already. The older entries that are written here do no
  // harm, because the journal after the higher position is replayed over them.
  Status put_position(WriteTransaction& transaction, const Checkpoint& checkpoint) const;

  StateFile& file_;
  const size_t chunk_keys_;
  const Pace& pace_;
};

}  // namespace storage
