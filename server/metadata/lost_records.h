// The effects of unclean elections on queries (docs/adr/0089). An unclean election makes a replica
// that is not in sync the leader of a partition, so records may be lost. The functions are pure:
// all nodes get the same result.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/metadata/image.h"
#include "storage/meta/cluster_table.h"

namespace server {

using PartitionElections =
    std::vector<std::pair<storage::TopicPartition, storage::UncleanElection>>;
// Returns all unclean elections, at any time, of the partitions that the query reads and writes,
// and of the journal with the query's commits.
PartitionElections elections_over(const DefinedQuery& query,
                                  const storage::UncleanElections& elections);
// Returns the revision of the newest election; the list is not empty.
Revision newest_of(const PartitionElections& elections);

// Returns the reason why a query that all nodes share cannot continue: an election after its
// creation. The query may have read records that are lost, and would skip the records that are now
// at the same offsets. Returns nothing for a query that was created after all of the elections.
std::optional<Error> why_lost(const DefinedQuery& query, const PartitionElections& elections);

// Returns the error for a session that is reading the partition.
Error why_reading_ends(const MetadataImage& image, const storage::TopicPartition& partition,
                       const storage::UncleanElection& election);

// Returns the queries that read or write these partitions, or whose commits are in them.
std::vector<std::string> queries_over(const MetadataImage& image,
                                      std::span<const storage::TopicPartition> partitions);

}  // namespace server
