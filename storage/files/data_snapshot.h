// Snapshots of log.mdb and state.mdb of a data directory whose contents belong together.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "storage/kv/lmdb_snapshot.h"

namespace storage {

inline constexpr const char* kLogFile = "log.mdb";
inline constexpr const char* kStateFile = "state.mdb";

// The snapshot of state.mdb is taken first, so the snapshot of log.mdb contains every commit that a checkpoint in
// state.mdb contains. In between, the server may trim a journal and thereby remove commits that the checkpoints do not
// contain. In this case both snapshots are taken again, because a task could not start with this pair.
struct DataSnapshot {
  std::unique_ptr<LmdbSnapshot> log, state;
  // Set if every attempt found journals that lack entries after the checkpoints. Such a data
  // directory is damaged.
  std::optional<Error> misfit;
};

// Opens a directory that a server may be using. Fails with StorageFailure if a file cannot be read.
Result<DataSnapshot> open_data_snapshot(const std::string& data_dir);

}  // namespace storage
