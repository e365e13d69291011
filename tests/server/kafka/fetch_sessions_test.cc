// Tests fetches that continue a fetch session (KIP-227), by topic names and ids (KIP-516).
#include "server/kafka/fetch_sessions.h"

#include "server/kafka/wire_errors.h"
#include "tests/server/kafka/session_fixture.h"

using namespace server::kafka;

namespace {

constexpr int16_t kByName = 12, kById = 13;

class FetchSessionsTest : public SessionTest {
 protected:
  void SetUp() override {
    for (const char* name : {"a", "b"}) create_topic(name);
  }

  // Sends the request through the session that has the cache of fetch sessions.
  FetchResponse fetch_with(const FetchRequest& request, int16_t version = kByName) {
    std::string bytes;
    append_request(bytes, {.api_version = version, .correlation_id = ++last_id}, request);
    client.receive(bytes);
    client.run();
    return answer(version);
  }
  FetchResponse answer(int16_t version = kByName) {
    output = client.take_output();
    if (output.empty()) return {.session_id = -1};  // the request waits for records
    return decode_response<FetchResponse>(std::string_view(output).substr(8), version)
        .value_or(FetchResponse{});
  }
  static FetchRequest both(int32_t id, int32_t epoch) {
    FetchRequest request = fetch("a", 0);
    request.topics.push_back(fetch("b", 0).topics[0]);
    request.session_id = id;
    request.session_epoch = epoch;
    return request;
  }
  static FetchRequest more(int32_t id, int32_t epoch, int32_t max_wait_ms = 0) {
    FetchRequest request;
    request.min_bytes = 1;
    request.max_wait_ms = max_wait_ms;
    request.session_id = id;
    request.session_epoch = epoch;
    return request;
  }

  std::string output;
  MemoryBudget memory{64 << 20};
  FetchSessions sessions{memory, clock, 7, 2};
  Session client{backend, *this, clock, node, {}, {nullptr, nullptr, nullptr, &sessions}};
};

std::vector<std::string> names(const FetchResponse& response) {
  std::vector<std::string> all;
  for (const auto& topic : response.responses)
    for (const auto& partition : topic.partitions)
      all.push_back(topic.topic + std::to_string(partition.partition_index));
  return all;
}
using Names = std::vector<std::string>;

}  // namespace

TEST_F(FetchSessionsTest, a_session_gets_new_records_only) {
  const FetchResponse whole = fetch_with(both(0, 0));
  EXPECT_EQ(names(whole), (Names{"a0", "b0"}));
  const int32_t id = whole.session_id;
  ASSERT_GT(id, 0);
  EXPECT_EQ(names(fetch_with(more(id, 1))), Names{});
  EXPECT_EQ(produce_error(produce("b", batch("one"))), KafkaError::None);
  const FetchResponse news = fetch_with(more(id, 2));
  EXPECT_EQ(news.session_id, id);
  EXPECT_EQ(names(news), Names{"b0"});
  EXPECT_EQ(news.responses[0].partitions[0].high_watermark, 1);
  // The client has now read the record.
  FetchRequest read = more(id, 3);
  read.topics = {fetch("b", 1).topics[0]};
  EXPECT_EQ(names(fetch_with(read)), Names{});
  EXPECT_EQ(names(fetch_with(more(id, 4))), Names{});
}

TEST_F(FetchSessionsTest, a_partition_with_records_is_last_the_next_time) {
  EXPECT_EQ(produce_error(produce("a", batch("one"))), KafkaError::None);
  EXPECT_EQ(produce_error(produce("b", batch("one"))), KafkaError::None);
  const int32_t id = fetch_with(both(0, 0)).session_id;
  FetchRequest little = more(id, 1);
  little.max_bytes = 1;
  EXPECT_EQ(names(fetch_with(little)), Names{"a0"}) << "one batch is all that fits";
  little.session_epoch = 2;
  EXPECT_EQ(names(fetch_with(little)), Names{"b0"});
}

TEST_F(FetchSessionsTest, partitions_are_forgotten_and_the_last_one_ends_the_session) {
  const int32_t id = fetch_with(both(0, 0)).session_id;
  EXPECT_EQ(produce_error(produce("a", batch("one"))), KafkaError::None);
  FetchRequest request = more(id, 1);
  request.forgotten_topics_data = {{.topic = "a", .partitions = {0, 5}}};
  EXPECT_EQ(names(fetch_with(request)), Names{});
  request = more(id, 2);
  request.forgotten_topics_data = {{.topic = "b", .partitions = {0}}};
  EXPECT_EQ(fetch_with(request).session_id, 0);
  EXPECT_EQ(sessions.size(), 0u);
}

TEST_F(FetchSessionsTest, numbers_follow_each_other) {
  EXPECT_EQ(fetch_with(more(77, 1)).error_code, kFetchSessionNotFound);
  EXPECT_EQ(fetch_with(more(0, 1)).error_code, kFetchSessionNotFound);
  const int32_t id = fetch_with(both(0, 0)).session_id;
  EXPECT_EQ(fetch_with(more(id, 2)).error_code, kInvalidFetchSessionEpoch);
  EXPECT_EQ(fetch_with(more(id, 1)).error_code, KafkaError::None);
  EXPECT_EQ(fetch_with(more(id, 1)).error_code, kInvalidFetchSessionEpoch);
  EXPECT_EQ(fetch_with(more(id, 2), kById).error_code, kFetchSessionTopicIdError);
}

TEST_F(FetchSessionsTest, a_whole_fetch_ends_the_session_before_it) {
  const int32_t id = fetch_with(both(0, 0)).session_id;
  const int32_t next = fetch_with(both(id, 0)).session_id;
  EXPECT_NE(next, id);
  EXPECT_EQ(sessions.size(), 1u);
  const FetchResponse last = fetch_with(both(next, -1));
  EXPECT_EQ(last.session_id, 0);
  EXPECT_EQ(names(last), (Names{"a0", "b0"}));
  EXPECT_EQ(sessions.size(), 0u);
  EXPECT_EQ(fetch_with(both(99, 0)).error_code, KafkaError::None) << "an unknown one is ended too";
}

TEST_F(FetchSessionsTest, errors_are_sent_each_time_and_their_end_once) {
  FetchRequest request = both(0, 0);
  request.topics[1].topic = "late";
  const FetchResponse whole = fetch_with(request);
  EXPECT_EQ(whole.responses.at(1).partitions.at(0).error_code, KafkaError::UnknownTopicOrPartition);
  EXPECT_EQ(names(fetch_with(more(whole.session_id, 1))), Names{"late0"});
  create_topic("late");
  EXPECT_EQ(names(fetch_with(more(whole.session_id, 2))), Names{"late0"});
  EXPECT_EQ(names(fetch_with(more(whole.session_id, 3))), Names{});
}

TEST_F(FetchSessionsTest, a_long_poll_waits_for_all_of_the_session) {
  const int32_t id = fetch_with(both(0, 0)).session_id;
  EXPECT_EQ(fetch_with(more(id, 1, 500)).session_id, -1);
  EXPECT_EQ(client.awaited().size(), 2u);
  EXPECT_EQ(produce_error(produce("b", batch("one"))), KafkaError::None);
  client.grown();
  client.run();
  EXPECT_EQ(names(answer()), Names{"b0"});
  EXPECT_EQ(names(fetch_with(more(id, 2))), Names{"b0"}) << "it was not read";
}

TEST_F(FetchSessionsTest, topics_have_ids_from_version_13_on) {
  FetchRequest request = fetch("", 0);
  request.topics[0].topic_id = backend.topics()->find("a")->id;
  request.session_epoch = 0;
  const FetchResponse whole = fetch_with(request, kById);
  EXPECT_EQ(whole.responses.at(0).topic_id, request.topics[0].topic_id);
  EXPECT_EQ(whole.responses[0].partitions.at(0).error_code, KafkaError::None);
  EXPECT_EQ(produce_error(produce("a", batch("one"))), KafkaError::None);
  const FetchResponse news = fetch_with(more(whole.session_id, 1), 17);
  EXPECT_EQ(news.responses.at(0).topic_id, request.topics[0].topic_id);
  // A new topic with the same name is another topic, so the session must not continue with it.
  backend.delete_topic("a", [](Status status) { EXPECT_TRUE(status); });
  create_topic("a");
  EXPECT_EQ(fetch_with(more(whole.session_id, 2), 17).responses.at(0).partitions.at(0).error_code,
            kUnknownTopicId);
}

TEST_F(FetchSessionsTest, slots_are_given_to_others_after_two_minutes) {
  const int32_t first = fetch_with(both(0, 0)).session_id;
  const int32_t second = fetch_with(both(0, 0)).session_id;
  EXPECT_EQ(fetch_with(both(0, 0)).session_id, 0) << "both slots are taken";
  clock.advance_us(60'000'000);
  EXPECT_EQ(fetch_with(more(second, 1)).error_code, KafkaError::None);
  clock.advance_us(61'000'000);
  EXPECT_NE(fetch_with(both(0, 0)).session_id, 0) << "nobody has used the first";
  EXPECT_EQ(fetch_with(more(first, 1)).error_code, kFetchSessionNotFound);
  // A new session of the same size may replace the second session, which is old enough, but not the
  // third one.
  EXPECT_EQ(fetch_with(more(second, 2)).error_code, KafkaError::None);
  EXPECT_EQ(fetch_with([&] {
              FetchRequest small = fetch("a", 0);
              small.session_epoch = 0;
              return small;
            }())
                .session_id,
            0);
  EXPECT_NE(fetch_with(both(0, 0)).session_id, 0);
  EXPECT_EQ(fetch_with(more(second, 3)).error_code, kFetchSessionNotFound);
}

TEST_F(FetchSessionsTest, the_memory_of_sessions_is_charged) {
  MemoryBudget little(1 << 20);
  FetchSessions bounded(little, clock, 7);
  const auto session_of = [](int32_t partitions) {
    FetchRequest request = fetch("a", 0);
    for (int32_t i = 1; i < partitions; ++i) {
      request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
      request.topics[0].partitions.back().partition = i;
    }
    auto made = std::make_shared<FetchSession>(false);
    made->update(request);
    return made;
  };
  EXPECT_NE(bounded.add(session_of(100)), 0);
  EXPECT_GT(little.held_bytes(), 10'000u);
  EXPECT_EQ(bounded.add(session_of(20'000)), 0);
  int count = 0;
  while (count < 1000 && bounded.add(session_of(500)) != 0) ++count;
  EXPECT_LT(count, 20);
  EXPECT_LE(little.held_bytes(), 1u << 20);
}
