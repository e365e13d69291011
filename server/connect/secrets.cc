#include "server/connect/secrets.h"

#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <cstdlib>
#include <optional>

#include "server/connect/files/folder.h"

namespace server {

namespace {

constexpr size_t kMostSecretBytes = 64 << 10;

Error wrong_reference(std::string_view reference, std::string_view problem) {
  return {ErrorCode::InvalidParameter, fmt::format("${{{}}}: {}", reference, problem)};
}

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t') || text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

// Returns the value of a key in the text of a properties file, which has "key=value" lines.
std::optional<std::string> find_property(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t equals = line.find_first_of("=:");
    if (line.starts_with('#') || line.starts_with('!') || equals == std::string_view::npos)
      continue;
    if (trimmed(line.substr(0, equals)) == key)
      return std::string(trimmed(line.substr(equals + 1)));
  }
  return std::nullopt;
}

Result<std::string> file_secret(std::string_view reference, std::string_view name,
                                const SecretSettings& settings) {
  if (settings.directory.empty())
    return wrong_reference(reference, "the server has no directory of secrets (--secrets-dir)");
  const size_t colon = name.find(':');
  const auto folder = Folder::open(settings.directory);
  if (!folder)
    return wrong_reference(reference, "the directory of secrets (--secrets-dir) cannot be read");
  const auto text = (*folder)->read_small(name.substr(0, colon), kMostSecretBytes);
  if (!text)
    return wrong_reference(reference,
                           "there is no such file in the directory of secrets (--secrets-dir)");
  if (colon == std::string_view::npos) return std::string(without_line_end(*text));
  const std::string_view key = name.substr(colon + 1);
  if (auto value = find_property(*text, key)) return *std::move(value);
  return wrong_reference(reference, fmt::format("the file has no key {}", key));
}

Result<std::string> variable_secret(std::string_view reference, std::string_view name) {
  if (!name.starts_with(kSecretVariables))
    return wrong_reference(reference, fmt::format("only variables whose name begins with {} are "
                                                  "secrets of connectors",
                                                  kSecretVariables));
  const char* const value = std::getenv(std::string(name).c_str());
  if (value == nullptr)
    return wrong_reference(reference, "the server's environment has no such variable");
  return std::string(value);
}

}  // namespace

Result<std::string> resolve_secrets(std::string_view value, const SecretSettings& settings) {
  std::string resolved;
  while (!value.empty()) {
    const size_t begin = std::min(value.find("${"), value.size());
    resolved += value.substr(0, begin);
    value.remove_prefix(begin);
    if (value.empty()) break;
    const size_t end = value.find('}');
    const std::string_view reference =
        value.substr(2, end == std::string_view::npos ? end : end - 2);
    const size_t colon = reference.find(':');
    // A "${...}" without a provider is not a reference to a secret. It is not changed here, because the connector
    // itself may replace it.
    if (end == std::string_view::npos || colon == std::string_view::npos) {
      resolved += "${";
      value.remove_prefix(2);
      continue;
    }
    const std::string_view provider = reference.substr(0, colon);
    const std::string_view name = reference.substr(colon + 1);
    if (provider == "file")
      resolved += TRY(file_secret(reference, name, settings));
    else if (provider == "env")
      resolved += TRY(variable_secret(reference, name));
    else
      return wrong_reference(reference, "secrets come from ${file:NAME} or ${env:NAME}");
    value.remove_prefix(end + 1);
  }
  return resolved;
}

Result<std::map<std::string, std::string>> resolve_secrets(
    const std::map<std::string, std::string>& config, const SecretSettings& settings) {
  std::map<std::string, std::string> resolved;
  for (const auto& [name, value] : config) {
    auto text = resolve_secrets(value, settings);
    if (!text) {
      Error error = std::move(text).error();
      error.message = fmt::format("property \"{}\": {}", name, error.message);
      return error;
    }
    resolved[name] = std::move(*text);
  }
  return resolved;
}

std::string without_secrets(std::string text, const std::map<std::string, std::string>& config,
                            const std::map<std::string, std::string>& resolved) {
  for (const auto& [name, value] : resolved) {
    const auto written = config.find(name);
    if (written == config.end() || written->second == value || value.empty()) continue;
    absl::StrReplaceAll({{value, written->second}}, &text);
  }
  return text;
}

}  // namespace server
