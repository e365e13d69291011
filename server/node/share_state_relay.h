// Sends requests about the state of share groups to the nodes that coordinate the groups.
#pragma once
#include <functional>
#include <string>
#include <utility>

#include "server/coordinator/groups.h"
#include "server/coordinator/share_state_calls.h"
#include "server/kafka/backend.h"
#include "server/net/loop.h"
#include "server/node/kafka_part.h"

namespace server {

// Threads: one loop. Owner: the coordinators of groups; the arguments outlive it.
class ShareStateRelay final : public coordinator::ShareStateCalls {
 public:
  ShareStateRelay(Loop& loop, kafka::Backend& backend, KafkaPart& cluster)
      : loop_(loop), backend_(backend), cluster_(cluster) {}

  // Sets the coordinators of this node. Call it before the first request.
  void set_groups(coordinator::Groups& groups) { groups_ = &groups; }

  void read(PartitionId partition, coordinator::ReadShareState request,
            coordinator::Done<coordinator::ShareStateRead> done) override;
  void write(PartitionId partition, coordinator::WriteShareState request,
             coordinator::Done<coordinator::ShareStateWritten> done) override;
  std::pair<int32_t, int32_t> find(PartitionId partition) const override;

 private:
  // Sends the request to the leader of the partition: to the coordinators of this node, or as a message of Kafka's
  // protocol to another node.
  template <class Response, class Request>
  void ask(PartitionId partition, Request request,
           coordinator::Done<typename Request::Answer> done);

  Loop& loop_;
  kafka::Backend& backend_;
  KafkaPart& cluster_;
  coordinator::Groups* groups_ = nullptr;
};

}  // namespace server
