// The feature level from which the sessions of all nodes share locks and notifications.
#pragma once
#include "storage/meta/feature_level.h"

namespace storage {

// The feature uses level 6, which no release has had yet. An unreleased program of level 6 without
// this feature ignores its messages: requests for locks fail then, and NOTIFY warns.
inline constexpr FeatureLevel kSharedSessionsLevel = kConnectorsLevel;

}  // namespace storage
