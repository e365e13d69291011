// Translates the TLS and SASL properties of Java's clients to librdkafka's.
#pragma once
#include <string_view>

#include "base/result.h"
#include "client/flags.h"
#include "client/properties.h"

namespace client {

// Replaces sasl.jaas.config, and the properties of certificate stores, by librdkafka's properties.
// Supports PEM, and PKCS12 for the client's own certificate. Other properties stay unchanged. Fails
// with InvalidParameter.
Result<Properties> with_own_security(Properties properties);

inline constexpr Flag kCommandConfigFlag{
    .name = "command-config",
    .argument = "FILE",
    .doc = "File with settings of the connection, such as TLS, user and password"};
inline constexpr Flag kCommandPropertyFlag{
    .name = "command-property",
    .argument = "KEY=VALUE",
    .doc = "A setting of the connection, as Kafka's clients name them"};
// Returns the properties of both flags; if both contain a property, the value of the second flag
// counts. Fails with InvalidParameter.
Result<Properties> connection_properties(const Flags& flags);

// Returns whether the value of this property must not be shown.
bool is_secret(std::string_view property);

}  // namespace client
