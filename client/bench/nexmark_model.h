// The events of Nexmark, a benchmark of streaming queries over an auction house: one of fifty events is a person, three
// are auctions, and 46 are bids.
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

// An event is a function of the seed and of its number; the existing ids follow from the number alone. Most bids are
// for an auction that is hot at the time, and from a hot bidder; most auctions have a hot seller. A few references are
// to ids just beyond the existing ones.
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
