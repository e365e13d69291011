// "A session reads its own writes": waits until the tasks behind a table or a stream have passed
// what the session wrote.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/sql/session.h"

namespace server {

// Calls `passed` on the shard's loop, once: when every record that the session wrote, and
// everything that queries made of it on the way, has gone through these queries, durably; at once
// when they do not depend on any of it. With an error when a query on the way has failed. The
// caller bounds the waiting: when `interest` has expired nobody waits any more, and what waits at
// tasks is forgotten.
void wait_for_written(SqlParts& parts, Shard& shard, MetadataImagePtr image,
                      const std::vector<const DefinedQuery*>& queries, const SessionWrites& written,
                      std::weak_ptr<const void> interest, std::function<void(Status)> passed);

}  // namespace server
