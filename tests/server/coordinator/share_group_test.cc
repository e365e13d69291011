// Tests share groups as a whole: their members, their sessions, and their state after a restart.
#include <gtest/gtest.h>

#include "tests/server/coordinator/group_test.h"

namespace server::coordinator {

namespace {

using Lent = std::vector<AcquiredRecords>;

class ShareGroupTest : public GroupTest {
 protected:
  ShareGroupTest() {
    make_topic("t", 2);
    begin_at_the_first();
  }

  void begin_at_the_first(const std::string& isolation = "read_uncommitted") {
    storage::GroupConfigs all;
    all["g"]["share.auto.offset.reset"] = "earliest";
    all["g"]["share.isolation.level"] = isolation;
    configs = std::make_shared<const storage::GroupConfigs>(std::move(all));
  }
  TopicIdPartition part(int32_t number = 0) { return {topics.snapshot()->find("t")->id, number}; }
  ShareGroupHeartbeatAnswer beat(const std::string& member, int32_t epoch,
                                 std::optional<std::vector<std::string>> subscribed = {}) {
    ShareGroupHeartbeat request;
    request.group_id = "g";
    request.member_id = member;
    request.member_epoch = epoch;
    request.topics = std::move(subscribed);
    request.client_id = "client";
    request.client_host = "/127.0.0.1";
    return ask(std::move(request));
  }
  ShareGroupHeartbeatAnswer join(const std::string& member) { return beat(member, 0, {{"t"}}); }

  ShareFetch fetch_request(const std::string& member, int32_t epoch) {
    ShareFetch request;
    request.group_id = "g";
    request.member_id = member;
    request.session_epoch = epoch;
    request.connection = 1;
    request.max_bytes = 1 << 20;
    request.max_records = 10;
    request.batch_size = 500;
    if (epoch == 0) request.partitions = {{part(), {}}};
    return request;
  }
  // Returns the acquired records of the first partition.
  static Lent lent(const ShareFetched& fetched) {
    EXPECT_EQ(fetched.error, KafkaError::None) << fetched.message;
    for (const auto& each : fetched.partitions)
      if (each.id.partition == 0) return each.acquired;
    return {};
  }
  Lent fetch(const std::string& member, int32_t epoch) {
    return lent(ask(fetch_request(member, epoch)));
  }
  KafkaError say(const std::string& member, int32_t epoch, int64_t first, int64_t last,
                 Acknowledgement type) {
    ShareFetch request = fetch_request(member, epoch);
    request.acknowledges_only = true;
    request.partitions = {{part(), {{first, last, {static_cast<int8_t>(type)}}}}};
    const ShareFetched told = ask(std::move(request));
    if (told.error != KafkaError::None) return told.error;
    return told.partitions.at(0).acknowledge_error;
  }
  int64_t start() {
    const auto offsets = ask(DescribeShareGroupOffsets{"g", {{{"t", {0}}}}});
    return offsets.topics.at(0).partitions.at(0).start_offset;
  }
};

// --- Members

TEST_F(ShareGroupTest, members_read_together) {
  const auto first = join("a");
  ASSERT_EQ(first.error, KafkaError::None) << first.message;
  EXPECT_EQ(first.member_epoch, 1);
  EXPECT_EQ(first.assignment.value_or(AssignedPartitions()).size(), 2u);
  for (const char* each : {"b", "c", "d"})
    EXPECT_EQ(join(each).assignment.value_or(AssignedPartitions()).size(), 1u);
  const auto told = beat("a", 1);
  EXPECT_EQ(told.assignment.value_or(AssignedPartitions()).size(), 1u);
  EXPECT_FALSE(beat("a", told.member_epoch).assignment) << "nothing has changed";
  const ShareGroupDescription described = ask(DescribeShareGroup{"g"});
  EXPECT_EQ(described.state, "Stable");
  EXPECT_EQ(described.members.size(), 4u);
  EXPECT_EQ(partition().list().at(0).type, "share");
}

TEST_F(ShareGroupTest, members_that_are_silent_or_leave_make_room) {
  join("a");
  join("b");
  EXPECT_EQ(beat("a", 1).assignment.value_or(AssignedPartitions()).size(), 1u);
  EXPECT_EQ(beat("b", -1).error, KafkaError::None);
  EXPECT_EQ(beat("b", 2).error, kUnknownMemberId);
  EXPECT_EQ(beat("a", 2).assignment.value_or(AssignedPartitions()).size(), 2u);
  pass_ms(settings.share_session_timeout_ms + 10);
  EXPECT_EQ(ask(DescribeShareGroup{"g"}).state, "Empty");
  EXPECT_EQ(ask(DeleteGroup{"g"}).error, KafkaError::None);
  EXPECT_EQ(ask(DescribeShareGroup{"g"}).error, kGroupIdNotFound);
  lead();
  EXPECT_EQ(ask(DescribeShareGroup{"g"}).error, kGroupIdNotFound) << "nothing of it was kept";
}

TEST_F(ShareGroupTest, invalid_requests_are_refused) {
  EXPECT_EQ(beat("", 0, {{"t"}}).error, KafkaError::InvalidRequest);
  EXPECT_EQ(beat("a", 0).error, KafkaError::InvalidRequest) << "it subscribes to nothing";
  EXPECT_EQ(beat("a", -2).error, KafkaError::InvalidRequest);
  EXPECT_EQ(beat("a", 1).error, kGroupIdNotFound);
  join("a");
  EXPECT_EQ(beat("a", 7).error, kFencedMemberEpoch);
  settings.share_max_size = 1;
  EXPECT_EQ(join("b").error, kGroupMaxSizeReached);
}

TEST_F(ShareGroupTest, a_name_is_that_of_one_kind_of_group) {
  join("a");
  EXPECT_EQ(ask(join_request()).error, kInconsistentGroupProtocol);
  EXPECT_EQ(commit(commit_request(5)), kGroupIdNotFound);
  ConsumerGroupHeartbeat consumer;
  consumer.group_id = "g";
  consumer.member_id = "m";
  consumer.rebalance_timeout_ms = 1'000;
  consumer.topics = {"t"};
  consumer.owned.emplace();
  EXPECT_EQ(ask(std::move(consumer)).error, kGroupIdNotFound);
  CommitOffsets other = commit_request(5);
  other.group_id = "classic";
  EXPECT_EQ(commit(std::move(other)), KafkaError::None);
  ShareGroupHeartbeat heartbeat;
  heartbeat.group_id = "classic";
  heartbeat.member_id = "m";
  heartbeat.topics = {"t"};
  EXPECT_EQ(ask(std::move(heartbeat)).error, kGroupIdNotFound);
}

// --- Records

TEST_F(ShareGroupTest, two_members_of_a_partition_get_different_records) {
  join("a");
  shared_log.append(part(), 10);
  shared_log.append(part(), 10);
  EXPECT_EQ(fetch("a", 0), (Lent{{0, 9, 1}}));
  EXPECT_EQ(fetch("b", 0), (Lent{{10, 19, 1}}));
  EXPECT_EQ(fetch("a", 1), Lent{});
  EXPECT_EQ(say("a", 2, 10, 19, Acknowledgement::Accept), kInvalidRecordState);
  EXPECT_EQ(say("a", 3, 0, 9, Acknowledgement::Accept), KafkaError::None);
  EXPECT_EQ(start(), 10);
}

TEST_F(ShareGroupTest, records_come_again_when_their_time_is_over) {
  join("a");
  shared_log.append(part(), 10);
  fetch("a", 0);
  fetch("b", 0);
  ShareFetch waits = fetch_request("b", 1);
  waits.max_wait_ms = 40'000;
  const auto answer = begin(std::move(waits));
  pass_ms(settings.share_record_lock_ms - 10);
  EXPECT_FALSE(answer->has_value());
  pass_ms(20);
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ(lent(**answer), (Lent{{0, 9, 2}}));
  EXPECT_TRUE(shared_log.watched.empty());
}

TEST_F(ShareGroupTest, waiting_members_get_new_records_in_turn) {
  join("a");
  for (const char* each : {"a", "b"}) fetch(each, 0);
  std::vector<std::shared_ptr<std::optional<ShareFetched>>> waiting;
  for (const char* each : {"b", "a"}) {
    ShareFetch request = fetch_request(each, 1);
    request.max_wait_ms = 500;
    waiting.push_back(begin(std::move(request)));
  }
  shared_log.append(part(), 3);
  partition().grown(part());
  settle();
  ASSERT_TRUE(waiting[0]->has_value()) << "it was the first";
  EXPECT_EQ(lent(**waiting[0]), (Lent{{0, 2, 1}}));
  EXPECT_FALSE(waiting[1]->has_value());
  ASSERT_EQ(say("b", 2, 0, 2, Acknowledgement::Release), KafkaError::None);
  ASSERT_TRUE(waiting[1]->has_value());
  EXPECT_EQ(lent(**waiting[1]), (Lent{{0, 2, 2}}));
  ShareFetch request = fetch_request("a", 2);
  request.max_wait_ms = 500;
  const auto in_vain = begin(std::move(request));
  pass_ms(490);
  EXPECT_FALSE(in_vain->has_value());
  pass_ms(20);
  ASSERT_TRUE(in_vain->has_value());
  EXPECT_EQ(lent(**in_vain), Lent{});
}

// An acknowledgement frees records of some partitions. Its cost must depend on these partitions only, and not on all
// partitions for which members wait.
TEST_F(ShareGroupTest, an_acknowledgement_looks_only_at_partitions_that_it_frees) {
  make_topic("wide", 40);
  const Uuid wide = topics.snapshot()->find("wide")->id;
  const auto all = [&](const std::string& member, int32_t epoch, int64_t first = -1) {
    ShareFetch request = fetch_request(member, epoch);
    request.partitions.clear();
    for (int32_t i = 0; i < 40; ++i) {
      request.partitions.push_back({{wide, i}, {}});
      if (first >= 0)
        request.partitions.back().acknowledged = {
            {first, first, {static_cast<int8_t>(Acknowledgement::Accept)}}};
    }
    request.acknowledges_only = first >= 0;
    return request;
  };
  join("a");
  for (int32_t i = 0; i < 40; ++i) shared_log.append({wide, i}, 1);
  ShareFetch taking = all("a", 0);
  taking.max_records = 100;
  ASSERT_EQ(ask(std::move(taking)).partitions.size(), 40u);
  std::vector<std::shared_ptr<std::optional<ShareFetched>>> waiting;
  for (int i = 0; i < 10; ++i) {
    const std::string member = "w" + std::to_string(i);
    ask(all(member, 0));
    ShareFetch request = all(member, 1);
    request.max_wait_ms = 5'000;
    waiting.push_back(begin(std::move(request)));
  }
  shared_log.looks = 0;
  const ShareFetched refused = ask(all("a", 1, 7));
  EXPECT_EQ(refused.partitions.at(0).acknowledge_error, kInvalidRecordState);
  EXPECT_EQ(shared_log.looks, 0u) << "nothing was freed";
  const ShareFetched told = ask(all("a", 2, 0));
  EXPECT_EQ(told.partitions.at(0).acknowledge_error, KafkaError::None);
  EXPECT_LE(shared_log.looks, 40u) << "one look at each partition";
  shared_log.looks = 0;
  shared_log.append({wide, 3}, 2);
  partition().grown({wide, 3});
  settle();
  EXPECT_LE(shared_log.looks, 2u);
  ASSERT_TRUE(waiting[0]->has_value()) << "it has waited longest";
  EXPECT_EQ((**waiting[0]).partitions.at(0).acquired, (Lent{{1, 2, 1}}));
  EXPECT_FALSE(waiting[1]->has_value());
}

// A fetch with max_bytes = 0 gets no records, as in Kafka, and must not delay other members.
TEST_F(ShareGroupTest, nothing_comes_without_room_for_bytes) {
  join("a");
  join("b");
  fetch("b", 0);
  ShareFetch request = fetch_request("a", 0);
  request.max_bytes = 0;
  request.max_wait_ms = 1'000;
  auto none = begin(std::move(request));
  ShareFetch waits = fetch_request("b", 1);
  waits.max_wait_ms = 1'000;
  auto some = begin(std::move(waits));
  shared_log.append(part(), 1);
  partition().grown(part());
  settle();
  ASSERT_TRUE(some->has_value());
  EXPECT_EQ(lent(**some), (Lent{{0, 0, 1}}));
  EXPECT_FALSE(none->has_value());
  pass_ms(1'000);
  ASSERT_TRUE(none->has_value());
  EXPECT_EQ(lent(**none), Lent{});
}

// Batches are acquired as a whole. If the first one is larger than the requested bytes, it is
// acquired alone.
TEST_F(ShareGroupTest, acquired_records_fit_into_the_requested_bytes) {
  join("a");
  for (int i = 0; i < 3; ++i) shared_log.append(part(), 2);  // each batch has 20 bytes
  shared_log.append(part(), 1);
  for (const auto& [epoch, most_bytes, wanted] :
       {std::tuple<int, int64_t, Lent>{0, 30, {{0, 1, 1}}},
        {1, 19, {{2, 3, 1}}},
        {2, 30, {{4, 6, 1}}}}) {
    ShareFetch request = fetch_request("a", epoch);
    request.max_bytes = most_bytes;
    EXPECT_EQ(lent(ask(std::move(request))), wanted) << epoch;
  }
}

// The records of the earlier session belong to the new one, too, and are released when the
// connection ends.
TEST_F(ShareGroupTest, a_session_that_is_opened_again_gives_back_its_records) {
  join("a");
  join("b");
  shared_log.append(part(), 3);
  EXPECT_EQ(fetch("a", 0), (Lent{{0, 2, 1}}));
  EXPECT_EQ(fetch("a", 0), Lent{});
  EXPECT_EQ(fetch("b", 0), Lent{});
  EXPECT_EQ(say("a", -1, 9, 9, Acknowledgement::Accept), kInvalidRecordState);
  EXPECT_EQ(fetch("b", 1), (Lent{{0, 2, 1}}));
}

TEST_F(ShareGroupTest, sessions_have_epochs) {
  join("a");
  shared_log.append(part(), 10);
  EXPECT_EQ(ask(fetch_request("a", 1)).error, kShareSessionNotFound);
  EXPECT_EQ(ask(fetch_request("a", -1)).error, kShareSessionNotFound);
  fetch("a", 0);
  EXPECT_EQ(ask(fetch_request("a", 2)).error, kInvalidShareSessionEpoch);
  EXPECT_EQ(say("a", 0, 0, 9, Acknowledgement::Accept), kInvalidShareSessionEpoch);
  EXPECT_EQ(say("a", 1, 0, 0, Acknowledgement::Accept), KafkaError::None);
  ShareFetch with = fetch_request("a", 0);
  with.partitions[0].acknowledged = {{1, 1, {1}}};
  EXPECT_EQ(ask(std::move(with)).error, KafkaError::InvalidRequest);
  fetch("a", 0);
  EXPECT_EQ(say("a", 1, 1, 1, Acknowledgement::Accept), KafkaError::None)
      << "what it had in the session before is still its own";
  settings.share_max_sessions = 1;
  EXPECT_EQ(ask(fetch_request("b", 0)).error, kShareSessionLimitReached);
}

TEST_F(ShareGroupTest, a_session_that_ends_gives_back_its_records) {
  join("a");
  shared_log.append(part(), 10);
  fetch("a", 0);
  EXPECT_EQ(say("a", -1, 0, 3, Acknowledgement::Accept), KafkaError::None);
  EXPECT_EQ(fetch("b", 0), (Lent{{4, 9, 1}})) << "it says that it has not tried them";
  ask(CloseShareSession{"g", "b", 2});
  EXPECT_EQ(fetch("a", 0), Lent{}) << "another connection";
  ask(CloseShareSession{"g", "b", 1});
  EXPECT_EQ(fetch("a", 1), (Lent{{4, 9, 2}})) << "nobody knows whether it has tried them";
}

TEST_F(ShareGroupTest, acknowledgements_survive_a_restart) {
  join("a");
  for (int i = 0; i < 3; ++i) shared_log.append(part(), 10);
  EXPECT_EQ(fetch("a", 0), (Lent{{0, 9, 1}}));
  EXPECT_EQ(fetch("a", 1), (Lent{{10, 19, 1}}));
  EXPECT_EQ(say("a", 2, 5, 6, Acknowledgement::Accept), KafkaError::None);
  EXPECT_EQ(say("a", 3, 7, 7, Acknowledgement::Release), KafkaError::None);
  EXPECT_EQ(say("a", 4, 8, 8, Acknowledgement::Reject), KafkaError::None);
  lead();
  EXPECT_EQ(beat("a", 1).error, KafkaError::None) << "its membership, too";
  EXPECT_EQ(ask(fetch_request("a", 5)).error, kShareSessionNotFound);
  EXPECT_EQ(fetch("a", 0), (Lent{{0, 4, 1}, {7, 7, 2}, {9, 19, 1}}));
}

TEST_F(ShareGroupTest, many_records_in_any_order_outlive_a_restart) {
  settings.share_max_record_locks = 10'000;
  join("a");
  for (int i = 0; i < 1'000; ++i) shared_log.append(part(), 10);
  ShareFetch request = fetch_request("a", 0);
  request.max_records = 10'000;
  EXPECT_EQ(lent(ask(std::move(request))).size(), 20u) << "told by 500";
  int32_t epoch = 0;
  for (int64_t offset = 1; offset < 10'000; offset += 2)
    ASSERT_EQ(say("a", ++epoch, offset, offset, Acknowledgement::Accept), KafkaError::None);
  EXPECT_LT(port.bytes(), size_t{4} << 20) << "not everything each time";
  lead();
  EXPECT_EQ(start(), 0);
  request = fetch_request("a", 0);
  request.max_records = 10'000;
  const Lent again = lent(ask(std::move(request)));
  ASSERT_EQ(again.size(), 5'000u);
  for (const AcquiredRecords& each : again)
    ASSERT_TRUE(each.first == each.last && each.first % 2 == 0);
}

TEST_F(ShareGroupTest, begins_at_the_configured_age) {
  configs = std::make_shared<const storage::GroupConfigs>(
      storage::GroupConfigs{{"g", {{"share.auto.offset.reset", "by_duration:PT4S"}}}});
  join("a");
  for (int i = 0; i < 10; ++i) shared_log.append(part(), 1);
  clock.advance_us(9'000'000 - clock.wall_ms() * 1000);
  EXPECT_EQ(fetch("a", 0), (Lent{{5, 9, 1}})) << "the records of the last four seconds";
}

TEST_F(ShareGroupTest, the_beginning_is_stored) {
  configs = std::make_shared<const storage::GroupConfigs>();
  join("a");
  shared_log.append(part(), 10);
  ShareFetch request = fetch_request("a", 0);
  request.max_wait_ms = 1'000;
  const auto waiting = begin(std::move(request));
  EXPECT_EQ(start(), 10) << "the latest";
  shared_log.append(part(), 5);
  lead();
  EXPECT_EQ((*waiting)->error, kNotCoordinator);
  EXPECT_EQ(fetch("a", 0), (Lent{{10, 14, 1}})) << "what came before the restart is for the group";
}

TEST_F(ShareGroupTest, aborted_records_are_not_given_to_read_committed_groups) {
  begin_at_the_first("read_committed");
  join("a");
  shared_log.append(part(), 5);
  shared_log.append(part(), 5, false);
  shared_log.append(part(), 5);
  EXPECT_EQ(fetch("a", 0), (Lent{{0, 4, 1}, {10, 14, 1}}));
}

TEST_F(ShareGroupTest, for_a_topic_that_is_created_again_the_group_starts_over) {
  join("a");
  shared_log.append(part(), 10);
  fetch("a", 0);
  const TopicIdPartition before = part();
  delete_topic("t");
  const ShareFetched gone = ask(fetch_request("a", 1));
  EXPECT_EQ(gone.partitions.at(0).error, kUnknownTopicOfId);
  make_topic("t", 1);
  EXPECT_NE(part(), before);
  EXPECT_EQ(beat("a", 1).assignment.value_or(AssignedPartitions()).size(), 1u);
  shared_log.append(part(), 5);
  ShareFetch request = fetch_request("a", 2);
  request.partitions = {{part(), {}}};
  request.forgotten = {before};
  EXPECT_EQ(lent(ask(std::move(request))), (Lent{{0, 4, 1}}));
  partition().expire();
  settle();
  EXPECT_EQ(ask(DescribeShareGroupOffsets{"g", {}}).topics.size(), 1u);
}

TEST_F(ShareGroupTest, retention_overtakes_it) {
  join("a");
  for (int i = 0; i < 3; ++i) shared_log.append(part(), 10);
  fetch("a", 0);
  auto& log = shared_log.topics[part()];
  log.batches.erase(log.batches.begin(), log.batches.begin() + 2);
  log.start = 20;
  EXPECT_EQ(fetch("a", 1), (Lent{{20, 29, 1}}));
  EXPECT_EQ(start(), 20);
  EXPECT_EQ(say("a", 2, 0, 9, Acknowledgement::Accept), KafkaError::None) << "nobody minds";
}

// --- Administrators

TEST_F(ShareGroupTest, administrators_set_where_an_empty_group_is) {
  join("a");
  shared_log.append(part(), 10);
  fetch("a", 0);
  say("a", -1, 0, 4, Acknowledgement::Accept);
  const AlterShareGroupOffsets alter{"g", {{"t", {{0, 2}, {9, 0}}}, {"none", {{0, 0}}}}};
  EXPECT_EQ(ask(alter).error, kNonEmptyGroup);
  EXPECT_EQ(ask(DeleteGroup{"g"}).error, kNonEmptyGroup);
  beat("a", -1);
  const auto altered = ask(alter);
  EXPECT_EQ(altered.error, KafkaError::None);
  EXPECT_EQ(altered.topics.at(0).partitions.at(0).error, KafkaError::None);
  EXPECT_EQ(altered.topics.at(0).partitions.at(1).error, KafkaError::UnknownTopicOrPartition);
  EXPECT_EQ(altered.topics.at(1).partitions.at(0).error, KafkaError::UnknownTopicOrPartition);
  EXPECT_EQ(ask(DescribeShareGroupOffsets{"g", {}}).topics.at(0).partitions.at(0).lag, 8);
  lead();
  EXPECT_EQ(fetch("a", 0), (Lent{{2, 9, 1}}));
  const auto deleted = ask(DeleteShareGroupOffsets{"g", {"t", "none"}});
  EXPECT_EQ(deleted.topics.at(0).error, KafkaError::None);
  EXPECT_EQ(deleted.topics.at(1).error, KafkaError::UnknownTopicOrPartition);
  lead();
  EXPECT_EQ(start(), -1);
}

// In Apache Kafka 4.1 with share.version 1, offsets of a group that does not exist make the group,
// too.
TEST_F(ShareGroupTest, offsets_of_a_group_that_does_not_exist_make_the_group) {
  shared_log.append(part(), 10);
  const AlterShareGroupOffsets nowhere{"g", {{"none", {{0, 0}}}, {"t", {{0, -1}}}}};
  const auto refused = ask(nowhere);
  EXPECT_EQ(refused.error, KafkaError::None);
  EXPECT_EQ(refused.topics.at(0).partitions.at(0).error, KafkaError::UnknownTopicOrPartition);
  EXPECT_EQ(refused.topics.at(1).partitions.at(0).error, KafkaError::InvalidRequest);
  EXPECT_EQ(ask(DescribeShareGroup{"g"}).error, kGroupIdNotFound) << "nothing was set";
  EXPECT_EQ(ask(AlterShareGroupOffsets{"", {{"t", {{0, 3}}}}}).error, kInvalidGroupId);

  const auto altered = ask(AlterShareGroupOffsets{"g", {{"t", {{0, 3}}}}});
  EXPECT_EQ(altered.error, KafkaError::None);
  EXPECT_EQ(altered.topics.at(0).partitions.at(0).error, KafkaError::None);
  EXPECT_EQ(ask(DescribeShareGroup{"g"}).state, "Empty");
  EXPECT_EQ(start(), 3);
  lead();
  EXPECT_EQ(ask(DescribeShareGroup{"g"}).state, "Empty") << "it outlives a restart";
  EXPECT_EQ(start(), 3);
  join("a");
  EXPECT_EQ(fetch("a", 0), (Lent{{3, 9, 1}})) << "and the first member reads from there";
  EXPECT_EQ(ask(AlterShareGroupOffsets{"g", {{"t", {{0, 0}}}}}).error, kNonEmptyGroup);
}

TEST_F(ShareGroupTest, offsets_make_no_share_group_of_a_group_of_another_kind) {
  CommitOffsets other = commit_request(5);
  other.group_id = "classic";
  EXPECT_EQ(commit(std::move(other)), KafkaError::None);
  EXPECT_EQ(ask(AlterShareGroupOffsets{"classic", {{"t", {{0, 3}}}}}).error, kGroupIdNotFound);
}

TEST_F(ShareGroupTest, a_group_that_offsets_have_made_can_be_deleted) {
  ASSERT_EQ(ask(AlterShareGroupOffsets{"g", {{"t", {{0, 3}}}}}).error, KafkaError::None);
  EXPECT_EQ(ask(DeleteGroup{"g"}).error, KafkaError::None);
  lead();
  EXPECT_EQ(ask(DescribeShareGroup{"g"}).error, kGroupIdNotFound);
}

}  // namespace

}  // namespace server::coordinator
