// Founds a cluster: writes its metadata log to etcd. The log begins with a snapshot of the founding
// node's metadata; the commands before the snapshot are not copied.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/uuid.h"
#include "server/join/etcd_session.h"
#include "storage/meta/etcd_metadata_keys.h"
#include "storage/meta/metadata_log.h"

namespace server {

// The state of a cluster's metadata in etcd.
struct ClusterInEtcd {
  std::string first_command;  // id of the cluster's first command
  Revision newest;
  // Set if the cluster was founded from a node with this data directory, and its metadata have not
  // changed since then.
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

  // Reads the state of the cluster from etcd; nothing if etcd has no metadata of the cluster. Fails
  // with NetworkFailure.
  Result<std::optional<ClusterInEtcd>> look();
  // Makes `snapshot` the state of the cluster, together with an empty command with the id
  // `first_command` (16 bytes) at the snapshot's revision. First writes the pieces of the snapshot
  // under keys that no node reads yet. Then one transaction makes them visible, on the condition
  // that etcd has no metadata of the cluster, or that the cluster's state still is `in_place_of`.
  // Fails with ObjectState if the condition does not hold, and with ReadTimeout if etcd does not
  // answer, so that the outcome is unknown.
  Status found(const storage::MetadataSnapshot& snapshot, const std::string& first_command,
               const std::optional<ClusterInEtcd::Untouched>& in_place_of);

 private:
  Result<std::optional<ClusterInEtcd::Untouched>> untouched(const storage::EtcdEntry& pointer,
                                                            const storage::EtcdEntry& only_command);
  Status write_pieces(const storage::SnapshotPointer& pointer, std::string_view bytes);
  storage::EtcdTransaction step_that_counts(
      const storage::SnapshotPointer& pointer,
      const std::optional<ClusterInEtcd::Untouched>& in_place_of) const;

  EtcdSession& etcd_;
  const storage::EtcdMetadataKeys keys_;
};

}  // namespace server
