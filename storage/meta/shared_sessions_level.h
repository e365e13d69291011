// The feature level from which the sessions of all nodes share locks and notifications.
#pragma once
#include "storage/meta/feature_level.h"

namespace storage {

// Level 6 has not been released, so it takes further features. A program of this level without this
// one ignores the messages: requests for locks fail then, and NOTIFY warns.
inline constexpr FeatureLevel kSharedSessionsLevel = kConnectorsLevel;

}  // namespace storage
