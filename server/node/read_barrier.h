// "A session reads its own writes": waits until the tasks behind a table have passed what the
// session wrote.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/node/node_session.h"

namespace server {

// Calls `passed` on the shard's loop, once: when every record that the session wrote, and
// everything that queries made of it on the way to the table, is in the table, durably; at once
// when the table does not depend on any of it. With an error when a query on the way has failed.
// The caller bounds the waiting.
void wait_for_written(NodeParts& parts, Shard& shard, WorldPtr world, const DefinedQuery& keeper,
                      const WrittenEnds& written, std::function<void(Status)> passed);

}  // namespace server
