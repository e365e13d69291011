// Tests the requests of transactions.
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
    backend.create_topic(std::string(server::coordinator::kTaskJournalTopic), 1, {}, {},
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
  KafkaError commit_offset(const std::string& id = "tx", int16_t version = 2) {
    TxnOffsetCommitRequest request;
    request.transactional_id = id;
    request.group_id = "g";
    request.producer_id = producer_id;
    request.producer_epoch = epoch;
    request.topics = {{"t", {{.partition_index = 0, .committed_offset = 5}}}};
    return ask<TxnOffsetCommitResponse>(request, version).topics.at(0).partitions.at(0).error_code;
  }
  KafkaError end(bool is_commit) {
    EndTxnRequest request;
    request.transactional_id = "tx";
    request.producer_id = producer_id;
    request.producer_epoch = epoch;
    request.committed = is_commit;
    return ask<EndTxnResponse>(request, 3).error_code;
  }

  // Ends the transaction as a client of the second version of the protocol, which continues with the producer
  // in the answer.
  KafkaError end_second(bool is_commit) {
    EndTxnRequest request;
    request.transactional_id = "tx";
    request.producer_id = producer_id;
    request.producer_epoch = epoch;
    request.committed = is_commit;
    const auto ended = ask<EndTxnResponse>(request, 5);
    if (ended.error_code != KafkaError::None) return ended.error_code;
    EXPECT_EQ(ended.producer_id, producer_id);
    EXPECT_EQ(ended.producer_epoch, epoch + 1);
    epoch = ended.producer_epoch;
    return ended.error_code;
  }
  std::string transactional_batch(int32_t sequence = 0) {
    std::string bytes = batch("v");
    records::set_producer(bytes, {ProducerId{producer_id}, epoch, sequence});
    records::set_transactional(bytes);
    return bytes;
  }

  int64_t producer_id = -1;
  int16_t epoch = -1;
};

}  // namespace

// An offset is refused if its transaction does not include the group: such a transaction would never commit or abort
// it.
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
  const std::string bytes = transactional_batch();
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

// Tests the second version of transactions (KIP-890).
TEST_F(TransactionRequestsTest, clients_of_the_second_version_write_without_announcing_partitions) {
  std::string bytes = transactional_batch();
  ProduceRequest request = produce("t", bytes);
  request.transactional_id = "tx";
  EXPECT_EQ(produce_error(request, 11), KafkaError(120));
  EXPECT_EQ(produce_error(request, 12), KafkaError::None);
  EXPECT_EQ(commit_offset("tx", 4), KafkaError(120));
  EXPECT_EQ(commit_offset("tx", 5), KafkaError::None);
  ASSERT_EQ(end_second(true), KafkaError::None);
  EXPECT_EQ(produce_error(request, 12), KafkaError::InvalidProducerEpoch);
  bytes = transactional_batch();
  request = produce("t", bytes);
  request.transactional_id = "tx";
  EXPECT_EQ(produce_error(request, 12), KafkaError::None);
  ASSERT_EQ(end_second(false), KafkaError::None);
}

// Each batch asks the coordinator whether its partition belongs to the transaction. The answers to the first two
// batches are negative, so both send a request to add the partition. Then the coordinator answers in this order: the
// request of the first batch, the question of the third batch, the request of the second batch. The batches must
// nevertheless be appended in the order in which they were sent.
TEST_F(TransactionRequestsTest,
       batches_go_in_order_though_the_coordinator_answers_a_later_one_first) {
  backend.holds_joins = true;
  for (int32_t sequence = 0; sequence < 3; ++sequence) {
    const std::string bytes = transactional_batch(sequence);
    ProduceRequest request = produce("t", bytes);
    request.transactional_id = "tx";
    send(request, 12);
  }
  ASSERT_EQ(backend.joins.size(), 3U);
  const auto call = [&](size_t which) {
    const auto ask = std::move(backend.joins.at(which));
    ask();
    session.run();
  };
  call(0);
  call(1);
  ASSERT_EQ(backend.joins.size(), 5U) << "both add the partition";
  call(3);
  call(2);
  call(4);
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 3U);
  for (size_t i = 0; i < all.size(); ++i) {
    const auto response = decode_response<ProduceResponse>(all[i].body, 12);
    ASSERT_TRUE(response);
    const auto& partition = response->responses.at(0).partition_responses.at(0);
    EXPECT_EQ(partition.error_code, KafkaError::None) << i;
    EXPECT_EQ(partition.base_offset, static_cast<int64_t>(i));
  }
}

// Kafka's Partition.scala drops a record that a search by time finds at or after the last stable offset.
TEST_F(TransactionRequestsTest, searches_by_time_end_at_the_last_stable_offset) {
  constexpr int64_t kMaxTimestamp = -3, kLatest = -1, kTime = 2000;
  std::string topic;
  const auto find = [&](int64_t time, bool reads_committed) {
    ListOffsetsRequest request;
    request.isolation_level = reads_committed ? 1 : 0;
    request.topics = {{.name = topic, .partitions = {{.timestamp = time}}}};
    const auto answer = ask<ListOffsetsResponse>(request, 7).topics.at(0).partitions.at(0);
    EXPECT_EQ(answer.error_code, KafkaError::None);
    return answer.offset;
  };
  // Each case has a topic of its own: a marker has the server's time as its timestamp, so a search by
  // time in a shared topic would find the marker of the other case.
  for (const bool is_commit : {false, true}) {
    topic = is_commit ? "committed" : "aborted";
    create_topic(topic);
    ASSERT_EQ(produce_error(produce(topic, batch("v", 1000))), KafkaError::None);
    std::string bytes = batch("v", kTime);
    records::set_producer(bytes, {ProducerId{producer_id}, epoch, 0});
    records::set_transactional(bytes);
    ProduceRequest request = produce(topic, bytes);
    request.transactional_id = "tx";
    ASSERT_EQ(produce_error(request, 12), KafkaError::None);
    ASSERT_EQ(produce_error(produce(topic, batch("v", 1500))), KafkaError::None);
    EXPECT_EQ(find(500, true), 0) << "before the transaction";
    EXPECT_EQ(find(kTime, false), 1);
    EXPECT_EQ(find(kTime, true), -1) << "the transaction is open";
    EXPECT_EQ(find(1500, true), -1) << "a record behind it, too";
    EXPECT_EQ(find(kMaxTimestamp, false), 1);
    EXPECT_EQ(find(kMaxTimestamp, true), -1);
    EXPECT_EQ(find(kLatest, true), 1) << "the last stable offset";
    // The coordinator of these tests writes no markers, so the test writes one.
    WriteTxnMarkersRequest marker;
    marker.markers = {{.producer_id = producer_id,
                       .producer_epoch = epoch,
                       .transaction_result = is_commit,
                       .topics = {{topic, {0}}}}};
    const auto marked = ask<WriteTxnMarkersResponse>(marker, 1);
    EXPECT_EQ(marked.markers.at(0).topics.at(0).partitions.at(0).error_code, KafkaError::None);
    ASSERT_EQ(end_second(is_commit), KafkaError::None);
    EXPECT_EQ(find(kTime, true), 1) << "decided: the end has moved on, as in Kafka";
    EXPECT_EQ(find(kTime, false), 1);
    EXPECT_GE(find(kMaxTimestamp, true), 1);
    EXPECT_EQ(find(kMaxTimestamp, true), find(kMaxTimestamp, false));
  }
}

TEST_F(TransactionRequestsTest, an_administrator_ends_abandoned_transactions) {
  std::string bytes = transactional_batch();
  ProduceRequest request = produce("t", bytes);
  request.transactional_id = "tx";
  ASSERT_EQ(produce_error(request, 12), KafkaError::None);
  const auto status = backend.find_partition({backend.topics()->find("t")->id, PartitionId(0)});
  EXPECT_EQ(status->readable_end(), Offset{0});
  WriteTxnMarkersRequest markers;
  markers.markers = {
      {.producer_id = producer_id,
       .producer_epoch = epoch,
       .transaction_result = false,
       .topics = {
           {"t", {0, 7}}, {"__consumer_offsets", {0}}, {"nope", {0}}, {"__task_journal", {0}}}}};
  const auto answer = ask<WriteTxnMarkersResponse>(markers, 1);
  const auto& topics = answer.markers.at(0).topics;
  EXPECT_EQ(topics.at(0).partitions.at(0).error_code, KafkaError::None);
  EXPECT_EQ(topics.at(0).partitions.at(1).error_code, KafkaError::UnknownTopicOrPartition);
  EXPECT_EQ(topics.at(1).partitions.at(0).error_code, KafkaError::None);
  EXPECT_EQ(topics.at(2).partitions.at(0).error_code, KafkaError::UnknownTopicOrPartition);
  // __task_journal cannot contain transactions, and its readers could not read a marker.
  EXPECT_EQ(topics.at(3).partitions.at(0).error_code, KafkaError::InvalidTopic);
  EXPECT_EQ(status->readable_end(), Offset{2});
}
