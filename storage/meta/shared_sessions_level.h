// The feature level from which the sessions of all nodes share locks and notifications.
#pragma once
#include "storage/meta/feature_level.h"

namespace storage {

// The feature uses level 6. An unreleased program of level 6 does not have the feature and ignores
// its messages: requests for locks fail then, and NOTIFY warns.
inline constexpr FeatureLevel kSharedSessionsLevel = kConnectorsLevel;

}  // namespace storage
