// Fuzz target: all bytes of one client's connection, in HTTP/1 or HTTP/2, to routes of all kinds and to ksqlDB's API
// over a backend in memory. For any bytes, the connection continues or ends; earlier HTTP/1 requests are answered in
// their order; and every connection ends after it has been silent for a while.
#include <algorithm>
#include <cassert>
#include <string>

#include "base/log.h"
#include "server/http/rest/sql_pages.h"
#include "tests/server/http/conversation.h"
#include "tests/server/pg/fake_backend.h"

using namespace server::http;

namespace {

struct Server {
  server::pg::FakeBackend backend;
  OpenQueries queries;
  CommandLog commands;
  SqlPages pages{{&backend}, [] { return 1; }, queries, commands};

  Routes routes() const {
    Routes routes = test_routes();
    add_sql_pages(routes, pages);
    return routes;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  set_log_level(LogLevel::Error);
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Server server;
  constexpr size_t kMemory = 16 << 20;
  Conversation client(server.routes(), {.max_body_bytes = 64 * 1024}, kMemory);
  // The fuzzed bytes follow a valid request, which must be answered. Bytes of HTTP/2 follow no
  // request, because its preface must come first on a connection.
  const bool is_http2 = bytes.starts_with("PRI");
  if (!is_http2)
    assert(client.say("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("\r\n\r\nhello\n"));
  const size_t piece = size % 7 == 0 ? 1 : 61;
  while (!bytes.empty() && !client.session.is_over()) {
    const std::string said = client.say(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(bytes.size(), piece));
    if (size % 3 == 0) server.backend.tick();
  }
  assert(client.memory.held_bytes() < kMemory);
  // Push queries and /never end only when the server stops.
  for (int round = 0; round < 10 && !client.session.is_over(); ++round) {
    client.wait_ms(client.limits.idle_timeout_ms);
    client.listen();
  }
  if (!client.session.is_over()) client.session.shut_down({ErrorCode::ShuttingDown, "the end"});
  client.listen();
  client.listen();
  // A client of HTTP/2 may keep the flow-control window of an answer closed; a server that stops closes the
  // connection.
  assert(is_http2 || client.session.is_over());
  return 0;
}
