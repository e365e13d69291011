// Transactions as their requests see them.
#include "records/control_batch.h"
#include "server/coordinator/internal_topics.h"
#include "server/kafka/wire_errors.h"
#include "tests/server/kafka/session_fixture.h"

using namespace server::kafka;

namespace {

class TransactionRequestsTest : public SessionTest {
 protected:
  void SetUp() override {
    create_topic("t");
    backend.create_topic(std::string(server::coordinator::kOffsetsTopic), 1, {}, {},
                         [](const auto& made) { EXPECT_TRUE(made); });
    InitProducerIdRequest init;
    init.transactional_id = "tx";
    init.transaction_timeout_ms = 60'000;
    const auto producer = ask<InitProducerIdResponse>(init, 4);
    ASSERT_EQ(producer.error_code, KafkaError::None);
    producer_id = producer.producer_id;
    epoch = producer.producer_epoch;
  }
  KafkaError add_group() {
    AddOffsetsToTxnRequest request;
    request.transactional_id = "tx";
    request.producer_id = producer_id;
    request.producer_epoch = epoch;
    request.group_id = "g";
    return ask<AddOffsetsToTxnResponse>(request, 3).error_code;
  }
  KafkaError commit_offset(const std::string& id = "tx") {
    TxnOffsetCommitRequest request;
    request.transactional_id = id;
    request.group_id = "g";
    request.producer_id = producer_id;
    request.producer_epoch = epoch;
    request.topics = {{"t", {{.partition_index = 0, .committed_offset = 5}}}};
    return ask<TxnOffsetCommitResponse>(request, 2).topics.at(0).partitions.at(0).error_code;
  }
  KafkaError end(bool is_commit) {
    EndTxnRequest request;
    request.transactional_id = "tx";
    request.producer_id = producer_id;
    request.producer_epoch = epoch;
    request.committed = is_commit;
    return ask<EndTxnResponse>(request, 3).error_code;
  }

  int64_t producer_id = -1;
  int16_t epoch = -1;
};

}  // namespace

// Else they would be undecided for good, and with them the group.
TEST_F(TransactionRequestsTest, offsets_are_taken_of_an_open_transaction_that_has_their_group) {
  EXPECT_EQ(commit_offset(), KafkaError(48));
  EXPECT_EQ(commit_offset("another"), KafkaError(49));
  ASSERT_EQ(add_group(), KafkaError::None);
  EXPECT_EQ(commit_offset(), KafkaError::None);
  ASSERT_EQ(end(true), KafkaError::None);
  EXPECT_EQ(commit_offset(), KafkaError(48));
  ASSERT_EQ(add_group(), KafkaError::None);
  ++epoch;
  EXPECT_EQ(commit_offset(), KafkaError::InvalidProducerEpoch);
}

TEST_F(TransactionRequestsTest, a_batch_is_taken_of_an_open_transaction_that_has_its_partition) {
  std::string bytes = batch("v");
  records::set_producer(bytes, {ProducerId{producer_id}, epoch, 0});
  records::set_transactional(bytes);
  ProduceRequest request = produce("t", bytes);
  EXPECT_EQ(produce_error(request), KafkaError(48));
  request.transactional_id = "tx";
  EXPECT_EQ(produce_error(request), KafkaError(48));
  AddPartitionsToTxnRequest add;
  add.transactional_id = "tx";
  add.producer_id = producer_id;
  add.producer_epoch = epoch;
  add.topics = {{"t", {0}}};
  ASSERT_EQ(ask<AddPartitionsToTxnResponse>(add, 3)
                .results_by_topic.at(0)
                .results_by_partition.at(0)
                .partition_error_code,
            KafkaError::None);
  EXPECT_EQ(produce_error(request), KafkaError::None);
}
