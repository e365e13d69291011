// Reads and writes the two pages at the beginning of an LMDB file, without LMDB. They have the root of the newest
// commit (the page from which all data are found), and the identity of the journal that belongs to the file.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/uuid.h"

namespace storage {

// LMDB publishes a commit by overwriting the older of its two root pages. An LmdbRoot is a copy of
// both roots. It leads to everything that was committed when the copy was made, and can be restored
// as long as LMDB does not reuse the pages of that commit. Source: LMDB 0.9, mdb.c, MDB_page and
// MDB_meta.
//
// Each call may fail with StorageFailure. Bytes that are read are only checked for the form of an
// LMDB root.
class LmdbRoot {
 public:
  // Reads a file that is not empty. Fails with IncompatibleFormat if it has no roots.
  static Result<LmdbRoot> read(int file);
  // Parses the result of bytes(). Fails with IncompatibleFormat for other bytes.
  static Result<LmdbRoot> parse(std::string_view bytes);
  Status write(int file) const;

  uint64_t commit() const { return commit_; }  // CommitId of the newest commit
  const std::string& bytes() const { return bytes_; }

 private:
  LmdbRoot() = default;
  std::string bytes_;  // the part of both roots' pages that LMDB writes
  uint64_t commit_ = 0;
};

// The journal that a data file needs until it is closed. The identity of the journal is stored in
// the data file after the first root, in bytes that LMDB never writes. So a copy of the file that
// LMDB makes names no journal. The identity is written at two places. An older version whose
// journals have no first entry writes it at the first place only, and leaves another identity at
// the second.
struct JournalOfFile {
  Uuid identity;  // nil: the file needs no journal
  // True: the version that wrote the file first wrote an entry with this identity into the journal,
  // and then the identity into the file. So a journal without this entry belongs to another file.
  // False: an older version wrote the file, and its journal may have no entry.
  bool begins_with_entry = false;
};
// Returns the journal that the file needs. Also recognizes the mark of versions before 7, whose
// journals had one entry for each commit. Programs of these versions do not recognize the mark that
// write_journal_of_file() writes, so they never open a journal that they cannot read.
Result<JournalOfFile> read_journal_of_file(int file);
// Writes the identity of the journal that the file needs. `identity` belongs to a journal that has
// its first entry, or nil if the file needs no journal.
Status write_journal_of_file(int file, const Uuid& identity);

}  // namespace storage
