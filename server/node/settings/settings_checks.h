// Checks that the settings of `millrace server` fit together.
#pragma once

#include "server/node/settings.h"

namespace server {

// Fails with InvalidParameter if two settings contradict each other, or if a setting lacks another one.
Status check_settings(const NodeSettings& settings);

}  // namespace server
