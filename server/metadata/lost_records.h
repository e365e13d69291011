// What unclean elections of a cluster's partitions mean for queries (docs/adr/0089). Pure: all nodes come to the same.
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
// Of what the query reads and writes, and of the journal that has its commits: whenever they were.
PartitionElections elections_over(const DefinedQuery& query,
                                  const storage::UncleanElections& elections);
// The revision of the newest of them; there is one.
Revision newest_of(const PartitionElections& elections);

// Why a query that all nodes share cannot go on: one of them came after it was made, so it may have read what is gone, and
// would pass over what lies at the same offsets now. Nothing of a query that was made later.
std::optional<Error> why_lost(const DefinedQuery& query, const PartitionElections& elections);

// Likewise of what a session reads, for as long as it does.
Error why_reading_ends(const MetadataImage& image, const storage::TopicPartition& partition,
                       const storage::UncleanElection& election);

// The queries that read or write these, or have their commits there.
std::vector<std::string> queries_over(const MetadataImage& image,
                                      std::span<const storage::TopicPartition> partitions);

}  // namespace server
