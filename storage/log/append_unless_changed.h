// Appends records that were computed from earlier reads. Fails if other records have made these
// reads outdated.
#pragma once
#include "storage/log/log.h"
#include "storage/log/unchanged.h"

namespace storage {

// The check reads at most this many bytes of the records that were appended at `since` or later. If
// more were appended, the append fails, and the caller must read again.
inline constexpr size_t kMostBytesSince = 1 << 20;

// Appends `request` with acks=all. Fails with ObjectState, without writing anything, if a record
// with one of the request's keys was appended at `unchanged.since` or later, in the partitions that
// `unchanged` names. The check runs within the commit that appends, after all earlier requests. So
// neither another request nor another leader can append between the check and the append. If all
// batches of the request were appended already (duplicates), the check is omitted. The queue for
// these requests has no limit, so the caller waits for the answer before it sends more.
//
// Threads: any.
void append_unless_changed(Log& log, AppendRequest request, Unchanged unchanged, AppendDone done);

}  // namespace storage
