// The settings that the server was started with, for Kafka clients.
#pragma once
#include <vector>

#include "server/kafka/handler.h"
#include "server/node/settings.h"

namespace server {

// With Kafka's names and the flag that sets each; only settings that exist here.
std::vector<kafka::StartSetting> broker_settings(const NodeSettings& settings);

}  // namespace server
