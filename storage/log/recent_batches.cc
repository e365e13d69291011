#include "storage/log/recent_batches.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "records/batch.h"

namespace storage {

namespace {

// Those that are gone have left their places.
constexpr size_t kMostPieces = 64 << 10;

// Where the batch at `offset` begins; nothing where it reaches over that.
std::optional<std::string_view> batches_from(std::string_view batches, Offset offset) {
  while (!batches.empty()) {
    const auto batch = records::parse_batch(batches, records::BatchCheck::Shape);
    if (!batch || batch->header.base_offset > offset) return std::nullopt;
    if (batch->header.base_offset == offset) return batches;
    batches.remove_prefix(batch->header.size_bytes);
  }
  return std::nullopt;
}

// A few bytes of a large piece are no reason to keep all of it.
SharedBytes part_of(const SharedBytes& whole, std::string_view part) {
  if (part.size() == whole.size()) return whole;
  return std::string(part);
}

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

std::optional<SharedBytes> RecentBatches::find_from(const TopicPartition& partition, Offset from,
                                                    size_t max_bytes) const {
  const std::vector<SharedBytes> pieces = find(partition, from, max_bytes);
  if (pieces.empty()) return std::nullopt;
  const auto first = batches_from(pieces.front(), from);
  if (!first) return std::nullopt;
  if (pieces.size() == 1) return part_of(pieces.front(), *first);
  std::string all(*first);
  for (size_t i = 1; i < pieces.size(); ++i) all += pieces[i].view();
  return all;
}

size_t RecentBatches::size_bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace storage
