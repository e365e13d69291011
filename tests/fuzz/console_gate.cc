// Fuzz target for requests that are authorised by the cookie of a console session, and for the texts of the audit.
//
// The input is used as the headers of a POST request with such a cookie, one header in each line. The cookie may
// authorise the request only if the headers state that a page of this server has sent it. If the headers contain a
// content type, it must be a type of JSON. The input is also used as an SQL statement with a password, and the audit
// must not contain the password.
#include <absl/strings/ascii.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "server/auth/verifier.h"
#include "server/http/console/audit.h"
#include "server/http/console/sessions.h"
#include "server/http/guard.h"
#include "tests/server/http/conversation.h"

using namespace server;
using namespace server::http;

namespace {

class OneUser final : public auth::UserDirectory {
 public:
  std::optional<auth::Account> find(const std::string& user) const override {
    if (user != "ann") return std::nullopt;
    return auth::Account{.may_login = true, .roles = {"ann"}};
  }
  std::string secret() const override { return "secret"; }
  bool may_insert(const std::string&, const std::string&) const override { return false; }
};

class NoAnswer final : public Responder {
 public:
  void answer(Response) override {}
  void begin(ResponseHead) override {}
  void write(std::string_view) override {}
  void add_trailer(Header) override {}
  void end() override {}
  void fail() override {}
  bool is_full() const override { return false; }
  void wake() override {}
};

// A server with one route, which stores the user of the request.
struct Console {
  Console() {
    const std::string path = "/tmp/millrace_fuzz_console_gate." + std::to_string(std::rand());
    std::ofstream(path) << "host all all 0.0.0.0/0 scram-sha-256\n";
    access = std::move(auth::Access::open(path, users)).value();
    std::remove(path.c_str());
    sessions = std::make_unique<Sessions>(*access, Sessions::Options{.port = [] { return 8088; }});
    cookie = "millrace-8088=" + sessions->begin("ann", channel, 0);
    Routes all;
    all.add(
        {.method = "POST", .path = "/sql", .handler = answer_with([this](const Request& request) {
                                             reached_by = request.user;
                                             return json_response("{}");
                                           })});
    routes = guarded(std::move(all), {*access, [](const auto&) { return false; }, sessions.get()});
  }

  OneUser users;
  const Channel channel{.peer_host = "127.0.0.1"};
  std::unique_ptr<auth::Access> access;
  std::unique_ptr<Sessions> sessions;
  std::string cookie, reached_by;
  Routes routes;
  const RequestGate gate{GateRules{}};
  SimulatedClock clock;
  Loop loop;
};

void try_request(Console& console, std::string_view text) {
  Request request;
  request.method = "POST";
  request.path = "/sql";
  request.headers = {{"host", "localhost:8088"}};
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t colon = std::min(line.find(':'), line.size());
    // A second Host header is left out: HTTP/1 refuses it, and browsers do not send Host together
    // with :authority.
    if (absl::AsciiStrToLower({line.data(), colon}) == "host") continue;
    const std::string_view value = line.substr(std::min(line.size(), colon + 1));
    request.headers.push_back({absl::AsciiStrToLower({line.data(), colon}), std::string(value)});
  }
  request.headers.push_back({"cookie", console.cookie});
  const Routes::Match match = console.routes.find("POST", "/sql");
  const auto admission =
      console.gate.admit(request, match, console.routes, &console.channel, console.clock);
  if (admission.answer) return;
  request.is_of_own_page = admission.is_of_own_page;
  request.may_use_cookie = admission.may_use_cookie;
  const Request asked = request;
  console.reached_by.clear();
  NoAnswer responder;
  match.route->handler(std::move(request),
                       {console.loop, 0, console.clock, nullptr, responder, &console.channel});
  if (console.reached_by.empty()) return;
  bool is_own = false;
  for (const Header& header : asked.headers) {
    const std::string value = absl::AsciiStrToLower(header.value);
    is_own |= header.name == "origin" && value == "http://localhost:8088";
    is_own |= header.name == "sec-fetch-site" && value == "same-origin";
    // A request with a foreign Origin must be refused, even if another header names this server.
    if (header.name == "origin" && value != "http://localhost:8088") std::abort();
  }
  const std::string type = absl::AsciiStrToLower(std::string(asked.header("content-type")));
  if (!is_own || console.reached_by != "ann") std::abort();
  if (!type.empty() && !type.starts_with("application/json") &&
      !type.starts_with("application/vnd."))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  set_log_level(LogLevel::Error);
  static Console console;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try_request(console, bytes);
  masked_statement(bytes, Masked::Secrets);
  if (bytes.find("4711") == bytes.npos) {
    const std::string statement = std::string(bytes) + ";CREATE USER u PASSWORD '4711'";
    const std::string masked = masked_statement(statement, Masked::SecretsAndValues);
    if (masked.find("PASSWORD '4711'") != masked.npos &&
        bytes.find_first_of("'\"`$/-") == bytes.npos)
      std::abort();
  }
  return 0;
}
