// The feature level from which the sessions of all nodes share locks and notifications.
#pragma once
#include "storage/meta/feature_level.h"

namespace storage {

// The level is 6, the same as that of connectors. A program from before the release that has level
// 6 without this feature ignores its messages: requests for locks then fail, and NOTIFY warns.
inline constexpr FeatureLevel kSharedSessionsLevel = kConnectorsLevel;

}  // namespace storage
