// Properties that belong to Kafka's clients and to ksqlDB's server. Scripts set them, so Millrace
// accepts them, but they have no effect.
#pragma once
#include <span>
#include <string_view>

namespace engine {

// Returns whether the name is one of client_properties(). The name may have the prefix `ksql.streams.`, and a further
// prefix such as `consumer.`, `producer.` or `main.consumer.`.
bool is_client_property(std::string_view name);
std::span<const std::string_view> client_properties();

}  // namespace engine
