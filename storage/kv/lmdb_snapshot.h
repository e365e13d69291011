// A data file as it is at one moment, for programs that look at it beside a server, or without one.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/kv/kv.h"

namespace storage {

// Behind the name of a copy until it is whole.
inline constexpr const char* kUnfinishedCopy = ".new";

// It does not lock the file: a server may have it open, and goes on. The server's file grows meanwhile by
// what is written, since the pages of the snapshot are not used again while it lives.
//
// Threads: one at a time.
class LmdbSnapshot {
 public:
  struct Table {
    std::string name;
    TableHandle handle;
    KeyOrder order;
    uint64_t entries;
  };

  // Fails with StorageFailure when there is no such file, or it is not one of LMDB's.
  static Result<std::unique_ptr<LmdbSnapshot>> open(const std::string& path);
  virtual ~LmdbSnapshot() = default;

  virtual ReadTransaction& transaction() = 0;
  virtual const std::vector<Table>& tables() const = 0;
  const Table* find(std::string_view name) const;
  // All entries of a table, in order; none where there is no such table. An error from `visit` ends it.
  Status visit(std::string_view table, const std::function<Status(const Entry&)>& visit);

  // What it takes, without what is free in the file.
  virtual uint64_t used_bytes() const = 0;
  // A start reads these, too, before it writes: that the file has all pages that it counts but free ones, and that the
  // list of free pages can be read and has no page that a table uses. Fails with DataCorrupted. A page that the file
  // lacks may end it with SIGBUS (bus_error.h).
  virtual Status check_pages() = 0;

  // Makes a file with the same tables and entries and nothing else, durable when it returns; `copied` is
  // told of the bytes from time to time. On failure nothing is left of it.
  using Copied = std::function<void(uint64_t bytes)>;
  Status copy_to(const std::string& path, const Copied& copied) const;

 protected:
  virtual Status copy_tables(const std::string& path, const Copied& copied) const = 0;
};

}  // namespace storage
