// Feature levels. A level is a set of formats and requests that all nodes of a cluster understand.
// Nodes use only the formats and requests of the cluster's level.
#pragma once
#include <cstdint>

#include "base/ids.h"

namespace storage {

// Operators raise a cluster's level when all nodes run programs that support the new level. Before
// that, they can go back to the earlier program version. The level is never lowered
// (docs/adr/0098).
using FeatureLevel = StrongNumber<struct FeatureLevelTag, int16_t>;

inline constexpr FeatureLevel kFirstLevel{1};  // the level of programs without levels
// Journals of tasks contain snapshots, and are trimmed up to the newest snapshot (docs/adr/0081).
inline constexpr FeatureLevel kJournalSnapshotsLevel{2};
// Commits of a query may come from different plans, because CREATE OR REPLACE gives a query a new
// plan (docs/adr/0101).
inline constexpr FeatureLevel kReplacedQueriesLevel{3};
// Open transactions with definitions are recorded together with the process that can end them
// (docs/adr/0104). Nodes report to each other when they have applied definitions, and report the
// progress of their consumer groups. Topics may have their own min.insync.replicas.
inline constexpr FeatureLevel kDefiningTransactionsLevel{4};
// Kafka's access rules that SQL rights cannot express, and cluster-wide default settings of topics.
inline constexpr FeatureLevel kAccessRulesLevel{5};

// Views, and renamed relations (server/metadata/plan_view.h).
inline constexpr FeatureLevel kViewsLevel{5};
// Definitions of connectors (storage/meta/connectors.h).
inline constexpr FeatureLevel kConnectorsLevel{6};
inline constexpr FeatureLevel kNewestLevel = kConnectorsLevel;  // the newest level of this program

}  // namespace storage
