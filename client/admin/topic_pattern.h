// Topics by a regular expression, as Kafka's tools choose them.
#pragma once
#include <string>
#include <vector>

#include "client/connection.h"

namespace client {

// Those whose whole name matches, in Java's syntax, which is ICU's; a comma means "or". Fails with
// InvalidParameter when `pattern` is not a regular expression.
Result<std::vector<TopicDescription>> matching(std::vector<TopicDescription> topics,
                                               std::string pattern);

}  // namespace client
