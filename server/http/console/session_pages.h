// POST, GET and DELETE /session: log in to the console, ask for the session, log out.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/http/console/sessions.h"
#include "server/http/routes.h"

namespace server::http {

// Facts about the server that the console shows.
struct ConsoleServer {
  std::string id;  // id of the cluster, or of the data directory
  std::optional<int> node = {};
  // The addresses of the listeners: {"pg", {"127.0.0.1:7432"}}.
  std::vector<std::pair<std::string, std::vector<std::string>>> listeners = {};
};
// The rights of a user that the console needs, to hide actions that the server would refuse.
struct ConsoleRights {
  bool is_superuser = false;  // the user may manage users
  bool has_all = false;       // the user has rights on everything: registry, REST proxy, metrics
  bool may_create = false;    // the user may create streams, tables and topics
  bool may_connect = false;   // the user may create, change and drop connectors
};
struct SessionView {
  Sessions& sessions;  // outlives the routes
  std::function<ConsoleServer()> server;
  std::function<ConsoleRights(const std::string& user)> rights;
};

// The guard checks the user of these routes (guard.h).
void add_session_pages(Routes& routes, const SessionView& view);

}  // namespace server::http
