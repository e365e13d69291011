// Space at the end of a data file that is written before it is needed.
#pragma once
#include <cstdint>

namespace storage {

// A sync of pages beyond the end of the file, or in blocks that are allocated but were never
// written, makes the file system record their place in its own journal: a second write and a second
// wait. Pages that overwrite zeros need only their own sync. So a little space is kept written
// ahead while commits are small. Large commits do not use such space, since all of their bytes
// would be written twice, and they wait for their bytes anyway. Measured in docs/benchmarks.md.
//
// Owner: the store. Threads: the one that writes, between transactions: the store itself writes at
//   the same place.
class WrittenAhead {
 public:
  // `file` is open for writing and stays its owner's.
  explicit WrittenAhead(int file) : file_(file) {}

  // Called after a commit, when the store's own data ends at `used_bytes`. Writes zeros after the
  // end of the file when little space is left there. If that fails, for example on a full disk, the
  // store continues without this space.
  void keep_up(uint64_t used_bytes);
  // Returns whether the file has `ahead_bytes` after the store's own data, so that a write there
  // cannot fail for lack of space. Tries to write missing ones.
  bool has_ahead(uint64_t used_bytes, uint64_t ahead_bytes);

 private:
  const int file_;
  uint64_t used_bytes_ = 0;     // as last reported; 0: not reported yet
  uint64_t written_bytes_ = 0;  // the file's size as last read
  uint64_t mean_growth_ = 0;    // recent bytes per commit
};

}  // namespace storage
