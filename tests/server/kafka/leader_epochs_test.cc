// Tests that leader epochs in clients' requests are compared with the epochs in the log.
#include "server/kafka/wire_errors.h"
#include "storage/log/replica_log.h"
#include "tests/server/kafka/session_fixture.h"

using namespace server::kafka;

namespace {

// The leader epoch of topic "t" is 3. Its records 0 and 1 were written in epoch 0, record 2 in
// epoch 3.
class LeaderEpochsTest : public SessionTest {
 protected:
  void SetUp() override {
    create_topic("t");
    partition = {backend.topics()->find("t")->id, PartitionId{0}};
    for (const char* value : {"zero", "one"})
      EXPECT_EQ(produce_error(produce("t", batch(value))), KafkaError::None);
    std::promise<Status> led;
    storage::ReplicaLog(backend.log())
        .set_role(partition, storage::ReplicaRole::Leader, LeaderEpoch{3},
                  [&](Status status) { led.set_value(std::move(status)); });
    EXPECT_TRUE(led.get_future().get());
    storage::AppendRequest request{{{partition, batch("two")}}, storage::Acks::Leader};
    EXPECT_TRUE(storage::append_and_wait(backend.log(), request));
    storage::ReplicaLog(backend.log()).advance_high_watermark(partition, LeaderEpoch{3}, Offset{3});
  }

  FetchResponse::Topic::Partition fetch_as(int32_t current_epoch, int32_t fetched_epoch = -1,
                                           int64_t offset = 3) {
    FetchRequest request = fetch("t", offset, 30'000);
    request.topics[0].partitions[0].current_leader_epoch = current_epoch;
    request.topics[0].partitions[0].last_fetched_epoch = fetched_epoch;
    send(request, 12);
    const auto all = answers();
    if (all.empty()) {  // the request waits for records
      clock.advance_us(31'000'000);
      session.run();
      answers();
      return {.partition_index = -1};
    }
    return decode_response<FetchResponse>(all.at(0).body, 12)->responses.at(0).partitions.at(0);
  }
  ListOffsetsResponse::Topic::Partition list_as(int32_t current_epoch, int64_t timestamp) {
    ListOffsetsRequest request;
    request.topics = {
        {.name = "t",
         .partitions = {{.current_leader_epoch = current_epoch, .timestamp = timestamp}}}};
    return ask<ListOffsetsResponse>(request, 5).topics.at(0).partitions.at(0);
  }

  storage::TopicPartition partition;
};

}  // namespace

TEST_F(LeaderEpochsTest, a_fetch_under_another_epoch_is_refused_at_once) {
  EXPECT_EQ(fetch_as(2).error_code, KafkaError::FencedLeaderEpoch);
  EXPECT_EQ(fetch_as(4).error_code, kUnknownLeaderEpoch);
  EXPECT_EQ(fetch_as(4).log_start_offset, -1);
  EXPECT_EQ(fetch_as(3).partition_index, -1) << "it waits";
  EXPECT_EQ(fetch_as(-1).partition_index, -1) << "it waits";
}

TEST_F(LeaderEpochsTest, a_fetch_that_has_read_something_else_learns_where_it_parts) {
  const auto parted = fetch_as(3, 0);
  EXPECT_EQ(parted.error_code, KafkaError::None);
  EXPECT_EQ(parted.diverging_epoch.epoch, 0);
  EXPECT_EQ(parted.diverging_epoch.end_offset, 2);
  EXPECT_TRUE(parted.records->empty());
  EXPECT_EQ(fetch_as(3, 2).diverging_epoch.epoch, 0) << "nothing was written under 1 and 2";
  EXPECT_EQ(fetch_as(3, 3).partition_index, -1) << "it waits";
  const auto agreed = fetch_as(3, 0, 2);
  EXPECT_EQ(agreed.diverging_epoch, FetchResponse::Topic::Partition::DivergingEpoch{});
  EXPECT_FALSE(agreed.records->empty());
  EXPECT_EQ(fetch_as(3, 7).error_code, KafkaError::OffsetOutOfRange);
}

TEST_F(LeaderEpochsTest, offsets_are_returned_with_the_epoch_of_their_record) {
  EXPECT_EQ(list_as(3, -2).leader_epoch, 0);
  EXPECT_EQ(list_as(3, -1).leader_epoch, 3);
  EXPECT_EQ(list_as(3, 500).leader_epoch, 0);
  EXPECT_EQ(list_as(2, -1).error_code, KafkaError::FencedLeaderEpoch);
  EXPECT_EQ(list_as(4, 500).error_code, kUnknownLeaderEpoch);
  EXPECT_EQ(list_as(4, 500).leader_epoch, -1);
  EXPECT_EQ(list_as(4, 500).offset, -1);
}

TEST_F(LeaderEpochsTest, metadata_contain_the_epoch) {
  const auto metadata = ask<MetadataResponse>(MetadataRequest{}, 7);
  EXPECT_EQ(metadata.topics.at(0).partitions.at(0).leader_epoch, 3);
}
