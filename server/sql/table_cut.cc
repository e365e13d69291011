#include "server/sql/table_cut.h"

namespace server {

std::shared_ptr<TableCut> TableCut::begin(std::vector<Shard*> shards,
                                          std::vector<std::string> query_ids,
                                          std::function<void()> standing) {
  const std::shared_ptr<TableCut> cut(
      new TableCut(std::move(shards), std::move(query_ids), std::move(standing)));
  for (Shard* shard : cut->shards_)
    shard->post([shard, weak = cut->weak_from_this()] {
      if (const auto alive = weak.lock()) alive->hold(*shard);
    });
  return cut;
}

void TableCut::hold(Shard& shard) {
  for (const std::string& query : query_ids_)
    shard.hold(query, this, [weak = weak_from_this()] {
      const auto cut = weak.lock();
      if (cut && --cut->left_ == 0) cut->standing_();
    });
}

// Behind every hold() that has been called: whoever calls it shares the cut.
TableCut::~TableCut() {
  for (Shard* shard : shards_)
    shard->post([shard, queries = query_ids_, holder = static_cast<const void*>(this)] {
      for (const std::string& query : queries) shard->release(query, holder);
    });
}

}  // namespace server
