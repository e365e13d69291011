// Admits only authenticated requests: HTTP's Basic authentication with SQL's users.
#pragma once
#include <functional>

#include "server/auth/access.h"
#include "server/http/routes.h"

namespace server::http {

// The parts of the server that a guard uses. All of them outlive the routes.
struct GuardView {
  const auth::Access& access;
  // Runs work on another thread; returns false if the queue is full.
  std::function<bool(std::function<void()> work)> run_aside;
};

// Puts the access file's rules for `http` in front of each route, except /healthz and /readyz,
// which monitoring uses without a password. Without rules the routes are unchanged.
//
// An admitted request carries the name of its user. The digest of a correct password is cached, so
// that later requests cost less than the first.
Routes guarded(Routes routes, GuardView view);

}  // namespace server::http
