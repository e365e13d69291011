#include "storage/log/recent_batches.h"

#include <algorithm>
#include <utility>

namespace storage {

namespace {

// Limit for order_, which has one entry for each add(). forget() does not remove entries from
// order_, so without this limit order_ could grow without end.
constexpr size_t kMostPieces = 64 << 10;

}  // namespace

void RecentBatches::add(const TopicPartition& partition, Offset base, Offset end,
                        SharedBytes batches) {
  std::lock_guard lock(mutex_);
  auto of = partitions_.try_emplace(partition).first;
  if (!of->second.empty() && of->second.back().end != base) {
    forget_pieces(of);
    of = partitions_.try_emplace(partition).first;
  }
  bytes_ += batches.size() + kPieceBytes;
  of->second.push_back({next_number_, base, end, std::move(batches)});
  order_.push_back({partition, next_number_++});
  while (bytes_ > limit_bytes_ || order_.size() > kMostPieces) {
    const Place oldest = std::move(order_.front());
    order_.pop_front();
    const auto found = partitions_.find(oldest.partition);
    if (found == partitions_.end() || found->second.front().number != oldest.number) continue;
    bytes_ -= found->second.front().batches.size() + kPieceBytes;
    found->second.pop_front();
    if (found->second.empty()) partitions_.erase(found);
  }
}

void RecentBatches::forget(const TopicPartition& partition) {
  std::lock_guard lock(mutex_);
  if (const auto found = partitions_.find(partition); found != partitions_.end())
    forget_pieces(found);
}

void RecentBatches::forget_pieces(absl::flat_hash_map<TopicPartition, Pieces>::iterator of) {
  for (const Piece& piece : of->second) bytes_ -= piece.batches.size() + kPieceBytes;
  partitions_.erase(of);
}

std::vector<SharedBytes> RecentBatches::find(const TopicPartition& partition, Offset from,
                                             size_t max_bytes) const {
  std::vector<SharedBytes> pieces;
  std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return pieces;
  const Pieces& known = found->second;
  auto piece = std::ranges::upper_bound(known, from, {}, &Piece::end);
  if (piece == known.end() || piece->base > from) return pieces;
  for (size_t size_bytes = 0; piece != known.end() && size_bytes < max_bytes; ++piece) {
    pieces.push_back(piece->batches);
    size_bytes += piece->batches.size();
  }
  return pieces;
}

size_t RecentBatches::size_bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace storage
