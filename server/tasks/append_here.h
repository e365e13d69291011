// Appends of clients, from the thread of their loop.
#pragma once
#include "server/net/loop.h"
#include "storage/log/log.h"

namespace server {

// As Log::try_append(). Where nobody else uses the log, `here` writes it itself when it has nothing else to do: docs/adr/0069.
// Threads: any; only on that of `here` there is something to gain.
bool try_append(Loop& here, storage::Log& log, storage::AppendRequest& request,
                storage::AppendDone& done);

}  // namespace server
