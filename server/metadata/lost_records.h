// The effects of unclean elections of a cluster's partitions on queries (docs/adr/0089). Pure: all
// nodes get the same result.
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
// The elections, at any time, of the partitions that the query reads and writes, and of the journal
// with its commits.
PartitionElections elections_over(const DefinedQuery& query,
                                  const storage::UncleanElections& elections);
// The revision of the newest election; the list is not empty.
Revision newest_of(const PartitionElections& elections);

// The reason why a query that all nodes share cannot continue: an election after its creation. The
// query may have read records that are lost, and would skip the records that are now at the same
// offsets. Nothing for a query that was created later.
std::optional<Error> why_lost(const DefinedQuery& query, const PartitionElections& elections);

// The error for a session that is reading the partition.
Error why_reading_ends(const MetadataImage& image, const storage::TopicPartition& partition,
                       const storage::UncleanElection& election);

// The queries that read or write these partitions, or have their commits there.
std::vector<std::string> queries_over(const MetadataImage& image,
                                      std::span<const storage::TopicPartition> partitions);

}  // namespace server
