// Appends records of a client on the thread of the client's event loop.
#pragma once
#include "server/net/loop.h"
#include "storage/log/log.h"

namespace server {

// Appends like Log::try_append(). If no other thread uses the log, the thread of the loop `here`
// writes the record itself, as soon as the loop has nothing else to do (docs/adr/0069). Threads:
// any. On a thread that does not run `here`, the log's writer always writes the record.
bool try_append(Loop& here, storage::Log& log, storage::AppendRequest& request,
                storage::AppendDone& done);

}  // namespace server
