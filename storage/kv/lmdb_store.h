// The home of a key-value store on disk: LMDB.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "storage/kv/kv.h"

namespace storage {

struct LmdbOptions {
  std::string kind;             // what the file holds, such as "log"; another kind is refused
  uint32_t format_version = 1;  // a newer one in the file is refused
  size_t map_size_bytes = 1ULL << 40;  // address space, not disk: the file grows as it is written
  uint32_t max_tables = 16384;
  uint32_t max_readers = 512;
};

// Opens the file `directory`/`kind`.mdb; makes both when they are missing. Fails with
//   StorageInUse        another process has it open;
//   IncompatibleFormat  it is not ours, holds something else, or was written by a newer version;
//   StorageFailure      the directory cannot be made, read or written;  DiskFull.
Result<std::unique_ptr<KeyValueStore>> open_lmdb_store(const std::string& directory,
                                                       const LmdbOptions& options);

}  // namespace storage
