#include "server/links/link_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "engine/connect/secrets.h"
#include "server/kafka_client/client_settings.h"

namespace server {

namespace {

// Pairs of properties: the first one has the name of a PEM file below --secrets-dir, and the second
// one has the text of such a file.
constexpr std::pair<std::string_view, std::string_view> kFiles[] = {
    {"ssl.ca.location", "ssl.ca.pem"},
    {"ssl.certificate.location", "ssl.certificate.pem"},
    {"ssl.key.location", "ssl.key.pem"},
};

bool names_file(const std::string& property) {
  return std::ranges::any_of(kFiles, [&](const auto& each) { return each.first == property; });
}

bool is_secret(const std::string& property) {
  return engine::may_be_secret(property) || kafka_client::canonical_name(property) == "ssl.key.pem";
}

bool is_literal(const std::string& property, const std::string& value) {
  const bool is_reference = value.starts_with("${") && value.find(':') != value.npos &&
                            value.find('}') == value.size() - 1;
  return !value.empty() && is_secret(property) && !is_reference;
}

// Returns whether the value refers to a secret. A reference ${file:NAME:KEY} to a property KEY that
// is not a secret does not count.
bool refers_to_secret(std::string_view value) {
  for (size_t begin = value.find("${"); begin != value.npos; begin = value.find("${", begin + 2)) {
    const std::string_view reference = value.substr(begin + 2, value.find('}', begin) - begin - 2);
    const size_t key = reference.find(':', reference.find(':') + 1);
    if (!reference.starts_with("file:") || key == reference.npos ||
        is_secret(std::string(reference.substr(key + 1))))
      return true;
  }
  return false;
}

// Returns whether errors, SHOW LINKS and the log may contain the value of the property. They may
// contain, for example, addresses and the name of the user, but no passwords and no PEM texts.
bool may_be_shown(const std::string& property) {
  const std::string name = kafka_client::canonical_name(property);
  return !is_secret(property) && name != "ssl.ca.pem" && name != "ssl.certificate.pem";
}

Status check_no_shown_secrets(const LinkProperties& properties) {
  for (const auto& [name, value] : properties)
    if (may_be_shown(name) && refers_to_secret(value))
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("{}: the property cannot refer to a secret", name),
                   "Errors and the log contain the value of this property.",
                   "Write the value itself, or ${file:NAME:KEY} with a key of a properties file "
                   "that is not a password."};
  return {};
}

}  // namespace

Status check_no_literal_secrets(const LinkProperties& properties) {
  for (const auto& [name, value] : properties)
    if (is_literal(name, value))
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("{}: the property contains the secret itself", name),
                   "Definitions of links are stored on disk and copied to backups.",
                   fmt::format("Write the secret to a file below --secrets-dir, and '{}' = "
                               "'${{file:NAME}}'.",
                               name)};
  return {};
}

Result<kafka_client::ClientSettings> read_link_settings(const std::string& link,
                                                        const LinkProperties& properties,
                                                        const SecretSettings& secrets) {
  TRY(check_no_shown_secrets(properties));
  LinkProperties resolved = TRY(resolve_secrets(properties, secrets));
  for (const auto& [location, pem] : kFiles) {
    const auto found = resolved.find(std::string(location));
    if (found == resolved.end()) continue;
    auto text = resolve_secrets(fmt::format("${{file:{}}}", found->second), secrets);
    if (!text)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("property \"{}\": {}", location, text.error().message),
                   {},
                   "The value is the name of a file in the directory --secrets-dir of the server."};
    resolved.erase(found);
    resolved[std::string(pem)] = *std::move(text);
  }
  resolved.try_emplace("client.id", "millrace." + link);
  return kafka_client::parse_client_settings(resolved);
}

Result<FileProperties> properties_of_file(const std::string& file, const SecretSettings& secrets) {
  std::string_view text;
  const std::string whole = TRY(resolve_secrets(fmt::format("${{file:{}}}", file), secrets));
  text = whole;
  FileProperties read;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == line.npos || line[begin] == '#' || line[begin] == '!') continue;
    const size_t end = line.find_first_of("=: \t", begin);
    if (end == line.npos) continue;
    std::string name(line.substr(begin, end - begin));
    if (!kafka_client::is_client_setting(name) && !names_file(name)) {
      read.ignored.push_back(std::move(name));
      continue;
    }
    read.properties[name] = fmt::format("${{file:{}:{}}}", file, name);
  }
  return read;
}

LinkProperties shown_properties(const LinkProperties& properties) {
  LinkProperties shown;
  for (const auto& [name, value] : properties)
    shown[name] = is_literal(name, value) ? std::string(engine::kHiddenValue)
                                          : engine::shown_value(name, value);
  return shown;
}

Status check_link_name(const std::string& name) {
  constexpr size_t kMostBytes = 64;
  const bool is_good =
      !name.empty() && name.size() <= kMostBytes && std::ranges::all_of(name, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '-';
      });
  if (is_good) return {};
  return Error{ErrorCode::InvalidParameter,
               fmt::format("\"{}\" is not a name of a link", name),
               {},
               "A name has up to 64 letters, digits, _ and -."};
}

}  // namespace server
