// Finds secrets in the configurations of connectors, so that no answer, log line or metric contains them.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace engine {

// The text that Kafka shows instead of a secret (its org.apache.kafka.common.config.types.Password).
inline constexpr std::string_view kHiddenValue = "[hidden]";

// Returns whether a property with this name usually contains a secret, such as "database.password",
// "aws.secret.access.key" or "sasl.jaas.config". The properties of unknown classes have no known
// type, so only the name can be checked.
bool may_be_secret(std::string_view property);

// Returns whether an HTTP header with this name usually has a secret: Authorization, Cookie, X-Api-Key.
bool is_secret_header(std::string_view name);

// Returns whether the value is a secret itself, and not a reference such as ${file:crm.password}. A list of HTTP headers is
// a secret if one of them is: "Authorization:Bearer abc|X-Kind:orders".
bool is_literal_secret(std::string_view property, std::string_view value);

// Returns the value as answers show it: kHiddenValue for a literal secret, and a URL without its password.
std::string shown_value(std::string_view property, std::string_view value);

}  // namespace engine
