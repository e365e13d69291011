#include "server/kafka/join_order.h"

#include <algorithm>

namespace server::kafka {

uint64_t JoinOrder::enter(const Lane& lane) {
  lanes_[lane].push_back({++last_});
  return last_;
}

void JoinOrder::settle(const Lane& lane, uint64_t place, std::function<void()> settle) {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return;
  std::deque<Place>& places = found->second;
  const auto own = std::ranges::find(places, place, &Place::number);
  if (own == places.end()) return;
  own->settle = std::move(settle);
  std::deque<Place> ready;
  while (!places.empty() && places.front().settle) {
    ready.push_back(std::move(places.front()));
    places.pop_front();
  }
  if (places.empty()) lanes_.erase(found);
  for (const Place& each : ready) each.settle();
}

}  // namespace server::kafka
