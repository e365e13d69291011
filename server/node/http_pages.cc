#include "server/node/http_pages.h"

#include <algorithm>

namespace server {

std::vector<http::QueryPlace> query_places(const MetadataImage& image) {
  std::vector<http::QueryPlace> places;
  for (const auto& [id, defined] : image.queries()) {
    if (defined->query->kind == engine::QueryKind::SourceTable) continue;
    http::QueryPlace& place = places.emplace_back();
    place.query_id = id;
    if (defined->plan->materialization)
      place.stores.emplace_back("Aggregate-Aggregate-Materialize");
    for (const std::string& name : defined->query->sources) {
      const engine::DataSource* source = image.catalog->find_source(name);
      const storage::TopicInfo* topic = source ? image.topics->find(source->topic) : nullptr;
      if (!topic) continue;
      for (int32_t i = 0; i < topic->partition_count; ++i)
        place.partitions.push_back({topic->name, i});
    }
  }
  return places;
}

}  // namespace server
