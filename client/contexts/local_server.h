// Starts and stops a server for the user, which runs in the background on this machine with its own
// data directory.
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"
#include "client/contexts/contexts.h"

namespace client {

// Starts a server on the data directory of the context, and waits until it is ready. Sets the
// addresses and the process id in the context. For an address that is empty, the server gets the
// usual port or, if that is in use, any free port. Clients need the user and the password of the
// context. Fails with StorageFailure, or with the reason that the server has logged.
Status start_server(Context& context);

// Returns whether the process of the context is running and is a server on its data directory.
bool is_running(const Context& context);

// Asks the server to end, and waits until its process has ended.
Status stop_server(Context& context);

}  // namespace client
