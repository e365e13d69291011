// Feature levels: the formats and requests that all nodes of a cluster understand and may therefore
// use.
#pragma once
#include <cstdint>

#include "base/ids.h"

namespace storage {

// Operators raise a cluster's level when all nodes run programs that support the new level. The
// level is never lowered (docs/adr/0098); until it is raised, the earlier program can be installed
// again.
using FeatureLevel = StrongNumber<struct FeatureLevelTag, int16_t>;

inline constexpr FeatureLevel kFirstLevel{1};  // the level of programs without levels
// Journals of tasks contain snapshots, and are trimmed up to them (docs/adr/0081).
inline constexpr FeatureLevel kJournalSnapshotsLevel{2};
// Commits of a query may belong to several successive plans (docs/adr/0101).
inline constexpr FeatureLevel kReplacedQueriesLevel{3};
// The definitions of a transaction are noted with the process that can end it (docs/adr/0104);
// nodes report to each other when they have applied definitions, and the progress of their groups;
// and topics may have their own min.insync.replicas.
inline constexpr FeatureLevel kDefiningTransactionsLevel{4};
// Kafka's access rules that rights cannot express, and settings for all topics without their own.
inline constexpr FeatureLevel kAccessRulesLevel{5};

// Views, and relations that get another name (server/metadata/plan_view.h).
inline constexpr FeatureLevel kViewsLevel{5};
inline constexpr FeatureLevel kNewestLevel = kAccessRulesLevel;  // the newest level of this program

}  // namespace storage
