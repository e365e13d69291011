// Space at the end of a data file that has been written before it is needed.
#pragma once
#include <cstdint>

namespace storage {

// A sync of pages that lie behind the end of the file, or in blocks that are allocated but were never written, has
// the file system note in its own journal where they are: a second write and a second wait. Pages that overwrite
// zeros are synced by themselves. So a little is kept written ahead while commits are small. Large ones do without:
// all would be written twice, and they wait for their own bytes anyway. Measured in docs/benchmarks.md.
//
// Owner: the store. Threads: the one that writes, between transactions: the store itself writes at the same place.
class WrittenAhead {
 public:
  // `file` is open for writing and stays its owner's.
  explicit WrittenAhead(int file) : file_(file) {}

  // After a commit, when the store's own data end at `used_bytes`. Writes zeros behind what is there when little of
  // that is left. Where this fails, as on a full disk, the store goes on without.
  void keep_up(uint64_t used_bytes);
  // The file has `ahead_bytes` behind the store's own, so that writing there cannot fail for want of space. False where that
  // could not be had.
  bool has_ahead(uint64_t used_bytes, uint64_t ahead_bytes);

 private:
  const int file_;
  uint64_t used_bytes_ = 0;     // as last told; 0: not yet
  uint64_t written_bytes_ = 0;  // the file's size as last seen
  uint64_t mean_growth_ = 0;    // bytes a commit, lately
};

}  // namespace storage
