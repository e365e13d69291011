// What the server defines for itself, by name.
#pragma once
#include <string_view>

namespace engine {

inline constexpr std::string_view kProcessingLogStream = "KSQL_PROCESSING_LOG";
inline constexpr std::string_view kProcessingLogTopic = "ksql_processing_log";

}  // namespace engine
