// Tests the console's files, sessions and gate, without a socket.
#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <map>

#include "server/auth/digest.h"
#include "server/auth/verifier.h"
#include "server/http/console/audit.h"
#include "server/http/console/console_pages.h"
#include "server/http/console/session_pages.h"
#include "server/http/guard.h"
#include "tests/server/http/conversation.h"

namespace server::http {
namespace {

constexpr int64_t kMinuteMs = 60'000;

std::string gzip(std::string_view text) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS, kMemory = 8;
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(1000 + text.size(), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

class ConsoleUsers final : public auth::UserDirectory {
 public:
  std::optional<auth::Account> find(const std::string& user) const override {
    const auto found = accounts.find(user);
    return found == accounts.end() ? std::nullopt : std::optional(found->second);
  }
  std::string secret() const override { return "secret"; }
  bool may_insert(const std::string&, const std::string&) const override { return false; }

  static std::map<std::string, std::string> password(std::string_view text) {
    return {
        {"SCRAM-SHA-256", auth::to_text(auth::make_verifier(auth::Hash::Sha256, text, "salt"))}};
  }
  std::map<std::string, auth::Account> accounts = {
      {"ann", {.may_login = true, .verifiers = password("geheim"), .roles = {"ann"}}},
      {"staff", {}}};
};

// A server with a console, and one client at a time.
class ConsoleTest : public testing::Test {
 protected:
  static constexpr std::string_view kRules = "host all all 0.0.0.0/0 scram-sha-256\n";

  void serve(std::string_view rules, Sessions::Options options = {}) {
    const std::string path = testing::TempDir() + "millrace_console_test.conf";
    if (!rules.empty()) std::ofstream(path) << rules;
    access_ = std::move(auth::Access::open(rules.empty() ? "" : path, users_)).value();
    options.port = [] { return 8088; };
    sessions_ = std::make_unique<Sessions>(*access_, std::move(options));
    connect();
  }
  // Opens another connection to the same server.
  void connect(Channel channel = {.peer_host = "127.0.0.1"}) {
    const int64_t now_us = client_ ? client_->clock.monotonic_us() : 0;
    client_.reset();
    channel_ = std::move(channel);
    Routes routes = test_routes();
    routes.add({.method = "POST",
                .path = "/sql",
                .handler = answer_with(&described),
                .effect = RouteEffect::Statements});
    routes.add({.method = "POST", .path = "/topics/t", .handler = answer_with(&described)});
    routes.add({.method = "GET", .path = "/who", .handler = answer_with(&described)});
    add_session_pages(routes,
                      {*sessions_,
                       [] {
                         return ConsoleServer{"id-1", 3, {{"pg", {"127.0.0.1:7432"}}}};
                       },
                       [](const std::string&) { return ConsoleRights{.may_create = true}; }});
    add_console_pages(routes, assets_, "b1");
    client_ = std::make_unique<Conversation>(
        guarded(std::move(routes), {*access_,
                                    [](const std::function<void()>& work) {
                                      work();
                                      return true;
                                    },
                                    sessions_.get()}),
        Limits{.idle_timeout_ms = 100 * 3'600'000}, 1 << 30, nullptr, &gate_, &channel_);
    client_->clock.advance_us(now_us - client_->clock.monotonic_us());
  }
  static Response described(const Request& request) {
    return json_response(request.user + (request.is_read_only ? " reads" : " writes") +
                         (request.audited_session.empty() ? "" : " audited"));
  }

  // Returns the answer to a request that a page of this server sends with the cookie.
  std::string ask(std::string_view method, std::string_view path, std::string_view body = {},
                  std::string_view more = "Origin: http://localhost:8088\r\n") {
    std::string text = std::string(method) + ' ' + std::string(path) +
                       " HTTP/1.1\r\nHost: localhost:8088\r\n" + std::string(more);
    if (!cookie_.empty()) text += "Cookie: other=1; " + cookie_ + "\r\n";
    if (!body.empty()) text += "Content-Type: application/json\r\n";
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    std::string said = client_->say(text);
    // The answer is sent by a task of the loop, so say() may return nothing. (A server checks the
    // password on another thread; this test checks it within say().)
    return said.empty() ? turn() : said;
  }
  // Runs the tasks of the loop. Returns the answer if it is complete afterwards.
  std::string turn() {
    client_->loop.post([this] { client_->loop.stop(); });
    client_->loop.run();
    return client_->listen();
  }
  static std::string status_of(const std::string& answer) { return answer.substr(9, 3); }
  static std::string header_of(const std::string& answer, const std::string& name) {
    const size_t at = answer.find("\r\n" + name + ": ");
    if (at == answer.npos) return {};
    const size_t begin = at + 4 + name.size();
    return answer.substr(begin, answer.find("\r\n", begin) - begin);
  }
  static std::string body_of(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }
  // Logs in and stores the cookie.
  std::string log_in(std::string_view body = R"({"user": "ann", "password": "geheim"})") {
    std::string answer = ask("POST", "/session", body);
    const std::string cookie = header_of(answer, "set-cookie");
    if (!answer.empty() && status_of(answer) == "200") cookie_ = cookie.substr(0, cookie.find(';'));
    return answer;
  }

  const std::string index_ = gzip("<html>b1</html>"), script_ = gzip("let a = 1;");
  const std::vector<Asset> assets_ = {
      {"core/a.js", "text/javascript; charset=utf-8", "\"e1\"", script_},
      {"index.html", "text/html; charset=utf-8", "\"e2\"", index_}};
  ConsoleUsers users_;
  RequestGate gate_{GateRules{}};
  std::unique_ptr<auth::Access> access_;
  std::unique_ptr<Sessions> sessions_;
  Channel channel_;
  std::unique_ptr<Conversation> client_;
  std::string cookie_;
};

// --- Files

TEST_F(ConsoleTest, every_page_is_the_index_with_the_safe_headers) {
  serve(kRules);
  for (const char* path : {"/console/", "/console/topics", "/console/topics/orders"}) {
    const std::string answer = ask("GET", path);
    EXPECT_EQ(status_of(answer), "200") << path << answer;
    EXPECT_EQ(body_of(answer), "<html>b1</html>") << path;
    EXPECT_EQ(header_of(answer, "content-type"), "text/html; charset=utf-8");
    EXPECT_EQ(header_of(answer, "cache-control"), "no-cache");
    EXPECT_EQ(header_of(answer, "etag"), "\"e2\"");
  }
  EXPECT_EQ(status_of(ask("GET", "/console")), "308");
}

TEST_F(ConsoleTest, all_answers_of_the_console_have_the_safe_headers) {
  serve(kRules);
  const std::map<std::string, std::string> expected = {
      {"content-security-policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
       "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
       "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types console"},
      {"x-content-type-options", "nosniff"},
      {"referrer-policy", "no-referrer"},
      {"cross-origin-opener-policy", "same-origin"},
      {"cross-origin-resource-policy", "same-origin"}};
  for (const char* path : {"/console/", "/console/a/b1/core/a.js", "/console/a/old/core/a.js"})
    for (const auto& [name, value] : expected)
      EXPECT_EQ(header_of(ask("GET", path), name), value) << path;
}

TEST_F(ConsoleTest, files_are_immutable_and_those_of_another_build_are_missing) {
  serve(kRules);
  const std::string answer =
      ask("GET", "/console/a/b1/core/a.js", {}, "Accept-Encoding: br, gzip;q=0.5\r\n");
  EXPECT_EQ(status_of(answer), "200") << answer;
  EXPECT_EQ(header_of(answer, "cache-control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(header_of(answer, "content-encoding"), "gzip");
  EXPECT_EQ(header_of(answer, "content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(body_of(answer), script_);
  for (const char* encoding : {"", "Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0\r\n"}) {
    const std::string plain = ask("GET", "/console/a/b1/core/a.js", {}, encoding);
    EXPECT_EQ(body_of(plain), "let a = 1;") << encoding;
    EXPECT_EQ(header_of(plain, "content-encoding"), "") << encoding;
  }
  for (const char* path : {"/console/a/b0/core/a.js", "/console/a/b1/core/b.js", "/console/a/b1",
                           "/console/a/b1/index.html", "/console/a/b1/core/../core/a.js"})
    EXPECT_EQ(status_of(ask("GET", path)), "404") << path;
}

TEST_F(ConsoleTest, a_known_version_is_not_sent_again) {
  serve(kRules);
  const std::string answer = ask("GET", "/console/", {}, "If-None-Match: \"e0\", W/\"e2\"\r\n");
  EXPECT_EQ(status_of(answer), "304");
  EXPECT_EQ(body_of(answer), "");
  EXPECT_EQ(header_of(answer, "etag"), "\"e2\"");
  EXPECT_EQ(status_of(ask("GET", "/console/", {}, "If-None-Match: \"e1\"\r\n")), "200");
}

TEST_F(ConsoleTest, files_of_a_folder_are_read_for_each_request) {
  const std::string folder = testing::TempDir() + "millrace_console_site";
  ASSERT_EQ(std::system(("rm -rf " + folder + " && mkdir -p " + folder + "/core").c_str()), 0);
  Routes none;
  EXPECT_FALSE(add_console_folder(none, folder, assets_));
  std::ofstream(folder + "/index.html") << "a/BUILDHASH/core/b.js";
  std::ofstream(folder + "/core/b.js") << "1";
  Routes routes;
  ASSERT_TRUE(add_console_folder(routes, folder, assets_));
  Conversation client(std::move(routes));
  const auto get = [&](const std::string& path) {
    return client.say("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  };
  EXPECT_EQ(body_of(get("/console/")), "a/dev/core/b.js");
  EXPECT_EQ(body_of(get("/console/a/dev/core/b.js")), "1");
  std::ofstream(folder + "/core/b.js") << "2";
  EXPECT_EQ(body_of(get("/console/a/dev/core/b.js")), "2");
  EXPECT_EQ(header_of(get("/console/a/dev/core/b.js"), "cache-control"), "no-store");
  // this file is made by the build
  EXPECT_EQ(body_of(get("/console/a/dev/core/a.js")), "let a = 1;");
  EXPECT_EQ(status_of(get("/console/a/dev/core/%2e%2e/index.html")), "404");
  std::ofstream(folder + "/core/later.js") << "3";
  EXPECT_EQ(status_of(get("/console/a/dev/core/later.js")), "404");
}

// --- Sessions

TEST_F(ConsoleTest, a_login_gives_a_cookie_that_authorises_requests) {
  serve(kRules);
  const std::string refused = ask("GET", "/session");
  EXPECT_EQ(status_of(refused), "401");
  EXPECT_EQ(header_of(refused, "www-authenticate"), "");
  const std::string answer = log_in();
  EXPECT_EQ(status_of(answer), "200") << answer;
  const std::string cookie = header_of(answer, "set-cookie");
  EXPECT_TRUE(cookie.starts_with("millrace-8088=")) << cookie;
  EXPECT_TRUE(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict")) << cookie;
  EXPECT_EQ(cookie_.size(), std::string("millrace-8088=").size() + 64);
  const std::string body = body_of(answer);
  EXPECT_TRUE(body.starts_with(
      R"({"user":"ann","anonymous":false,"session":true,"read_only":false,"look_only":false,)"
      R"("privileges":{"superuser":false,"all":false,"create":true,"connectors":false},"server":{"id":"id-1",)"))
      << body;
  EXPECT_TRUE(body.ends_with(R"(,"node":3},"listeners":{"pg":["127.0.0.1:7432"]}})")) << body;
  EXPECT_EQ(body_of(ask("POST", "/sql", "{}")), "ann writes audited");
  EXPECT_EQ(body_of(ask("GET", "/who")), "ann writes audited");
  EXPECT_EQ(status_of(ask("DELETE", "/session")), "204");
  const std::string ended = ask("POST", "/sql", "{}");
  EXPECT_EQ(status_of(ended), "401");
  EXPECT_TRUE(header_of(ended, "set-cookie").ends_with("; Max-Age=0")) << ended;
}

TEST_F(ConsoleTest, wrong_logins_get_one_answer_and_wait) {
  serve(kRules);
  const std::string wrong = log_in(R"({"user": "ann", "password": "x"})");
  EXPECT_EQ(status_of(wrong), "401");
  EXPECT_EQ(header_of(wrong, "www-authenticate"), "");
  const std::string unknown = log_in(R"({"user": "bob", "password": "x"})");
  EXPECT_EQ(wrong, unknown);
  EXPECT_EQ(status_of(log_in(R"({"user": "staff", "password": "x"})")), "401");
  for (const char* body : {"no JSON", "[]", R"({"user": "ann", "pasword": "geheim"})"})
    EXPECT_EQ(status_of(log_in(body)), "400") << body;
  EXPECT_EQ(log_in(), "");  // no answer yet: it waits half a second
  client_->wait_ms(499);
  EXPECT_EQ(client_->listen(), "");
  client_->wait_ms(1);
  EXPECT_EQ(client_->listen(), "");  // the check of the password begins
  const std::string answer = turn();
  EXPECT_EQ(status_of(answer), "200") << answer;
}

TEST_F(ConsoleTest, a_session_ends_when_it_is_idle_and_after_twelve_hours) {
  serve(kRules);
  log_in();
  client_->wait_ms(30 * kMinuteMs - 1);
  EXPECT_EQ(status_of(ask("GET", "/who")), "200");
  client_->wait_ms(30 * kMinuteMs);
  EXPECT_EQ(status_of(ask("GET", "/who")), "401");
  log_in();
  for (int i = 0; i < 12 * 60 / 20 - 1; ++i) {
    client_->wait_ms(20 * kMinuteMs);
    ASSERT_EQ(status_of(ask("GET", "/who")), "200") << i;
  }
  client_->wait_ms(20 * kMinuteMs);
  EXPECT_EQ(status_of(ask("GET", "/who")), "401");
}

TEST_F(ConsoleTest, an_open_answer_is_activity_and_ends_with_its_session) {
  serve(kRules);
  log_in();
  EXPECT_EQ(ask("GET", "/never"), "");
  client_->wait_ms(40 * kMinuteMs);
  EXPECT_EQ(client_->listen(), "");
  const auto key = auth::digest(auth::Hash::Sha256, cookie_.substr(cookie_.find('=') + 1));
  EXPECT_TRUE(sessions_->is_alive(key, channel_, client_->clock.monotonic_us()));
  sessions_->end(key);
  client_->wait_ms(5'000);
  EXPECT_NE(client_->listen().find("the session of the console has ended"), std::string::npos);
}

TEST_F(ConsoleTest, a_session_ends_with_its_user_and_its_password) {
  serve(kRules);
  const auto changed = [&](const std::function<void(auth::Account&)>& change) {
    users_.accounts["ann"] = {
        .may_login = true, .verifiers = ConsoleUsers::password("geheim"), .roles = {"ann"}};
    cookie_.clear();
    log_in();
    EXPECT_EQ(status_of(ask("GET", "/who")), "200");
    change(users_.accounts["ann"]);
    return status_of(ask("GET", "/who"));
  };
  EXPECT_EQ(changed([](auth::Account&) {}), "200");
  EXPECT_EQ(changed([](auth::Account& ann) { ann.verifiers = ConsoleUsers::password("neu"); }),
            "401");
  EXPECT_EQ(changed([](auth::Account& ann) { ann.incarnation = 2; }), "401");
  EXPECT_EQ(changed([](auth::Account& ann) { ann.may_login = false; }), "401");
  EXPECT_EQ(changed([&](auth::Account&) { users_.accounts.erase("ann"); }), "401");
}

TEST_F(ConsoleTest, a_cookie_is_bound_to_its_address_and_to_its_kind_of_channel) {
  serve(kRules);
  log_in();
  connect({.peer_host = "127.0.0.2"});
  EXPECT_EQ(status_of(ask("GET", "/who")), "401");
  connect();
  EXPECT_EQ(status_of(ask("GET", "/who")), "200");
  connect({.peer_host = "127.0.0.1", .has_tls = true});
  EXPECT_EQ(status_of(ask("GET", "/who", {}, "")), "401");
  cookie_.clear();
  const std::string answer = ask("POST", "/session", R"({"user": "ann", "password": "geheim"})",
                                 "Origin: https://localhost:8088\r\n");
  const std::string cookie = header_of(answer, "set-cookie");
  EXPECT_TRUE(cookie.starts_with("__Host-millrace-8088=")) << answer;
  EXPECT_TRUE(cookie.ends_with("; SameSite=Strict; Secure")) << cookie;
}

TEST_F(ConsoleTest, passwords_over_a_network_need_tls_or_insecure) {
  const auto login_from = [&](Channel channel, bool is_insecure) {
    client_.reset();
    serve(kRules, {.is_insecure = is_insecure});
    const std::string origin = channel.has_tls ? "https" : "http";
    connect(std::move(channel));
    return status_of(ask("POST", "/session", R"({"user": "ann", "password": "geheim"})",
                         "Origin: " + origin + "://localhost:8088\r\n"));
  };
  EXPECT_EQ(login_from({.peer_host = "127.0.0.1"}, false), "200");
  EXPECT_EQ(login_from({.peer_host = "10.1.1.1"}, false), "403");
  EXPECT_EQ(login_from({.peer_host = "10.1.1.1"}, true), "200");
  EXPECT_EQ(login_from({.peer_host = "10.1.1.1", .has_tls = true}, false), "200");
}

TEST_F(ConsoleTest, a_certificate_logs_in_its_user) {
  serve("hostssl all all 0.0.0.0/0 cert\n");
  connect({.peer_host = "10.1.1.1", .has_tls = true, .certificate_name = "ann"});
  const std::string answer = ask("GET", "/session", {}, "");
  EXPECT_EQ(status_of(answer), "200");
  EXPECT_NE(answer.find(R"("user":"ann","anonymous":false,"session":false)"), answer.npos);
}

TEST_F(ConsoleTest, there_are_at_most_a_thousand_sessions) {
  serve(kRules);
  const std::string oldest = sessions_->begin("ann", channel_, 0);
  const std::string second = sessions_->begin("ann", channel_, 1);
  for (size_t i = 2; i < Sessions::kMostSessions; ++i) sessions_->begin("ann", channel_, 2);
  EXPECT_TRUE(sessions_->find(oldest, channel_, 3));
  sessions_->begin("ann", channel_, 4);
  EXPECT_TRUE(sessions_->find(oldest, channel_, 5));
  EXPECT_FALSE(sessions_->find(second, channel_, 5));  // this session was idle for the longest time
}

// --- The rule of the gate (RequestGate) for cookies

TEST_F(ConsoleTest, a_cookie_needs_an_own_page_and_a_json_body_to_change_something) {
  serve(kRules);
  log_in();
  struct Case {
    const char *marks, *type, *status;
  };
  const Case cases[] = {
      {"Origin: http://localhost:8088\r\n", "application/json", "200"},
      {"Origin: http://localhost:8088\r\n", "application/json; charset=utf-8", "200"},
      {"Origin: http://localhost:8088\r\n", "application/vnd.ksql.v1+json", "200"},
      {"Sec-Fetch-Site: same-origin\r\n", "application/json", "200"},
      {"Origin: http://localhost:8088\r\n", "text/plain", "403"},
      {"Origin: http://localhost:8088\r\n", "application/x-www-form-urlencoded", "403"},
      {"Origin: http://localhost:8088\r\n", "multipart/form-data; boundary=x", "403"},
      {"Origin: http://localhost:8088\r\n", nullptr, "403"},
      {"Sec-Fetch-Site: none\r\n", "application/json", "403"},
      {"", "application/json", "403"},
      {"Origin: http://localhost:8089\r\n", "application/json", "403"},
      {"Origin: null\r\n", "application/json", "403"},
      {"Sec-Fetch-Site: same-site\r\n", "application/json", "403"},
      {"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", "application/json", "403"},
  };
  for (const auto& [marks, type, status] : cases) {
    std::string text = std::string("POST /sql HTTP/1.1\r\nHost: localhost:8088\r\n") + marks +
                       "Cookie: " + cookie_ + "\r\n";
    if (type != nullptr) text += std::string("Content-Type: ") + type + "\r\n";
    text += "Content-Length: 2\r\n\r\n{}";
    const std::string answer = client_->say(text);
    EXPECT_EQ(status_of(answer), status) << marks << (type ? type : "none") << answer;
  }
}

TEST_F(ConsoleTest, a_request_with_a_password_needs_no_marks) {
  serve(kRules);
  log_in();
  const std::string basic = "Authorization: Basic " + auth::to_base64("ann:geheim") + "\r\n";
  EXPECT_EQ(body_of(ask("POST", "/sql", "{}", basic)), "ann writes");
  EXPECT_EQ(status_of(ask("POST", "/sql", "{}", "Authorization: Basic eDp5\r\n")), "401");
}

TEST_F(ConsoleTest, only_requests_that_no_script_has_sent_are_challenged) {
  serve(kRules);
  EXPECT_EQ(header_of(ask("GET", "/who", {}, ""), "www-authenticate"), "Basic realm=\"millrace\"");
  EXPECT_EQ(header_of(ask("GET", "/who", {}, "Sec-Fetch-Mode: navigate\r\n"), "www-authenticate"),
            "Basic realm=\"millrace\"");
  EXPECT_EQ(header_of(ask("GET", "/who", {}, "Sec-Fetch-Mode: cors\r\n"), "www-authenticate"), "");
}

// --- Read-only sessions, and servers without users

TEST_F(ConsoleTest, a_session_may_be_switched_to_look_only) {
  serve(kRules);
  log_in();
  EXPECT_NE(ask("POST", "/session", R"({"look_only": true})").find(R"("read_only":true)"),
            std::string::npos);
  EXPECT_EQ(body_of(ask("POST", "/sql", "{}")), "ann reads audited");
  EXPECT_EQ(status_of(ask("POST", "/topics/t", "{}")), "403");
  EXPECT_EQ(status_of(ask("GET", "/who")), "200");
  ask("POST", "/session", R"({"look_only": false})");
  EXPECT_EQ(body_of(ask("POST", "/topics/t", "{}")), "ann writes audited");
}

TEST_F(ConsoleTest, a_read_only_console_binds_its_pages_and_no_tools) {
  for (const std::string_view rules : {kRules, std::string_view()}) {
    client_.reset();
    cookie_.clear();
    serve(rules, {.is_read_only = true});
    const std::string user = rules.empty() ? "http" : "ann";
    if (!rules.empty()) {
      EXPECT_NE(log_in().find(R"("read_only":true,"look_only":false)"), std::string::npos);
      ask("POST", "/session", R"({"look_only": false})");
    }
    EXPECT_EQ(body_of(ask("POST", "/sql", "{}")),
              user + " reads" + (rules.empty() ? "" : " audited"));
    EXPECT_EQ(status_of(ask("POST", "/topics/t", "{}")), "403");
    cookie_.clear();
    const std::string tool =
        rules.empty() ? "" : "Authorization: Basic " + auth::to_base64("ann:geheim") + "\r\n";
    EXPECT_EQ(body_of(ask("POST", "/topics/t", "{}", tool)), user + " writes");
  }
}

TEST_F(ConsoleTest, a_server_without_users_has_anonymous_sessions) {
  serve("");
  const std::string answer = ask("GET", "/session");
  EXPECT_EQ(status_of(answer), "200");
  EXPECT_NE(answer.find(R"({"user":null,"anonymous":true,"session":false,"read_only":false)"),
            answer.npos)
      << answer;
  EXPECT_EQ(body_of(ask("POST", "/topics/t", "{}")), "http writes");
  EXPECT_EQ(status_of(log_in(R"({"look_only": true})")), "200");
  EXPECT_EQ(body_of(ask("POST", "/sql", "{}")), "http reads audited");
  EXPECT_EQ(status_of(ask("POST", "/topics/t", "{}")), "403");
  // A cookie of an earlier server refuses requests, except the request that returns the session's
  // state.
  cookie_ = "millrace-8088=" + std::string(64, '0');
  EXPECT_EQ(status_of(ask("POST", "/sql", "{}")), "401");
  EXPECT_EQ(status_of(ask("GET", "/session")), "200");
}

// --- The audit

TEST(ConsoleAudit, statements_are_logged_without_secrets_and_values) {
  const auto masked = [](std::string_view text) { return masked_statement(text, Masked::Secrets); };
  EXPECT_EQ(masked("CREATE TABLE t AS SELECT 'a' FROM s"), "CREATE TABLE t AS SELECT 'a' FROM s");
  EXPECT_EQ(masked("CREATE SINK CONNECTOR c WITH ('db.password' = 'x''y', 'topics' = 't')"),
            "CREATE SINK CONNECTOR c WITH ('db.password' = '***''***', 'topics' = 't')");
  EXPECT_EQ(masked("CREATE CONNECTOR c WITH (\"sasl.jaas.config\"=$a$it's$a$, x='b')"),
            "CREATE CONNECTOR c WITH (\"sasl.jaas.config\"='***', x='b')");
  EXPECT_EQ(masked("ALTER USER u PASSWORD /* new */ E'x'"),
            "ALTER USER u PASSWORD /* new */ E'***'");
  EXPECT_EQ(
      masked("CREATE CONNECTOR c WITH ('db.password' = E'ab\\'cd', 'api.token' = 'x', n = 'y')"),
      "CREATE CONNECTOR c WITH ('db.password' = E'***', 'api.token' = '***', n = 'y')");
  EXPECT_EQ(masked("ALTER SYSTEM 'api.token' = E'x\\"), "ALTER SYSTEM 'api.token' = E'***'");
  EXPECT_EQ(masked("ALTER SYSTEM 'api.token' = 'x"), "ALTER SYSTEM 'api.token' = '***'");
  EXPECT_EQ(
      masked_statement("INSERT INTO t1 VALUES (1, 'x', $$y$$, -2.5e3)", Masked::SecretsAndValues),
      "INSERT INTO t1 VALUES (?, ?, ?, -?.?)");
}

TEST(ConsoleAudit, the_newest_lines_are_kept) {
  const SimulatedClock clock;
  MemoryBudget memory(size_t{1} << 30);
  AuditRing ring(7, clock, memory);
  write_audit({.event = "login", .user = "ann", .outcome = "wrong \"name\"", .ring = &ring});
  ASSERT_EQ(ring.lines().size(), 1U);
  EXPECT_EQ(ring.lines().front().number, 1);
  EXPECT_EQ(ring.lines().front().user, "ann");
  EXPECT_EQ(ring.lines().front().outcome, "wrong \"name\"");
  write_audit({.event = "statement", .text = std::string(2'000, 'x'), .ring = &ring});
  EXPECT_EQ(ring.lines().back().text, std::string(1'000, 'x') + "...");
  for (size_t i = 0; i < AuditRing::kMostLines; ++i)
    ring.add({.event = "statement", .text = std::string(1'000, 'x')});
  // The limit of bytes is reached before the limit of lines.
  EXPECT_LT(ring.lines().size(), AuditRing::kMostBytes / 1'000);
  EXPECT_GT(ring.lines().size(), AuditRing::kMostBytes / 1'500);
  for (size_t i = 0; i < AuditRing::kMostLines; ++i) ring.add({.event = "logout"});
  EXPECT_EQ(ring.lines().size(), AuditRing::kMostLines);
  EXPECT_EQ(ring.lines().back().number, static_cast<int64_t>(2 * AuditRing::kMostLines + 2));
}

}  // namespace
}  // namespace server::http
