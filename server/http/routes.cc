#include "server/http/routes.h"

#include <fmt/format.h>

#include <optional>

namespace server::http {

namespace {

// Returns the parts of the path that match parts in braces; nothing if the path does not match the
// pattern.
std::optional<std::vector<std::string>> matched(std::string_view pattern, std::string_view path) {
  std::vector<std::string> parameters;
  while (!pattern.empty() || !path.empty()) {
    if (!pattern.starts_with('/') || !path.starts_with('/')) return std::nullopt;
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    const std::string_view wanted = pattern.substr(0, pattern.find('/'));
    const std::string_view part = path.substr(0, path.find('/'));
    if (wanted.starts_with('{') && !part.empty()) {
      std::optional<std::string> decoded = percent_decoded(part);
      if (!decoded) return std::nullopt;
      parameters.push_back(*std::move(decoded));
    } else if (wanted != part && (part.find('%') == part.npos || percent_decoded(part) != wanted)) {
      return std::nullopt;
    }
    pattern.remove_prefix(wanted.size());
    path.remove_prefix(part.size());
  }
  return parameters;
}

}  // namespace

Routes::Match Routes::find(std::string_view method, std::string_view encoded_path) const {
  std::string_view path = encoded_path;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  Match match;
  for (const Route& route : routes_) {
    auto parameters = matched(route.path, path);
    if (!parameters) continue;
    if (route.method == method || (route.method == "GET" && method == "HEAD"))
      return {&route, std::move(*parameters), {}};
    if (!match.allowed.empty()) match.allowed += ", ";
    match.allowed += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  return match;
}

Response Routes::refusal(const Match& match, std::string_view method, std::string_view path) const {
  if (match.allowed.empty())
    return make_error_(error_code::kNotFound, fmt::format("unknown path {}", path));
  Response refused =
      make_error_(error_code::kMethodNotAllowed,
                  fmt::format("{} does not support {}; use {}", path, method, match.allowed));
  refused.head.headers.push_back({"allow", match.allowed});
  return refused;
}

}  // namespace server::http
