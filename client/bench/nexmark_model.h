// The events of Nexmark, a benchmark of streaming queries about an auction house. In fifty events
// there are one person, three auctions and 46 bids.
#pragma once
#include <cstdint>
#include <string>

#include "base/random.h"

namespace client {

struct NexmarkSettings {
  uint64_t seed = 1;
  int64_t first_time_ms = 1'436'918'400'000;  // 2015-07-15, as in other implementations
  int64_t events_per_second = 10'000;         // events per second of event time
};

enum class NexmarkKind : uint8_t { Person, Auction, Bid };

struct NexmarkEvent {
  NexmarkKind kind;
  int64_t id;         // id of the person or auction; for a bid, id of its auction
  std::string value;  // a JSON object
};

// An event depends only on the seed and on its number; the ids that exist depend only on the
// number. Most bids are for an auction that is hot at the time, and are made by a hot bidder; most
// auctions have a hot seller. A few events refer to ids that will exist only a little later.
class NexmarkModel {
 public:
  explicit NexmarkModel(const NexmarkSettings& settings) : settings_(settings) {}
  NexmarkEvent event(int64_t number) const;

 private:
  int64_t time_ms(int64_t number) const {
    return settings_.first_time_ms + number * 1'000 / settings_.events_per_second;
  }
  std::string person(int64_t number, Random& random) const;
  std::string auction(int64_t number, Random& random) const;
  std::string bid(int64_t number, int64_t auction, Random& random) const;

  const NexmarkSettings settings_;
};

}  // namespace client
