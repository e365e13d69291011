// Selects topics by a regular expression, as Kafka's tools do.
#pragma once
#include <string>
#include <vector>

#include "client/connection.h"

namespace client {

// Returns the topics whose whole name matches `pattern`. ICU reads the pattern, with the same
// syntax as Java; a comma means "or". Fails with InvalidParameter if `pattern` is not a regular
// expression.
Result<std::vector<TopicDescription>> matching(std::vector<TopicDescription> topics,
                                               std::string pattern);

}  // namespace client
