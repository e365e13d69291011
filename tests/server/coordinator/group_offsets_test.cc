#include "server/coordinator/group_offsets.h"

#include "tests/server/coordinator/group_test.h"

using namespace server::coordinator;

namespace {

class GroupOffsetsTest : public GroupTest {
 protected:
  GroupOffsetsTest() { make_topic("t", 3); }

  void jump_ms(int64_t ms) {
    clock.advance_us(ms * 1000);
    settle();
  }
  void expire() {
    partition().expire();
    settle();
  }
  // Returns a member's metadata as consumers write them: version 0, one topic, no user data.
  static std::string subscription(char topic) {
    using namespace std::string_literals;
    return "\0\0\0\0\0\1\0\1"s + topic + "\xff\xff\xff\xff"s;
  }
  // Adds a member that stays in the group although it sends no heartbeat for weeks, and returns its
  // id.
  std::string member_of(char topic) {
    settings.max_session_timeout_ms = INT32_MAX;
    lead();
    JoinGroup join = join_request("", subscription(topic));
    join.session_timeout_ms = INT32_MAX;
    const auto joined = begin(join);
    pass_ms(1'000);
    const std::string id = (*joined)->member_id;
    ask(sync_request(id, (*joined)->generation));
    return id;
  }
  size_t count_of_offsets() {
    FetchOffsets all;
    all.group_id = "g";
    size_t count = 0;
    for (const auto& [topic, partitions] : ask(all).topics) count += partitions.size();
    return count;
  }
};

constexpr int64_t kWeekMs = 7LL * 24 * 60 * 60 * 1000;

}  // namespace

TEST_F(GroupOffsetsTest, committed_offsets_survive_a_restart) {
  EXPECT_EQ(committed(), -1);
  EXPECT_EQ(commit(commit_request(5)), KafkaError::None);
  EXPECT_EQ(commit(commit_request(7)), KafkaError::None);
  EXPECT_EQ(commit(commit_request(9, "t", 2)), KafkaError::None);
  EXPECT_EQ(committed(), 7);
  lead();
  EXPECT_EQ(committed(), 7);
  EXPECT_EQ(committed("t", 2), 9);
  FetchOffsets all;
  all.group_id = "g";
  const FetchedOffsets fetched = ask(all);
  ASSERT_EQ(fetched.topics.size(), 1u);
  EXPECT_EQ(fetched.topics[0].second.size(), 2u);
  EXPECT_EQ(fetched.topics[0].second[0].metadata, "note");
}

TEST_F(GroupOffsetsTest, no_offset_is_visible_before_it_is_durable) {
  port.holds_appends = true;
  const auto under_way = begin(commit_request(5));
  EXPECT_FALSE(under_way->has_value());
  EXPECT_EQ(committed(), -1);
  port.holds_appends = false;
  settle();
  EXPECT_TRUE(under_way->has_value());
  EXPECT_EQ(committed(), 5);
}

// The error makes the client look for another coordinator only if the cluster has other nodes.
TEST_F(GroupOffsetsTest, an_offset_that_cannot_be_kept_is_not_committed) {
  port.holds_appends = true;
  for (const bool has_other_nodes : {false, true}) {
    port.has_other_nodes = has_other_nodes;
    const auto under_way = begin(commit_request(5));
    port.fail_append({ErrorCode::DiskFull, "full"});
    ASSERT_TRUE(under_way->has_value());
    EXPECT_EQ((*under_way)->topics[0].second[0].error, has_other_nodes
                                                           ? KafkaError::CoordinatorNotAvailable
                                                           : KafkaError::KafkaStorageError);
    EXPECT_EQ(committed(), -1);
  }
}

TEST_F(GroupOffsetsTest, an_error_of_one_partition_is_reported_for_it_alone) {
  CommitOffsets request;
  request.group_id = "g";
  request.topics = {{"t", {{0, 1}, {3, 1}, {1, 1, -1, std::string(4097, 'x')}}},
                    {"none", {{0, 1}}}};
  const CommittedOffsets answer = ask(request);
  EXPECT_EQ(answer.topics[0].second[0].error, KafkaError::None);
  EXPECT_EQ(answer.topics[0].second[1].error, KafkaError::UnknownTopicOrPartition);
  EXPECT_EQ(answer.topics[0].second[2].error, kOffsetMetadataTooLarge);
  EXPECT_EQ(answer.topics[1].second[0].error, KafkaError::UnknownTopicOrPartition);
  EXPECT_EQ(count_of_offsets(), 1u);
}

TEST_F(GroupOffsetsTest, a_large_commit_is_worked_on_in_parts_and_answered_once) {
  make_topic("wide", 5'000);
  CommitOffsets request;
  request.group_id = "g";
  request.topics.emplace_back("wide", 5'000);
  for (int32_t i = 0; i < 5'000; ++i) request.topics[0].second[i] = {i, i};
  const CommittedOffsets answer = ask(request);
  for (const PartitionError& each : answer.topics[0].second)
    EXPECT_EQ(each.error, KafkaError::None);
  EXPECT_EQ(count_of_offsets(), 5'000u);
}

TEST_F(GroupOffsetsTest, members_commit_under_their_generation) {
  const auto members = stable_group(1);
  CommitOffsets request = commit_request(5);
  EXPECT_EQ(commit(request), kUnknownMemberId) << "somebody from outside, while there are members";
  request.member_id = members[0];
  request.generation = 1;
  EXPECT_EQ(commit(request), KafkaError::None);
  request.generation = 2;
  EXPECT_EQ(commit(request), kIllegalGeneration);
  request.generation = 1;
  request.member_id = "nobody";
  EXPECT_EQ(commit(request), kUnknownMemberId);
  request.group_id = "other";
  EXPECT_EQ(commit(request), kIllegalGeneration);
}

TEST_F(GroupOffsetsTest, a_commit_is_a_sign_of_life) {
  const auto members = stable_group(1);
  CommitOffsets request = commit_request(5);
  request.member_id = members[0];
  request.generation = 1;
  for (int i = 0; i < 5; ++i) {
    pass_ms(9'000);
    EXPECT_EQ(commit(request), KafkaError::None);
  }
}

TEST_F(GroupOffsetsTest, offsets_of_a_deleted_topic_do_not_belong_to_a_new_one_of_its_name) {
  commit(commit_request(5));
  delete_topic("t");
  EXPECT_EQ(count_of_offsets(), 0u);
  make_topic("t", 3);
  EXPECT_EQ(committed(), -1);
  expire();
  EXPECT_TRUE(partition().list().empty());
  lead();
  EXPECT_EQ(committed(), -1);
}

TEST_F(GroupOffsetsTest, offsets_of_clients_without_a_group_expire_one_by_one) {
  commit(commit_request(5));
  jump_ms(kWeekMs / 2);
  commit(commit_request(6, "t", 1));
  jump_ms(kWeekMs / 2);
  expire();
  EXPECT_EQ(committed(), -1);
  EXPECT_EQ(committed("t", 1), 6);
  jump_ms(kWeekMs / 2);
  expire();
  EXPECT_TRUE(partition().list().empty());
  lead();
  EXPECT_TRUE(partition().list().empty());
}

TEST_F(GroupOffsetsTest, offsets_of_a_group_expire_after_it_was_empty_for_long_enough) {
  const std::string id = member_of('t');
  CommitOffsets request = commit_request(5);
  request.member_id = id;
  request.generation = 1;
  commit(request);
  jump_ms(2 * kWeekMs);
  expire();
  EXPECT_EQ(committed(), 5) << "it has a member all the time";
  LeaveGroup leave;
  leave.group_id = "g";
  leave.members = {{id}};
  ask(leave);
  EXPECT_EQ(state(), "Empty");
  lead();
  jump_ms(kWeekMs - 1'000);
  expire();
  EXPECT_EQ(committed(), 5);
  jump_ms(1'000);
  expire();
  EXPECT_EQ(committed(), -1);
}

TEST_F(GroupOffsetsTest, offsets_of_a_topic_that_a_group_has_left_expire_meanwhile) {
  make_topic("u", 1);
  commit(commit_request(5, "t"));
  commit(commit_request(6, "u"));
  member_of('u');
  jump_ms(kWeekMs);
  expire();
  EXPECT_EQ(committed("t"), -1);
  EXPECT_EQ(committed("u"), 6);
}

TEST_F(GroupOffsetsTest, offsets_with_a_shorter_retention_expire_earlier) {
  CommitOffsets request = commit_request(5);
  request.retention_ms = 60'000;
  commit(request);
  lead();
  jump_ms(59'000);
  expire();
  EXPECT_EQ(committed(), 5);
  jump_ms(1'000);
  expire();
  EXPECT_EQ(committed(), -1);
}

TEST_F(GroupOffsetsTest, are_deleted_unless_a_member_reads_the_topic) {
  make_topic("u", 1);
  commit(commit_request(5, "t"));
  commit(commit_request(6, "u"));
  member_of('u');
  DeleteOffsets request;
  request.group_id = "g";
  request.topics = {{"t", {0, 1}}, {"u", {0}}};
  const DeletedOffsets deleted = ask(request);
  EXPECT_EQ(deleted.error, KafkaError::None);
  EXPECT_EQ(deleted.topics[0].second[0].error, KafkaError::None);
  EXPECT_EQ(deleted.topics[0].second[1].error, KafkaError::None);
  EXPECT_EQ(deleted.topics[1].second[0].error, kGroupSubscribedToTopic);
  EXPECT_EQ(committed("t"), -1);
  EXPECT_EQ(committed("u"), 6);
  request.group_id = "none";
  EXPECT_EQ(ask(request).error, kGroupIdNotFound);
}

TEST_F(GroupOffsetsTest, a_group_that_fills_the_memory_is_refused_and_others_continue) {
  commit(commit_request(5));
  KafkaError error = KafkaError::None;
  int groups = 0;
  for (; groups < 1'000'000 && error == KafkaError::None; ++groups) {
    CommitOffsets request = commit_request(1);
    request.group_id = std::string(4'000, 'g') + std::to_string(groups);
    request.topics[0].second[0].metadata = std::string(4'000, 'm');
    error = commit(request);
  }
  EXPECT_EQ(error, KafkaError::CoordinatorNotAvailable);
  EXPECT_LT(shard->state_bytes(), size_t{64} << 20);
  EXPECT_EQ(commit(commit_request(6)), KafkaError::None);
  EXPECT_EQ(committed(), 6);
}

TEST_F(GroupOffsetsTest, a_commit_that_comes_while_its_group_is_deleted_stays) {
  commit(commit_request(5));
  port.holds_appends = true;
  const auto deletion = begin(DeleteGroup{"g"});
  const auto later = begin(commit_request(6));
  port.holds_appends = false;
  settle();
  EXPECT_EQ((*deletion)->error, KafkaError::None);
  EXPECT_EQ((*later)->topics[0].second[0].error, KafkaError::None);
  EXPECT_EQ(committed(), 6);
  lead();
  EXPECT_EQ(committed(), 6);
}
