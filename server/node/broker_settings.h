// The settings that the server was started with, for Kafka clients.
#pragma once
#include <vector>

#include "server/kafka/handler.h"
#include "server/node/settings.h"

namespace server {

// Returns the settings that Kafka clients see, each with Kafka's name, its value and the flag that
// sets it.
std::vector<kafka::StartSetting> broker_settings(const NodeSettings& settings);

}  // namespace server
