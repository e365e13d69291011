// The beginning of a cluster's metadata log in etcd: a snapshot, in place of commands that lay elsewhere.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/uuid.h"
#include "server/join/etcd_session.h"
#include "storage/meta/etcd_metadata_keys.h"
#include "storage/meta/metadata_log.h"

namespace server {

// What etcd has of the cluster.
struct ClusterInEtcd {
  std::string first_command;  // its id
  Revision newest;
  // It was founded, for the node with this data directory, and nothing has come since.
  struct Untouched {
    storage::SnapshotPointer pointer;
    storage::EtcdRevision pointer_modified, command_created;
    NodeId node;
    Uuid directory;
  };
  std::optional<Untouched> untouched = {};
};

// Threads: one, which waits.
class ClusterFounding {
 public:
  ClusterFounding(EtcdSession& etcd, const std::string& cluster_id);

  // Nothing where the cluster is empty. Fails with NetworkFailure.
  Result<std::optional<ClusterInEtcd>> look();
  // The snapshot is the state from then on, and its revision has a command without parts, of this id (16 bytes). Pieces
  // first, where nobody looks, then the step that counts: on the condition that there is nothing, or only what was founded
  // before and nobody has touched. Fails with ObjectState where that is not so, with ReadTimeout where etcd does not answer
  // and it is not known.
  Status found(const storage::MetadataSnapshot& snapshot, const std::string& first_command,
               const std::optional<ClusterInEtcd::Untouched>& in_place_of);

 private:
  Result<std::optional<ClusterInEtcd::Untouched>> untouched(
      const storage::EtcdEntry& pointer, const storage::EtcdEntry& only_command);
  Status write_pieces(const storage::SnapshotPointer& pointer, std::string_view bytes);
  storage::EtcdTransaction step_that_counts(
      const storage::SnapshotPointer& pointer,
      const std::optional<ClusterInEtcd::Untouched>& in_place_of) const;

  EtcdSession& etcd_;
  const storage::EtcdMetadataKeys keys_;
};

}  // namespace server
