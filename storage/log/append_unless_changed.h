// Appends of records that were computed from earlier reads. They succeed only while the reads are
// current.
#pragma once
#include "storage/log/log.h"
#include "storage/log/unchanged.h"

namespace storage {

// The most bytes after `since` that are searched for the keys. If more bytes were appended, the
// caller must read again.
inline constexpr size_t kMostBytesSince = 1 << 20;

// Appends with acks=all. Fails with ObjectState, without writing anything, if a record of one of
// the keys lies at `since` or later. The check runs within the commit that appends, after
// everything before it, so no other request and no other leader can come in between. Batches that
// were appended already (duplicates) are not checked again. The queue for these requests has no
// limit, so the caller waits for the answer before it sends more.
//
// Threads: any, like Log's.
void append_unless_changed(Log& log, AppendRequest request, Unchanged unchanged, AppendDone done);

}  // namespace storage
