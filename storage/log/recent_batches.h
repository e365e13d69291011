// What was appended lately, in memory: for followers and others who ask for it at once.
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

// Who keeps up is served from here: that does not make the store carry out what could wait (docs/adr/0102).
//
// Invariant: what is known of a partition are whole batches without a gap; the oldest of all partitions goes first.
// Threads: any. Owner: LogCore.
class RecentBatches {
 public:
  explicit RecentBatches(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // Durable, with base offsets and epochs in place.
  void add(const TopicPartition& partition, Offset base, Offset end, SharedBytes batches);
  // Its log was cut or compacted, or somebody else writes it from now on.
  void forget(const TopicPartition& partition);

  // Back to back, from the one that holds the batch of `from` on, until there are `max_bytes`; none where that is not known.
  std::vector<SharedBytes> find(const TopicPartition& partition, Offset from,
                                size_t max_bytes) const;
  // With what it takes to keep them.
  size_t size_bytes() const;
  static constexpr size_t kPieceBytes = 256;  // about, of one, beside its batches

 private:
  struct Piece {
    uint64_t number;
    Offset base, end;
    SharedBytes batches;
  };
  using Pieces = std::deque<Piece>;
  struct Place {
    TopicPartition partition;
    uint64_t number;  // of its piece, which may be gone
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
