#include "server/http/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/suggest.h"

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

// Returns the pattern with the parts of the path in place of its parts in braces. Both have the same number of parts.
std::string with_parameters_of(std::string_view pattern, std::string_view path) {
  std::string filled;
  while (pattern.starts_with('/') && path.starts_with('/')) {
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    const std::string_view wanted = pattern.substr(0, pattern.find('/'));
    const std::string_view part = path.substr(0, path.find('/'));
    filled += fmt::format("/{}", wanted.starts_with('{') ? part : wanted);
    pattern.remove_prefix(wanted.size());
    path.remove_prefix(part.size());
  }
  return filled;
}

}  // namespace

// Compares also without hyphens and underscores, since /querystream is nearer to /query in letters than to /query-stream.
std::string Routes::nearest_path(std::string_view path) const {
  const auto plain = [](std::string_view text) {
    std::string letters;
    for (const char c : text)
      if (c != '-' && c != '_') letters += c;
    return letters;
  };
  const auto depth = [](std::string_view text) { return std::ranges::count(text, '/'); };
  std::vector<std::string> near_paths;
  for (const Route& route : routes_) {
    // The console's pages have any names, so each path would resemble one of them.
    if (route.is_public && route.path.find('{') != std::string::npos) continue;
    if (depth(route.path) != depth(path)) continue;
    std::string filled = with_parameters_of(route.path, path);
    if (plain(filled) == plain(path)) return filled;
    near_paths.push_back(std::move(filled));
  }
  const std::string near = closest_name(path, near_paths);
  return near.starts_with('`') ? near.substr(1, near.size() - 2) : near;
}

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
  if (match.allowed.empty()) {
    const std::string near = nearest_path(path);
    return make_error_(error_code::kNotFound,
                       fmt::format("unknown path {}{}", path,
                                   near.empty() ? "" : fmt::format("; did you mean {}?", near)));
  }
  Response refused =
      make_error_(error_code::kMethodNotAllowed,
                  fmt::format("{} does not support {}; use {}", path, method, match.allowed));
  refused.head.headers.push_back({"allow", match.allowed});
  return refused;
}

}  // namespace server::http
