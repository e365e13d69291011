// Snapshots of log.mdb and state.mdb of a data directory whose contents belong together.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "storage/kv/lmdb_snapshot.h"

namespace storage {

inline constexpr const char* kLogFile = "log.mdb";
inline constexpr const char* kStateFile = "state.mdb";

// The snapshot of state.mdb is taken first, so the snapshot of the log contains everything that the
// state's checkpoints contain. If a journal was trimmed between the two snapshots beyond these
// checkpoints, both are taken again. So the journals contain all commits after the checkpoints.
struct DataSnapshot {
  std::unique_ptr<LmdbSnapshot> log, state;
  // Set if every attempt found journals that lack entries after the checkpoints. Such a data
  // directory is damaged.
  std::optional<Error> misfit;
};

// Opens a directory that a server may be using. Fails with StorageFailure if a file cannot be read.
Result<DataSnapshot> open_data_snapshot(const std::string& data_dir);

}  // namespace storage
