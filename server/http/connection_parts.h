// Functions that both versions of HTTP use for a connection.
#pragma once
#include "base/clock.h"
#include "base/memory_budget.h"
#include "server/http/gate.h"
#include "server/http/limits.h"
#include "server/http/routes.h"
#include "server/net/client_session.h"
#include "server/net/loop.h"

namespace server::http {

// All parts outlive the connection.
struct ConnectionParts {
  SessionHost& host;
  const Routes& routes;
  const Limits& limits;
  Loop& loop;
  size_t shard;
  const Clock& clock;
  MemoryAccount* memory;              // null in some tests
  const Channel* channel = nullptr;   // null in some tests
  const RequestGate* gate = nullptr;  // null in some tests
};

// Formats a time for the Date header: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(int64_t wall_ms);

// The target of a request, such as /topics/a?limit=1, or a whole URL (from a proxy). parse_target() returns nothing if
// it is invalid.
struct Target {
  std::string path;          // the path after percent-decoding
  std::string encoded_path;  // as received: a part may contain a slash, encoded as %2F
  std::string query;
};
std::optional<Target> parse_target(std::string_view text);

}  // namespace server::http
