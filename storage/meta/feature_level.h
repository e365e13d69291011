// What all nodes of a cluster understand, so that each of them may write it.
#pragma once
#include <cstdint>

#include "base/ids.h"

namespace storage {

// A cluster is at one of them. It is raised by its operators, when no node runs a program any more that does not know it,
// and never lowered (docs/adr/0098): until then the earlier program can come back.
using FeatureLevel = StrongNumber<struct FeatureLevelTag, int16_t>;

inline constexpr FeatureLevel kFirstLevel{1};  // of programs that know of no levels
// Journals of tasks carry snapshots, and are trimmed behind them (docs/adr/0081).
inline constexpr FeatureLevel kJournalSnapshotsLevel{2};
// Commits of a query may be of several plans, the one after the other (docs/adr/0101).
inline constexpr FeatureLevel kReplacedQueriesLevel{3};
// What transactions have defined is noted with the process that can end them (docs/adr/0104); nodes tell each other when they
// have carried out what was defined, and how far their groups are; and topics have a min.insync.replicas of their own.
inline constexpr FeatureLevel kDefiningTransactionsLevel{4};
// Access rules of Kafka's that rights cannot say, and settings for all topics that have none of their own.
inline constexpr FeatureLevel kAccessRulesLevel{5};

inline constexpr FeatureLevel kNewestLevel = kAccessRulesLevel;  // that this program knows

}  // namespace storage
