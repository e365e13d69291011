// Names of the sources and topics that belong to the server itself.
#pragma once
#include <string_view>

#include "base/result.h"

namespace engine {

inline constexpr std::string_view kProcessingLogStream = "KSQL_PROCESSING_LOG";
inline constexpr std::string_view kProcessingLogTopic = "ksql_processing_log";

// Fails with WrongObjectType for a topic whose name begins with __. The server, or tools that keep their state in
// such topics, write them, and would read records of statements as their state.
Status check_writable(std::string_view topic);

}  // namespace engine
