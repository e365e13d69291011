#include "server/http/gate.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_split.h>
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace server::http {

namespace {

constexpr int kMisdirected = 42100, kForbidden = 40300;
// The longest time, in seconds, for which Chromium keeps the answer to a preflight request.
constexpr std::string_view kPreflightMaxAge = "7200";
constexpr size_t kMostShown = 100;  // characters of a name in a message

std::string lower(std::string_view text) {
  return absl::AsciiStrToLower({text.data(), text.size()});
}

bool is_address(int family, const std::string& text) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(family, text.c_str(), bytes) == 1;
}

bool is_port(std::string_view text) {
  constexpr size_t kMostDigits = 5;
  return text.size() <= kMostDigits && std::ranges::all_of(text, absl::ascii_isdigit);
}

struct Host {
  std::string name;  // in lower case, without port and brackets
  bool is_address = false;
};
// Parses a Host header; returns nothing if the header has no valid host.
std::optional<Host> parse_host(std::string_view header) {
  std::string text = lower(header);
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == text.npos) return std::nullopt;
    const std::string rest = text.substr(end + 1);
    if (!rest.empty() && (rest[0] != ':' || !is_port(std::string_view(rest).substr(1))))
      return std::nullopt;
    std::string name = text.substr(1, end - 1);
    // without the zone of an IPv6 address
    const std::string address = name.substr(0, name.find('%'));
    if (!is_address(AF_INET6, address)) return std::nullopt;
    return Host{std::move(name), true};
  }
  const size_t colon = text.find(':');
  if (colon != text.npos) {
    if (!is_port(std::string_view(text).substr(colon + 1))) return std::nullopt;
    text.resize(colon);
  }
  const bool is_name = !text.empty() && std::ranges::all_of(text, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_';
  });
  if (!is_name) return std::nullopt;
  const bool is_v4 = is_address(AF_INET, text);
  return Host{std::move(text), is_v4};
}

// Returns whether a host of the list covers a name; "*.example.org" covers every name below
// example.org.
bool covers(std::string_view rule, std::string_view name) {
  if (rule == "*" || rule == name) return true;
  return rule.starts_with("*.") && name.size() > rule.size() - 1 && name.ends_with(rule.substr(1));
}

// Removes the default port. Browsers omit it in the Origin and Host headers, but other clients may not.
std::string without_default_port(std::string origin) {
  for (const auto& [scheme, port] : {std::pair{"http://", ":80"}, std::pair{"https://", ":443"}})
    if (origin.starts_with(scheme) && origin.ends_with(port))
      origin.resize(origin.size() - std::string_view(port).size());
  return origin;
}

std::string shown(std::string_view text) { return std::string(text.substr(0, kMostShown)); }

bool is_exempt(const Routes::Match& match) {
  return match.route && (match.route->path == "/healthz" || match.route->path == "/readyz");
}

// Returns whether the request loads a page. A link on another site may cause such a request: the
// scripts of that site cannot read the page.
bool is_navigation(const Request& request) {
  const bool is_page =
      request.path == "/" || request.path == "/console" || request.path.starts_with("/console/");
  return is_page && request.method == "GET" && request.header("sec-fetch-mode") == "navigate";
}

// Checks rule 4 in gate.h. A request without a content type has no body, because browsers send a
// content type with each body, both for fetch() and for forms.
bool may_use_cookie(const Request& request, bool is_of_own_page) {
  if (request.method == "GET" || request.method == "HEAD") return true;
  if (!is_of_own_page) return false;
  const std::string type = lower(request.header("content-type"));
  const std::string_view kind = std::string_view(type).substr(0, type.find_first_of("; \t"));
  const std::string_view size = request.header("content-length");
  const bool has_body =
      !request.header("transfer-encoding").empty() || (!size.empty() && size != "0");
  return kind == kJson || kind.starts_with("application/vnd.") || (kind.empty() && !has_body);
}

Response preflight_answer(const Request& request, const Routes::Match& match) {
  Response response{.head = {.status = 204, .content_type = ""}, .body = {}};
  std::vector<Header>& headers = response.head.headers;
  headers.push_back({"access-control-allow-methods",
                     match.allowed.empty() ? "GET, HEAD, POST, PUT, DELETE" : match.allowed});
  if (const auto names = request.header("access-control-request-headers"); !names.empty())
    headers.push_back({"access-control-allow-headers", std::string(names)});
  // Browsers send this header before a page from a public address may connect to a private address
  // (private network access).
  if (request.header("access-control-request-private-network") == "true")
    headers.push_back({"access-control-allow-private-network", "true"});
  headers.push_back({"access-control-max-age", std::string(kPreflightMaxAge)});
  return response;
}

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> items;
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(text.data(), text.size()), ','))
    if (const absl::string_view item = absl::StripAsciiWhitespace(part); !item.empty())
      items.push_back(absl::AsciiStrToLower(item));
  return items;
}

Error bad_item(const std::string& item, std::string_view what, std::string_view example) {
  return {ErrorCode::InvalidParameter,
          fmt::format("\"{}\" is not {}", item, what),
          {},
          fmt::format("Example: {}", example)};
}

}  // namespace

Result<std::vector<std::string>> parse_http_hosts(std::string_view text) {
  std::vector<std::string> hosts = list_of(text);
  for (const std::string& host : hosts) {
    const std::string_view name = std::string_view(host).substr(host.starts_with("*.") ? 2 : 0);
    if (host != "*" && (!parse_host(name) || name.find(':') != name.npos))
      return bad_item(host, "a host name without scheme and port",
                      "db.example.org,*.svc.cluster.local");
  }
  return hosts;
}

Result<std::vector<std::string>> parse_http_origins(std::string_view text) {
  std::vector<std::string> origins = list_of(text);
  for (std::string& origin : origins) {
    const size_t end = origin.find("://");
    const bool is_origin = end != origin.npos && end > 0 && parse_host(origin.substr(end + 3));
    if (origin != "*" && !is_origin)
      return bad_item(origin, "an origin (scheme, host and port, without a path)",
                      "https://app.example.org,http://localhost:3000");
    origin = without_default_port(std::move(origin));
  }
  return origins;
}

RequestGate::RequestGate(GateRules rules) : rules_(std::move(rules)) {}

bool RequestGate::is_known_host(std::string_view header) const {
  if (header.empty()) return true;  // not a browser, since every browser sends a Host header
  const std::optional<Host> host = parse_host(header);
  if (!host) return false;
  if (host->is_address || host->name.find('.') == std::string::npos) return true;
  std::string_view name = host->name;
  if (name.ends_with('.')) name.remove_suffix(1);  // a final dot stands for the root of the DNS
  return name == "localhost" || name.ends_with(".localhost") ||
         std::ranges::any_of(rules_.hosts, [&](const auto& rule) { return covers(rule, name); }) ||
         (rules_.is_certified && rules_.is_certified(name));
}

bool RequestGate::is_listed_origin(std::string_view origin) const {
  if (origin == "null")
    // "null" is refused: browsers send this origin for sandboxed frames and after redirects, so any
    // page can cause it
    return false;
  return std::ranges::any_of(
      rules_.origins, [&](const std::string& listed) { return listed == "*" || listed == origin; });
}

RequestGate::Admission RequestGate::admit(const Request& request, const Routes::Match& match,
                                          const Routes& routes, const Channel* channel,
                                          const Clock& clock) const {
  if (is_exempt(match)) return {};
  Admission admission;
  const auto refuse = [&](int code, const std::string& message) {
    log_.add(clock, channel, {}, message);
    admission.headers.clear();
    admission.answer = routes.error(code, message);
    return std::move(admission);
  };
  std::string own;  // the server's own origin, according to the Host header
  for (const Header& header : request.headers) {
    if (header.name != "host") continue;
    if (!is_known_host(header.value))
      return refuse(kMisdirected,
                    fmt::format("\"{}\" is not known as a name of this server; --http-hosts lists "
                                "further names by which clients reach it",
                                shown(header.value)));
    own = without_default_port((channel && channel->has_tls ? "https://" : "http://") +
                               lower(header.value));
  }
  bool is_listed = false;
  for (const Header& header : request.headers) {
    if (header.name != "origin") continue;
    const std::string origin = without_default_port(lower(header.value));
    is_listed = is_listed_origin(origin);
    if (!is_listed && origin != own)
      return refuse(kForbidden, fmt::format("pages of the origin \"{}\" may not use this server; "
                                            "--http-origins lists the allowed origins",
                                            shown(header.value)));
    admission.is_of_own_page = !own.empty() && origin == own;
    if (is_listed && admission.headers.empty())
      admission.headers = {{"access-control-allow-origin", header.value}, {"vary", "Origin"}};
  }
  const std::string_view site = request.header("sec-fetch-site");
  const bool is_foreign = !site.empty() && site != "same-origin" && site != "none";
  if (is_foreign && !is_listed && !is_navigation(request))
    return refuse(
        kForbidden,
        "a page of another site may not use this server; --http-origins lists the allowed origins");
  // A page of a listed origin does not count as a page of the console. Exception: if a proxy with
  // this origin is in front of the server, the browser states that the page and the request have
  // the same origin (same-origin).
  admission.is_of_own_page |= site == "same-origin";
  admission.may_use_cookie = may_use_cookie(request, admission.is_of_own_page);
  if (is_listed && request.method == "OPTIONS" &&
      !request.header("access-control-request-method").empty())
    admission.answer = preflight_answer(request, match);
  return admission;
}

}  // namespace server::http
