// Keeps recently appended batches in memory, for followers and other readers that ask for them soon
// after the append.
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/ids.h"
#include "base/shared_bytes.h"
#include "storage/log/topic_partition.h"

namespace storage {

// Readers near the log end are served from this memory. Reads from the store would force its
// delayed writes (docs/adr/0102).
//
// Invariant: the batches of a partition are whole and without a gap. When memory is short, the
//   oldest batches of all partitions are evicted first.
// Threads: any. Owner: LogCore.
class RecentBatches {
 public:
  explicit RecentBatches(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // Adds durable batches, whose base offsets and leader epochs are set.
  void add(const TopicPartition& partition, Offset base, Offset end, SharedBytes batches);
  // Removes the partition's batches. Called when its log was truncated or compacted, and when
  // another node becomes its leader.
  void forget(const TopicPartition& partition);

  // Returns batches back to back, from the one that contains `from` on, up to about `max_bytes`;
  // none if the batch that contains `from` is not in memory.
  std::vector<SharedBytes> find(const TopicPartition& partition, Offset from,
                                size_t max_bytes) const;
  // Returns the size of all batches, including the overhead of the pieces (one for each add()).
  size_t size_bytes() const;
  static constexpr size_t kPieceBytes = 256;  // approximate overhead of a piece

 private:
  struct Piece {
    uint64_t number;
    Offset base, end;
    SharedBytes batches;
  };
  using Pieces = std::deque<Piece>;
  struct Place {
    TopicPartition partition;
    uint64_t number;  // number of the piece, which may have been evicted already
  };
  void forget_pieces(absl::flat_hash_map<TopicPartition, Pieces>::iterator of);

  const size_t limit_bytes_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  absl::flat_hash_map<TopicPartition, Pieces> partitions_;
  std::deque<Place> order_;
  uint64_t next_number_ = 0;
  size_t bytes_ = 0;
};

}  // namespace storage
