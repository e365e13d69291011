// What the versions of HTTP need of a connection.
#pragma once
#include "base/clock.h"
#include "base/memory_budget.h"
#include "server/http/gate.h"
#include "server/http/limits.h"
#include "server/http/routes.h"
#include "server/net/client_session.h"
#include "server/net/loop.h"

namespace server::http {

// All of it outlives the connection.
struct ConnectionParts {
  SessionHost& host;
  const Routes& routes;
  const Limits& limits;
  Loop& loop;
  size_t shard;
  const Clock& clock;
  MemoryAccount* memory;              // none in some tests
  const Channel* channel = nullptr;   // likewise
  const RequestGate* gate = nullptr;  // likewise
};

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(int64_t wall_ms);

// Path and query of what a request names, which may be a whole URL; nothing when it is none.
struct Target {
  std::string path;          // decoded
  std::string encoded_path;  // as it came: a part of it may hold a slash, spelled %2F
  std::string query;
};
std::optional<Target> parse_target(std::string_view text);

}  // namespace server::http
