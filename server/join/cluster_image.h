// Converts the definitions and topics of a single server to those of a cluster with one node.
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

// The objects that a cluster cannot take over, each with a remedy, in user terms; empty: everything
// can be taken over.
std::vector<std::string> obstacles_to_join(const MetadataImage& image);

// The queries that nodes share, in the order of their ids: all except those of declared tables,
// which each node runs for itself.
std::vector<DefinedQueryPtr> shared_queries(const MetadataImage& image);
// The shared queries as the cluster defines them: each has its journal, and a revision of its own
// after all existing ones.
//
// The producer of a task follows from that revision (storage/replica/task_producer.h), and two
// tasks must not have the same.
std::vector<DefinedQueryPtr> queries_of_cluster(const MetadataImage& image);
// Their journals with replicas.
std::set<PartitionId> journals_for(const MetadataImage& image);

struct FirstNodeFacts {
  NodeId id;
  Uuid directory;
  ProducerId next_producer;  // all ids before it have been given
  Revision last_in_etcd;     // the last revision in etcd that it replaces
  // The present leader epoch of a partition.
  std::function<LeaderEpoch(const storage::TopicPartition&)> leader_epoch;
  GreatestSerials serials = {};
};
// The whole state of the cluster. Each partition has its replica on the node and no leader until
// the node starts. SERIAL columns have sequences of their own, after the numbers in use. The
// revision is greater than all existing ones, here and in etcd, and large enough that no producer
// id is given twice. A node that has read the replaced state has to read it again.
Result<storage::MetadataSnapshot> as_cluster(const MetadataImage& image,
                                             const storage::TopicTable& topics,
                                             const FirstNodeFacts& node);

}  // namespace server
