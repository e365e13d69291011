// A server that was alone becomes the first node of a cluster, with all that it has (docs/adr/0094).
#pragma once
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace server {

struct JoinOptions {
  std::string data_dir;
  std::string cluster_id;
  NodeId node;
  std::vector<std::string> etcd;  // http://host:port
};

struct Joined {
  bool was_joined = false;  // before: nothing was done
  bool went_on = false;     // with what was begun before
  size_t topics = 0, partitions = 0, queries = 0;
};

// The steps, of which each can be the last before a crash; then the same is to be said again, and the server can be started
// alone as before, until the last:
//
//   1. the directory says what it is to become (storage::read_begun_join());
//   2. etcd gets all metadata, on the condition that it has none of this cluster: the directory is the one node there;
//   3. what queries keep is written into the journals that other nodes will have, too;
//   4. in one commit the directory becomes that node's, and tasks of queries those of a cluster.
//
// Where a server is started alone in between, it forgets step 1, and what etcd has is written anew, unless somebody has come
// there since.
//
// Fails with NotSupported where a cluster could not go on with something, which `detail` lists, with ObjectState where the
// directory or the cluster is not what it should be, with NetworkFailure where etcd does not answer. Waits.
Result<Joined> join_as_first_node(const JoinOptions& options);

}  // namespace server
