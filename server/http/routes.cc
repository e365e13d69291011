#include "server/http/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/suggest.h"

namespace server::http {

namespace {

// Returns the first part of the path, and removes it.
std::string_view take_part(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view part = path.substr(0, path.find('/'));
  path.remove_prefix(part.size());
  return part;
}

// Returns the parts of the path that match parts in braces; nothing if the path does not match the
// pattern.
std::optional<std::vector<std::string>> matched(std::string_view pattern, std::string_view path) {
  std::vector<std::string> parameters;
  while (!pattern.empty() || !path.empty()) {
    if (!pattern.starts_with('/') || !path.starts_with('/')) return std::nullopt;
    const std::string_view wanted = take_part(pattern), part = take_part(path);
    if (wanted.starts_with('{') && !part.empty()) {
      std::optional<std::string> decoded = percent_decoded(part);
      if (!decoded) return std::nullopt;
      parameters.push_back(*std::move(decoded));
    } else if (wanted != part && (part.find('%') == part.npos || percent_decoded(part) != wanted)) {
      return std::nullopt;
    }
  }
  return parameters;
}

// The longest part that is compared letter by letter.
constexpr size_t kMostCompared = 64;

// A pattern of the same number of parts as a path.
struct NearPath {
  std::string path;     // the pattern, whose parts in braces are replaced by those of the path
  size_t distance = 0;  // letters that differ in the fixed parts
  size_t letters = 0;   // number of letters in the fixed parts of the pattern
};

NearPath compare(std::string_view pattern, std::string_view path) {
  NearPath near;
  while (pattern.starts_with('/') && path.starts_with('/')) {
    const std::string_view wanted = take_part(pattern), part = take_part(path);
    const bool is_fixed = !wanted.starts_with('{');
    near.path += fmt::format("/{}", is_fixed ? wanted : part);
    if (!is_fixed) continue;
    // The time of a comparison grows with both lengths, and a path may have 8 KB.
    near.distance += part.size() > kMostCompared ? part.size() : edit_distance(part, wanted);
    near.letters += wanted.size();
  }
  return near;
}

}  // namespace

// Hyphens and underscores are ignored in a first comparison. Otherwise /querystream would be more
// similar to /query than to /query-stream.
std::string Routes::nearest_path(std::string_view path) const {
  const auto plain = [](std::string_view text) {
    std::string letters;
    for (const char c : text)
      if (c != '-' && c != '_') letters += c;
    return letters;
  };
  const auto depth = [](std::string_view text) { return std::ranges::count(text, '/'); };
  const std::string plain_path = plain(path);
  const auto path_depth = depth(path);
  NearPath nearest;
  for (const Route& route : routes_) {
    // The pattern of the console's pages is skipped: it matches any name, so every mistyped path would be similar to
    // it.
    if (route.is_public && route.path.find('{') != std::string::npos) continue;
    if (depth(route.path) != path_depth) continue;
    NearPath near = compare(route.path, path);
    if (plain(near.path) == plain_path) return near.path;
    // At most a third of the letters may be wrong, as in nearest_name().
    if (near.distance > near.letters / 3) continue;
    if (nearest.path.empty() || near.distance < nearest.distance) nearest = std::move(near);
  }
  return nearest.path;
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
