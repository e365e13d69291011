// Rejects requests that a web page of another site sends from its visitor's browser.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "server/http/message.h"
#include "server/http/refusal_log.h"
#include "server/http/routes.h"
#include "server/net/tls.h"

namespace server::http {

// The exceptions that an operator configures, in lower case.
struct GateRules {
  std::vector<std::string> hosts = {};  // "db.example.org", "*.example.org", or "*" for every name
  std::vector<std::string> origins = {};  // "https://app.example.org:8443", or "*" for every origin
  // Whether the certificate of the server is valid for a name; null: no certificate.
  std::function<bool(std::string_view host)> is_certified = {};
};
// Parse the values of --http-hosts and --http-origins, which are separated by commas. Fail with InvalidParameter.
Result<std::vector<std::string>> parse_http_hosts(std::string_view text);
Result<std::vector<std::string>> parse_http_origins(std::string_view text);

// Any web page can make a browser send a POST to a server on the visitor's machine or network. If
// the owner of the page makes the page's host name resolve to the server's address (DNS rebinding),
// the page can even read the answers. Browsers mark such requests with headers; other clients send
// only the Host header. The rules:
//   1. Host is an address, a name without a dot, *.localhost, a name of the certificate, or listed.
//      (DNS rebinding needs a public name, which has a dot.) Otherwise 421.
//   2. Origin is the request's own scheme, host and port, or listed; "null" never is. Otherwise 403.
//   3. Sec-Fetch-Site is same-origin or none, except for listed origins and navigations to / and to
//      /console/. Otherwise 403.
//   4. A cookie authorises a request other than GET and HEAD only if the request has its own origin as
//      Origin or Sec-Fetch-Site: same-origin, and, for a request with a body, a JSON content type
//      (application/json, application/vnd.*), which a form of another site cannot send. The guard
//      answers other requests with a cookie by 403.
// /healthz and /readyz are exempt: load balancers call them by any name, and they show no data.
//
// Threads: any. Owner: the HTTP server; it outlives the connections.
class RequestGate {
 public:
  explicit RequestGate(GateRules rules);

  struct Admission {
    // The answer to send without calling the route: a refusal, or the answer to a preflight
    // request.
    std::optional<Response> answer = {};
    // The session copies these members to the members of Request that have the same names.
    bool is_of_own_page = false, may_use_cookie = false;
    // Headers that are added to any answer to this request. For a listed origin they permit its
    // page to read the answer (CORS).
    std::vector<Header> headers = {};
  };
  // Decides about a request whose headers have all arrived. HTTP/2's :authority counts as a Host header. `channel`
  // may be null in tests.
  Admission admit(const Request& request, const Routes::Match& match, const Routes& routes,
                  const Channel* channel, const Clock& clock) const;

 private:
  bool is_known_host(std::string_view header) const;
  bool is_listed_origin(std::string_view origin) const;

  const GateRules rules_;
  mutable RefusalLog log_;
};

}  // namespace server::http
