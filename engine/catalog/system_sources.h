// What belongs to the server itself, by name.
#pragma once
#include <string_view>

#include "base/result.h"

namespace engine {

inline constexpr std::string_view kProcessingLogStream = "KSQL_PROCESSING_LOG";
inline constexpr std::string_view kProcessingLogTopic = "ksql_processing_log";

// Topics whose names begin with __ are written by the server, or by tools that keep their state there: what
// statements wrote would be taken for that. Fails with WrongObjectType.
Status check_writable(std::string_view topic);

}  // namespace engine
