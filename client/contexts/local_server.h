// A server that runs on this machine for its user, in the background, with its own data directory.
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"
#include "client/contexts/contexts.h"

namespace client {

// Starts a server on the context's data directory, and waits until it is ready; fills in the addresses and the process.
// An empty address gets the usual port if that is free, otherwise any free port. Clients need the context's user and
// password. Fails with StorageFailure, or with the reason that the server has logged.
Status start_server(Context& context);

// Returns whether the process that the context names is a server on its data directory.
bool is_running(const Context& context);

// Ends the server and waits until it has ended.
Status stop_server(Context& context);

}  // namespace client
