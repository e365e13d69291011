// Reads and writes, without LMDB, the two pages at the beginning of an LMDB file: the newest
// commit, and the identity of the file's journal.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/uuid.h"

namespace storage {

// LMDB publishes a commit by overwriting the older of two roots. A copy of both roots leads to
// everything that was committed when the copy was made, as long as LMDB does not reuse the pages of
// that commit. During this time the copy can be restored. Source: LMDB 0.9, mdb.c, MDB_page and
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
// the data file after the first root, in bytes that LMDB never writes. A copy of the file that LMDB
// makes therefore names no journal. The identity is written twice. A version whose journals have no
// first entry writes it once, and leaves another identity in the second place.
struct JournalOfFile {
  Uuid identity;  // nil: the file needs no journal
  // True if the file was written by a version whose journals have an entry of this identity before
  // the file names them. A journal without such an entry is then another file's journal.
  bool begins_with_entry = false;
};
// Returns the journal that the file needs. Also recognizes the mark of versions before 7, whose
// journals had one entry for each commit. Programs of these versions do not recognize the present
// mark, so they never open a journal that they cannot read.
Result<JournalOfFile> read_journal_of_file(int file);
// Writes the identity of the journal that the file needs. `identity` is that of a journal that has
// its first entry, or nil if the file needs no journal.
Status write_journal_of_file(int file, const Uuid& identity);

}  // namespace storage
