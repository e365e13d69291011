// Properties of Kafka's clients and of ksqlDB's server that scripts set, and that decide nothing here.
#pragma once
#include <span>
#include <string_view>

namespace engine {

// Also behind `ksql.streams.`, and there behind `consumer.`, `producer.`, `main.consumer.` and their kin.
bool is_client_property(std::string_view name);
std::span<const std::string_view> client_properties();

}  // namespace engine
