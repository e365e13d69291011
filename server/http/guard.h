// Admits only authenticated requests: HTTP's Basic authentication with SQL's users, and the console's sessions.
#pragma once
#include <functional>

#include "server/auth/access.h"
#include "server/http/routes.h"

namespace server::http {

class Sessions;

// The parts of the server that a guard uses. All of them outlive the routes.
struct GuardView {
  const auth::Access& access;
  // Runs work on another thread; returns false if the queue is full.
  std::function<bool(std::function<void()> work)> run_aside;
  // The console's sessions, whose cookies authorise requests; null: no console.
  Sessions* sessions = nullptr;
};

// Applies the access file's rules for `http` to each route. Public routes are excepted: /healthz
// and /readyz, which monitoring uses without a password, and the files of the console. If there are
// neither rules nor sessions, the routes are returned unchanged. If a console may only read, its
// requests that change something are refused; for a route that runs SQL statements, the SQL session
// decides this for each statement.
//
// Request::user of an admitted request is the name of its user. The digest of a correct password is
// cached, so that later requests cost less than the first.
Routes guarded(Routes routes, GuardView view);

}  // namespace server::http
