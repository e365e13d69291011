// Tests Produce requests: which batches are accepted, and the errors for batches that are refused.
#include "server/kafka/wire_errors.h"
#include "tests/server/kafka/session_fixture.h"

using namespace server::kafka;

namespace {

class ProduceTest : public SessionTest {
 protected:
  void SetUp() override {
    clock.advance_us(1'000'000'000'000);  // a time in 2001
    create_topic("t");
  }
  void create_topic_with(const std::string& name, const std::string& config, std::string value) {
    CreateTopicsRequest request;
    request.topics = {{.name = name, .num_partitions = 1, .configs = {{config, std::move(value)}}}};
    EXPECT_EQ(ask<CreateTopicsResponse>(request, 4).topics.at(0).error_code, KafkaError::None);
  }
  std::string batch_at(int64_t ahead_ms) { return batch("v", clock.wall_ms() + ahead_ms); }
};

}  // namespace

// A producer sends a corrupt batch (error 2) again, and gives up on an invalid one (error 87).
TEST_F(ProduceTest, only_a_batch_that_was_damaged_on_its_way_may_be_sent_again) {
  const std::string good = batch("hello");
  const auto error_with = [&](const std::function<void(std::string&)>& change) {
    std::string changed = good;
    change(changed);
    return produce_error(produce("t", changed));
  };
  EXPECT_EQ(error_with([](std::string& bytes) { bytes[30] ^= 1; }), KafkaError::CorruptMessage);
  EXPECT_EQ(error_with([](std::string& bytes) { bytes.back() ^= 1; }), KafkaError::CorruptMessage);
  EXPECT_EQ(error_with([](std::string& bytes) { bytes.clear(); }), KafkaError::InvalidRecord);
  EXPECT_EQ(error_with([](std::string& bytes) { bytes.pop_back(); }), KafkaError::InvalidRecord);
  EXPECT_EQ(error_with([](std::string& bytes) { bytes.resize(20); }), KafkaError::InvalidRecord);
  for (const char magic : {'\0', '\1', '\3'})
    EXPECT_EQ(error_with([&](std::string& bytes) { bytes[16] = magic; }),
              KafkaError::InvalidRecord);
  for (const int32_t count : {0, 2, -1})
    EXPECT_EQ(error_with([&](std::string& bytes) {
                store_be(bytes.data() + 57, count);
                records::set_max_timestamp(bytes, 1000);  // sets the checksum, too
              }),
              KafkaError::InvalidRecord)
        << count;
  EXPECT_EQ(produce_error(produce("t", good)), KafkaError::None);
}

TEST_F(ProduceTest, times_that_are_too_far_ahead_are_refused) {
  EXPECT_EQ(produce_error(produce("t", batch_at(3'599'000))), KafkaError::None);
  EXPECT_EQ(produce_error(produce("t", batch_at(3'601'000))), KafkaError::InvalidTimestamp);
  EXPECT_EQ(produce_error(produce("t", batch("v", 0))), KafkaError::None) << "the past is taken";
  EXPECT_EQ(produce_error(produce("t", batch("v", -1))), KafkaError::None) << "so is no time";

  create_topic_with("future", "message.timestamp.after.max.ms", "9223372036854775807");
  EXPECT_EQ(produce_error(produce("future", batch("v", INT64_MAX))), KafkaError::None);
  create_topic_with("today", "message.timestamp.before.max.ms", "86400000");
  EXPECT_EQ(produce_error(produce("today", batch_at(-86'300'000))), KafkaError::None);
  EXPECT_EQ(produce_error(produce("today", batch_at(-86'500'000))), KafkaError::InvalidTimestamp);
  create_topic_with("own", "message.timestamp.type", "LogAppendTime");
  EXPECT_EQ(produce_error(produce("own", batch_at(3'601'000))), KafkaError::None);
}

// Tests topic ids in Produce requests (KIP-516).
TEST_F(ProduceTest, from_version_13_on_topics_have_ids) {
  const std::string sent = batch("v");
  ProduceRequest request = produce("", sent);
  request.topic_data[0].topic_id = backend.topics()->find("t")->id;
  const auto stored = ask<ProduceResponse>(request, 13).responses.at(0);
  EXPECT_EQ(stored.topic_id, request.topic_data[0].topic_id);
  EXPECT_EQ(stored.partition_responses.at(0).error_code, KafkaError::None);
  request.topic_data[0].topic_id = Uuid::random();
  EXPECT_EQ(ask<ProduceResponse>(request, 13).responses.at(0).partition_responses.at(0).error_code,
            kUnknownTopicId);
}

// librdkafka drops the records of a batch after FENCED_LEADER_EPOCH.
TEST_F(ProduceTest, a_batch_from_an_earlier_leader_epoch_is_refused_as_if_another_node_led) {
  backend.append_error = Error{ErrorCode::FencedLeaderEpoch, "leader epoch 1 has ended"};
  EXPECT_EQ(produce_error(produce("t", batch("v"))), KafkaError::NotLeaderOrFollower);
  backend.append_error.reset();
  EXPECT_EQ(produce_error(produce("t", batch("v"))), KafkaError::None);
}
