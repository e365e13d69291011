#include "server/sql/read/consistent_cut.h"

#include <algorithm>

namespace server {

std::shared_ptr<ConsistentCut> ConsistentCut::begin(std::vector<Shard*> shards,
                                                    std::vector<std::string> query_ids,
                                                    std::function<void()> standing) {
  std::ranges::sort(shards, {}, &Shard::number);
  const std::shared_ptr<ConsistentCut> cut(
      new ConsistentCut(std::move(shards), std::move(query_ids), std::move(standing)));
  cut->hold_from(0);
  return cut;
}

void ConsistentCut::hold_from(size_t index) {
  if (index == shards_.size()) return standing_();
  shards_[index]->post([weak = weak_from_this(), index] {
    if (const auto cut = weak.lock()) cut->hold(index);
  });
}

void ConsistentCut::hold(size_t index) {
  left_ = query_ids_.size();
  for (const std::string& query : query_ids_)
    shards_[index]->hold(query, this, [weak = weak_from_this(), index] {
      const auto cut = weak.lock();
      if (cut && --cut->left_ == 0) cut->hold_from(index + 1);
    });
}

// Releases the tasks on all shards. No shard gets a hold() after its release: each caller of hold()
// shares the ownership of this object, so the object is destroyed only after these calls.
ConsistentCut::~ConsistentCut() {
  for (Shard* shard : shards_)
    shard->post([shard, queries = query_ids_, holder = static_cast<const void*>(this)] {
      for (const std::string& query : queries) shard->release(query, holder);
    });
}

}  // namespace server
