// Tests requests for offsets by name and by time.
#include "server/kafka/wire_errors.h"
#include "tests/server/kafka/session_fixture.h"

using namespace server::kafka;

namespace {

class ListOffsetsTest : public SessionTest {
 protected:
  ListOffsetsResponse::Topic::Partition find(int64_t timestamp, int16_t version,
                                             const std::string& topic = "t") {
    ListOffsetsRequest request;
    request.topics = {{.name = topic, .partitions = {{.timestamp = timestamp}}}};
    return ask<ListOffsetsResponse>(request, version).topics.at(0).partitions.at(0);
  }
};

}  // namespace

TEST_F(ListOffsetsTest, the_record_with_the_largest_timestamp_is_found_wherever_it_lies) {
  create_topic("t");
  EXPECT_EQ(find(-3, 7).error_code, KafkaError::None);
  EXPECT_EQ(find(-3, 7).offset, -1) << "there is no record";
  for (const int64_t timestamp : {1000, 9000, 3000})
    EXPECT_EQ(produce_error(produce("t", batch("v", timestamp))), KafkaError::None);
  EXPECT_EQ(find(-3, 7).offset, 1);
  EXPECT_EQ(find(-3, 7).timestamp, 9000);
  // After 2,100 more records the time index has entries. The record with the largest timestamp lies
  // before the records of all these entries, and must be found nevertheless.
  for (int i = 0; i < 2100; ++i)
    EXPECT_EQ(produce_error(produce("t", batch("v", 4000 + i))), KafkaError::None);
  EXPECT_EQ(find(-3, 7).offset, 1);
  EXPECT_EQ(produce_error(produce("t", batch("v", 9001))), KafkaError::None);
  EXPECT_EQ(find(-3, 7).offset, 2103);
}

TEST_F(ListOffsetsTest, a_name_is_known_from_its_version_on) {
  create_topic("t");
  EXPECT_EQ(produce_error(produce("t", batch("v"))), KafkaError::None);
  EXPECT_EQ(find(-3, 6).error_code, kUnsupportedVersion);
  EXPECT_EQ(find(-4, 7).error_code, kUnsupportedVersion);
  EXPECT_EQ(find(-4, 8).offset, 0);
  EXPECT_EQ(find(-5, 8).error_code, kUnsupportedVersion);
  EXPECT_EQ(find(-5, 9).offset, -1) << "nothing lies elsewhere";
  EXPECT_EQ(find(-5, 9).error_code, KafkaError::None);
  EXPECT_EQ(find(-6, 10).error_code, kUnsupportedVersion);
  EXPECT_EQ(find(INT64_MIN, 10).error_code, kUnsupportedVersion);
}

TEST_F(ListOffsetsTest, an_error_has_no_leader_epoch) {
  create_topic("t");
  EXPECT_EQ(find(-1, 4).leader_epoch, 0);
  EXPECT_EQ(find(-6, 4).leader_epoch, -1);
  EXPECT_EQ(find(-1, 4, "absent").leader_epoch, -1);
  EXPECT_EQ(find(-5, 9, "absent").error_code, KafkaError::UnknownTopicOrPartition);
}

// The server does not trust the largest timestamp in a client's batch: a search by time would miss
// records.
TEST_F(ListOffsetsTest, a_batch_that_understates_its_largest_timestamp_is_corrected) {
  create_topic("t");
  std::string lying = batch("v", 9000);
  records::set_max_timestamp(lying, 5);
  EXPECT_EQ(produce_error(produce("t", lying)), KafkaError::None);
  EXPECT_EQ(find(8000, 7).offset, 0);
  EXPECT_EQ(find(-3, 7).timestamp, 9000);
}
