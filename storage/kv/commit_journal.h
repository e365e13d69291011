// The journal of commits: a file next to a data file, in which small commits become durable first.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "storage/kv/aligned_bytes.h"

namespace storage {

struct JournalEntry {
  uint64_t commit = 0;       // the commit that the changes make; without changes, the newest commit
  std::string_view changes;  // changes of the commit in the encoding of recorded_changes.h
  // Either empty, or a root of the data file (lmdb_root.h) as of `root_commit`. All pages of the
  // root are durable. A replay begins after the last root in the journal.
  std::string_view root;
  uint64_t root_commit = 0;
};

// The journal is a file of fixed size. All its bytes are written once when it is created, so that a
// later commit costs one write and one wait for the disk. The two halves of the file are filled
// alternately. A half is overwritten only when an entry names a root that contains all commits of
// that half. Entries begin at sectors of 512 bytes:
//
//   8 bytes     "MRCOMMIT"; "MRCONTIN" if the entry before it has the same commit
//   16          the identity that the data file names while it is open; other journals have another
//   8, 8, 8     sequence (1, 2, ... without gaps), commit, root_commit
//   4, 4        sizes of root and changes
//   8           XXH3 of the above, the root and the changes
//   then the root and the changes; numbers are big-endian.
//
// Threads: the one that writes. Owner: JournaledCommits.
class CommitJournal {
 public:
  static constexpr size_t kHalfBytes = 2 << 20;

  // Opens or creates the file, which is durable on return. Fails with DiskFull or StorageFailure.
  static Result<std::unique_ptr<CommitJournal>> make(const std::string& path, const Uuid& identity);
  ~CommitJournal();

  // Returns the size of an entry in the file.
  static size_t size_in_file(size_t root_bytes, size_t change_bytes);
  // Returns whether an entry of this size can be written now. `durable_commit` is the commit of the
  // last root that an entry of the journal names.
  bool has_room(size_t root_bytes, size_t change_bytes, uint64_t durable_commit) const;
  // Returns whether the next entry begins the other half and therefore must name a root.
  bool begins_half(size_t root_bytes, size_t change_bytes) const;
  // Writes an entry for which has_room() is true. The entry is durable on return. After a failure,
  // the file may or may not have the entry.
  Status append(const JournalEntry& entry);
  // Durably removes the last entry, or the part of an entry that a failed append() has written.
  Status take_back();

 private:
  CommitJournal(int file, const Uuid& identity) : file_(file), identity_(identity) {}
  struct Place {
    size_t half, offset;
  };
  Place place_of(size_t size_bytes) const;

  const int file_;
  const Uuid identity_;
  uint64_t sequence_ = 0;                // sequence number of the last entry
  Place last_ = {}, end_ = {};           // begins of the last and of the next entry
  std::array<uint64_t, 2> newest_ = {};  // newest commit in each half
  // The commits of the last two entries with changes.
  uint64_t last_commit_ = 0, commit_before_ = 0;
  bool is_last_written_ = false;  // the last append() has succeeded
  AlignedBytes buffer_;
};

// The changes in a journal that the data file may lack, and the root of the data file (its commit) on which they are
// based. The data file stores the identity of its journal. `root` is empty if no entry has this identity: the journal
// then belongs to another data file, or an older version has created it, which wrote no first entry.
struct ReplayedJournal {
  struct Commit {
    uint64_t commit;
    std::vector<std::string> changes;  // changes of the commit's entries
  };
  std::string root;
  uint64_t root_commit = 0, last_commit = 0;
  std::vector<Commit> commits;  // the commits after the root, without gaps
};
// Reads the journal. Fails with StorageFailure if the file does not exist, and with DataCorrupted
// if entries are missing or the file's size is not 2 * kHalfBytes. (The file has this size before
// the data file names it.)
Result<ReplayedJournal> read_journal(const std::string& path, const Uuid& identity);

}  // namespace storage
