// The settings of all brokers together, which Kafka stores under an empty broker name. librdkafka refuses an empty name,
// so these requests are sent without it.
#pragma once
#include <string>
#include <vector>

#include "client/admin/configs.h"
#include "client/connection.h"

namespace client {

// Returns the settings that were set for all brokers, sorted by name. Fails with NetworkFailure.
Result<std::vector<ConfigSetting>> describe_broker_defaults(const Connection::Settings& server);

// Sets `added`, and returns `removed` to their defaults. Other settings are unchanged. Fails with NetworkFailure, and
// with Kafka's error if the server refuses a setting.
Status alter_broker_defaults(const Connection::Settings& server, const Properties& added,
                             const std::vector<std::string>& removed);

}  // namespace client
