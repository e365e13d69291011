// Snapshots of both files of a data directory whose contents belong together.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "storage/kv/lmdb_snapshot.h"

namespace storage {

inline constexpr const char* kLogFile = "log.mdb";
inline constexpr const char* kStateFile = "state.mdb";

// The snapshot of the state is taken first, so the log contains everything that the state's
// checkpoints contain. Between the two snapshots, no journal was trimmed beyond these checkpoints.
// So the journals contain all commits after the checkpoints.
struct DataSnapshot {
  std::unique_ptr<LmdbSnapshot> log, state;
  // Set if every attempt has found journals that lack entries after the checkpoints, which means
  // damage.
  std::optional<Error> misfit;
};

// Opens a directory that a server may be using. Fails with StorageFailure if a file cannot be read.
Result<DataSnapshot> open_data_snapshot(const std::string& data_dir);

}  // namespace storage
