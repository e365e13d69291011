// Appends records of clients on the thread of the client's loop.
#pragma once
#include "server/net/loop.h"
#include "storage/log/log.h"

namespace server {

// Appends as Log::try_append() does. If the log is otherwise unused, the loop `here` writes the
// record itself as soon as the loop is idle (docs/adr/0069). Threads: any; only a call on the
// thread of `here` can use the short path.
bool try_append(Loop& here, storage::Log& log, storage::AppendRequest& request,
                storage::AppendDone& done);

}  // namespace server
