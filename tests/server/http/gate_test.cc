#include "server/http/gate.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/server/http/conversation.h"

namespace server::http {
namespace {

using Headers = std::vector<Header>;

// Returns the status of the gate's answer; 200 if the request reaches its route.
int status_of(const RequestGate& gate, const Headers& headers, std::string_view path = "/hello",
              std::string_view method = "GET", bool has_tls = false) {
  const Routes routes = test_routes();
  const SimulatedClock clock;
  Request request;
  request.method = method;
  request.path = path;
  request.headers = headers;
  const Channel channel{.peer_host = "10.0.0.1", .has_tls = has_tls};
  const auto admission = gate.admit(request, routes.find(method, path), routes, &channel, clock);
  return admission.answer ? admission.answer->head.status : 200;
}

TEST(RequestGate, a_host_is_an_address_a_local_name_or_listed) {
  const RequestGate gate({.hosts = {"db.example.org", "*.svc.cluster.local"},
                          .is_certified = [](std::string_view name) { return name == "tls.org"; }});
  for (const char* known :
       {"127.0.0.1", "127.0.0.1:8088", "10.1.2.3:1", "[::1]", "[::1]:8088", "[fe80::1%25eth0]:1",
        "localhost", "LOCALHOST:8088", "localhost.", "a.localhost:1", "millrace", "node-1:8088",
        "node_1", "db.example.org", "DB.Example.Org:8088", "db.example.org.",
        "a.b.svc.cluster.local", "tls.org:443", ""})
    EXPECT_EQ(status_of(gate, {{"host", known}}), 200) << known;
  for (const char* unknown :
       {"evil.example", "evil.example:8088", "127.0.0.1.evil.example", "localhost.evil.example",
        "notlocalhost.org", "db.example.org.evil.example", "xdb.example.org", "svc.cluster.local",
        "xsvc.cluster.local", "evil.", "127.1", "user@localhost", "localhost:x", "[::1", "[x]",
        "[::1]x", "a b", "localhost/evil.example", "127.0.0.1, evil.example"})
    EXPECT_EQ(status_of(gate, {{"host", unknown}}), 421) << unknown;
  EXPECT_EQ(status_of(gate, {}), 200);  // requests of HTTP/1.0 may have no Host
  EXPECT_EQ(status_of(gate, {{"host", "localhost"}, {"host", "evil.example"}}), 421);
  EXPECT_EQ(status_of(RequestGate({.hosts = {"*"}}), {{"host", "evil.example"}}), 200);
}

TEST(RequestGate, an_origin_is_the_requests_own_or_listed) {
  const RequestGate gate({.origins = {"https://app.example.org", "http://localhost:3000"}});
  const auto with = [&](const char* origin, bool has_tls = false,
                        const char* host = "localhost:8088") {
    return status_of(gate, {{"host", host}, {"origin", origin}}, "/echo", "POST", has_tls);
  };
  EXPECT_EQ(with("http://localhost:8088"), 200);
  EXPECT_EQ(with("HTTP://LOCALHOST:8088"), 200);
  EXPECT_EQ(with("https://localhost:8088", true), 200);
  EXPECT_EQ(with("http://10.0.0.1", false, "10.0.0.1:80"), 200);
  EXPECT_EQ(with("https://10.0.0.1", true, "10.0.0.1:443"), 200);
  EXPECT_EQ(with("https://app.example.org"), 200);
  EXPECT_EQ(with("https://app.example.org:443"), 200);
  EXPECT_EQ(with("http://localhost:3000"), 200);
  for (const char* foreign :
       {"https://evil.example", "null", "http://localhost", "http://localhost:80",
        "http://localhost:8089", "https://localhost:8088", "http://127.0.0.1:8088",
        "http://app.example.org", "https://app.example.org:8443",
        "https://app.example.org.evil.example", "file://", ""})
    EXPECT_EQ(with(foreign), 403) << foreign;
  EXPECT_EQ(with("http://localhost:8088", true), 403);
  const RequestGate open({.origins = {"*"}});
  EXPECT_EQ(status_of(open, {{"host", "x"}, {"origin", "https://any.example"}}), 200);
  EXPECT_EQ(status_of(open, {{"host", "x"}, {"origin", "null"}}), 403);
}

TEST(RequestGate, a_request_of_another_site_passes_only_as_a_navigation_to_a_page) {
  const RequestGate gate({.origins = {"https://app.example.org"}});
  for (const char* site : {"cross-site", "same-site", "none", "same-origin", "other"}) {
    const bool is_own = site == std::string("none") || site == std::string("same-origin");
    const Headers headers{{"host", "localhost:8088"}, {"sec-fetch-site", site}};
    EXPECT_EQ(status_of(gate, headers), is_own ? 200 : 403) << site;
    Headers listed = headers;
    listed.push_back({"origin", "https://app.example.org"});
    EXPECT_EQ(status_of(gate, listed), 200) << site;
    Headers navigation = headers;
    navigation.push_back({"sec-fetch-mode", "navigate"});
    for (const char* page : {"/", "/console", "/console/topics"})
      EXPECT_EQ(status_of(gate, navigation, page), 200) << site << page;
    EXPECT_EQ(status_of(gate, navigation, "/hello"), is_own ? 200 : 403) << site;
    EXPECT_EQ(status_of(gate, navigation, "/", "POST"), is_own ? 200 : 403) << site;
    // the requests are for an image or a script
    EXPECT_EQ(status_of(gate, headers, "/"), is_own ? 200 : 403) << site;
  }
}

TEST(RequestGate, only_listed_origins_get_cors_headers_and_answers_to_preflight_requests) {
  const RequestGate gate({.origins = {"https://app.example.org"}});
  const Routes routes = test_routes();
  const SimulatedClock clock;
  const auto admit = [&](std::string_view method, Headers headers) {
    Request request;
    request.method = method;
    request.path = "/echo";
    request.headers = std::move(headers);
    return gate.admit(request, routes.find(method, "/echo"), routes, nullptr, clock);
  };
  const auto answer = admit("OPTIONS", {{"host", "localhost"},
                                        {"origin", "https://app.example.org"},
                                        {"access-control-request-method", "POST"},
                                        {"access-control-request-headers", "content-type,x"},
                                        {"access-control-request-private-network", "true"}});
  ASSERT_TRUE(answer.answer);
  EXPECT_EQ(answer.answer->head.status, 204);
  std::map<std::string, std::string> given;
  for (const Header& header : answer.answer->head.headers) given[header.name] = header.value;
  for (const Header& header : answer.headers) given[header.name] = header.value;
  EXPECT_EQ(given, (std::map<std::string, std::string>{
                       {"access-control-allow-origin", "https://app.example.org"},
                       {"access-control-allow-methods", "POST"},
                       {"access-control-allow-headers", "content-type,x"},
                       {"access-control-allow-private-network", "true"},
                       {"access-control-max-age", "7200"},
                       {"vary", "Origin"}}));
  const auto read = admit("POST", {{"host", "localhost"}, {"origin", "https://app.example.org"}});
  EXPECT_FALSE(read.answer);
  EXPECT_EQ(read.headers.size(), 2U);
  const auto own = admit("POST", {{"host", "localhost"}, {"origin", "http://localhost"}});
  EXPECT_FALSE(own.answer);
  EXPECT_TRUE(own.headers.empty());
  const auto foreign = admit("OPTIONS", {{"host", "localhost"},
                                         {"origin", "https://evil.example"},
                                         {"access-control-request-method", "POST"}});
  ASSERT_TRUE(foreign.answer);
  EXPECT_EQ(foreign.answer->head.status, 403);
  EXPECT_TRUE(foreign.headers.empty());
}

TEST(RequestGate, rules_are_read_from_lists_and_wrong_ones_are_refused) {
  EXPECT_EQ(*parse_http_hosts(" DB.example.org, *.Example.com ,"),
            (std::vector<std::string>{"db.example.org", "*.example.com"}));
  EXPECT_EQ(*parse_http_origins("HTTPS://App.example.org:443,http://localhost:3000,*"),
            (std::vector<std::string>{"https://app.example.org", "http://localhost:3000", "*"}));
  for (const char* wrong : {"https://db.example.org", "db.example.org:8088", "a b", "*.", "a/b"})
    EXPECT_FALSE(parse_http_hosts(wrong)) << wrong;
  for (const char* wrong :
       {"app.example.org", "https://app.example.org/", "https://", "://x", "null"})
    EXPECT_FALSE(parse_http_origins(wrong)) << wrong;
}

TEST(RequestGate, a_refused_request_reaches_no_handler_and_the_connection_stays) {
  const RequestGate gate({.origins = {"https://app.example.org"}});
  Conversation client(test_routes(), {}, 1 << 30, nullptr, &gate);
  std::string said =
      client.say("POST /pieces HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_TRUE(said.starts_with("HTTP/1.1 421 Misdirected Request\r\n")) << said;
  EXPECT_NE(said.find("--http-hosts"), std::string::npos) << said;
  said = client.say(
      "GET /nowhere HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.org\r\n\r\n");
  EXPECT_TRUE(said.starts_with("HTTP/1.1 404 ")) << said;
  EXPECT_NE(said.find("access-control-allow-origin: https://app.example.org\r\n"),
            std::string::npos)
      << said;
  said = client.say("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(said.ends_with("hello\n")) << said;
  EXPECT_EQ(said.find("access-control"), std::string::npos) << said;
}

}  // namespace
}  // namespace server::http
