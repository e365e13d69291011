#include "server/coordinator/share_partition.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"

namespace server::coordinator {

namespace {

using Batches = std::vector<SharedLog::Batch>;
using Lent = std::vector<AcquiredRecords>;

uint64_t below(Random& random, uint64_t end) { return random.next() % end; }

class SharePartitionTest : public testing::Test {
 protected:
  SharePartitionTest() { state.begin_at(0); }

  // Acquires records from a log with batches of ten records, up to `end`.
  Lent lend(const std::string& member, int64_t records, int64_t end, bool is_strict = false,
            int64_t batch_size = 1'000) {
    SharePartition::Wish wish{.records = records,
                              .is_strict = is_strict,
                              .batch_size = batch_size,
                              .holder = std::make_shared<const std::string>(member),
                              .expires_us = now_us + 30};
    Lent all;
    int64_t from = state.start();
    while (wish.records > 0) {
      const auto next = state.next(from, end, limits);
      if (!next) break;
      Batches batches;
      for (int64_t first = *next / 10 * 10; first < end; first += 10)
        batches.push_back({first, first + 9, 100, true});
      const Lent more = state.acquire(wish, *next, batches, limits);
      all.insert(all.end(), more.begin(), more.end());
      from = end;
    }
    return all;
  }
  KafkaError say(const std::string& member, int64_t first, int64_t last, Acknowledgement type,
                 bool may_renew = false) {
    return state.acknowledge(member, {{first, last, {static_cast<int8_t>(type)}}}, may_renew,
                             now_us + 60, limits);
  }
  RecordState state_of(int64_t offset) const {
    const auto& ranges = state.ranges();
    return std::prev(ranges.upper_bound(offset))->second.state;
  }

  SharePartition state;
  ShareLimits limits{.most_in_flight = 100, .most_deliveries = 3};
  int64_t now_us = 1'000;
};

TEST_F(SharePartitionTest, a_record_is_lent_to_one) {
  EXPECT_EQ(lend("a", 10, 50), (Lent{{0, 9, 1}}));
  EXPECT_EQ(lend("b", 10, 50), (Lent{{10, 19, 1}}));
  EXPECT_EQ(lend("a", 100, 50), (Lent{{20, 49, 1}}));
  EXPECT_TRUE(lend("b", 10, 50).empty());
}

TEST_F(SharePartitionTest, finished_records_leave_the_window) {
  lend("a", 10, 50);
  lend("b", 10, 50);
  EXPECT_EQ(say("b", 10, 19, Acknowledgement::Accept), KafkaError::None);
  EXPECT_EQ(state.start(), 0) << "those before are not done";
  EXPECT_EQ(state.done_in_window(), 10);
  EXPECT_EQ(say("a", 0, 9, Acknowledgement::Accept), KafkaError::None);
  EXPECT_EQ(state.start(), 20);
  EXPECT_TRUE(state.ranges().empty());
}

TEST_F(SharePartitionTest, a_member_cannot_acknowledge_records_of_another) {
  lend("a", 10, 50);
  EXPECT_EQ(say("b", 0, 9, Acknowledgement::Accept), kInvalidRecordState);
  EXPECT_EQ(say("a", 5, 15, Acknowledgement::Accept), kInvalidRecordState) << "some was not lent";
  EXPECT_EQ(say("a", 1'000'000, INT64_MAX - 1, Acknowledgement::Accept), kInvalidRecordState);
  EXPECT_EQ(say("a", 3, 4, Acknowledgement::Accept), KafkaError::None);
  EXPECT_EQ(say("a", 3, 4, Acknowledgement::Accept), kInvalidRecordState) << "twice";
  EXPECT_EQ(state_of(0), RecordState::Acquired) << "what was refused has changed nothing";
}

TEST_F(SharePartitionTest, invalid_acknowledgements_are_refused) {
  lend("a", 10, 50);
  const auto refused = [&](std::vector<AcknowledgedBatch> batches) {
    return state.acknowledge("a", batches, false, 0, limits) == KafkaError::InvalidRequest;
  };
  EXPECT_TRUE(refused({{5, 4, {1}}}));
  EXPECT_TRUE(refused({{-1, 4, {1}}}));
  EXPECT_TRUE(refused({{0, INT64_MAX, {1}}}));
  EXPECT_TRUE(refused({{0, 4, {}}}));
  EXPECT_TRUE(refused({{0, 4, {1, 1}}})) << "neither one nor all";
  EXPECT_TRUE(refused({{0, 4, {5}}}));
  EXPECT_TRUE(refused({{0, 4, {-1}}}));
  EXPECT_TRUE(refused({{0, 4, {4}}})) << "it may not renew";
  EXPECT_TRUE(refused({{4, 5, {1}}, {5, 6, {1}}})) << "they overlap";
  EXPECT_TRUE(refused({{4, 5, {1}}, {0, 1, {1}}})) << "not in order";
}

TEST_F(SharePartitionTest, each_record_has_a_verdict_of_its_own) {
  lend("a", 10, 10);
  ASSERT_EQ(state.acknowledge("a", {{0, 4, {0, 1, 2, 3, 1}}}, false, 0, limits), KafkaError::None);
  EXPECT_EQ(state.start(), 2) << "a gap and what was accepted are done";
  EXPECT_EQ(state_of(2), RecordState::Available);
  EXPECT_EQ(state_of(3), RecordState::Archived);
  EXPECT_EQ(state_of(4), RecordState::Acknowledged);
  EXPECT_EQ(state_of(5), RecordState::Acquired);
  EXPECT_EQ(lend("b", 10, 10), (Lent{{2, 2, 2}})) << "the second time";
}

TEST_F(SharePartitionTest, unacknowledged_records_are_given_again) {
  lend("a", 10, 10);
  EXPECT_EQ(state.next_expiry_us(), now_us + 30);
  EXPECT_FALSE(state.expire(now_us + 29, limits));
  EXPECT_TRUE(state.expire(now_us + 30, limits));
  EXPECT_EQ(say("a", 0, 9, Acknowledgement::Accept), kInvalidRecordState) << "too late";
  EXPECT_EQ(lend("b", 10, 10), (Lent{{0, 9, 2}}));
}

TEST_F(SharePartitionTest, a_renewal_extends_the_lock) {
  lend("a", 10, 10);
  ASSERT_EQ(say("a", 0, 4, Acknowledgement::Renew, true), KafkaError::None);
  EXPECT_TRUE(state.expire(now_us + 30, limits));
  EXPECT_EQ(state_of(4), RecordState::Acquired);
  EXPECT_EQ(state_of(5), RecordState::Available);
  EXPECT_EQ(state.next_expiry_us(), now_us + 60);
}

TEST_F(SharePartitionTest, attempts_for_a_record_are_bounded) {
  for (int16_t count = 1; count <= 3; ++count) {
    EXPECT_EQ(lend("a", 10, 10), (Lent{{0, 9, count}}));
    ASSERT_EQ(say("a", 0, 9, Acknowledgement::Release), KafkaError::None);
  }
  EXPECT_EQ(state.start(), 10) << "nobody gets it any more";
  EXPECT_TRUE(lend("a", 10, 10).empty());
}

TEST_F(SharePartitionTest, a_member_that_leaves_cleanly_has_not_used_an_attempt) {
  lend("a", 10, 20);
  lend("b", 10, 20);
  EXPECT_TRUE(state.release("a", false, limits));
  EXPECT_FALSE(state.release("a", false, limits));
  EXPECT_TRUE(state.release("b", true, limits));
  EXPECT_EQ(lend("c", 20, 20), (Lent{{0, 9, 1}, {10, 19, 2}}));
}

TEST_F(SharePartitionTest, the_window_is_bounded) {
  EXPECT_EQ(lend("a", 1'000'000, 1'000), (Lent{{0, 99, 1}}));
  ASSERT_EQ(say("a", 50, 99, Acknowledgement::Accept), KafkaError::None);
  EXPECT_TRUE(lend("a", 10, 1'000).empty()) << "the first is not done";
  ASSERT_EQ(say("a", 0, 3, Acknowledgement::Release), KafkaError::None);
  EXPECT_EQ(lend("b", 10, 1'000), (Lent{{0, 3, 2}})) << "what has come back is lent";
  ASSERT_EQ(say("b", 0, 3, Acknowledgement::Accept), KafkaError::None);
  EXPECT_EQ(lend("b", 100, 1'000), (Lent{{100, 103, 1}}));
}

TEST_F(SharePartitionTest, a_batch_larger_than_the_window_is_lent_in_parts) {
  SharePartition::Wish wish{.records = 1, .holder = std::make_shared<const std::string>("a")};
  EXPECT_EQ(state.acquire(wish, 0, {{0, 999'999, 100, true}}, limits), (Lent{{0, 99, 1}}));
  ASSERT_EQ(say("a", 0, 99, Acknowledgement::Accept), KafkaError::None);
  EXPECT_EQ(state.next(0, 1'000'000, limits), 100);
}

TEST_F(SharePartitionTest, a_strict_member_gets_no_more_than_it_wishes) {
  EXPECT_EQ(lend("a", 3, 50, true), (Lent{{0, 2, 1}}));
  EXPECT_EQ(lend("b", 9, 50, true), (Lent{{3, 11, 1}}));
  ASSERT_EQ(say("a", 0, 2, Acknowledgement::Release), KafkaError::None);
  EXPECT_EQ(lend("b", 2, 50, true), (Lent{{0, 1, 2}}));
  EXPECT_EQ(lend("c", 3, 50), (Lent{{2, 2, 2}, {12, 19, 1}})) << "others get batches to their end";
}

TEST_F(SharePartitionTest, records_are_listed_in_batches_of_the_requested_size) {
  EXPECT_EQ(lend("a", 50, 50, false, 20), (Lent{{0, 19, 1}, {20, 39, 1}, {40, 49, 1}}));
}

TEST_F(SharePartitionTest, markers_and_removed_records_are_skipped) {
  SharePartition::Wish wish{
      .records = 100, .batch_size = 1'000, .holder = std::make_shared<const std::string>("a")};
  const Batches batches = {{0, 4, 10, true}, {5, 5, 10, false}, {8, 9, 10, true}};
  EXPECT_EQ(state.acquire(wish, 0, batches, limits), (Lent{{0, 4, 1}, {8, 9, 1}}));
  EXPECT_EQ(state_of(5), RecordState::Archived);
  EXPECT_EQ(state_of(7), RecordState::Archived);
  ASSERT_EQ(say("a", 0, 4, Acknowledgement::Accept), KafkaError::None);
  EXPECT_EQ(state.start(), 8);
}

TEST_F(SharePartitionTest, records_that_compaction_removes_meanwhile_are_finished) {
  lend("a", 10, 10);
  ASSERT_EQ(say("a", 0, 9, Acknowledgement::Release), KafkaError::None);
  SharePartition::Wish wish{
      .records = 100, .batch_size = 1'000, .holder = std::make_shared<const std::string>("a")};
  EXPECT_EQ(state.acquire(wish, 0, {{6, 7, 10, true}}, limits), (Lent{{6, 7, 2}}));
  state.archive_gap(8, 10);
  EXPECT_EQ(state.start(), 6);
  ASSERT_EQ(say("a", 6, 7, Acknowledgement::Accept), KafkaError::None);
  EXPECT_EQ(state.start(), 10);
}

TEST_F(SharePartitionTest, retention_moves_the_start) {
  lend("a", 30, 50);
  state.move_start(15);
  EXPECT_EQ(state.start(), 15);
  EXPECT_EQ(say("a", 0, 29, Acknowledgement::Accept), KafkaError::None) << "the rest is its own";
  EXPECT_EQ(state.start(), 30);
  state.move_start(1'000);
  EXPECT_EQ(state.start(), 1'000);
  EXPECT_EQ(state.end(), 1'000);
  state.move_start(10);
  EXPECT_EQ(state.start(), 1'000);
}

TEST_F(SharePartitionTest, the_stored_state_equals_the_acknowledged_one) {
  lend("a", 30, 50);
  ASSERT_EQ(state.acknowledge("a", {{5, 7, {1, 2, 3}}}, false, 0, limits), KafkaError::None);
  SharePartition other;
  other.restore(state.start(), state.kept(state.start(), state.end()));
  EXPECT_EQ(other.start(), 0);
  const SharePartition::Kept kept = other.kept(0, 100);
  ASSERT_EQ(kept.size(), 5u);
  EXPECT_EQ(kept[0].second.state, RecordState::Available);
  EXPECT_EQ(kept[0].second.delivery_count, 0) << "a loan does not outlive a restart";
  EXPECT_EQ(kept[1].second.state, RecordState::Acknowledged);
  EXPECT_EQ(kept[2].second.delivery_count, 1);
  EXPECT_EQ(kept[3].second.state, RecordState::Archived);
}

// After any sequence of operations: the ranges cover the window, each record is lent to one member, and the recorded
// changes restore the same state as a full copy.
TEST_F(SharePartitionTest, chaos) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    state = {};
    state.begin_at(0);
    SharePartition mirror;
    mirror.restore(0, {});
    state.forget_changes();
    std::map<int64_t, std::string> held;
    std::set<int64_t> done;
    int64_t end = 0;
    for (int step = 0; step < 150; ++step) {
      const std::string member(1, static_cast<char>('a' + below(random, 3)));
      switch (below(random, 7)) {
        case 0:
          end += 10 * static_cast<int64_t>(below(random, 5));
          break;
        case 1:
        case 2:
          for (const AcquiredRecords& each : lend(
                   member, static_cast<int64_t>(below(random, 30)) + 1, end, below(random, 2) == 0))
            for (int64_t at = each.first; at <= each.last; ++at) {
              ASSERT_TRUE(held.emplace(at, member).second) << "lent twice, seed " << seed;
              ASSERT_FALSE(done.contains(at)) << "lent after it was done, seed " << seed;
            }
          break;
        case 3:
        case 4: {
          const int64_t first = state.start() + static_cast<int64_t>(below(random, 40));
          const int64_t last = first + static_cast<int64_t>(below(random, 12));
          const auto type = static_cast<Acknowledgement>(below(random, 4));
          bool is_own = true;
          for (int64_t at = first; at <= last; ++at)
            is_own &= held.contains(at) && held[at] == member;
          ASSERT_EQ(say(member, first, last, type) == KafkaError::None, is_own) << seed;
          for (int64_t at = first; is_own && at <= last; ++at) {
            held.erase(at);
            if (type != Acknowledgement::Release) done.insert(at);
          }
          break;
        }
        case 5:
          state.release(member, below(random, 2) == 0, limits);
          std::erase_if(held, [&](const auto& each) { return each.second == member; });
          break;
        case 6:
          now_us += static_cast<int64_t>(below(random, 20));
          state.expire(now_us, limits);
          std::erase_if(held, [&](const auto& each) {
            return each.first < state.start() || state_of(each.first) != RecordState::Acquired;
          });
          break;
      }
      int64_t at = state.start();
      const SharePartition::Range* before = nullptr;
      for (const auto& [first, range] : state.ranges()) {
        ASSERT_EQ(first, at) << seed;
        ASSERT_GT(range.end, first);
        ASSERT_EQ(range.holder != nullptr, range.state == RecordState::Acquired);
        ASSERT_TRUE(!before || before->state != range.state || before->holder != range.holder ||
                    before->delivery_count != range.delivery_count)
            << "not merged, seed " << seed;
        before = &range;
        at = range.end;
      }
      ASSERT_EQ(at, state.end());
      ASSERT_LE(state.end() - state.start(), limits.most_in_flight);
      if (below(random, 4) == 0 && state.has_changed()) {
        SharePartition::Kept changed;
        for (const SharePartition::Change& each : state.changes())
          for (const auto& part : state.kept(each.first, each.end)) changed.push_back(part);
        mirror.restore_change(state.start(), changed);
        state.forget_changes();
        for (int64_t offset = state.start(); offset < mirror.end(); ++offset) {
          const auto one = state.kept(offset, offset + 1), other = mirror.kept(offset, offset + 1);
          ASSERT_EQ(one.size(), 1u);
          ASSERT_EQ(one[0].second.state, other.at(0).second.state) << seed << " at " << offset;
          ASSERT_EQ(one[0].second.delivery_count, other[0].second.delivery_count)
              << seed << " at " << offset;
        }
      }
    }
  }
}

}  // namespace

}  // namespace server::coordinator
