// Replaces references to secrets in the configuration of a connector when a task starts:
// ${file:NAME}, ${file:NAME:KEY} and ${env:NAME}, as Kafka's configuration providers do.
// Definitions, answers and log lines contain only the references.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace server {

struct SecretSettings {
  std::string directory;  // --secrets-dir; empty: ${file:...} is refused
};

// Only environment variables with this prefix are secrets of connectors. Others may be secrets of
// the server.
inline constexpr std::string_view kSecretVariables = "MILLRACE_SECRET_";

// Returns the value with its references replaced. A "${...}" that is not a reference stays, such as
// ${offset.at}, which the connector replaces. Fails with InvalidParameter if a secret is missing,
// or if its name leads out of the directory. No error contains a secret.
Result<std::string> resolve_secrets(std::string_view value, const SecretSettings& settings);

// Replaces the references to secrets in all values.
Result<std::map<std::string, std::string>> resolve_secrets(
    const std::map<std::string, std::string>& config, const SecretSettings& settings);

// Returns `text` with each secret replaced by its reference, for the errors of libraries that
// repeat their input. `resolved` has the secrets of the references in `config`.
std::string without_secrets(std::string text, const std::map<std::string, std::string>& config,
                            const std::map<std::string, std::string>& resolved);

}  // namespace server
