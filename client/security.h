// TLS and SASL as Java's clients are told of them, in librdkafka's words.
#pragma once
#include <string_view>

#include "base/result.h"
#include "client/flags.h"
#include "client/properties.h"

namespace client {

// Puts what librdkafka understands in the place of sasl.jaas.config and of the properties about stores of certificates:
// of PEM, and PKCS12 for the client's own. What is not about security stays. Fails with InvalidParameter.
Result<Properties> with_own_security(Properties properties);

inline constexpr Flag kCommandConfigFlag{
    .name = "command-config",
    .argument = "FILE",
    .doc = "Settings of the connection, from a file: TLS, user and password among them"};
inline constexpr Flag kCommandPropertyFlag{
    .name = "command-property",
    .argument = "KEY=VALUE",
    .doc = "A setting of the connection, as Kafka's clients name them"};
// What both of them say; the second wins. Fails with InvalidParameter.
Result<Properties> connection_properties(const Flags& flags);

// Whether the value of such a property must not be shown.
bool is_secret(std::string_view property);

}  // namespace client
