// The two pages at the beginning of an LMDB file, without LMDB: which commit is the newest, and whose journal it has.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/uuid.h"

namespace storage {

// LMDB publishes a commit by overwriting the older of two roots. Both together, as they are at a moment, lead to all
// that was committed by then, as long as LMDB does not use the pages of that commit again: they can be put back.
// Source: LMDB 0.9, mdb.c, MDB_page and MDB_meta.
//
// Each call fails with StorageFailure; nothing of what is read is checked but that it is a root of LMDB's.
class LmdbRoot {
 public:
  // Of a file that is not empty. IncompatibleFormat where there are no roots.
  static Result<LmdbRoot> read(int file);
  // As bytes() gave it; IncompatibleFormat for other bytes.
  static Result<LmdbRoot> parse(std::string_view bytes);
  Status write(int file) const;

  uint64_t commit() const { return commit_; }  // the newest: CommitId
  const std::string& bytes() const { return bytes_; }

 private:
  LmdbRoot() = default;
  std::string bytes_;  // of both, what LMDB writes of a page
  uint64_t commit_ = 0;
};

// The journal that a data file needs until it is closed. The data file names it behind its first root, in bytes of that
// page that LMDB never writes; a copy that LMDB makes names none. The identity is written twice. A version whose journals
// have no first entry writes it once, and leaves another one at the second place.
struct JournalOfFile {
  Uuid identity;  // nil: the file is whole by itself
  // The journal had a durable entry of this identity before the file named it, and has had one since: a journal without
  // one is not that journal.
  bool begins_with_entry = false;
};
// Also as versions before 7 wrote it, whose journals had an entry for each commit; they do not find a journal that they
// could not read.
Result<JournalOfFile> read_journal_of_file(int file);
// For a journal that has its first entry, or for none.
Status write_journal_of_file(int file, const Uuid& identity);

}  // namespace storage
