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
  bool was_joined = false;  // the node had joined before, and the call did nothing
  bool went_on = false;     // the call has completed an interrupted attempt
  size_t topics = 0, partitions = 0, queries = 0;
};

// Joins in the following steps. If the program crashes between two steps, the user repeats the
// command. Before the last step, the server can still be started alone:
//
//   1. the data directory records which node it is to become (storage::read_begun_join());
//   2. all metadata are written to etcd, on the condition that etcd has no metadata of this
//      cluster; this node is the only node in them;
//   3. the state of queries is written into the journals, of which other nodes will have replicas;
//   4. one commit turns the data directory into the directory of that node, and the tasks of its
//      queries into tasks of a cluster.
//
// If the server is started alone between two steps, it erases the record of step 1. The next
// attempt then writes the metadata to etcd again. This write fails if another node has joined in
// between.
//
// Fails with NotSupported if a cluster cannot take over an object, as `detail` lists; with
// ObjectState if the directory or the cluster is not in the expected state; with NetworkFailure if
// etcd does not answer. Blocks the calling thread.
Result<Joined> join_as_first_node(const JoinOptions& options);

}  // namespace server
