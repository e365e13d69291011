// Writes one checkpoint into the state file, in many small transactions.
#pragma once
#include <functional>
#include <map>
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
  // `pace` is called between chunks.
  CheckpointWriter(StateFile& file, size_t chunk_keys, const std::function<void()>& pace)
      : file_(file), chunk_keys_(chunk_keys), pace_(pace) {}

  // Fails with InvalidParameter, having done nothing, when a name does not fit.
  Status write(const Checkpoint& checkpoint);

 private:
  using StoreIds = std::map<std::string, StoreId, std::less<>>;  // by the store's name

  Result<StoreIds> store_ids(const Checkpoint& checkpoint);
  Status remove_range(StoreId store, const StateRange& range);
  Result<bool> remove_some(StoreId store, const StateRange& range);
  Status write_entries(const Checkpoint& checkpoint, const StoreIds& ids);
  Status write_position(const Checkpoint& checkpoint);

  StateFile& file_;
  const size_t chunk_keys_;
  const std::function<void()>& pace_;
};

}  // namespace storage
