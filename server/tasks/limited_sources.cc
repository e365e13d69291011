#include "server/tasks/limited_sources.h"

#include <algorithm>

namespace server {

Result<std::vector<engine::Polled>> LimitedSources::poll(
    std::span<const std::pair<engine::PartitionRef, Offset>> positions, size_t max_bytes) {
  if (!cuts_) return sources_.poll(positions, max_bytes);
  std::vector<engine::Polled> polled = TRY(sources_.poll(positions, max_bytes));
  for (size_t i = 0; i < polled.size(); ++i) {
    const auto cut = cuts_->find(positions[i].first);
    if (cut == cuts_->end() || !polled[i].status) continue;
    polled[i].readable_end = std::min(polled[i].readable_end, cut->second);
    std::erase_if(polled[i].batches,
                  [&](const engine::LogBatch& batch) { return batch.base_offset >= cut->second; });
  }
  return polled;
}

}  // namespace server
