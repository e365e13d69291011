// Reads a data file from one LMDB snapshot, while a server writes to the file, or without a server. `millrace check`
// and `millrace backup` use it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/kv/kv.h"

namespace storage {

// The suffix of a copy's name until it is complete.
inline constexpr const char* kUnfinishedCopy = ".new";

// The file is not locked: a server may have it open and write to it. While the object exists, the
// pages of the snapshot are not reused, so the file grows by everything that the server writes.
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

  // Opens a snapshot. Fails with StorageFailure if the file does not exist or is not an LMDB file.
  static Result<std::unique_ptr<LmdbSnapshot>> open(const std::string& path);
  virtual ~LmdbSnapshot() = default;

  virtual ReadTransaction& transaction() = 0;
  virtual const std::vector<Table>& tables() const = 0;
  const Table* find(std::string_view name) const;
  // Visits all entries of a table, in order; none if the table does not exist. Stops at the first
  // error of `visit`. Fails with DataCorrupted if a page is damaged, or if the table has another
  // number of entries than the file counts: a damaged page may hide entries.
  Status visit(std::string_view table, const std::function<Status(const Entry&)>& visit);
  // Returns whether visit() has been called for the table.
  bool was_visited(std::string_view table) const { return visited_.contains(table); }

  // Returns the size of the used pages.
  virtual uint64_t used_bytes() const = 0;
  // Makes the same checks as a server at its start, without writing: the file has all pages that it
  // counts, except free ones; the list of free pages can be read; no page of that list is used by a
  // table. Fails with DataCorrupted. A missing page may end the process with SIGBUS (bus_error.h).
  virtual Status check_pages() = 0;

  // Creates a file with the same tables and entries and nothing else. The file is durable on
  // return. `copied` is called from time to time with the number of copied bytes. After a failure
  // no part of the copy is left.
  using Copied = std::function<void(uint64_t bytes)>;
  Status copy_to(const std::string& path, const Copied& copied);

 protected:
  virtual Status copy_tables(const std::string& path, const Copied& copied) = 0;

 private:
  std::set<std::string, std::less<>> visited_;
};

}  // namespace storage
