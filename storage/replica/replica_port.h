// What replicas need from the node that they live on.
#pragma once
#include <functional>

#include "storage/replica/replica_messages.h"

namespace storage {

// Messages may get lost, come late, twice, and in another order. Threads: post() from any; the rest on the
// replicas' loop.
class ReplicaPort {
 public:
  virtual ~ReplicaPort() = default;
  virtual void send(NodeId to, ReplicaFetch fetch) = 0;
  virtual void send(NodeId to, ReplicaFetched fetched) = 0;
  // Whether so much waits on the way to a node already that what is read for it now would only wait, too.
  virtual bool has_room(NodeId /*to*/) const { return true; }
  // What lies from there on is needed here, whatever the leader has trimmed. Not for ever: what its leader does not have a
  // follower has no use for once it begins anew.
  virtual Offset first_needed(const TopicPartition& /*partition*/) { return Offset{INT64_MAX}; }
  // To the controller, whoever that is. No answer: the metadata tells what became of it.
  virtual void propose(IsrProposal proposal) = 0;
  // This node leads the partition from now on, under one epoch; then, it does so no more.
  virtual void leads(const TopicPartition& partition) = 0;
  virtual void leads_no_more(const TopicPartition& partition) = 0;
  // Runs it on the replicas' loop, soon.
  virtual void post(std::function<void()> work) = 0;
};

}  // namespace storage
