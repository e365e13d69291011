// Both files of a data directory, as of moments that fit together.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "storage/kv/lmdb_snapshot.h"

namespace storage {

inline constexpr const char* kLogFile = "log.mdb";
inline constexpr const char* kStateFile = "state.mdb";

// The state is read first, so the log has everything that its checkpoints contain. No journal was
// trimmed in between beyond the checkpoints, so the journals lead from the state to the log.
struct DataSnapshot {
  std::unique_ptr<LmdbSnapshot> log, state;
  // Set if no attempt has found journals that lead from the state to the log, which means damage.
  std::optional<Error> misfit;
};

// Opens a directory that a server may be using. Fails with StorageFailure if a file cannot be read.
Result<DataSnapshot> open_data_snapshot(const std::string& data_dir);

}  // namespace storage
