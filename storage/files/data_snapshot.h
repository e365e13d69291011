// Both files of a data directory as they were at moments that fit together.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "storage/kv/lmdb_snapshot.h"

namespace storage {

inline constexpr const char* kLogFile = "log.mdb";
inline constexpr const char* kStateFile = "state.mdb";

// The state's moment comes first, so the log has all that its checkpoints contain; and no journal was
// trimmed in between beyond what they contain, so the journals lead from the one to the other.
struct DataSnapshot {
  std::unique_ptr<LmdbSnapshot> log, state;
  // Why the journals do not lead from the one to the other, however often one looks: damage.
  std::optional<Error> misfit;
};

// Of a directory that a server may be using. Fails with StorageFailure when a file cannot be read.
Result<DataSnapshot> open_data_snapshot(const std::string& data_dir);

}  // namespace storage
