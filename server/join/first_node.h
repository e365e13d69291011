// Turns a single server, with all of its data, into the first node of a cluster (docs/adr/0094).
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
  bool was_joined = false;  // already before the call: nothing was done
  bool went_on = false;     // an earlier attempt was continued
  size_t topics = 0, partitions = 0, queries = 0;
};

// Joins in steps. A crash may happen after each of them; then the command is repeated. Until the
// last step the server can still be started alone:
//
//   1. the directory records what it is to become (storage::read_begun_join());
//   2. etcd gets all metadata, on the condition that it has none of this cluster: the directory
//      is the only node there;
//   3. the state of queries is written into the journals that other nodes will have, too;
//   4. in one commit the directory becomes that node's, and tasks of queries those of a cluster.
//
// If the server is started alone in between, it forgets step 1, and the metadata in etcd are
// written again, unless another node has joined since.
//
// Fails with NotSupported if a cluster cannot take over an object, as `detail` lists; with
// ObjectState if the directory or the cluster is not in the expected state; with NetworkFailure if
// etcd does not answer. Waits.
Result<Joined> join_as_first_node(const JoinOptions& options);

}  // namespace server
