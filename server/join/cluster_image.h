// Definitions and topics of a server that was alone, as those of a cluster that has one node.
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

// What of it a cluster could not go on with, and what to do about each, in user terms; none: all can be taken over.
std::vector<std::string> obstacles_to_join(const MetadataImage& image);

// Queries that the nodes share, in the order of their ids: all but those of declared tables, which each node runs for itself.
std::vector<DefinedQueryPtr> shared_queries(const MetadataImage& image);
// The same as the cluster knows them: each has its journal, and a revision of its own behind those that there were.
//
// A task's producer follows from that (storage/replica/task_producer.h), and two of them must not have the same.
std::vector<DefinedQueryPtr> queries_of_cluster(const MetadataImage& image);
// The journals with replicas that they have.
std::set<PartitionId> journals_for(const MetadataImage& image);

struct FirstNodeFacts {
  NodeId id;
  Uuid directory;
  ProducerId next_producer;  // ids before it were given
  Revision last_in_etcd;     // that it replaces there
  // Of a partition, as it is now.
  std::function<LeaderEpoch(const storage::TopicPartition&)> leader_epoch;
  GreatestSerials serials = {};
};
// The whole state of the cluster: each partition has its replica on the node, is led by nobody, and will be when the node
// is there. SERIAL columns have sequences of their own, behind the numbers that there are. Its revision lies behind those that
// there were, here and in etcd, and so far that no producer id is given twice: who has read what it replaces has to read anew.
Result<storage::MetadataSnapshot> as_cluster(const MetadataImage& image,
                                             const storage::TopicTable& topics,
                                             const FirstNodeFacts& node);

}  // namespace server
