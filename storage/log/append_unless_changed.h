// Appends records that were computed from records that the caller has read before. The append fails
// if newer records have changed the basis of the computation.
#pragma once
#include "storage/log/log.h"
#include "storage/log/unchanged.h"

namespace storage {

// The check reads at most this many bytes of the records at `unchanged.since` or later. If more
// were appended, the append fails. The caller must then read the records again and repeat its
// computation.
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
