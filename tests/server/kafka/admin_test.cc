// Tests requests of administrators to a server of one node.
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/permissions.h"
#include "server/kafka/wire_errors.h"
#include "storage/log/replica_log.h"
#include "tests/server/kafka/session_fixture.h"

using namespace server::kafka;

namespace {

using AdminTest = SessionTest;

}  // namespace

TEST_F(AdminTest, the_cluster_is_this_node) {
  DescribeClusterRequest request;
  const auto told = ask<DescribeClusterResponse>(request, 1);
  EXPECT_EQ(told.cluster_id, "test");
  EXPECT_EQ(told.controller_id, node.node_id);
  ASSERT_EQ(told.brokers.size(), 1u);
  EXPECT_EQ(told.brokers[0].host, "127.0.0.1");
  EXPECT_EQ(told.brokers[0].port, 9092);
  EXPECT_EQ(told.cluster_authorized_operations, INT32_MIN);
  request.endpoint_type = 2;
  EXPECT_EQ(ask<DescribeClusterResponse>(request, 2).error_code, kMismatchedEndpointType);
  request.endpoint_type = 3;
  EXPECT_EQ(ask<DescribeClusterResponse>(request, 2).error_code, kUnsupportedEndpointType);
}

TEST_F(AdminTest, the_end_of_an_epoch_is_where_the_next_begins) {
  create_topic("t");
  const storage::TopicPartition partition{backend.topics()->find("t")->id, PartitionId{0}};
  EXPECT_EQ(produce_error(produce("t", batch("v"))), KafkaError::None);
  std::promise<Status> led;
  storage::ReplicaLog(backend.log())
      .set_role(partition, storage::ReplicaRole::Leader, LeaderEpoch{3},
                [&](Status status) { led.set_value(std::move(status)); });
  EXPECT_TRUE(led.get_future().get());
  const auto end_of = [&](int32_t epoch, int32_t current = -1, int32_t index = 0) {
    OffsetForLeaderEpochRequest request;
    request.topics = {
        {.topic = "t",
         .partitions = {
             {.partition = index, .current_leader_epoch = current, .leader_epoch = epoch}}}};
    return ask<OffsetForLeaderEpochResponse>(request, 4).topics.at(0).partitions.at(0);
  };
  EXPECT_EQ(end_of(0).leader_epoch, 0);
  EXPECT_EQ(end_of(0).end_offset, 1);
  EXPECT_EQ(end_of(2).leader_epoch, 0);
  EXPECT_EQ(end_of(4).leader_epoch, -1);
  EXPECT_EQ(end_of(4).end_offset, -1);
  EXPECT_EQ(end_of(0, 2).error_code, KafkaError::FencedLeaderEpoch);
  EXPECT_EQ(end_of(0, 4).error_code, kUnknownLeaderEpoch);
  EXPECT_EQ(end_of(0, -1, 5).error_code, KafkaError::UnknownTopicOrPartition);
}

TEST_F(AdminTest, log_directories_list_the_sizes_of_partitions) {
  create_topic("large", 2);
  create_topic("small");
  EXPECT_EQ(produce_error(produce("large", batch(std::string(100'000, 'x')))), KafkaError::None);
  const auto all = ask<DescribeLogDirsResponse>(DescribeLogDirsRequest{}, 4);
  ASSERT_EQ(all.results.size(), 1u);
  EXPECT_EQ(all.results[0].log_dir, "/data");
  EXPECT_EQ(all.results[0].total_bytes, 1000);
  EXPECT_EQ(all.results[0].usable_bytes, 400);
  ASSERT_EQ(all.results[0].topics.size(), 2u);
  EXPECT_EQ(all.results[0].topics[0].name, "large");
  EXPECT_GT(all.results[0].topics[0].partitions.at(0).partition_size, 100'000);
  EXPECT_EQ(all.results[0].topics[0].partitions.at(1).partition_size, 0);
  DescribeLogDirsRequest request;
  request.topics = {{.topic = "large", .partitions = {1, 7}},
                    {.topic = "absent", .partitions = {0}}};
  const auto some = ask<DescribeLogDirsResponse>(request, 4).results.at(0).topics;
  ASSERT_EQ(some.size(), 1u);
  EXPECT_EQ(some[0].partitions.size(), 1u);
}

TEST_F(AdminTest, replicas_are_in_the_only_directory) {
  create_topic("t", 2);
  AlterReplicaLogDirsRequest request;
  request.dirs = {{.path = "/data", .topics = {{.name = "t", .partitions = {1, 2}}}},
                  {.path = "/other", .topics = {{.name = "t", .partitions = {0}}}},
                  {.path = "/data", .topics = {{.name = "absent", .partitions = {0}}}}};
  const auto results = ask<AlterReplicaLogDirsResponse>(request, 2).results;
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].partitions.at(0).error_code, KafkaError::None);
  EXPECT_EQ(results[0].partitions.at(1).error_code, KafkaError::UnknownTopicOrPartition);
  EXPECT_EQ(results[1].partitions.at(0).error_code, kLogDirNotFound);
  EXPECT_EQ(results[2].partitions.at(0).error_code, KafkaError::UnknownTopicOrPartition);
}

TEST_F(AdminTest, partitions_are_described_page_by_page) {
  create_topic("b", 3);
  create_topic("a", 2);
  DescribeTopicPartitionsRequest request;
  request.response_partition_limit = 3;
  auto page = ask<DescribeTopicPartitionsResponse>(request, 0);
  ASSERT_EQ(page.topics.size(), 2u);
  EXPECT_EQ(page.topics[0].name, "a");
  EXPECT_EQ(page.topics[0].partitions.size(), 2u);
  EXPECT_EQ(page.topics[1].partitions.size(), 1u);
  EXPECT_EQ(page.topics[0].partitions[0].leader_id, node.node_id);
  ASSERT_TRUE(page.next_cursor);
  EXPECT_EQ(page.next_cursor->topic_name, "b");
  EXPECT_EQ(page.next_cursor->partition_index, 1);
  request.cursor = {page.next_cursor->topic_name, page.next_cursor->partition_index};
  page = ask<DescribeTopicPartitionsResponse>(request, 0);
  ASSERT_EQ(page.topics.size(), 1u);
  EXPECT_EQ(page.topics[0].partitions.size(), 2u);
  EXPECT_EQ(page.topics[0].partitions[0].partition_index, 1);
  EXPECT_FALSE(page.next_cursor);

  request = {};
  request.topics = {{"absent"}, {"no blanks"}};
  page = ask<DescribeTopicPartitionsResponse>(request, 0);
  EXPECT_EQ(page.topics.at(0).error_code, KafkaError::UnknownTopicOrPartition);
  EXPECT_EQ(page.topics.at(1).error_code, KafkaError::InvalidTopic);
}

TEST_F(AdminTest, producers_with_sequences_are_described) {
  create_topic("t");
  std::string stamped = batch("v");
  records::set_producer(stamped, {ProducerId{5}, 2, 0});
  EXPECT_EQ(produce_error(produce("t", stamped)), KafkaError::None);
  EXPECT_EQ(produce_error(produce("t", batch("w"))), KafkaError::None);
  DescribeProducersRequest request;
  request.topics = {{.name = "t", .partition_indexes = {0, 9, 0}}};
  const auto told = ask<DescribeProducersResponse>(request, 0).topics.at(0).partitions;
  EXPECT_EQ(told.size(), 2u);
  ASSERT_EQ(told.at(0).active_producers.size(), 1u);
  EXPECT_EQ(told[0].active_producers[0].producer_id, 5);
  EXPECT_EQ(told[0].active_producers[0].producer_epoch, 2);
  EXPECT_EQ(told[0].active_producers[0].last_sequence, 0);
  EXPECT_EQ(told.at(1).error_code, KafkaError::UnknownTopicOrPartition);
}

TEST_F(AdminTest, there_is_nothing_to_elect_and_nowhere_to_move_to) {
  create_topic("t");
  ElectLeadersRequest election;
  election.topic_partitions = {{.topic = "t", .partitions = {0, 4}}};
  const auto elected = ask<ElectLeadersResponse>(election, 2).replica_election_results.at(0);
  EXPECT_EQ(elected.partition_result.at(0).error_code, kElectionNotNeeded);
  EXPECT_EQ(elected.partition_result.at(1).error_code, KafkaError::UnknownTopicOrPartition);

  AlterPartitionReassignmentsRequest move;
  move.topics = {{.name = "t",
                  .partitions = {{.partition_index = 0, .replicas = {{node.node_id}}},
                                 {.partition_index = 0, .replicas = {{node.node_id, 2}}},
                                 {.partition_index = 0, .replicas = std::nullopt},
                                 {.partition_index = 3, .replicas = {{node.node_id}}}}}};
  const auto moved = ask<AlterPartitionReassignmentsResponse>(move, 1).responses.at(0).partitions;
  EXPECT_EQ(moved.at(0).error_code, KafkaError::None);
  EXPECT_EQ(moved.at(1).error_code, kInvalidReplicaAssignment);
  EXPECT_EQ(moved.at(2).error_code, kNoReassignmentInProgress);
  EXPECT_EQ(moved.at(3).error_code, KafkaError::UnknownTopicOrPartition);
  EXPECT_TRUE(ask<ListPartitionReassignmentsResponse>(ListPartitionReassignmentsRequest{}, 0)
                  .topics.empty());
}

TEST_F(AdminTest, replicas_are_assigned_by_hand_to_the_only_node) {
  CreateTopicsRequest request;
  const auto assigned = [&](std::vector<std::pair<int32_t, std::vector<int32_t>>> replicas) {
    request.topics = {{.name = "t"}};
    for (auto& [index, nodes] : replicas)
      request.topics[0].assignments.push_back({index, std::move(nodes)});
    return ask<CreateTopicsResponse>(request, 5).topics.at(0);
  };
  EXPECT_EQ(assigned({{0, {node.node_id, 2}}}).error_code, kInvalidReplicaAssignment);
  EXPECT_EQ(assigned({{1, {node.node_id}}}).error_code, kInvalidReplicaAssignment);
  EXPECT_EQ(assigned({{0, {node.node_id}}, {0, {node.node_id}}}).error_code,
            kInvalidReplicaAssignment);
  const auto made = assigned({{1, {node.node_id}}, {0, {node.node_id}}});
  EXPECT_EQ(made.error_code, KafkaError::None);
  EXPECT_EQ(made.num_partitions, 2);

  CreatePartitionsRequest growth;
  growth.topics = {{.name = "t", .count = 4, .assignments = {{{{node.node_id}}}}}};
  EXPECT_EQ(ask<CreatePartitionsResponse>(growth, 1).results.at(0).error_code,
            kInvalidReplicaAssignment);
  growth.topics[0].assignments->push_back({{node.node_id}});
  EXPECT_EQ(ask<CreatePartitionsResponse>(growth, 1).results.at(0).error_code, KafkaError::None);
}

TEST_F(AdminTest, the_metadata_log_has_one_voter) {
  DescribeQuorumRequest request;
  request.topics = {{.topic_name = "__cluster_metadata", .partitions = {{0}}}};
  const auto told = ask<DescribeQuorumResponse>(request, 2);
  const auto& partition = told.topics.at(0).partitions.at(0);
  EXPECT_EQ(partition.leader_id, node.node_id);
  EXPECT_EQ(partition.high_watermark, 7);
  EXPECT_EQ(partition.current_voters.size(), 1u);
  EXPECT_EQ(told.nodes.at(0).listeners.at(0).port, 9092);
}

TEST_F(AdminTest, resources_with_settings_are_listed) {
  create_topic("t");
  EXPECT_TRUE(
      ask<ListConfigResourcesResponse>(ListConfigResourcesRequest{}, 0).config_resources.empty());
  EXPECT_EQ(
      ask<ListConfigResourcesResponse>(ListConfigResourcesRequest{}, 1).config_resources.size(),
      3u);
  ListConfigResourcesRequest request;
  request.resource_types = {2};
  EXPECT_EQ(ask<ListConfigResourcesResponse>(request, 1).config_resources.at(0).resource_name, "t");
  request.resource_types = {3};
  EXPECT_EQ(ask<ListConfigResourcesResponse>(request, 1).error_code, kUnsupportedVersion);
}

TEST_F(AdminTest, groups_have_settings) {
  constexpr int8_t kGroup = 32, kOfGroup = 8, kOfServer = 4;
  const std::string timeout = "consumer.session.timeout.ms";
  const auto alter = [&](const std::string& group, const std::string& value) {
    IncrementalAlterConfigsRequest request;
    request.resources = {{.resource_type = kGroup,
                          .resource_name = group,
                          .configs = {{.name = timeout, .config_operation = 0, .value = value}}}};
    return ask<IncrementalAlterConfigsResponse>(request, 1).responses.at(0).error_code;
  };
  const auto described = [&](const std::string& group) {
    DescribeConfigsRequest request;
    request.resources = {{.resource_type = kGroup, .resource_name = group}};
    request.include_synonyms = true;
    return ask<DescribeConfigsResponse>(request, 4).results.at(0);
  };
  EXPECT_EQ(alter("g", "44000"), kInvalidConfig);
  EXPECT_EQ(alter("", "50000"), KafkaError::InvalidRequest);
  EXPECT_EQ(alter(std::string(5'000, 'g'), "50000"), KafkaError::InvalidRequest);
  EXPECT_EQ(alter("g", "50000"), KafkaError::None);
  const auto config = described("g").configs;
  ASSERT_EQ(config.size(), 9u) << "two of consumer groups, seven of share groups";
  EXPECT_EQ(config[1].name, timeout);
  EXPECT_EQ(config[1].value, "50000");
  EXPECT_EQ(config[1].config_source, kOfGroup);
  EXPECT_EQ(config[1].synonyms.size(), 2u);
  EXPECT_EQ(described("other").configs.at(1).value, "45000");
  EXPECT_EQ(described("other").configs.at(1).config_source, kOfServer);
  EXPECT_EQ(described("").error_code, KafkaError::InvalidRequest);

  ListConfigResourcesRequest request;
  request.resource_types = {kGroup};
  const auto listed = ask<ListConfigResourcesResponse>(request, 1).config_resources;
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].resource_name, "g");
  AlterConfigsRequest none;
  none.resources = {{.resource_type = kGroup, .resource_name = "g"}};
  EXPECT_EQ(ask<AlterConfigsResponse>(none, 2).responses.at(0).error_code, KafkaError::None);
  EXPECT_EQ(described("g").configs.at(1).value, "45000");
}

TEST_F(AdminTest, the_allowed_operations_on_groups_are_returned_on_request) {
  constexpr int32_t kNotAsked = INT32_MIN;
  DescribeGroupsRequest classic{.groups = {"g"}};
  EXPECT_EQ(ask<DescribeGroupsResponse>(classic, 5).groups.at(0).authorized_operations, kNotAsked);
  classic.include_authorized_operations = true;
  EXPECT_EQ(ask<DescribeGroupsResponse>(classic, 5).groups.at(0).authorized_operations,
            kAllGroupOperations);
  ConsumerGroupDescribeRequest consumer;
  consumer.group_ids = {"g"};
  consumer.include_authorized_operations = true;
  EXPECT_EQ(ask<ConsumerGroupDescribeResponse>(consumer, 0).groups.at(0).authorized_operations,
            kAllGroupOperations);
}

TEST_F(AdminTest, features_have_the_level_that_they_have) {
  const auto update = [&](const std::string& feature, int16_t level, int16_t version) {
    UpdateFeaturesRequest request;
    request.feature_updates = {{.feature = feature, .max_version_level = level}};
    return ask<UpdateFeaturesResponse>(request, version);
  };
  EXPECT_EQ(update("transaction.version", 2, 2).error_code, KafkaError::None);
  EXPECT_EQ(update("transaction.version", 1, 2).error_code, kInvalidUpdateVersion);
  EXPECT_EQ(update("no.such.feature", 1, 2).error_code, kInvalidUpdateVersion);
  const auto results = update("group.version", 2, 1).results;
  EXPECT_EQ(results.at(0).error_code, kInvalidUpdateVersion);
  EXPECT_TRUE(results.at(0).error_message);
}

TEST_F(AdminTest, there_are_no_access_rules_and_no_users) {
  EXPECT_EQ(ask<DescribeAclsResponse>(DescribeAclsRequest{}, 1).error_code, kSecurityDisabled);
  CreateAclsRequest creation;
  creation.creations.resize(2);
  EXPECT_EQ(ask<CreateAclsResponse>(creation, 2).results.at(1).error_code, kSecurityDisabled);
  DeleteAclsRequest deletion;
  deletion.filters.resize(1);
  EXPECT_EQ(ask<DeleteAclsResponse>(deletion, 3).filter_results.at(0).error_code,
            kSecurityDisabled);

  DescribeUserScramCredentialsRequest users;
  EXPECT_TRUE(ask<DescribeUserScramCredentialsResponse>(users, 0).results.empty());
  users.users = {{"ann"}};
  EXPECT_EQ(ask<DescribeUserScramCredentialsResponse>(users, 0).results.at(0).error_code,
            kResourceNotFound);
  AlterUserScramCredentialsRequest alteration;
  alteration.upsertions = {{.name = "ann"}};
  const auto refused = ask<AlterUserScramCredentialsResponse>(alteration, 0).results.at(0);
  EXPECT_EQ(refused.error_code, kUnsupportedSaslMechanism);  // 0 is not a mechanism
}
