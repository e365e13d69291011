// Services that replicas need from their node.
#pragma once
#include <functional>

#include "storage/replica/replica_messages.h"

namespace storage {

// Messages may get lost, duplicated, delayed and reordered. Threads: post() from any; the other
// methods on the replicas' loop.
class ReplicaPort {
 public:
  virtual ~ReplicaPort() = default;
  virtual void send(NodeId to, ReplicaFetch fetch) = 0;
  virtual void send(NodeId to, ReplicaFetched fetched) = 0;
  // Returns whether the send queue of the node has space. Without space, batches that are read now
  // would only wait.
  virtual bool has_room(NodeId /*to*/) const { return true; }
  // Returns the first offset of the records that this node needs, even if the leader has trimmed
  // them. The need ends when the follower restarts at its leader's log start.
  virtual Offset first_needed(const TopicPartition& /*partition*/) { return Offset{INT64_MAX}; }
  // Sends the proposal to the current controller. There is no answer: newer metadata shows the
  // outcome.
  virtual void propose(IsrProposal proposal) = 0;
  // Notes that this node leads the partition from now on, under one epoch, until leads_no_more().
  virtual void leads(const TopicPartition& partition) = 0;
  virtual void leads_no_more(const TopicPartition& partition) = 0;
  // Runs `work` on the replicas' loop, soon.
  virtual void post(std::function<void()> work) = 0;
};

}  // namespace storage
