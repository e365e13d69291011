#include "server/cluster/session_notices.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

using namespace server;

namespace {

class SessionNoticesTest : public testing::Test {
 protected:
  struct Machine {
    std::unique_ptr<SessionNotices> notices;
    std::vector<std::string> heard;  // payloads, and "end" if the listeners were ended
  };
  SessionNoticesTest() {
    for (int i = 1; i <= 3; ++i) start(NodeId{i});
  }
  // Starts a new process of the node.
  void start(NodeId id) {
    storage::ClusterNode node{.id = id, .endpoint = "host:1"};
    EXPECT_TRUE(table.apply(storage::encode_register_node(node), Revision{++revision}));
    fence(id, false);
    Machine& machine = machines[id];
    machine.heard.clear();
    machine.notices = std::make_unique<SessionNotices>(SessionNotices::Around{
        id, clock,
        [this, id](NodeId to, ClusterMessage message) {
          if (!cut.contains(id) && !cut.contains(to)) messages.push_back({id, to, message});
        },
        [this] { return table.snapshot(); },
        [this, id] { return std::optional(table.snapshot()->find(id)->epoch); },
        [&machine](SessionNotices::Notes notes) {
          for (const auto& note : notes) machine.heard.push_back(note.payload);
        },
        [&machine] { machine.heard.push_back("end"); }});
  }
  void fence(NodeId id, bool is_fenced) {
    const NodeEpoch epoch = table.snapshot()->find(id)->epoch;
    EXPECT_TRUE(
        table.apply(storage::encode_fence_node(id, epoch, is_fenced), Revision{++revision}));
    for (auto& [other, machine] : machines)
      if (machine.notices && !cut.contains(other)) machine.notices->cluster_changed();
  }
  void deliver() {
    while (!messages.empty()) {
      const Sent next = std::move(messages.front());
      messages.pop_front();
      ++delivered;
      SessionNotices& to = *machines.at(next.to).notices;
      if (const auto* notify = std::get_if<NotifySessions>(&next.message))
        to.on_message(next.from, *notify);
      else
        to.on_message(next.from, std::get<SessionsNotified>(next.message));
    }
  }
  void pass(int64_t us) {
    for (int64_t passed = 0; passed < us; passed += 100'000) {
      clock.advance_us(100'000);
      for (auto& [id, machine] : machines) machine.notices->tick();
      deliver();
    }
  }
  void notify(int node, const std::string& payload) {
    silent.reset();
    machines.at(NodeId{node}).notices->notify({{7, "news", payload}}, [this](const auto& which) {
      silent = which;
    });
  }
  const std::vector<std::string>& heard(int node) { return machines.at(NodeId{node}).heard; }

  using NodeEpoch = storage::NodeEpoch;
  using Words = std::vector<std::string>;
  struct Sent {
    NodeId from, to;
    ClusterMessage message;
  };
  SimulatedClock clock{1'700'000'000'000};
  storage::ClusterTable table;
  int64_t revision = 0;
  std::set<NodeId> cut;
  std::deque<Sent> messages;
  size_t delivered = 0;
  std::map<NodeId, Machine> machines;
  std::optional<std::set<NodeId>> silent;  // set when the last notify() has ended
};

}  // namespace

TEST_F(SessionNoticesTest, a_notification_is_done_when_all_nodes_have_it) {
  EXPECT_TRUE(
      table.apply(storage::encode_raise_level(storage::kNewestLevel), Revision{++revision}));
  notify(1, "a");
  EXPECT_FALSE(silent);
  deliver();
  EXPECT_EQ(silent, std::set<NodeId>());
  EXPECT_EQ(heard(1), Words());
  EXPECT_EQ(heard(2), Words{"a"});
  EXPECT_EQ(heard(3), Words{"a"});
}

TEST_F(SessionNoticesTest, below_the_feature_level_other_nodes_get_nothing) {
  notify(1, "a");
  EXPECT_EQ(silent, std::set<NodeId>());
  EXPECT_TRUE(messages.empty());
}

TEST_F(SessionNoticesTest, messages_that_are_lost_are_repeated_in_order_and_none_twice) {
  EXPECT_TRUE(
      table.apply(storage::encode_raise_level(storage::kNewestLevel), Revision{++revision}));
  cut.insert(NodeId{2});
  notify(1, "a");
  notify(1, "b");
  deliver();
  EXPECT_FALSE(silent);
  cut.clear();
  notify(1, "c");
  pass(1'000'000);
  EXPECT_EQ(silent, std::set<NodeId>());
  EXPECT_EQ(heard(2), (Words{"a", "b", "c"}));
  EXPECT_EQ(heard(3), (Words{"a", "b", "c"}));
}

TEST_F(SessionNoticesTest, a_node_that_does_not_answer_is_named) {
  EXPECT_TRUE(
      table.apply(storage::encode_raise_level(storage::kNewestLevel), Revision{++revision}));
  cut.insert(NodeId{2});
  notify(1, "a");
  pass(9'000'000);
  EXPECT_FALSE(silent);
  pass(2'000'000);
  EXPECT_EQ(silent, std::set<NodeId>{NodeId{2}});
  cut.clear();
  pass(1'000'000);
  EXPECT_EQ(heard(2), Words{"a"});
}

// A lost notification is noticed in two ways: the receiving node learns that it was fenced, and the
// sending node knows that it has dropped messages.
TEST_F(SessionNoticesTest, a_node_that_was_fenced_ends_its_listeners) {
  EXPECT_TRUE(
      table.apply(storage::encode_raise_level(storage::kNewestLevel), Revision{++revision}));
  cut.insert(NodeId{2});
  notify(1, "a");
  EXPECT_FALSE(silent);
  fence(NodeId{2}, true);
  deliver();
  EXPECT_EQ(silent, std::set<NodeId>());
  cut.clear();
  machines[NodeId{2}].notices->cluster_changed();
  EXPECT_EQ(heard(2), Words{"end"});
  fence(NodeId{2}, false);
  notify(1, "b");
  pass(1'000'000);
  EXPECT_EQ(heard(2), (Words{"end", "end", "b"}));
  notify(1, "c");
  pass(1'000'000);
  EXPECT_EQ(heard(2), (Words{"end", "end", "b", "c"}));
}

TEST_F(SessionNoticesTest, a_new_process_begins_with_its_first_message) {
  EXPECT_TRUE(
      table.apply(storage::encode_raise_level(storage::kNewestLevel), Revision{++revision}));
  notify(1, "a");
  deliver();
  start(NodeId{2});
  notify(1, "b");
  pass(1'000'000);
  EXPECT_EQ(heard(2), Words{"b"});
  start(NodeId{1});
  notify(1, "c");
  pass(1'000'000);
  EXPECT_EQ(heard(2), (Words{"b", "c"}));
}

TEST_F(SessionNoticesTest, beyond_the_limit_messages_are_dropped_and_the_listeners_ended) {
  EXPECT_TRUE(
      table.apply(storage::encode_raise_level(storage::kNewestLevel), Revision{++revision}));
  cut.insert(NodeId{2});
  const std::string large(1 << 20, 'x');
  for (size_t i = 0; i < SessionNotices::kMostBytes / large.size() + 2; ++i) notify(1, large);
  cut.clear();
  notify(1, "last");
  pass(1'000'000);
  ASSERT_FALSE(heard(2).empty());
  EXPECT_EQ(heard(2).front(), "end");
  EXPECT_EQ(heard(2).back(), "last");
}

TEST_F(SessionNoticesTest, a_long_queue_is_repeated_without_sending_its_messages_many_times) {
  EXPECT_TRUE(
      table.apply(storage::encode_raise_level(storage::kNewestLevel), Revision{++revision}));
  cut.insert(NodeId{2});
  const std::string large(100'000, 'x');
  constexpr size_t kNotes = 50;
  for (size_t i = 0; i < kNotes; ++i) notify(1, large);
  deliver();
  cut.clear();
  delivered = 0;
  pass(1'000'000);
  EXPECT_EQ(silent, std::set<NodeId>());
  EXPECT_EQ(heard(2).size(), kNotes);
  EXPECT_EQ(delivered, 2 * kNotes);  // each message, and its acknowledgement
}

TEST_F(SessionNoticesTest, a_lost_message_is_repeated_while_new_ones_are_sent) {
  EXPECT_TRUE(
      table.apply(storage::encode_raise_level(storage::kNewestLevel), Revision{++revision}));
  cut.insert(NodeId{2});
  notify(1, "lost");
  cut.clear();
  for (int i = 0; i < 10; ++i) {
    notify(1, "new");
    pass(100'000);
  }
  ASSERT_FALSE(heard(2).empty());
  EXPECT_EQ(heard(2).front(), "lost");
}
