// Names of the sources and topics that belong to the server itself.
#pragma once
#include <string_view>

#include "base/result.h"

namespace engine {

inline constexpr std::string_view kProcessingLogStream = "KSQL_PROCESSING_LOG";
inline constexpr std::string_view kProcessingLogTopic = "ksql_processing_log";

// Fails with WrongObjectType if the topic's name begins with __. The server or a tool stores its
// own state in such a topic, and would read the records of a statement as its state.
Status check_writable(std::string_view topic);

}  // namespace engine
