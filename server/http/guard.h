// Lets only those through who have shown who they are: HTTP's Basic, over the users that SQL has too.
#pragma once
#include <functional>

#include "server/auth/access.h"
#include "server/http/routes.h"

namespace server::http {

// What a guard needs of the server. All of it outlives the routes.
struct GuardView {
  const auth::Access& access;
  // Runs it on another thread; false when too much waits there.
  std::function<bool(std::function<void()> work)> run_aside;
};

// The routes, each behind the access file's rules for `http`; but those to which anybody may come, so that whoever
// watches a server needs no password: /healthz and /readyz. Without rules they stay as they are.
//
// A request that is let in has its user's name. A password that was right is remembered for some minutes, by a digest, so
// that not every request costs as much as the first.
Routes guarded(Routes routes, GuardView view);

}  // namespace server::http
