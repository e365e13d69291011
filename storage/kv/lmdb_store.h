// The implementation of a key-value store on disk: LMDB.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "storage/kv/kv.h"

namespace storage {

// The table that describes a file, and the key of its format version (u32).
inline constexpr const char* kFormatTable = "format";
inline constexpr std::string_view kVersionKey = "version";

struct LmdbOptions {
  // kind of the content, such as "log"; a file with another kind is refused
  std::string kind;
  // A new file gets this version, and an older file is changed to it.
  uint32_t format_version = 1;
  uint32_t oldest_format_version = 1;  // a file with an older version is refused
  // A file with a newer version is refused. 0: the same as `format_version`.
  uint32_t newest_format_version = 0;
  // Address space, not disk space: the file grows with the data.
  size_t map_size_bytes = 1ULL << 40;
  // The most tables that may be open at a time. Tables that do not exist cost nothing. Each open
  // table costs every transaction about 1 ns and 49 bytes, and opening n tables takes n * n steps
  // (about a second for 16,000 tables).
  uint32_t max_tables = 64;
  uint32_t max_readers = 512;  // transactions at a time, 64 bytes each
  // If true, a small commit waits for one sync instead of two. The store then has a second file,
  // `kind`.journal in the same directory (journaled_commits.h).
  bool has_commit_journal = false;
};

// Opens the file `directory`/`kind`.mdb, and creates both if they are missing. Fails with
//   StorageInUse        another process has it open;
//   IncompatibleFormat  it is not ours, has another kind, or was written by a newer version;
//   StorageFailure      the directory cannot be created, read or written;  DiskFull.
Result<std::unique_ptr<KeyValueStore>> open_lmdb_store(const std::string& directory,
                                                       const LmdbOptions& options);

}  // namespace storage
