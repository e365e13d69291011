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

// The result of a comparison of a route's pattern with a requested path that matches no route. The
// pattern and the path have the same number of parts.
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
    // The time of edit_distance() grows with the product of both lengths, and a path may have 8 KB.
    near.distance += part.size() > kMostCompared ? part.size() : edit_distance(part, wanted);
    near.letters += wanted.size();
  }
  return near;
}

struct OtherPath {
  std::string_view first;  // the first part of a path, after "api", "v1" and "v2"
  std::string_view instead;
};
constexpr std::string_view kStatements =
    R"(POST /ksql runs statements: curl -X POST ADDRESS/ksql -d '{"ksql": "SHOW STREAMS;"}')";
constexpr std::string_view kReads =
    R"(POST /query-stream returns rows: curl -X POST ADDRESS/query-stream -d '{"sql": "SELECT * FROM name;"}')";
constexpr std::string_view kConsolePage = "the console is at /console/";
constexpr std::string_view kHealth =
    "GET /healthz reports whether the server is ready, and GET /info its version";
// First parts of paths that the server does not have, but that newcomers try. instead_of() finds
// paths such as /api/v1/ksql, which end with a path of the server, without this table.
constexpr OtherPath kOtherPaths[] = {
    {"streams", kStatements},
    {"stream", kStatements},
    {"tables", kStatements},
    {"table", kStatements},
    {"queries", kStatements},
    {"views", kStatements},
    {"functions", kStatements},
    {"statements", kStatements},
    {"databases", kStatements},
    {"schemas", "GET /subjects lists the schemas"},
    {"select", kReads},
    {"rows", kReads},
    {"records", kReads},
    {"messages", kReads},
    {"events", kReads},
    {"data", kReads},
    {"topic", "GET /topics lists the topics, and POST /topics/NAME writes records"},
    {"kafka", "GET /topics lists the topics, and POST /topics/NAME writes records"},
    {"groups", "GET /v3/clusters/ID/consumer-groups lists the groups; GET /v3/clusters has the id"},
    {"consumer-groups",
     "GET /v3/clusters/ID/consumer-groups lists the groups; GET /v3/clusters has the id"},
    {"clusters", "GET /v3/clusters lists the cluster"},
    {"v3", "GET /v3/clusters lists the cluster"},
    {"brokers", "GET /v3/clusters/ID/brokers lists the brokers; GET /v3/clusters has the id"},
    {"version", kHealth},
    {"ping", kHealth},
    {"ready", kHealth},
    {"live", kHealth},
    {"server", kHealth},
    {"actuator", kHealth},
    {"prometheus", "GET /metrics has the metrics"},
    {"stats", "GET /metrics has the metrics"},
    {"admin", kConsolePage},
    {"ui", kConsolePage},
    {"web", kConsolePage},
    {"dashboard", kConsolePage},
    {"login", kConsolePage},
    {"index.html", kConsolePage},
};
constexpr std::string_view kMainPaths =
    "POST /ksql runs statements, POST /query-stream returns rows, GET /topics lists topics, GET "
    "/healthz reports the state, and /console/ is the console";

// Returns a suggestion for an unknown path. If the path ends with a path of the server, such as /api/v1/ksql, the
// suggestion is that path.
std::string instead_of(std::string_view path) {
  std::string_view rest = path.substr(0, kMostCompared);
  while (rest.starts_with('/')) {
    const std::string_view part = take_part(rest);
    if (part == "api" || part == "v1" || part == "v2") continue;
    const auto* other = std::ranges::find(kOtherPaths, part, &OtherPath::first);
    if (other != std::end(kOtherPaths)) return std::string(other->instead);
    break;
  }
  for (const std::string_view known : {"/ksql", "/query-stream", "/query", "/inserts-stream"})
    if (path.ends_with(known)) return fmt::format("use POST {}", known);
  return std::string(kMainPaths);
}

// Returns whether the first part of the path is in kOtherPaths.
bool is_other_path(std::string_view path) {
  if (!path.starts_with('/')) return false;
  const std::string_view first = take_part(path);
  return std::ranges::find(kOtherPaths, first, &OtherPath::first) != std::end(kOtherPaths);
}

// Returns an example for the paths that take a statement, which newcomers open with GET.
std::string_view example_of(std::string_view path) {
  if (path.starts_with("/ksql")) return R"(: -d '{"ksql": "SHOW STREAMS;"}')";
  if (path.starts_with("/query-stream")) return R"(: -d '{"sql": "SELECT * FROM name;"}')";
  if (path.starts_with("/query")) return R"(: -d '{"ksql": "SELECT * FROM name;"}')";
  return "";
}

}  // namespace

// Returns the most similar known path, or an empty text if none is near enough. A path that differs from a known one
// only in hyphens and underscores is always taken, however many of them differ. In any other path at most a third of
// the letters may be wrong.
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
    // instead_of() only knows paths of the main port. The ports of the registry and of Kafka Connect have other paths.
    const bool is_main_port = find("POST", "/ksql").route != nullptr;
    std::string instead;
    // If a path of several parts is similar to a known path, it is more likely mistyped than meant for another server.
    const bool is_one_part = path.find('/', 1) == std::string_view::npos;
    if (is_main_port && (near.empty() || (is_one_part && is_other_path(path))))
      instead = fmt::format("; {}", instead_of(path));
    else if (!near.empty())
      instead = fmt::format("; did you mean {}?", near);
    return make_error_(error_code::kNotFound, fmt::format("unknown path {}{}", path, instead));
  }
  Response refused =
      make_error_(error_code::kMethodNotAllowed,
                  fmt::format("{} does not support {}; use {}{}", path, method, match.allowed,
                              match.allowed == "POST" ? example_of(path) : ""));
  refused.head.headers.push_back({"allow", match.allowed});
  return refused;
}

}  // namespace server::http
