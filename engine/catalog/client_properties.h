// Properties of Kafka's clients and of ksqlDB's server that scripts set and that have no effect here.
#pragma once
#include <span>
#include <string_view>

namespace engine {

// Accepts a name also after `ksql.streams.`, and after a further prefix such as `consumer.`, `producer.` or
// `main.consumer.`.
bool is_client_property(std::string_view name);
std::span<const std::string_view> client_properties();

}  // namespace engine
