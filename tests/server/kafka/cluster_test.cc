// Tests the answers of a node that is one of several.
#include "server/kafka/cluster_view.h"
#include "server/kafka/leaders.h"
#include "server/kafka/long_polls.h"
#include "server/kafka/wire_errors.h"
#include "storage/log/replica_log.h"
#include "tests/server/kafka/session_fixture.h"

using namespace server::kafka;
using storage::ReplicaRole;

namespace {

constexpr NodeId kHere{1}, kThere{2}, kAway{3};

// The node under test is node 1 of three; node 3 is not available.
class ClusterTest : public SessionTest {
 protected:
  void SetUp() override {
    clock.advance_us(1'000'000'000'000);
    create_topic("t");
    partition_ = {backend.topics()->find("t")->id, PartitionId{0}};
    for (const NodeId id : {kHere, kThere, kAway}) apply(storage::encode_register_node({.id = id}));
  }
  void apply(const std::string& part) { ASSERT_TRUE(table_.apply(part, Revision{++revision_})); }
  // Assigns the partition as the controller would.
  void assign(std::optional<NodeId> leader, std::vector<NodeId> isr, int32_t epoch) {
    storage::PartitionAssignment assignment{partition_};
    assignment.replicas = {kHere, kThere, kAway};
    assignment.isr = std::move(isr);
    assignment.leader = leader;
    assignment.leader_epoch = LeaderEpoch{epoch};
    assignment.version = version_++;
    apply(storage::encode_assign_partition(assignment));
    publish();
  }
  void publish(int32_t controller = 2) {
    auto view = std::make_shared<ClusterView>();
    view->self = kHere;
    view->nodes = {{1, "one", 9092}, {2, "two", 9092, "rack"}};
    view->controller_id = controller;
    view->min_insync_replicas = 2;
    view->metadata = table_.snapshot();
    backend.view = std::move(view);
  }
  // Applies the commands that were sent to the cluster, as all nodes do.
  void apply_changes() {
    for (const std::string& part : std::exchange(backend.cluster_parts, {})) apply(part);
    publish();
  }
  AlterPartitionReassignmentsResponse::Topic::Partition move(
      std::optional<std::vector<int32_t>> replicas, bool may_change_number = true) {
    AlterPartitionReassignmentsRequest request;
    request.allow_replication_factor_change = may_change_number;
    request.topics = {
        {.name = "t", .partitions = {{.partition_index = 0, .replicas = std::move(replicas)}}}};
    return ask<AlterPartitionReassignmentsResponse>(request, 1).responses.at(0).partitions.at(0);
  }
  std::vector<ListPartitionReassignmentsResponse::Topic> moving() {
    return ask<ListPartitionReassignmentsResponse>(ListPartitionReassignmentsRequest{}, 0).topics;
  }
  void take_role(ReplicaRole role, int32_t epoch) {
    std::promise<Status> taken;
    storage::ReplicaLog(backend.log())
        .set_role(partition_, role, LeaderEpoch{epoch},
                  [&](Status status) { taken.set_value(std::move(status)); });
    ASSERT_TRUE(taken.get_future().get());
  }
  ProduceResponse produce_with(int16_t acks) {
    return ask<ProduceResponse>(produce("t", batch("hello"), acks), 10);
  }
  KafkaError error_of_sequence(int32_t sequence) {
    std::string bytes = batch("hello");
    records::set_producer(bytes, {ProducerId{7}, 0, sequence});
    return first(ask<ProduceResponse>(produce("t", bytes, 1), 10)).error_code;
  }
  static const ProduceResponse::Topic::Partition& first(const ProduceResponse& response) {
    return response.responses.at(0).partition_responses.at(0);
  }

  storage::TopicPartition partition_;
  storage::ClusterTable table_;
  int64_t revision_ = 0;
  int32_t version_ = 0;
};

}  // namespace

TEST_F(ClusterTest, metadata_list_the_live_nodes_and_the_leaders) {
  assign(kThere, {kThere, kHere}, 5);
  MetadataRequest request;
  request.topics.emplace().push_back({.name = "t"});
  const auto response = ask<MetadataResponse>(request, 9);
  ASSERT_EQ(response.brokers.size(), 2u);
  EXPECT_EQ(response.brokers[1].host, "two");
  EXPECT_EQ(response.brokers[1].rack, "rack");
  EXPECT_EQ(response.controller_id, 2);
  const auto& partition = response.topics.at(0).partitions.at(0);
  EXPECT_EQ(partition.leader_id, 2);
  EXPECT_EQ(partition.leader_epoch, 5);
  EXPECT_EQ(partition.replica_nodes, (std::vector<int32_t>{1, 2, 3}));
  EXPECT_EQ(partition.isr_nodes, (std::vector<int32_t>{2, 1}));
  EXPECT_EQ(partition.offline_replicas, std::vector<int32_t>{3});
}

// Any node accepts the requests that Kafka's controller accepts; clients would wait if no controller were
// known.
TEST_F(ClusterTest, a_live_node_stands_for_an_unknown_controller) {
  assign(kThere, {kThere, kHere}, 5);
  publish(-1);
  EXPECT_EQ(ask<MetadataResponse>(MetadataRequest{}, 9).controller_id, 1);
  EXPECT_EQ(ask<DescribeClusterResponse>(DescribeClusterRequest{}, 0).controller_id, 1);
}

TEST_F(ClusterTest, a_partition_without_leader_has_an_error) {
  assign(std::nullopt, {kAway}, 6);
  MetadataRequest request;
  request.topics.emplace().push_back({.name = "t"});
  const auto response = ask<MetadataResponse>(request, 9);
  EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code, kLeaderNotAvailable);
  EXPECT_EQ(response.topics.at(0).partitions.at(0).leader_id, -1);
  EXPECT_EQ(first(produce_with(1)).error_code, KafkaError::NotLeaderOrFollower);
}

TEST_F(ClusterTest, a_follower_names_the_leader_and_its_address) {
  assign(kThere, {kHere, kThere}, 5);
  take_role(ReplicaRole::Follower, 5);
  const auto produced = produce_with(-1);
  EXPECT_EQ(first(produced).error_code, KafkaError::NotLeaderOrFollower);
  EXPECT_EQ(first(produced).current_leader.leader_id, 2);
  EXPECT_EQ(first(produced).current_leader.leader_epoch, 5);
  ASSERT_EQ(produced.node_endpoints.size(), 1u);
  EXPECT_EQ(produced.node_endpoints[0].host, "two");
  FetchRequest fetching = fetch("t", 0);
  fetching.topics[0].topic_id = partition_.topic;
  const auto fetched = ask<FetchResponse>(fetching, 16);
  const auto& answer = fetched.responses.at(0).partitions.at(0);
  EXPECT_EQ(answer.error_code, KafkaError::NotLeaderOrFollower);
  EXPECT_EQ(answer.current_leader.leader_id, 2);
  EXPECT_EQ(fetched.node_endpoints.size(), 1u);
  ListOffsetsRequest listing;
  listing.topics = {{.name = "t", .partitions = {{.partition_index = 0, .timestamp = -1}}}};
  EXPECT_EQ(ask<ListOffsetsResponse>(listing, 5).topics.at(0).partitions.at(0).error_code,
            KafkaError::NotLeaderOrFollower);
}

// The node has become the leader in the metadata, but its log still acts as the only replica. If
// the server accepted a batch now, the log would acknowledge the records before the followers have
// them.
TEST_F(ClusterTest, nothing_is_taken_before_the_log_has_taken_the_role) {
  assign(kHere, {kHere, kThere}, 5);
  EXPECT_EQ(first(produce_with(-1)).error_code, KafkaError::NotLeaderOrFollower);
  EXPECT_EQ(first(produce_with(-1)).current_leader.leader_id, -1);
  take_role(ReplicaRole::Leader, 4);
  EXPECT_EQ(first(produce_with(1)).error_code, KafkaError::NotLeaderOrFollower);
  take_role(ReplicaRole::Leader, 5);
  EXPECT_EQ(first(produce_with(1)).error_code, KafkaError::None);
  EXPECT_EQ(ask<FetchResponse>(fetch("t", 0), 11).responses.at(0).partitions.at(0).error_code,
            KafkaError::None);
}

TEST_F(ClusterTest, the_metadata_log_is_described_as_the_controller_reports_it) {
  publish();
  DescribeQuorumRequest request;
  request.topics = {{.topic_name = "__cluster_metadata", .partitions = {{0}}}};
  const auto unknown = ask<DescribeQuorumResponse>(request, 2).topics.at(0).partitions.at(0);
  EXPECT_EQ(unknown.error_code, KafkaError::NotLeaderOrFollower);
  auto view = std::make_shared<ClusterView>(*backend.view);
  view->metadata_log = std::make_shared<ClusterView::MetadataLog>(ClusterView::MetadataLog{
      .controller_epoch = 40,
      .end = Revision{17},
      .told_us = clock.monotonic_us(),
      .readers = {{kHere, Revision{17}, 1'002, 1'001}, {kThere, Revision{16}, 900, 800}, {kAway}}});
  backend.view = std::move(view);
  const auto told = ask<DescribeQuorumResponse>(request, 2);
  const auto& partition = told.topics.at(0).partitions.at(0);
  EXPECT_EQ(partition.error_code, KafkaError::None);
  EXPECT_EQ(partition.leader_id, 2);
  EXPECT_EQ(partition.leader_epoch, 40);
  EXPECT_EQ(partition.high_watermark, 17);
  ASSERT_EQ(partition.current_voters.size(), 3U);
  EXPECT_TRUE(partition.observers.empty());
  EXPECT_EQ(partition.current_voters[1].replica_id, 2);
  EXPECT_EQ(partition.current_voters[1].log_end_offset, 16);
  EXPECT_EQ(partition.current_voters[0].last_fetch_timestamp, 1'002);
  EXPECT_EQ(partition.current_voters[1].last_caught_up_timestamp, 1'001)
      << "the leader has read what others have";
  EXPECT_EQ(partition.current_voters[1].last_fetch_timestamp, 1'001) << "and not before it did";
  EXPECT_EQ(partition.current_voters[2].last_fetch_timestamp, -1);
  // A report that was not repeated for a long time is not used.
  clock.advance_us(60'000'000);
  EXPECT_EQ(ask<DescribeQuorumResponse>(request, 0).topics.at(0).partitions.at(0).error_code,
            KafkaError::NotLeaderOrFollower);
}

TEST_F(ClusterTest, the_feature_level_is_raised_when_all_programs_know_it) {
  const auto raise = [&](int16_t level, bool is_tried = false) {
    UpdateFeaturesRequest request;
    request.feature_updates = {{.feature = "millrace.version", .max_version_level = level}};
    request.validate_only = is_tried;
    const auto response = ask<UpdateFeaturesResponse>(request, 1);
    EXPECT_EQ(response.results.at(0).error_code, response.error_code);
    return std::pair(response.error_code, response.error_message.value_or(""));
  };
  const auto third = [&](storage::FeatureLevel knows, bool is_there) {
    publish();
    auto view = std::make_shared<ClusterView>(*backend.view);
    if (is_there) view->nodes.push_back({3, "three", 9092});
    ClusterView::MetadataLog log;
    for (const NodeId id : {kHere, kThere, kAway})
      log.readers.push_back({.node = id,
                             .heard_ms = clock.wall_ms(),
                             .knows = id == kAway ? knows : storage::kNewestLevel});
    view->metadata_log = std::make_shared<ClusterView::MetadataLog>(std::move(log));
    backend.view = std::move(view);
  };
  const auto level_of = [&](const ApiVersionsResponse& versions) {
    const auto& features = versions.finalized_features;
    const auto found =
        std::ranges::find(features, "millrace.version", [](const auto& each) { return each.name; });
    return found == features.end() ? -1 : found->max_version_level;
  };
  const int16_t newest = storage::kNewestLevel.value();
  // the server has only one node
  EXPECT_EQ(level_of(ask<ApiVersionsResponse>(ApiVersionsRequest{}, 3)), -1);
  EXPECT_EQ(raise(newest).first, kInvalidUpdateVersion);

  publish();
  EXPECT_EQ(level_of(ask<ApiVersionsResponse>(ApiVersionsRequest{}, 3)), 1);
  EXPECT_EQ(raise(newest).first, kFeatureUpdateFailed) << "nothing is known of the others";
  third(storage::kNewestLevel, false);
  EXPECT_EQ(raise(newest), std::pair(kFeatureUpdateFailed,
                                     std::string("node 3 is not available, so the level that it "
                                                 "supports is not known: start it with the new "
                                                 "program, or remove it from the cluster")));
  third(storage::kFirstLevel, true);
  EXPECT_EQ(raise(newest), std::pair(kFeatureUpdateFailed,
                                     std::string("node 3 runs a program that supports levels up to "
                                                 "1")));
  third(storage::kNewestLevel, true);
  EXPECT_EQ(raise(static_cast<int16_t>(newest + 1)).first, kInvalidUpdateVersion);
  EXPECT_EQ(raise(newest, true).first, KafkaError::None);
  EXPECT_TRUE(backend.cluster_parts.empty());
  EXPECT_EQ(raise(newest).first, KafkaError::None);
  apply_changes();
  EXPECT_EQ(level_of(ask<ApiVersionsResponse>(ApiVersionsRequest{}, 3)), newest);
  EXPECT_EQ(raise(1),
            std::pair(kInvalidUpdateVersion, "the feature level " + std::to_string(newest) +
                                                 " of the cluster cannot be lowered"));
}

TEST_F(ClusterTest, topics_are_made_while_a_node_is_away) {
  assign(kHere, {kHere, kThere}, 5);
  CreateTopicsRequest request;
  request.topics.push_back({.name = "made", .num_partitions = 2, .replication_factor = 3});
  const auto made = ask<CreateTopicsResponse>(request, 5).topics.at(0);
  EXPECT_EQ(made.error_code, KafkaError::None) << made.error_message.value_or("");
  request.topics[0].name = "four";
  request.topics[0].replication_factor = 4;
  EXPECT_EQ(ask<CreateTopicsResponse>(request, 5).topics.at(0).error_code,
            kInvalidReplicationFactor);
  // With only one of three nodes, there may be too few replicas in sync to write to the topic.
  auto view = std::make_shared<ClusterView>(*backend.view);
  view->nodes.pop_back();
  backend.view = std::move(view);
  request.topics[0].name = "three";
  request.topics[0].replication_factor = 3;
  const auto refused = ask<CreateTopicsResponse>(request, 5).topics.at(0);
  EXPECT_EQ(refused.error_code, kInvalidReplicationFactor);
  EXPECT_EQ(refused.error_message,
            "1 of the 3 nodes of the cluster are available, but min.insync.replicas requires 2");
  request.topics[0].configs = {{"min.insync.replicas", "1"}};
  EXPECT_EQ(ask<CreateTopicsResponse>(request, 5).topics.at(0).error_code, KafkaError::None);
  request.topics[0] = {.name = "by_hand", .num_partitions = -1, .replication_factor = -1};
  request.topics[0].assignments = {{0, {1, 3}}};
  EXPECT_EQ(ask<CreateTopicsResponse>(request, 5).topics.at(0).error_code,
            kInvalidReplicaAssignment);
  request.topics[0].assignments = {{0, {1}}};
  EXPECT_EQ(ask<CreateTopicsResponse>(request, 5).topics.at(0).error_code, KafkaError::None);
}

TEST_F(ClusterTest, new_partitions_have_their_replicas_by_hand) {
  assign(kHere, {kHere, kThere}, 5);
  const auto grow = [&](std::vector<std::vector<int32_t>> assigned) {
    CreatePartitionsRequest request;
    request.topics = {{.name = "t", .count = 3}};
    auto& assignments = request.topics[0].assignments.emplace();
    for (auto& nodes : assigned) assignments.push_back({std::move(nodes)});
    return ask<CreatePartitionsResponse>(request, 1).results.at(0).error_code;
  };
  EXPECT_EQ(grow({{1, 2, 3}}), kInvalidReplicaAssignment) << "of two new ones";
  EXPECT_EQ(grow({{1, 2}, {2, 3}}), kInvalidReplicaAssignment) << "the topic has three of each";
  EXPECT_EQ(grow({{1, 2, 3}, {2, 3, 4}}), kInvalidReplicaAssignment) << "there is no fourth node";
  EXPECT_TRUE(backend.assigned_by_hand.empty());
  EXPECT_EQ(grow({{1, 2, 3}, {3, 2, 1}}), KafkaError::None);
  EXPECT_EQ(backend.assigned_by_hand,
            (std::vector<std::vector<NodeId>>{{kHere, kThere, kAway}, {kAway, kThere, kHere}}));
}

// KIP-392: this node is in the rack "near", and node 2 in "rack".
class RackTest : public ClusterTest {
 protected:
  void lead(NodeId leader, std::vector<NodeId> isr, int32_t epoch) {
    assign(leader, std::move(isr), epoch);
    auto view = std::make_shared<ClusterView>(*backend.view);
    view->nodes[0].rack = "near";
    backend.view = std::move(view);
    take_role(leader == kHere ? ReplicaRole::Leader : ReplicaRole::Follower, epoch);
  }
  FetchResponse::Topic::Partition fetch_from(const std::string& rack, int64_t offset = 0,
                                             int32_t replica = -1) {
    FetchRequest request = fetch("t", offset);
    request.rack_id = rack;
    request.replica_id = replica;
    return ask<FetchResponse>(request, 11).responses.at(0).partitions.at(0);
  }
};

TEST_F(RackTest, a_leader_names_a_replica_in_sync_that_is_nearer_to_a_consumer) {
  lead(kHere, {kHere, kThere}, 5);
  EXPECT_EQ(first(produce_with(1)).error_code, KafkaError::None);
  const auto named = fetch_from("rack");
  EXPECT_EQ(named.error_code, KafkaError::None);
  EXPECT_EQ(named.preferred_read_replica, 2);
  EXPECT_EQ(fetch_from("near").preferred_read_replica, -1) << "the leader is there itself";
  EXPECT_EQ(fetch_from("nowhere").preferred_read_replica, -1);
  EXPECT_EQ(fetch_from("").preferred_read_replica, -1);
  EXPECT_EQ(fetch_from("rack", 0, 2).preferred_read_replica, -1) << "not to followers";
  EXPECT_EQ(fetch_from("rack", 1).preferred_read_replica, -1) << "it may not have that";
  EXPECT_EQ(fetch_from("rack", 7).error_code, KafkaError::OffsetOutOfRange);
  lead(kHere, {kHere}, 5);
  EXPECT_EQ(fetch_from("rack").preferred_read_replica, -1) << "it is not in sync";
}

TEST_F(RackTest, a_follower_that_is_in_sync_answers_consumers_in_its_rack) {
  lead(kThere, {kHere, kThere}, 5);
  EXPECT_EQ(fetch_from("near").error_code, KafkaError::None);
  EXPECT_EQ(fetch_from("near").preferred_read_replica, -1);
  EXPECT_EQ(fetch_from("near", 3).error_code, KafkaError::OffsetOutOfRange);
  for (const char* rack : {"rack", "", "nowhere"}) {
    const auto sent_on = fetch_from(rack);
    EXPECT_EQ(sent_on.error_code, KafkaError::NotLeaderOrFollower) << rack;
  }
  EXPECT_EQ(fetch_from("near", 0, 3).error_code, KafkaError::NotLeaderOrFollower);
  lead(kThere, {kThere}, 6);
  EXPECT_EQ(fetch_from("near").error_code, KafkaError::NotLeaderOrFollower) << "it is behind";
}

TEST_F(ClusterTest, replicas_are_moved_and_moving_ones_are_listed) {
  apply(storage::encode_register_node({.id = NodeId{4}}));
  assign(kHere, {kHere, kThere, kAway}, 1);
  EXPECT_TRUE(moving().empty());
  EXPECT_EQ(move(std::nullopt).error_code, kNoReassignmentInProgress);
  EXPECT_EQ(move({{}}).error_code, kInvalidReplicaAssignment);
  EXPECT_EQ(move({{1, 1}}).error_code, kInvalidReplicaAssignment);
  EXPECT_EQ(move({{1, 9}}).error_code, kInvalidReplicaAssignment);
  EXPECT_EQ(move({{4, 2}}, false).error_code, kInvalidReplicationFactor);
  EXPECT_TRUE(backend.cluster_parts.empty());

  EXPECT_EQ(move({{4, 2}}).error_code, KafkaError::None);
  apply_changes();
  const auto topics = moving();
  ASSERT_EQ(topics.size(), 1u);
  const auto& partition = topics[0].partitions.at(0);
  EXPECT_EQ(partition.replicas, (std::vector<int32_t>{4, 2, 1, 3}));
  EXPECT_EQ(partition.adding_replicas, std::vector<int32_t>{4});
  EXPECT_EQ(partition.removing_replicas, (std::vector<int32_t>{1, 3}));
  ListPartitionReassignmentsRequest of_another;
  of_another.topics.emplace().push_back({.name = "t", .partition_indexes = {3}});
  EXPECT_TRUE(ask<ListPartitionReassignmentsResponse>(of_another, 0).topics.empty());

  EXPECT_EQ(move(std::nullopt).error_code, KafkaError::None);
  apply_changes();
  EXPECT_TRUE(moving().empty());
}

TEST_F(ClusterTest, a_node_with_replicas_stays_in_the_cluster) {
  assign(kThere, {kThere, kHere}, 5);
  const auto unregister = [&](NodeId id) {
    return ask<UnregisterBrokerResponse>(UnregisterBrokerRequest{.broker_id = id.value()}, 0);
  };
  const auto refused = unregister(kAway);
  EXPECT_EQ(refused.error_code, KafkaError::InvalidRequest);
  EXPECT_EQ(refused.error_message,
            "node 3 has a replica of partition 0 of topic \"t\"; move its replicas to other nodes "
            "first");
  EXPECT_EQ(unregister(NodeId{4}).error_message, "node 4 is not part of the cluster");
  EXPECT_TRUE(backend.cluster_parts.empty());

  apply(storage::encode_remove_assignments(partition_.topic));
  publish();
  EXPECT_EQ(unregister(kAway).error_code, KafkaError::None);
  apply_changes();
  EXPECT_EQ(table_.snapshot()->find(kAway), nullptr);
}

TEST_F(ClusterTest, elections_are_answered_with_the_leader) {
  const auto elect = [&](int8_t type) {
    ElectLeadersRequest request;
    request.election_type = type;
    request.topic_partitions.emplace().push_back({.topic = "t", .partitions = {0}});
    return ask<ElectLeadersResponse>(request, 2)
        .replica_election_results.at(0)
        .partition_result.at(0)
        .error_code;
  };
  constexpr int8_t kPreferred = 0, kUnclean = 1;
  assign(kHere, {kHere, kThere}, 1);
  EXPECT_EQ(elect(kPreferred), kElectionNotNeeded);
  EXPECT_EQ(elect(kUnclean), kElectionNotNeeded);
  assign(kThere, {kThere}, 2);
  EXPECT_EQ(elect(kPreferred), kPreferredLeaderNotAvailable);
  assign(kThere, {kHere, kThere}, 2);
  EXPECT_EQ(elect(kPreferred), kPreferredLeaderNotAvailable) << "it is fenced";
  const auto epoch = table_.snapshot()->find(kHere)->epoch;
  apply(storage::encode_fence_node(kHere, epoch, false));
  publish();
  EXPECT_EQ(elect(kPreferred), KafkaError::None);
  apply_changes();
  EXPECT_EQ(table_.snapshot()->find(partition_)->leader, kHere);
  version_ = table_.snapshot()->find(partition_)->version + 1;
  assign(std::nullopt, {kThere}, 4);
  EXPECT_EQ(elect(kUnclean), KafkaError::None) << "node 1 is there, and behind";
  apply_changes();
  EXPECT_EQ(table_.snapshot()->find(partition_)->leader, kHere);
  ElectLeadersRequest all;
  EXPECT_TRUE(ask<ElectLeadersResponse>(all, 2).replica_election_results.empty());
}

// A producer sends several batches without waiting for answers, and the node becomes the leader
// between two of them. The log does not know the producer yet, so it would accept its first batch
// with any sequence number.
TEST_F(ClusterTest, no_batch_is_accepted_before_an_earlier_refused_one) {
  assign(kHere, {kHere, kThere}, 5);
  EXPECT_EQ(error_of_sequence(0), KafkaError::NotLeaderOrFollower);
  take_role(ReplicaRole::Leader, 5);
  EXPECT_EQ(error_of_sequence(1), KafkaError::NotLeaderOrFollower);
  EXPECT_EQ(error_of_sequence(0), KafkaError::None);
  EXPECT_EQ(error_of_sequence(1), KafkaError::None);
  EXPECT_EQ(error_of_sequence(3), KafkaError::OutOfOrderSequenceNumber) << "one was never sent";
}

TEST_F(ClusterTest, a_batch_behind_a_refused_one_gets_its_error) {
  assign(kHere, {kHere, kThere}, 5);
  take_role(ReplicaRole::Leader, 5);
  EXPECT_EQ(error_of_sequence(0), KafkaError::None);
  assign(kHere, {kHere, kThere}, 6);
  EXPECT_EQ(error_of_sequence(1), KafkaError::NotLeaderOrFollower);
  take_role(ReplicaRole::Leader, 6);
  EXPECT_EQ(error_of_sequence(2), KafkaError::NotLeaderOrFollower);
  EXPECT_EQ(error_of_sequence(1), KafkaError::None);
  EXPECT_EQ(error_of_sequence(2), KafkaError::None);
}

// The refused batch has been written through another leader, and was replicated to this node.
TEST_F(ClusterTest, the_next_sequence_is_accepted_after_any_refusal) {
  assign(kHere, {kHere, kThere}, 5);
  take_role(ReplicaRole::Leader, 5);
  EXPECT_EQ(error_of_sequence(0), KafkaError::None);
  assign(kHere, {kHere, kThere}, 6);
  EXPECT_EQ(error_of_sequence(1), KafkaError::NotLeaderOrFollower);
  take_role(ReplicaRole::Leader, 6);
  std::string fetched = batch("hello");
  records::set_producer(fetched, {ProducerId{7}, 0, 1});
  storage::AppendRequest request;
  request.parts.push_back({partition_, fetched});
  request.acks = storage::Acks::Leader;
  ASSERT_TRUE(storage::append_and_wait(backend.log(), request));
  EXPECT_EQ(error_of_sequence(2), KafkaError::None);
}

// A leader that was frozen does not know yet that another node leads and has newer records.
TEST_F(ClusterTest, a_former_leader_does_not_judge_by_its_log) {
  assign(kHere, {kHere, kThere}, 5);
  take_role(ReplicaRole::Leader, 5);
  EXPECT_EQ(error_of_sequence(0), KafkaError::None);
  backend.is_replaced = true;
  EXPECT_EQ(error_of_sequence(7), KafkaError::NotLeaderOrFollower);
  const auto fetch_error = [&](int64_t offset) {
    return ask<FetchResponse>(fetch("t", offset), 11).responses.at(0).partitions.at(0).error_code;
  };
  EXPECT_EQ(fetch_error(9), KafkaError::NotLeaderOrFollower);
  EXPECT_EQ(fetch_error(-2), KafkaError::OffsetOutOfRange) << "nobody has that";
  EXPECT_EQ(fetch_error(0), KafkaError::None);
  const auto end_at = [&](int64_t timestamp) {
    ListOffsetsRequest request;
    request.replica_id = -1;
    request.topics = {
        {.name = "t", .partitions = {{.partition_index = 0, .timestamp = timestamp}}}};
    return ask<ListOffsetsResponse>(request, 7).topics.at(0).partitions.at(0);
  };
  const auto epoch_end = [&](int32_t epoch) {
    OffsetForLeaderEpochRequest request;
    request.topics = {{.topic = "t", .partitions = {{.partition = 0, .leader_epoch = epoch}}}};
    return ask<OffsetForLeaderEpochResponse>(request, 3).topics.at(0).partitions.at(0);
  };
  constexpr int64_t kLatest = -1, kEarliest = -2, kLongAgo = 0;
  for (const int64_t time : {kLatest, kLongAgo}) {
    EXPECT_EQ(end_at(time).error_code, KafkaError::NotLeaderOrFollower) << time;
    EXPECT_EQ(end_at(time).offset, -1) << time;
  }
  EXPECT_EQ(end_at(kEarliest).error_code, KafkaError::None) << "a log only begins later";
  EXPECT_EQ(epoch_end(9).error_code, KafkaError::NotLeaderOrFollower);
  backend.is_replaced = false;
  EXPECT_EQ(end_at(kLatest).error_code, KafkaError::None);
  EXPECT_EQ(epoch_end(5).error_code, KafkaError::None);
  EXPECT_EQ(error_of_sequence(7), KafkaError::OutOfOrderSequenceNumber);
  EXPECT_EQ(fetch_error(9), KafkaError::OffsetOutOfRange);
}

TEST_F(ClusterTest, a_missing_offset_is_reported_after_a_confirmation) {
  assign(kHere, {kHere, kThere}, 5);
  take_role(ReplicaRole::Leader, 5);
  backend.holds_confirmations = true;
  const auto error = [&]() -> std::optional<KafkaError> {
    session.run();
    const std::vector<Answer> all = answers();
    if (all.empty()) return std::nullopt;
    return decode_response<FetchResponse>(all.front().body, 11)
        ->responses.at(0)
        .partitions.at(0)
        .error_code;
  };
  send(fetch("t", 9), 11);
  EXPECT_FALSE(error());
  EXPECT_FALSE(session.deadline_us()) << "there is nothing to look at before that";
  ASSERT_EQ(backend.confirmations.size(), 1u);
  backend.is_replaced = true;
  backend.confirmations.front()();
  EXPECT_EQ(error(), KafkaError::NotLeaderOrFollower);
  // A server that stops does not wait for the confirmation.
  send(fetch("t", 9), 11);
  EXPECT_FALSE(error());
  session.shut_down({ErrorCode::ShuttingDown, "the server stops"});
  EXPECT_EQ(error(), KafkaError::NotLeaderOrFollower);
  EXPECT_TRUE(session.is_over());
}

// To confirm its leadership, the leader asks the other nodes once for each request, even if the request names the
// partition 1,000 times. A later request of the session asks only after the earlier one is answered.
TEST_F(ClusterTest, others_are_asked_once_about_a_partition_and_once_at_a_time) {
  assign(kHere, {kHere, kThere}, 5);
  take_role(ReplicaRole::Leader, 5);
  backend.holds_confirmations = true;
  OffsetForLeaderEpochRequest request;
  request.topics = {{.topic = "t"}};
  request.topics[0].partitions.assign(1'000, {.partition = 0, .leader_epoch = 5});
  for (int i = 0; i < 3; ++i) send(request, 3);
  ASSERT_EQ(backend.confirmations.size(), 1u);
  EXPECT_EQ(backend.asked_to_confirm, 1u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(answers().empty());
    backend.confirmations.at(i)();
    session.run();
    EXPECT_EQ(answers().size(), 1u);
  }
}

// A long poll reads the log again after its registration; there is nothing to read before the leadership is confirmed.
TEST_F(ClusterTest, a_long_poll_gets_no_unconfirmed_answer) {
  assign(kHere, {kHere, kThere}, 5);
  take_role(ReplicaRole::Leader, 5);
  server::Loop loop;
  const auto polls = std::make_shared<LongPolls>(loop);
  Session polling(backend, *this, clock, NodeView{}, SessionLimits{},
                  SessionSurroundings{polls.get()});
  backend.holds_confirmations = true;
  std::string bytes;
  append_request(bytes, {.api_version = 11, .correlation_id = 1}, fetch("t", 9, 500));
  polling.receive(bytes);
  polling.run();
  EXPECT_TRUE(polling.take_output().empty());
  ASSERT_EQ(backend.confirmations.size(), 1u);
  backend.confirmations.front()();
  polling.run();
  constexpr size_t kSizeAndNumber = 8;
  const std::string output = polling.take_output();
  ASSERT_GT(output.size(), kSizeAndNumber);
  EXPECT_EQ(decode_response<FetchResponse>(output.substr(kSizeAndNumber), 11)
                ->responses.at(0)
                .partitions.at(0)
                .error_code,
            KafkaError::OffsetOutOfRange);
}

// A Metadata request that waits for the answers to earlier Produce requests is answered with the state at the time
// of its answer.
TEST_F(ClusterTest, leaders_are_reported_as_of_the_answer) {
  assign(kHere, {kHere, kThere}, 5);
  take_role(ReplicaRole::Leader, 5);
  backend.holds_appends = true;
  send(produce("t", batch("hello"), 1), 10);
  MetadataRequest request;
  request.topics.emplace().push_back({.name = "t"});
  send(request, 9);
  EXPECT_TRUE(answers().empty());
  assign(kThere, {kHere, kThere}, 6);
  backend.let_through();
  session.run();
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 2u);
  const auto response = decode_response<MetadataResponse>(all[1].body, 9);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->topics.at(0).partitions.at(0).leader_id, 2);
}

TEST_F(ClusterTest, with_too_few_in_sync_acks_all_fails_at_once) {
  assign(kHere, {kHere}, 5);
  take_role(ReplicaRole::Leader, 5);
  EXPECT_EQ(first(produce_with(-1)).error_code, KafkaError::NotEnoughReplicas);
  EXPECT_EQ(first(produce_with(1)).error_code, KafkaError::None);
}

// The previous leader has shown more records to readers than this node knows to be visible
// (KIP-207).
TEST_F(ClusterTest, the_latest_offset_is_returned_when_all_earlier_records_are_visible) {
  const auto latest = [&](int16_t version) {
    ListOffsetsRequest request;
    request.topics = {{.name = "t", .partitions = {{.timestamp = -1}}}};
    return ask<ListOffsetsResponse>(request, version).topics.at(0).partitions.at(0);
  };
  assign(kHere, {kHere, kThere}, 5);
  take_role(ReplicaRole::Leader, 5);
  EXPECT_EQ(error_of_sequence(0), KafkaError::None);
  EXPECT_EQ(latest(5).error_code, KafkaError::None)
      << "what came under its own epoch was never shown";
  EXPECT_EQ(latest(5).offset, 0);
  assign(kHere, {kHere, kThere}, 6);
  take_role(ReplicaRole::Leader, 6);
  EXPECT_EQ(latest(5).error_code, kOffsetNotAvailable);
  EXPECT_EQ(latest(4).error_code, kLeaderNotAvailable) << "the error that older clients know";
  EXPECT_EQ(latest(5).offset, -1);
  storage::ReplicaLog(backend.log()).advance_high_watermark(partition_, LeaderEpoch{6}, Offset{1});
  EXPECT_EQ(latest(5).error_code, KafkaError::None);
  EXPECT_EQ(latest(5).offset, 1);
}

// With an error as answer, a client would repeat its request to this node as long as the node is cut off from
// etcd.
TEST_F(ClusterTest, a_suspended_node_ends_connections_that_ask_for_leaders) {
  assign(kHere, {kHere, kThere}, 5);
  auto view = std::make_shared<ClusterView>(*backend.view);
  view->is_suspended = true;
  backend.view = std::move(view);
  send(MetadataRequest{}, 9);
  EXPECT_TRUE(session.is_over());
  EXPECT_TRUE(answers().empty());
}

TEST_F(ClusterTest, a_group_is_coordinated_by_the_leader_of_its_partition) {
  create_topic("other");
  assign(kHere, {kHere, kThere}, 5);
  FindCoordinatorRequest request;
  request.key = "g";
  // The topic of the groups does not exist yet.
  EXPECT_EQ(ask<FindCoordinatorResponse>(request, 2).error_code,
            KafkaError::CoordinatorNotAvailable);
  request.key_type = 1;  // key type 1 is a transactional id
  EXPECT_EQ(ask<FindCoordinatorResponse>(request, 2).error_code,
            KafkaError::CoordinatorNotAvailable);
}
