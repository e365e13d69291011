// The feature level from which a cluster supports share groups.
#pragma once
#include "storage/meta/feature_level.h"

namespace storage {

// The leaders of partitions send the requests ReadShareGroupState and WriteShareGroupState to the coordinators of share
// groups. Nodes pass on requests from level 6 on.
inline constexpr FeatureLevel kShareGroupsLevel = kConnectorsLevel;

}  // namespace storage
