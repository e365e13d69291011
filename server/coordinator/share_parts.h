// Finds the parts of an answer to ShareFetch by partition.
#pragma once
#include <map>

#include "server/coordinator/share_messages.h"

namespace server::coordinator {

// Uses a map, because a request can name very many partitions.
class Parts {
 public:
  explicit Parts(ShareFetched& answer) : answer_(answer) {
    for (size_t i = 0; i < answer.partitions.size(); ++i) places_[answer.partitions[i].id] = i;
  }
  ShareFetched::Partition& of(const TopicIdPartition& id) {
    const auto [place, is_new] = places_.emplace(id, answer_.partitions.size());
    if (is_new) answer_.partitions.push_back({.id = id});
    return answer_.partitions[place->second];
  }

 private:
  ShareFetched& answer_;
  std::map<TopicIdPartition, size_t> places_;
};

}  // namespace server::coordinator
