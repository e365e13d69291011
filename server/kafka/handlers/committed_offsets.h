// Code that is shared by the two requests that commit offsets: OffsetCommit, which takes effect
// immediately, and TxnOffsetCommit, which takes effect with a transaction.
#pragma once
#include <utility>

#include "server/coordinator/group_messages.h"
#include "server/kafka/handler.h"

namespace server::kafka {

// Moves the offsets from the request to `commit`.
template <class Request>
void take_offsets(Request& request, coordinator::CommitOffsets& commit) {
  for (auto& topic : request.topics) {
    auto& [name, partitions] = commit.topics.emplace_back();
    name = std::move(topic.name);
    for (auto& each : topic.partitions)
      partitions.push_back({each.partition_index, each.committed_offset,
                            each.committed_leader_epoch,
                            std::move(each.committed_metadata).value_or("")});
  }
}

template <class Response>
coordinator::Done<coordinator::CommittedOffsets> answering(const Reply<Response>& reply) {
  return [reply](coordinator::CommittedOffsets committed) {
    Response response;
    for (auto& [name, partitions] : committed.topics) {
      auto& topic = response.topics.emplace_back();
      topic.name = std::move(name);
      for (const auto& each : partitions) topic.partitions.push_back({each.partition, each.error});
    }
    reply.send(response);
  };
}

}  // namespace server::kafka
