// Writes one checkpoint into the state file, in many small transactions.
#pragma once
#include <functional>
#include <map>
#include <span>
#include <string>

#include "storage/state/state_file.h"

namespace storage {

// The most bytes of one transaction, in addition to the limit in keys.
inline constexpr size_t kMaxChunkBytes = 4 << 20;

// Removes the ranges first, then writes the entries in key order, then the position. A crash in
// between leaves newer entries under the old position, which a replay of the journal from that
// position overwrites with the same values.
//
// Threads: the state writer's. Owner: its call.
class CheckpointWriter {
 public:
  // `pace` is called between chunks; its failure aborts the checkpoint.
  using Pace = std::function<Status()>;
  CheckpointWriter(StateFile& file, size_t chunk_keys, const Pace& pace)
      : file_(file), chunk_keys_(chunk_keys), pace_(pace) {}

  // Writes a checkpoint. Fails with InvalidParameter, without changes, if a name is too long, and
  // with the error of `pace`, with the position unchanged.
  Status write(const Checkpoint& checkpoint);

  // Returns whether the checkpoint fits into a transaction with others. Without such transactions,
  // thousands of tasks with a few changes each would need thousands of syncs.
  bool is_small(const Checkpoint& checkpoint) const;
  // Returns the checkpoint's cost in keys. A transaction takes chunk_keys of them.
  static size_t key_count(const Checkpoint& checkpoint) { return checkpoint.entries.size() + 1; }
  // Writes small checkpoints, of different tasks or in their order, in one transaction. The caller
  // has checked the names.
  Status write_together(std::span<const Checkpoint* const> checkpoints);
  static Status check_names(const Checkpoint& checkpoint);

 private:
  using StoreRows = std::map<std::string, StoreRow, std::less<>>;  // by the store's name

  Result<StoreRows> find_stores(const Checkpoint& checkpoint);
  Status find_stores(WriteTransaction& transaction, const Checkpoint& checkpoint, StoreRows& rows);
  Status remove_range(const Checkpoint& checkpoint, StoreRow& store, const StateRange& range);
  Result<bool> remove_some(const Checkpoint& checkpoint, StoreRow& store, const StateRange& range);
  Status write_entries(const Checkpoint& checkpoint, StoreRows& stores);
  // Writes the row with the content after the change.
  Status put_store(WriteTransaction& transaction, std::string_view task, std::string_view name,
                   const StoreRow& row) const;
  Status write_position(const Checkpoint& checkpoint);
  Status write_small(WriteTransaction& transaction, const Checkpoint& checkpoint);
  // Returns the size of the written key and value.
  Result<size_t> write_entry(WriteTransaction& transaction, StoreRow& store,
                             const StateEntry& entry, std::string& scratch) const;
  // Writes the position, unless a higher one is stored. A position never moves backwards: a
  // checkpoint of the task's former owner, written after the new owner has read the position, may
  // have had the journal trimmed up to its own. The entries written with it are right at both
  // positions, since the journal from the higher one on is replayed over them.
  Status put_position(WriteTransaction& transaction, const Checkpoint& checkpoint) const;

  StateFile& file_;
  const size_t chunk_keys_;
  const Pace& pace_;
};

}  // namespace storage
