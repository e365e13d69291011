// The interface through which replicas use their node.
#pragma once
#include <functional>

#include "storage/replica/replica_messages.h"

namespace storage {

// Messages may be lost, duplicated, delayed and reordered. Threads: post() from any; the other
// methods on the replicas' loop.
class ReplicaPort {
 public:
  virtual ~ReplicaPort() = default;
  virtual void send(NodeId to, ReplicaFetch fetch) = 0;
  virtual void send(NodeId to, ReplicaFetched fetched) = 0;
  // Returns whether the queue of messages to the node has space. If it has none, batches that are
  // read for this node now would only fill memory.
  virtual bool has_room(NodeId /*to*/) const { return true; }
  // For a journal of tasks: returns the offset of the first record that this node has not applied
  // yet. A follower keeps the records from this offset on even if the leader has trimmed them,
  // unless the follower restarts at the leader's log start. For other partitions: returns
  // INT64_MAX, because nothing has to be kept.
  virtual Offset first_needed(const TopicPartition& /*partition*/) { return Offset{INT64_MAX}; }
  // Sends the proposal to the current controller. No answer is sent: the outcome appears in newer
  // metadata.
  virtual void propose(IsrProposal proposal) = 0;
  // Called when this node begins to lead the partition under a new leader epoch. It leads until
  // leads_no_more() is called.
  virtual void leads(const TopicPartition& partition) = 0;
  virtual void leads_no_more(const TopicPartition& partition) = 0;
  // Runs `work` on the replicas' loop, soon.
  virtual void post(std::function<void()> work) = 0;
};

}  // namespace storage
