#include "client/security.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace client {

namespace {

// Removes the property and returns its value; nullopt if the property is missing.
std::optional<std::string> take(Properties& properties, const std::string& name) {
  const auto found = properties.find(name);
  if (found == properties.end()) return std::nullopt;
  std::string value = std::move(found->second);
  properties.erase(found);
  return value;
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// Returns the value of option `name` in a text such as `... required username="ann" password="a
// \"b\"";`.
std::optional<std::string> jaas_option(std::string_view config, std::string_view name) {
  for (size_t at = config.find(name); at != config.npos; at = config.find(name, at + 1)) {
    const bool is_word = at > 0 && std::isspace(static_cast<unsigned char>(config[at - 1])) != 0;
    size_t next = at + name.size();
    while (next < config.size() && std::isspace(static_cast<unsigned char>(config[next]))) ++next;
    if (!is_word || next >= config.size() || config[next] != '=') continue;
    ++next;
    while (next < config.size() && std::isspace(static_cast<unsigned char>(config[next]))) ++next;
    if (next >= config.size()) return std::nullopt;
    const char quote = config[next];
    std::string value;
    if (quote != '"' && quote != '\'') {
      while (next < config.size() && config[next] != ';' &&
             !std::isspace(static_cast<unsigned char>(config[next])))
        value += config[next++];
      return value;
    }
    for (++next; next < config.size() && config[next] != quote; ++next) {
      if (config[next] == '\\' && next + 1 < config.size()) ++next;
      value += config[next];
    }
    return next < config.size() ? std::optional(value) : std::nullopt;
  }
  return std::nullopt;
}

Error bad(std::string message, std::string hint = {}) {
  return {ErrorCode::InvalidParameter, std::move(message), {}, std::move(hint)};
}

Status take_login(Properties& properties) {
  const auto config = take(properties, "sasl.jaas.config");
  if (!config) return {};
  if (config->find("PlainLoginModule") == config->npos &&
      config->find("ScramLoginModule") == config->npos)
    return bad("sasl.jaas.config: only PlainLoginModule and ScramLoginModule are supported");
  const auto user = jaas_option(*config, "username");
  const auto password = jaas_option(*config, "password");
  if (!user || !password)
    return bad("sasl.jaas.config: username=\"...\" or password=\"...\" is missing");
  properties.try_emplace("sasl.username", *user);
  properties.try_emplace("sasl.password", *password);
  return {};
}

// Translates the certificates that the client trusts.
Status take_truststore(Properties& properties) {
  const std::string type = upper(take(properties, "ssl.truststore.type").value_or("JKS"));
  const auto location = take(properties, "ssl.truststore.location");
  const auto text = take(properties, "ssl.truststore.certificates");
  take(properties, "ssl.truststore.password");
  if (text) properties.try_emplace("ssl.ca.pem", *text);
  if (!location) return {};
  if (type != "PEM")
    return bad(fmt::format("ssl.truststore.location: a store of type {} cannot be read", type),
               "Use ssl.truststore.type=PEM with a file of certificates in PEM format, for example "
               "from keytool -exportcert -rfc.");
  properties.try_emplace("ssl.ca.location", *location);
  return {};
}

// Translates the client's own certificate and key.
Status take_keystore(Properties& properties) {
  const std::string type = upper(take(properties, "ssl.keystore.type").value_or("JKS"));
  if (const auto chain = take(properties, "ssl.keystore.certificate.chain"))
    properties.try_emplace("ssl.certificate.pem", *chain);
  if (const auto key = take(properties, "ssl.keystore.key"))
    properties.try_emplace("ssl.key.pem", *key);
  const auto location = properties.find("ssl.keystore.location");
  if (location == properties.end()) return {};
  if (type == "PKCS12") return {};  // librdkafka reads it directly
  if (type != "PEM")
    return bad(fmt::format("ssl.keystore.location: a store of type {} cannot be read", type),
               "Use ssl.keystore.type=PEM or PKCS12. keytool -importkeystore -deststoretype pkcs12 "
               "converts a store.");
  const std::string path = *take(properties, "ssl.keystore.location");
  properties.try_emplace("ssl.certificate.location", path);
  properties.try_emplace("ssl.key.location", path);
  take(properties, "ssl.keystore.password");
  return {};
}

}  // namespace

Result<Properties> with_own_security(Properties properties) {
  TRY(take_login(properties));
  TRY(take_truststore(properties));
  TRY(take_keystore(properties));
  // An empty text disables the check of host names in Java; in librdkafka "none" does.
  if (const auto check = properties.find("ssl.endpoint.identification.algorithm");
      check != properties.end() && check->second.empty())
    check->second = "none";
  for (const char* name : {"ssl.enabled.protocols", "ssl.protocol", "ssl.provider",
                           "sasl.login.class", "sasl.client.callback.handler.class"})
    take(properties, name);
  return properties;
}

Result<Properties> connection_properties(const Flags& flags) {
  Properties properties;
  if (flags.has(kCommandConfigFlag.name))
    properties = TRY(read_properties_file(flags.text(kCommandConfigFlag.name)));
  for (const auto& [name, value] :
       TRY(parse_properties(flags.all(kCommandPropertyFlag.name), kCommandPropertyFlag.name)))
    properties[name] = value;
  return properties;
}

bool is_secret(std::string_view property) {
  constexpr std::array<std::string_view, 4> kWords = {"password", "jaas", "key.pem",
                                                      "keystore.key"};
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return property.find(word) != property.npos; });
}

}  // namespace client
