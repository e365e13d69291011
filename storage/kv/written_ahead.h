// Fills space at the end of a data file with zeros before the space is needed.
#pragma once
#include <cstdint>

namespace storage {

// A sync of pages beyond the end of the file is expensive, and so is a sync of pages in blocks that
// were allocated but never written: the file system must also record in its own journal where these
// blocks are, with a second write and a second wait. Pages that overwrite zeros need only their own
// sync. So while commits are small, a little space after the used pages is filled with zeros. Large
// commits do not use such space: all of their bytes would be written twice, and they have to wait
// for their own bytes anyway. Measured in docs/benchmarks.md.
//
// Owner: the store. Threads: the one that writes, between transactions, since the store itself
//   writes at the same place.
class WrittenAhead {
 public:
  // `file` is open for writing. It is not closed here.
  explicit WrittenAhead(int file) : file_(file) {}

  // Called after a commit; `used_bytes` is the end of the store's own data. Writes zeros after the
  // end of the file if little space with zeros is left. If that fails, for example on a full disk,
  // the store continues without this space.
  void keep_up(uint64_t used_bytes);
  // Returns whether the file has `ahead_bytes` of zeros after the store's own data, so that a write
  // there cannot fail on a full disk. Tries to write the zeros that are missing.
  bool has_ahead(uint64_t used_bytes, uint64_t ahead_bytes);

 private:
  const int file_;
  uint64_t used_bytes_ = 0;     // as last reported; 0: not reported yet
  uint64_t written_bytes_ = 0;  // the file's size as last read
  uint64_t mean_growth_ = 0;    // recent bytes per commit
};

}  // namespace storage
