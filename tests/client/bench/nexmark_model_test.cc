#include "client/bench/nexmark_model.h"

#include <gtest/gtest.h>

#include <map>

namespace client {
namespace {

TEST(NexmarkModel, fifty_events_contain_one_person_and_three_auctions) {
  const NexmarkModel model({});
  std::map<NexmarkKind, int> counts;
  int64_t next_person = 1'000, next_auction = 1'000;
  for (int64_t i = 0; i < 5'000; ++i) {
    const NexmarkEvent event = model.event(i);
    ++counts[event.kind];
    if (event.kind == NexmarkKind::Person) {
      EXPECT_EQ(event.id, next_person++);
    }
    if (event.kind == NexmarkKind::Auction) {
      EXPECT_EQ(event.id, next_auction++);
    }
    if (event.kind == NexmarkKind::Bid) {
      EXPECT_GE(event.id, 1'000);
      EXPECT_LT(event.id, next_auction + 10) << "a few lie ahead";
    }
  }
  EXPECT_EQ(counts[NexmarkKind::Person], 100);
  EXPECT_EQ(counts[NexmarkKind::Auction], 300);
  EXPECT_EQ(counts[NexmarkKind::Bid], 4'600);
}

TEST(NexmarkModel, the_seed_decides) {
  const NexmarkModel model({.seed = 7}), again({.seed = 7}), other({.seed = 8});
  EXPECT_EQ(model.event(123).value, again.event(123).value);
  EXPECT_NE(model.event(123).value, other.event(123).value);
}

TEST(NexmarkModel, time_goes_on_with_the_number) {
  const NexmarkModel model({.first_time_ms = 1'000, .events_per_second = 100});
  EXPECT_NE(model.event(0).value.find("\"date_time\":1000,"), std::string::npos);
  EXPECT_NE(model.event(50).value.find("\"date_time\":1500,"), std::string::npos);
}

}  // namespace
}  // namespace client
