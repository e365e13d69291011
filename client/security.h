// Settings for TLS and SASL of Java's clients, translated for librdkafka.
#pragma once
#include <string_view>

#include "base/result.h"
#include "client/flags.h"
#include "client/properties.h"

namespace client {

// Replaces sasl.jaas.config and the properties about certificate stores with librdkafka's settings. Supports PEM, and
// PKCS12 for the client's own certificate. Other properties are returned unchanged. Fails with InvalidParameter.
Result<Properties> with_own_security(Properties properties);

inline constexpr Flag kCommandConfigFlag{
    .name = "command-config",
    .argument = "FILE",
    .doc = "File with settings of the connection, such as TLS, user and password"};
inline constexpr Flag kCommandPropertyFlag{
    .name = "command-property",
    .argument = "KEY=VALUE",
    .doc = "A setting of the connection, as Kafka's clients name them"};
// Returns the properties of both flags. The second flag takes precedence. Fails with InvalidParameter.
Result<Properties> connection_properties(const Flags& flags);

// Returns whether the value of this property must not be shown.
bool is_secret(std::string_view property);

}  // namespace client
