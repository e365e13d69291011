// Converts the definitions and topics of a single server to definitions and topics of a cluster
// with one node.
#pragma once
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "server/join/serial_survey.h"
#include "server/metadata/image.h"
#include "storage/log/topic_partition.h"
#include "storage/meta/metadata_log.h"
#include "storage/meta/topic_table.h"

namespace server {

// Returns a text for users about each object that a cluster cannot take over, with a remedy. Empty
// if the cluster can take over everything.
std::vector<std::string> obstacles_to_join(const MetadataImage& image);

// Returns the queries that the nodes of a cluster share, in the order of their ids. These are all
// queries except those of declared tables, which each node runs for itself.
std::vector<DefinedQueryPtr> shared_queries(const MetadataImage& image);
// Returns the shared queries with the definitions that they get in the cluster: each has a journal
// and its own revision, which is greater than all existing revisions.
//
// The revision is unique because it determines the producers of the query's tasks
// (storage/replica/task_producer.h), and two tasks must not have the same producer.
std::vector<DefinedQueryPtr> queries_of_cluster(const MetadataImage& image);
// Returns the replicated journals of the shared queries.
std::set<PartitionId> journals_for(const MetadataImage& image);

struct FirstNodeFacts {
  NodeId id;
  Uuid directory;
  ProducerId next_producer;  // all smaller ids have been allocated
  Revision last_in_etcd;     // newest revision of the replaced state in etcd; 0: none
  // Returns the leader epoch that a partition has now.
  std::function<LeaderEpoch(const storage::TopicPartition&)> leader_epoch;
  GreatestSerials serials = {};
};
// Returns the whole state of the cluster. Each partition has its replica on the node, and no leader
// until the node starts. SERIAL columns get sequences that begin after the numbers in use. The
// revision is greater than all existing revisions, here and in etcd, so a node that has already
// read the replaced state from etcd also reads this one. Producer ids are computed from revisions
// (a thousand ids for each revision), so the revision is also so large that no id is allocated
// twice.
Result<storage::MetadataSnapshot> as_cluster(const MetadataImage& image,
                                             const storage::TopicTable& topics,
                                             const FirstNodeFacts& node);

}  // namespace server
