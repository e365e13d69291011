// Tests share groups in a cluster: one node coordinates the group, and other nodes lead the partitions.
#include <gtest/gtest.h>

#include <deque>

#include "tests/server/coordinator/group_test.h"

namespace server::coordinator {

namespace {

using Lent = std::vector<AcquiredRecords>;

// Passes the requests of leaders to the coordinator of the test.
class TestCalls final : public ShareStateCalls {
 public:
  TestCalls(MemoryPort& port, std::function<GroupPartition&()> coordinator)
      : port_(port), coordinator_(std::move(coordinator)) {}
  void read(PartitionId, ReadShareState request, Done<ShareStateRead> done) override {
    pass(std::move(request), std::move(done));
  }
  void write(PartitionId, WriteShareState request, Done<ShareStateWritten> done) override {
    ++writes;
    if (holds) return held.push_back([this, request, done] { pass(request, done); });
    pass(std::move(request), std::move(done));
  }
  std::pair<int32_t, int32_t> find(PartitionId) const override { return place; }

  bool is_away = false;        // the coordinator is moving
  bool loses_answers = false;  // requests arrive, and their answers do not
  bool holds = false;          // requests with changes are delayed
  std::deque<std::function<void()>> held;
  std::pair<int32_t, int32_t> place{1, 1};
  int writes = 0;

 private:
  template <class Request>
  void pass(Request request, Done<typename Request::Answer> done) {
    if (loses_answers) done = [](const auto&) {};
    port_.defer([this, request = std::move(request), done = std::move(done)] {
      if (is_away) return done(request.refusal(KafkaError::CoordinatorNotAvailable));
      coordinator_().handle(request, done);
    });
  }
  MemoryPort& port_;
  const std::function<GroupPartition&()> coordinator_;
};

class ShareLeadersTest : public GroupTest {
 protected:
  // A node that does not coordinate the group.
  struct Node {
    explicit Node(ShareLeadersTest& test)
        : calls(test.port, [&test]() -> GroupPartition& { return test.partition(); }) {
      shard.emplace(
          test.settings, test.port, test.memory, [&test] { return test.topics.snapshot(); },
          [&test] { return test.configs; }, [&test] { return test.new_id(); }, &log, &calls);
    }
    MemorySharedLog log;
    TestCalls calls;
    std::optional<GroupShard> shard;
  };

  ShareLeadersTest() {
    make_topic("t", 1);
    storage::GroupConfigs all;
    all["g"]["share.auto.offset.reset"] = "earliest";
    configs = std::make_shared<const storage::GroupConfigs>(std::move(all));
    ShareGroupHeartbeat heartbeat;
    heartbeat.group_id = "g";
    heartbeat.member_id = "a";
    heartbeat.topics = {"t"};
    EXPECT_EQ(ask(std::move(heartbeat)).error, KafkaError::None);
    for (Node* node : {&first, &second}) node->log.append(part(), 10);
    lead_at(first, 0);
    lead_at(second, -1);
  }
  TopicIdPartition part() { return {topics.snapshot()->find("t")->id, 0}; }
  void lead_at(Node& node, int32_t epoch) { node.log.topics[part()].leader_epoch = epoch; }
  void settle_all() {
    for (int i = 0; i < 3; ++i) {
      settle();
      for (Node* node : {&first, &second}) node->shard->run_due();
    }
    settle();
  }
  void pass_all_ms(int64_t ms) {
    for (; ms > 0; ms -= 50) {
      clock.advance_us(50'000);
      settle_all();
    }
  }
  using Answer = std::shared_ptr<std::optional<ShareFetched>>;
  Answer begin_at(Node& node, ShareFetch request) {
    auto answer = std::make_shared<std::optional<ShareFetched>>();
    node.shard->find_or_make(kPartition).handle(std::move(request), [answer](ShareFetched given) {
      EXPECT_FALSE(answer->has_value()) << "answered twice";
      *answer = std::move(given);
    });
    settle_all();
    return answer;
  }
  ShareFetch request(const std::string& member, int32_t epoch) {
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
  ShareFetch acknowledgement(const std::string& member, int32_t epoch, int64_t first_offset,
                             int64_t last, Acknowledgement type) {
    ShareFetch ack = request(member, epoch);
    ack.acknowledges_only = true;
    ack.partitions = {{part(), {{first_offset, last, {static_cast<int8_t>(type)}}}}};
    return ack;
  }
  static Lent lent(const Answer& answer) {
    if (!answer->has_value()) {
      ADD_FAILURE() << "not answered";
      return {};
    }
    EXPECT_EQ((*answer)->error, KafkaError::None) << (*answer)->message;
    return (*answer)->partitions.empty() ? Lent() : (*answer)->partitions[0].acquired;
  }
  static KafkaError said(const Answer& answer) {
    if (!answer->has_value()) return KafkaError::RequestTimedOut;
    if ((*answer)->error != KafkaError::None) return (*answer)->error;
    return (*answer)->partitions.at(0).acknowledge_error;
  }
  KafkaError say(Node& node, const std::string& member, int32_t epoch, int64_t first_offset,
                 int64_t last, Acknowledgement type) {
    return said(begin_at(node, acknowledgement(member, epoch, first_offset, last, type)));
  }

  Node first{*this}, second{*this};
};

TEST_F(ShareLeadersTest, the_next_leader_continues_where_the_last_one_was) {
  EXPECT_EQ(lent(begin_at(first, request("a", 0))), (Lent{{0, 9, 1}}));
  EXPECT_EQ(say(first, "a", 1, 5, 6, Acknowledgement::Accept), KafkaError::None);
  EXPECT_EQ(say(first, "a", 2, 7, 7, Acknowledgement::Release), KafkaError::None);
  lead_at(first, -1);
  lead_at(second, 1);
  EXPECT_EQ(say(first, "a", 3, 0, 0, Acknowledgement::Accept), KafkaError::NotLeaderOrFollower);
  EXPECT_EQ(lent(begin_at(second, request("a", 0))), (Lent{{0, 4, 1}, {7, 7, 2}, {8, 9, 1}}));
  EXPECT_EQ(say(second, "a", 1, 0, 9, Acknowledgement::Accept), kInvalidRecordState)
      << "5 and 6 are done";
  EXPECT_EQ(say(second, "a", 2, 0, 4, Acknowledgement::Accept), KafkaError::None);
}

TEST_F(ShareLeadersTest, a_former_leader_cannot_confirm_an_acknowledgement) {
  EXPECT_EQ(lent(begin_at(first, request("a", 0))), (Lent{{0, 9, 1}}));
  lead_at(second, 1);  // the first node has not read this yet
  EXPECT_EQ(lent(begin_at(second, request("b", 0))), (Lent{{0, 9, 1}}));
  EXPECT_EQ(say(first, "a", 1, 0, 9, Acknowledgement::Accept), KafkaError::NotLeaderOrFollower);
  EXPECT_EQ(say(second, "b", 1, 0, 9, Acknowledgement::Accept), KafkaError::None);
  const Answer again = begin_at(first, request("a", 2));
  pass_all_ms(500);
  EXPECT_EQ(lent(again), Lent{}) << "it may not read the state any more";
}

TEST_F(ShareLeadersTest, records_stay_with_their_member_while_the_coordinator_moves) {
  EXPECT_EQ(lent(begin_at(first, request("a", 0))), (Lent{{0, 9, 1}}));
  first.calls.is_away = true;
  const Answer waits = begin_at(first, acknowledgement("a", 1, 0, 4, Acknowledgement::Accept));
  pass_all_ms(1'000);
  EXPECT_FALSE(waits->has_value()) << "it is not stored yet";
  lead();
  first.calls.is_away = false;
  first.calls.place = {2, 2};
  pass_all_ms(500);
  EXPECT_EQ(said(waits), KafkaError::None);
  EXPECT_EQ(say(first, "a", 2, 5, 9, Acknowledgement::Accept), KafkaError::None);
  lead();
  lead_at(first, -1);
  lead_at(second, 1);
  EXPECT_EQ(lent(begin_at(second, request("b", 0))), Lent{}) << "all are done";
}

TEST_F(ShareLeadersTest, a_coordinator_that_does_not_return_leaves_the_result_open) {
  EXPECT_EQ(lent(begin_at(first, request("a", 0))), (Lent{{0, 9, 1}}));
  first.calls.is_away = true;
  const Answer waits = begin_at(first, acknowledgement("a", 1, 0, 4, Acknowledgement::Accept));
  pass_all_ms(26'000);
  EXPECT_EQ(said(waits), KafkaError::CoordinatorNotAvailable);
  first.calls.is_away = false;
  const Answer again = begin_at(first, request("a", 2));
  pass_all_ms(500);
  EXPECT_EQ(lent(begin_at(first, request("a", 3))), (Lent{{0, 9, 1}}));
}

TEST_F(ShareLeadersTest, a_change_whose_answer_was_lost_is_sent_again) {
  EXPECT_EQ(lent(begin_at(first, request("a", 0))), (Lent{{0, 9, 1}}));
  first.calls.loses_answers = true;
  const Answer waits = begin_at(first, acknowledgement("a", 1, 0, 4, Acknowledgement::Accept));
  pass_all_ms(300);
  EXPECT_FALSE(waits->has_value());
  first.calls.loses_answers = false;
  first.calls.place = {2, 2};
  pass_all_ms(300);
  EXPECT_EQ(said(waits), KafkaError::None);
  EXPECT_EQ(say(first, "a", 2, 5, 9, Acknowledgement::Accept), KafkaError::None);
}

// Without the sequence numbers, the late first attempt would make the record available again, although a later
// change has finished it.
TEST_F(ShareLeadersTest, a_late_attempt_does_not_undo_a_later_change) {
  EXPECT_EQ(lent(begin_at(first, request("a", 0))), (Lent{{0, 9, 1}}));
  first.calls.holds = true;
  const Answer released = begin_at(first, acknowledgement("a", 1, 4, 4, Acknowledgement::Release));
  first.calls.holds = false;
  first.calls.place = {2, 2};
  pass_all_ms(300);
  EXPECT_EQ(said(released), KafkaError::None);
  EXPECT_EQ(lent(begin_at(first, request("b", 0))), (Lent{{4, 4, 2}}));
  EXPECT_EQ(say(first, "b", 1, 4, 4, Acknowledgement::Accept), KafkaError::None);
  ASSERT_EQ(first.calls.held.size(), 1u);
  first.calls.held.front()();
  settle_all();
  lead_at(first, -1);
  lead_at(second, 1);
  EXPECT_EQ(lent(begin_at(second, request("a", 0))), (Lent{{0, 3, 1}, {5, 9, 1}}));
}

TEST_F(ShareLeadersTest, changes_wait_for_the_change_under_way) {
  EXPECT_EQ(lent(begin_at(first, request("a", 0))), (Lent{{0, 9, 1}}));
  first.calls.holds = true;
  first.calls.writes = 0;
  const Answer one = begin_at(first, acknowledgement("a", 1, 0, 0, Acknowledgement::Accept));
  const Answer two = begin_at(first, acknowledgement("a", 2, 1, 1, Acknowledgement::Accept));
  const Answer three = begin_at(first, acknowledgement("a", 3, 2, 2, Acknowledgement::Accept));
  EXPECT_EQ(first.calls.writes, 1);
  first.calls.holds = false;
  first.calls.held.front()();
  settle_all();
  for (const Answer& each : {one, two, three}) EXPECT_EQ(said(each), KafkaError::None);
  EXPECT_EQ(first.calls.writes, 2) << "the second and the third together";
}

TEST_F(ShareLeadersTest, a_leader_reads_the_state_again_after_administrators_have_changed_it) {
  EXPECT_EQ(lent(begin_at(first, request("a", 0))), (Lent{{0, 9, 1}}));
  EXPECT_EQ(say(first, "a", 1, 0, 4, Acknowledgement::Accept), KafkaError::None);
  ShareGroupHeartbeat leaves;
  leaves.group_id = "g";
  leaves.member_id = "a";
  leaves.member_epoch = -1;
  ASSERT_EQ(ask(std::move(leaves)).error, KafkaError::None);
  ASSERT_EQ(ask(AlterShareGroupOffsets{"g", {{"t", {{0, 2}}}}}).error, KafkaError::None);
  EXPECT_EQ(say(first, "a", 2, 5, 9, Acknowledgement::Accept), KafkaError::NotLeaderOrFollower)
      << "the state that this change belongs to was replaced";
  const Answer again = begin_at(first, request("a", 3));
  pass_all_ms(300);
  EXPECT_EQ(lent(begin_at(first, request("a", 4))), (Lent{{2, 9, 1}}));
}

TEST_F(ShareLeadersTest, a_group_that_does_not_exist_has_no_sessions) {
  ShareFetch other = request("a", 0);
  other.group_id = "none";
  const Answer answer = begin_at(first, std::move(other));
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->error, kGroupIdNotFound);
}

}  // namespace

}  // namespace server::coordinator
