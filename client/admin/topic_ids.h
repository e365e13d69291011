// Ids of topics (KIP-516), which Debian's librdkafka does not show.
#pragma once
#include <map>
#include <string>

#include "client/properties.h"

namespace client {

// Returns the id of each topic by its name, as Kafka's tools print it: URL-safe base64 without padding.
// `bootstrap_server` is "HOST:PORT,...". Fails with NetworkFailure, or with InvalidAuthorization if the server rejects
// the user.
Result<std::map<std::string, std::string>> topic_ids(const std::string& bootstrap_server,
                                                     const Properties& properties);

}  // namespace client
