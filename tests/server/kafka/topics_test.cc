// Tests requests that create, grow and delete topics.
#include <deque>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/permissions.h"
#include "server/kafka/wire_errors.h"
#include "tests/server/kafka/session_fixture.h"

using namespace server::kafka;

namespace {

using TopicsTest = SessionTest;

}  // namespace

TEST_F(TopicsTest, a_topic_that_is_named_twice_is_left_alone) {
  create_topic("t");
  create_topic("other");
  DeleteTopicsRequest deletion;
  deletion.topic_names = {"t", "other", "t", "absent"};
  const auto deleted = ask<DeleteTopicsResponse>(deletion, 5).responses;
  ASSERT_EQ(deleted.size(), 3u);
  EXPECT_EQ(deleted[0].error_code, KafkaError::InvalidRequest);
  EXPECT_EQ(deleted[1].error_code, KafkaError::None);
  EXPECT_EQ(deleted[2].error_code, KafkaError::UnknownTopicOrPartition);
  EXPECT_NE(backend.topics()->find("t"), nullptr);

  deletion = {};
  deletion.topics = {{.name = "t"}, {.name = {}, .topic_id = backend.topics()->find("t")->id}};
  EXPECT_EQ(ask<DeleteTopicsResponse>(deletion, 6).responses.at(0).error_code,
            KafkaError::InvalidRequest);
  deletion.topics = {{}, {.name = "t", .topic_id = Uuid::random()}};
  for (const auto& answer : ask<DeleteTopicsResponse>(deletion, 6).responses)
    EXPECT_EQ(answer.error_code, KafkaError::InvalidRequest);
  EXPECT_NE(backend.topics()->find("t"), nullptr);

  CreatePartitionsRequest growth;
  growth.topics = {{.name = "t", .count = 2}, {.name = "t", .count = 3}};
  const auto grown = ask<CreatePartitionsResponse>(growth, 1).results;
  ASSERT_EQ(grown.size(), 1u);
  EXPECT_EQ(grown[0].error_code, KafkaError::InvalidRequest);
  EXPECT_EQ(backend.topics()->find("t")->partition_count, 1);

  CreateTopicsRequest creation;
  creation.topics = {{.name = "new"}, {.name = "new"}};
  const auto made = ask<CreateTopicsResponse>(creation, 4).topics;
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].error_code, KafkaError::InvalidRequest);
  EXPECT_EQ(backend.topics()->find("new"), nullptr);
}

// The two topics would have the same names in metrics, where dots become underscores.
TEST_F(TopicsTest, names_that_differ_in_dots_alone_are_not_made_side_by_side) {
  create_topic("x.a");
  CreateTopicsRequest request;
  request.topics = {{.name = "x_a"}, {.name = "y.b"}, {.name = "y_b"}};
  const auto made = ask<CreateTopicsResponse>(request, 4).topics;
  EXPECT_EQ(made.at(0).error_code, KafkaError::InvalidTopic);
  EXPECT_EQ(made.at(1).error_code, KafkaError::None);
  EXPECT_EQ(made.at(2).error_code, KafkaError::InvalidTopic);
  MetadataRequest named;
  named.topics = {{.name = "x_a"}};
  EXPECT_EQ(ask<MetadataResponse>(named, 4).topics.at(0).error_code, KafkaError::InvalidTopic);
}

// Tests the settings in the answer to CreateTopics (KIP-525).
TEST_F(TopicsTest, a_new_topic_is_returned_with_its_settings) {
  CreateTopicsRequest request;
  request.topics = {{.name = "t", .configs = {{"retention.ms", "1000"}}}, {.name = "no blanks"}};
  const auto made = ask<CreateTopicsResponse>(request, 7).topics;
  ASSERT_TRUE(made.at(0).configs);
  std::map<std::string, std::pair<std::string, int8_t>> configs;
  for (const auto& config : *made[0].configs)
    configs[config.name] = {config.value.value_or(""), config.config_source};
  EXPECT_EQ(configs["retention.ms"], (std::pair<std::string, int8_t>{"1000", 1}));
  EXPECT_EQ(configs["cleanup.policy"], (std::pair<std::string, int8_t>{"delete", 5}));
  EXPECT_EQ(made[0].num_partitions, 1);
  EXPECT_FALSE(made.at(1).configs);
  EXPECT_EQ(made[1].num_partitions, -1);
}

// The thread that creates topics has a bounded queue, which other clients use, too.
TEST_F(TopicsTest, the_topics_of_a_large_request_are_created_in_portions) {
  constexpr int kTopics = 1'500;
  RequestHeader header;
  header.api_version = 7;
  const auto slot = std::make_shared<AnswerSlot>();
  using Pending = PendingResponse<CreateTopicsResponse>;
  const auto pending = std::make_shared<Pending>(Pending{{}, {slot, header}});
  std::deque<int> under_way;
  std::vector<int> made;
  size_t most = 0;
  for (int i = 0; i < kTopics; ++i)
    pending->add_step([&, i] {
      under_way.push_back(i);
      most = std::max(most, under_way.size());
      if (i % 3 > 0) return;
      under_way.pop_back();  // the request is refused immediately
      made.push_back(i);
      pending->complete_step();
    });
  pending->complete_one();
  while (!under_way.empty()) {
    EXPECT_FALSE(slot->is_ready);
    made.push_back(under_way.front());
    under_way.pop_front();
    pending->complete_step();
  }
  EXPECT_TRUE(slot->is_ready);
  EXPECT_EQ(made.size(), size_t{kTopics});
  EXPECT_LE(most, 100u);
}

TEST_F(TopicsTest, allowed_operations_are_returned_on_request) {
  create_topic("t");
  MetadataRequest request;
  EXPECT_EQ(ask<MetadataResponse>(request, 8).topics.at(0).topic_authorized_operations, INT32_MIN);
  request.include_topic_authorized_operations = request.include_cluster_authorized_operations =
      true;
  const auto told = ask<MetadataResponse>(request, 8);
  EXPECT_EQ(told.topics.at(0).topic_authorized_operations, kAllTopicOperations);
  EXPECT_EQ(told.cluster_authorized_operations, kAllClusterOperations);
  request.topics = {{.name = "not there"}};
  EXPECT_EQ(ask<MetadataResponse>(request, 8).topics.at(0).topic_authorized_operations,
            kAllTopicOperations);
}

// Java's pattern subscriptions and describeTopics() send an empty name together with the id.
TEST_F(TopicsTest, metadata_by_id_does_not_look_at_the_name) {
  create_topic("t");
  create_topic("other");
  const Uuid id = backend.topics()->find("t")->id, unknown = Uuid::random();
  const std::optional<std::string> names[] = {std::nullopt, "", "other", "not there", "no blanks"};
  for (const int16_t version : std::initializer_list<int16_t>{10, 12, 13})
    for (const auto& name : names) {
      MetadataRequest request;
      request.allow_auto_topic_creation = true;
      request.topics.emplace();
      for (const Uuid& each : {id, unknown})
        request.topics->push_back({.topic_id = each, .name = name});
      const auto topics = ask<MetadataResponse>(request, version).topics;
      ASSERT_EQ(topics.size(), 2u);
      EXPECT_EQ(topics[0].error_code, KafkaError::None);
      EXPECT_EQ(topics[0].name, "t");
      EXPECT_EQ(topics[0].topic_id, id);
      EXPECT_EQ(topics[0].partitions.size(), 1u);
      EXPECT_EQ(topics[1].error_code, kUnknownTopicId);
      EXPECT_EQ(topics[1].name.value_or(""), "");
      EXPECT_EQ(topics[1].topic_id, unknown);
    }
  EXPECT_EQ(backend.topics()->by_name().size(), 2u) << "an id makes no topic";
  MetadataRequest twice;
  twice.topics.emplace();
  for (const char* name : {"a", "b"}) twice.topics->push_back({.topic_id = id, .name = name});
  twice.topics->push_back({.topic_id = {}, .name = "t"});
  EXPECT_EQ(ask<MetadataResponse>(twice, 13).topics.size(), 2u) << "once by its id";
}

TEST_F(TopicsTest, coordinators_have_a_type) {
  FindCoordinatorRequest request;
  request.key = "g";
  EXPECT_EQ(ask<FindCoordinatorResponse>(request, 2).error_code, KafkaError::None);
  request.key_type = 1;
  EXPECT_EQ(ask<FindCoordinatorResponse>(request, 2).node_id, node.node_id);
  request.key_type = 7;
  EXPECT_EQ(ask<FindCoordinatorResponse>(request, 2).error_code, KafkaError::InvalidRequest);
  request.coordinator_keys = {"g"};
  EXPECT_EQ(ask<FindCoordinatorResponse>(request, 6).coordinators.at(0).error_code,
            KafkaError::InvalidRequest);
  InitProducerIdRequest producer;
  producer.transactional_id = "";
  EXPECT_EQ(ask<InitProducerIdResponse>(producer, 4).error_code, KafkaError::InvalidRequest);
}
