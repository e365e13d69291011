// Records that were made of what somebody has read: they are appended as long as that is the newest.
#pragma once
#include "storage/log/log.h"
#include "storage/log/unchanged.h"

namespace storage {

// Of what came since so much is looked at; who has read longer ago reads again.
inline constexpr size_t kMostBytesSince = 1 << 20;

// Appends with acks=all, unless a record of one of these keys lies at `since` or later: fails with ObjectState then, and
// has written nothing. That is looked at in the commit that appends, behind all that comes before it: neither another
// request nor another leader comes in between. Batches that are there already are not looked at again. Unbounded, the caller waits for the answer
// before it asks for more. Threads: as Log's.
void append_unless_changed(Log& log, AppendRequest request, Unchanged unchanged, AppendDone done);

}  // namespace storage
