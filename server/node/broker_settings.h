// The settings that the server was started with, as a Kafka client sees them.
#pragma once
#include <vector>

#include "server/kafka/handler.h"
#include "server/node/settings.h"

namespace server {

// By Kafka's names, with the flag that sets each; those that have a value here.
std::vector<kafka::StartSetting> broker_settings(const NodeSettings& settings);

}  // namespace server
