#include "storage/meta/etcd_snapshot_reader.h"

#include <utility>

#include "base/free_memory.h"

namespace storage {

namespace {
constexpr int64_t kSnapshotRetryUs = 50'000;
}  // namespace

void EtcdSnapshotReader::begin(SnapshotPointer pointer) {
  pointer_ = std::move(pointer);
  bytes_.clear();
  next_piece_ = 0;
  ask_at_us_ = 0;
  tick();
}

void EtcdSnapshotReader::tick() {
  if (!pointer_ || is_asking_ || clock_.monotonic_us() < ask_at_us_) return;
  is_asking_ = true;
  etcd_.find(EtcdRange::only(keys_.piece(*pointer_, next_piece_)),
             [this](Result<EtcdFound> answer) { found(std::move(answer)); });
}

void EtcdSnapshotReader::found(Result<EtcdFound> found) {
  is_asking_ = false;
  if (!found) {
    ask_at_us_ = clock_.monotonic_us() + kSnapshotRetryUs;
    return;
  }
  if (found->entries.empty())
    return finish(Error{ErrorCode::OffsetOutOfRange, "another snapshot has arrived instead"});
  bytes_ += found->entries.front().value;
  if (++next_piece_ < pointer_->pieces) return tick();
  Result<MetadataSnapshot> snapshot =
      bytes_.size() == pointer_->size_bytes
          ? decode_metadata_snapshot(bytes_)
          : Error{ErrorCode::DataCorrupted, "the snapshot of the cluster's metadata is damaged"};
  if (snapshot && snapshot->revision != pointer_->revision)
    snapshot = Error{ErrorCode::DataCorrupted,
                     "the snapshot of the cluster's metadata is not the expected one"};
  finish(std::move(snapshot));
}

void EtcdSnapshotReader::finish(Result<MetadataSnapshot> result) {
  pointer_.reset();
  free_memory(bytes_);
  done_(std::move(result));
}

}  // namespace storage
