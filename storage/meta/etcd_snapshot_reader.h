// Reads a snapshot of the metadata from etcd. It is stored under several keys, in pieces, because etcd limits the size
// of a request.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "storage/meta/etcd_client.h"
#include "storage/meta/etcd_metadata_keys.h"
#include "storage/meta/metadata_log.h"

namespace storage {

// Reads one piece at a time, and repeats each read until etcd answers. If the controller replaces the snapshot by a
// newer one, it removes the pieces of this one; the reading then ends with an error, and the caller begins with the
// newer one.
//
// Threads: one loop, the client's.
class EtcdSnapshotReader {
 public:
  // Called once for each begin(). The error OffsetOutOfRange means that another snapshot has
  // replaced this one.
  using Done = std::function<void(Result<MetadataSnapshot>)>;
  EtcdSnapshotReader(EtcdClient& etcd, const EtcdMetadataKeys& keys, const Clock& clock, Done done)
      : etcd_(etcd), keys_(keys), clock_(clock), done_(std::move(done)) {}

  bool is_reading() const { return pointer_.has_value(); }
  void begin(SnapshotPointer pointer);
  // Called every few milliseconds.
  void tick();

 private:
  void found(Result<EtcdFound> found);
  void finish(Result<MetadataSnapshot> result);

  EtcdClient& etcd_;
  const EtcdMetadataKeys& keys_;
  const Clock& clock_;
  const Done done_;
  std::optional<SnapshotPointer> pointer_;
  std::string bytes_;
  uint32_t next_piece_ = 0;
  bool is_asking_ = false;
  int64_t ask_at_us_ = 0;
};

}  // namespace storage
