#include "server/kafka/refused_batches.h"

#include <gtest/gtest.h>

#include "server/kafka/wire_errors.h"

using namespace server::kafka;

namespace {

constexpr KafkaError kNotLeader = KafkaError::NotLeaderOrFollower;

SequencedBatch batch(int32_t first_sequence, int64_t producer = 7, int32_t partition = 0) {
  return {{{}, PartitionId{partition}}, ProducerId{producer}, 0, first_sequence};
}

}  // namespace

TEST(RefusedBatches, batches_behind_a_refused_one_wait_until_it_is_repeated) {
  RefusedBatches refused;
  refused.refused(batch(10), kNotLeader, 0);
  EXPECT_EQ(refused.before(batch(12), 1), kNotLeader);
  EXPECT_EQ(refused.before(batch(10), 1), std::nullopt) << "itself";
  EXPECT_EQ(refused.before(batch(8), 1), std::nullopt) << "one before it";
  refused.taken(batch(8));
  EXPECT_EQ(refused.before(batch(12), 1), kNotLeader);
  refused.taken(batch(10));
  EXPECT_EQ(refused.before(batch(12), 1), std::nullopt);
  EXPECT_TRUE(refused.empty());
}

TEST(RefusedBatches, the_first_of_several_that_were_refused_counts) {
  RefusedBatches refused;
  refused.refused(batch(10), kNotLeader, 0);
  refused.refused(batch(12), KafkaError::NotEnoughReplicas, 1);
  EXPECT_EQ(refused.before(batch(12), 2), kNotLeader);
  refused.refused(batch(10), KafkaError::NotEnoughReplicas, 3);
  EXPECT_EQ(refused.before(batch(12), 4), KafkaError::NotEnoughReplicas) << "its last reason";
}

TEST(RefusedBatches, behind_the_first_of_a_producer_nothing_is_tried) {
  RefusedBatches refused;
  refused.refused(batch(0), kNotLeader, 0);
  refused.refused(batch(10, 8), kNotLeader, 0);
  EXPECT_EQ(refused.first_before(batch(1), 1), kNotLeader);
  EXPECT_EQ(refused.first_before(batch(12, 8), 1), std::nullopt) << "the log knows what is next";
}

// The refused batch was written through another leader long ago, and since then this node has
// accepted no batch of the producer. If later batches got the error for a wrong sequence,
// librdkafka would give up.
TEST(RefusedBatches, one_that_is_past_does_not_stand_for_a_new_one) {
  RefusedBatches refused;
  refused.refused(batch(10), kNotLeader, 0);
  const int64_t later = RefusedBatches::kRemembered_us + 1;
  refused.refused(batch(20), KafkaError::NotEnoughReplicas, later);
  EXPECT_EQ(refused.before(batch(22), later + 1), KafkaError::NotEnoughReplicas);
  EXPECT_EQ(refused.before(batch(12), later + 1), std::nullopt);
}

TEST(RefusedBatches, batches_behind_one_that_is_nearly_forgotten_wait_as_long_as_the_last_refused) {
  RefusedBatches refused;
  refused.refused(batch(0), kNotLeader, 0);
  const int64_t end = RefusedBatches::kRemembered_us;
  refused.refused(batch(20), kNotLeader, end - 1);
  EXPECT_EQ(refused.before(batch(22), end + 1), kNotLeader);
  EXPECT_EQ(refused.first_before(batch(22), end - 1), kNotLeader);
  EXPECT_EQ(refused.first_before(batch(22), end + 1), std::nullopt)
      << "the log knows by now what is next";
  EXPECT_EQ(refused.before(batch(22), 2 * end), std::nullopt);
}

TEST(RefusedBatches, sequences_begin_again_after_the_largest) {
  RefusedBatches refused;
  refused.refused(batch(INT32_MAX - 1), kNotLeader, 0);
  EXPECT_EQ(refused.before(batch(3), 1), kNotLeader);
  refused.taken(batch(3));
  EXPECT_TRUE(refused.empty());
}

TEST(RefusedBatches, others_are_not_concerned) {
  RefusedBatches refused;
  refused.refused(batch(10), kNotLeader, 0);
  EXPECT_EQ(refused.before(batch(12, 8), 1), std::nullopt) << "another producer";
  EXPECT_EQ(refused.before(batch(12, 7, 1), 1), std::nullopt) << "another partition";
  SequencedBatch newer = batch(12);
  newer.epoch = 1;
  EXPECT_EQ(refused.before(newer, 1), std::nullopt) << "its producer has begun anew";
}

// A producer that gets a permanent error continues without the batch.
TEST(RefusedBatches, a_permanent_error_delays_no_batch) {
  RefusedBatches refused;
  for (const KafkaError error : {KafkaError::InvalidRecord, KafkaError::MessageTooLarge,
                                 KafkaError::InvalidProducerEpoch, kUnsupportedCompression})
    refused.refused(batch(10), error, 0);
  EXPECT_TRUE(refused.empty());
}

TEST(RefusedBatches, none_is_remembered_for_ever) {
  RefusedBatches refused;
  refused.refused(batch(10), kNotLeader, 0);
  EXPECT_EQ(refused.before(batch(12), RefusedBatches::kRemembered_us + 1), std::nullopt);
  for (int64_t producer = 0; producer < 1000; ++producer)
    refused.refused(batch(10, producer), kNotLeader, producer);
  EXPECT_EQ(refused.before(batch(12, 999 - RefusedBatches::kMost), 1000), std::nullopt);
  EXPECT_EQ(refused.before(batch(12, 1000 - RefusedBatches::kMost), 1000), kNotLeader);
}
