// Requests to the coordinators of share groups on all nodes of a cluster. server/node implements it.
#pragma once
#include <cstdint>
#include <utility>

#include "base/ids.h"
#include "server/coordinator/group_messages.h"
#include "server/coordinator/share_messages.h"

namespace server::coordinator {

// Each request goes to the leader of `partition` of __consumer_offsets, which may be this node. It is answered once, never
// within the call. If the leader cannot be reached, the answer has an error of the coordinator, such as
// CoordinatorNotAvailable; a change may have been stored nevertheless.
//
// Threads: one loop; it calls back there.
class ShareStateCalls {
 public:
  virtual ~ShareStateCalls() = default;
  virtual void read(PartitionId partition, ReadShareState request, Done<ShareStateRead> done) = 0;
  virtual void write(PartitionId partition, WriteShareState request,
                     Done<ShareStateWritten> done) = 0;
  // Returns the leader as (node, leader epoch), or (-1, ...) if none is known.
  virtual std::pair<int32_t, int32_t> find(PartitionId partition) const = 0;
};

}  // namespace server::coordinator
