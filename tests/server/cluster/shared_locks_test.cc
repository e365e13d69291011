// Tests the locks of the sessions of all nodes: the parts of the controller and of each node, with a
// network that can lose messages.
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "server/cluster/lock_client.h"
#include "server/cluster/lock_keeper.h"
#include "storage/meta/cluster_table.h"

using namespace server;
using storage::NodeEpoch;

namespace {

constexpr int64_t kStepUs = 100'000;
constexpr int64_t kLongUs = kLockLeaseUs + 2'000'000;

class SharedLocksTest : public testing::Test {
 protected:
  struct Machine {
    explicit Machine(SharedLocksTest& test, NodeId id)
        : keeper({test.clock, test.sender(id), [&test] { return test.table.snapshot(); },
                  [&test, id] { return test.confirmed == id; },
                  [&test](NodeId node) { return test.gone.contains(node); }},
                 test.rules),
          client({test.clock, test.sender(id),
                  [&test, id](std::function<void()> work) { test.run(id, std::move(work)); },
                  [&test, id] { return std::optional(test.table.snapshot()->find(id)->epoch); },
                  [&test] { return test.is_supported; }}) {}
    LockKeeper keeper;
    LockClient client;
  };
  struct Asked {
    std::optional<Result<NamedLocks::HoldPtr>> answer;
    NamedLocks::Place place;
    bool has_it() const { return answer && *answer && **answer != nullptr; }
    bool is_refused() const { return answer && *answer && **answer == nullptr; }
    bool is_lost() const { return (**answer)->is_lost(); }
    void release() {
      place = nullptr;
      answer.reset();
    }
  };

  SharedLocksTest() {
    for (int i = 1; i <= 3; ++i) {
      register_node(NodeId{i});
      machines[NodeId{i}] = std::make_unique<Machine>(*this, NodeId{i});
    }
    elect(NodeId{1});
    settle();
  }
  ~SharedLocksTest() override { machines.clear(); }

  void register_node(NodeId id) {
    storage::ClusterNode node{.id = id, .endpoint = "host:1"};
    EXPECT_TRUE(table.apply(storage::encode_register_node(node), Revision{++revision}));
  }
  std::function<void(NodeId, ClusterMessage)> sender(NodeId from) {
    return [this, from](NodeId to, ClusterMessage message) {
      if (cut.contains(from) || cut.contains(to) || gone.contains(to)) return;
      messages.push_back({from, to, std::move(message)});
    };
  }
  void run(NodeId node, std::function<void()> work) {
    if (frozen.contains(node))
      held_up[node].push_back(std::move(work));
    else
      work();
  }
  // Makes the node the controller. The others learn of this unless they are cut off.
  void elect(NodeId node) {
    controller = confirmed = node;
    ++epoch;
    for (auto& [id, machine] : machines) {
      if (gone.contains(id) || cut.contains(id)) continue;
      if (id == node)
        machine->keeper.begin(epoch);
      else
        machine->keeper.end();
    }
    for (auto& [id, machine] : machines)
      if (!gone.contains(id) && !cut.contains(id))
        machine->client.controller_changed(LockClient::Controller{node, epoch});
  }
  void deliver() {
    while (!messages.empty()) {
      Sent next = std::move(messages.front());
      messages.pop_front();
      if (frozen.contains(next.to)) continue;
      Machine& to = *machines.at(next.to);
      if (auto* wanted = std::get_if<LocksWanted>(&next.message))
        to.keeper.on_message(next.from, std::move(*wanted));
      else
        to.client.on_message(next.from, std::get<LocksGranted>(next.message));
    }
  }
  void settle() {
    deliver();
    pass(2 * kStepUs);
  }
  void pass(int64_t us) {
    for (int64_t passed = 0; passed < us; passed += kStepUs) {
      clock.advance_us(kStepUs);
      for (auto& [id, machine] : machines) {
        if (gone.contains(id) || frozen.contains(id)) continue;
        machine->keeper.tick();
        machine->client.tick();
      }
      deliver();
    }
  }
  void ask(int node, Asked& asked, NamedLocks::Request request) {
    asked.place = machines.at(NodeId{node})
                      ->client.ask(std::move(request), [&](Result<NamedLocks::HoldPtr> hold) {
                        asked.answer = std::move(hold);
                      });
    deliver();
  }
  void kill(int node) {
    gone.insert(NodeId{node});
    for (auto& [id, machine] : machines)
      if (!gone.contains(id)) machine->keeper.on_gone(NodeId{node});
    deliver();
  }

  struct Sent {
    NodeId from, to;
    ClusterMessage message;
  };
  SimulatedClock clock{1'700'000'000'000};
  LockRules rules;
  storage::ClusterTable table;
  int64_t revision = 0, epoch = 10;
  NodeId controller{1}, confirmed{1};
  bool is_supported = true;
  std::set<NodeId> cut, gone, frozen;
  std::map<NodeId, std::deque<std::function<void()>>> held_up;
  std::deque<Sent> messages;
  std::map<NodeId, std::unique_ptr<Machine>> machines;
};

}  // namespace

TEST_F(SharedLocksTest, a_lock_of_one_node_excludes_the_sessions_of_the_others) {
  Asked first, second, third;
  ask(2, first, {.name = "a"});
  ASSERT_TRUE(first.has_it());
  ask(3, second, {.name = "a"});
  ask(1, third, {.name = "a", .waits = false});
  EXPECT_FALSE(second.answer);
  EXPECT_TRUE(third.is_refused());
  first.release();
  deliver();
  EXPECT_TRUE(second.has_it());
}

TEST_F(SharedLocksTest, shared_locks_go_together_and_other_names_are_free) {
  Asked first, second, alone, other;
  ask(2, first, {.name = "a", .is_shared = true});
  ask(3, second, {.name = "a", .is_shared = true});
  ask(1, alone, {.name = "a"});
  ask(1, other, {.name = "b"});
  EXPECT_TRUE(first.has_it() && second.has_it() && other.has_it());
  EXPECT_FALSE(alone.answer);
}

TEST_F(SharedLocksTest, a_deadlock_over_two_nodes_is_found) {
  const int ann = 0, bob = 0;
  Asked a_of_ann, b_of_bob, b_of_ann, a_of_bob;
  ask(2, a_of_ann, {.name = "a", .owner = &ann});
  ask(3, b_of_bob, {.name = "b", .owner = &bob});
  ask(2, b_of_ann, {.name = "b", .owner = &ann});
  ask(3, a_of_bob, {.name = "a", .owner = &bob});
  ASSERT_TRUE(a_of_bob.answer && !*a_of_bob.answer);
  EXPECT_EQ(a_of_bob.answer->error().code, ErrorCode::Deadlock);
  b_of_bob.release();
  deliver();
  EXPECT_TRUE(b_of_ann.has_it());
}

TEST_F(SharedLocksTest, the_locks_of_a_node_whose_process_has_ended_are_released_at_once) {
  Asked first, second;
  ask(2, first, {.name = "a"});
  ask(3, second, {.name = "a"});
  kill(2);
  EXPECT_TRUE(second.has_it());
}

TEST_F(SharedLocksTest, the_locks_of_a_new_process_are_not_those_of_the_earlier_one) {
  Asked first, second;
  ask(2, first, {.name = "a"});
  ask(3, second, {.name = "a"});
  register_node(NodeId{2});
  pass(kStepUs);
  EXPECT_TRUE(second.has_it());
}

TEST_F(SharedLocksTest, a_node_that_is_cut_off_loses_its_locks_before_another_node_gets_them) {
  Asked first, second;
  bool is_reported = false;
  ask(2, first, {.name = "a", .on_lost = [&] { is_reported = true; }});
  ask(3, second, {.name = "a"});
  cut.insert(NodeId{2});
  for (int64_t passed = 0; passed < kLongUs; passed += kStepUs) {
    pass(kStepUs);
    ASSERT_FALSE(second.has_it() && !first.is_lost()) << passed;
  }
  EXPECT_TRUE(second.has_it());
  EXPECT_TRUE(is_reported);
  cut.clear();
  pass(kLongUs);
  EXPECT_TRUE(first.is_lost());
  EXPECT_FALSE(second.is_lost());
}

TEST_F(SharedLocksTest, a_process_that_was_frozen_notices_the_loss_before_it_runs_anything) {
  Asked first, second;
  ask(2, first, {.name = "a"});
  ask(3, second, {.name = "a"});
  frozen.insert(NodeId{2});
  pass(kLongUs);
  EXPECT_TRUE(second.has_it());
  frozen.clear();
  EXPECT_TRUE(first.is_lost());
  pass(kLongUs);
  EXPECT_TRUE(first.is_lost());
}

TEST_F(SharedLocksTest, locks_survive_a_change_of_the_controller) {
  Asked first, second, third;
  ask(2, first, {.name = "a"});
  ask(3, second, {.name = "a"});
  elect(NodeId{3});
  deliver();
  ask(1, third, {.name = "a", .waits = false});
  pass(kLongUs);
  EXPECT_FALSE(first.is_lost());
  EXPECT_FALSE(second.answer);
  EXPECT_TRUE(third.is_refused());
  first.release();
  deliver();
  EXPECT_TRUE(second.has_it());
}

TEST_F(SharedLocksTest, a_new_controller_waits_for_the_locks_of_nodes_that_it_does_not_hear) {
  Asked first, second;
  ask(2, first, {.name = "a"});
  cut.insert(NodeId{2});
  elect(NodeId{3});
  ask(1, second, {.name = "a"});
  for (int64_t passed = 0; passed < kLongUs; passed += kStepUs) {
    ASSERT_FALSE(second.has_it() && !first.is_lost()) << passed;
    pass(kStepUs);
  }
  EXPECT_TRUE(second.has_it());
}

// The rule awaits_holders of the previous test is switched off: two nodes then have the lock at the same time.
TEST_F(SharedLocksTest, without_this_rule_two_nodes_have_the_same_lock) {
  Asked first, second;
  ask(2, first, {.name = "a"});
  cut.insert(NodeId{2});
  rules.awaits_holders = false;
  machines[NodeId{3}] = std::make_unique<Machine>(*this, NodeId{3});
  elect(NodeId{3});
  ask(1, second, {.name = "a"});
  EXPECT_TRUE(second.has_it() && !first.is_lost());
}

TEST_F(SharedLocksTest, a_new_controller_does_not_wait_for_a_process_that_has_ended) {
  Asked asked;
  kill(1);
  elect(NodeId{2});
  deliver();
  ask(3, asked, {.name = "a"});
  EXPECT_TRUE(asked.has_it());
}

TEST_F(SharedLocksTest, a_controller_that_etcd_does_not_confirm_grants_nothing) {
  Asked asked;
  confirmed = NodeId{};
  ask(2, asked, {.name = "a"});
  pass(kStepUs);
  EXPECT_FALSE(asked.answer);
  pass(11'000'000);
  ASSERT_TRUE(asked.answer && !*asked.answer);
  EXPECT_EQ(asked.answer->error().code, ErrorCode::NotLeader);
}

TEST_F(SharedLocksTest, lost_messages_are_repeated_and_a_lost_release_is_one_in_the_end) {
  Asked first, second;
  cut.insert(NodeId{2});
  ask(2, first, {.name = "a"});
  EXPECT_FALSE(first.answer);
  cut.clear();
  pass(1'000'000);
  ASSERT_TRUE(first.has_it());
  cut.insert(NodeId{2});
  bool is_confirmed = false;
  first.release();
  machines[NodeId{2}]->client.await_releases([&] { is_confirmed = true; });
  pass(kStepUs);
  EXPECT_FALSE(is_confirmed);
  ask(3, second, {.name = "a", .waits = false});
  EXPECT_TRUE(second.is_refused());
  cut.clear();
  pass(1'000'000);
  EXPECT_TRUE(is_confirmed);
  second = {};
  ask(3, second, {.name = "a", .waits = false});
  EXPECT_TRUE(second.has_it());
}

TEST_F(SharedLocksTest, a_withdrawn_request_holds_up_no_other) {
  Asked first, second, third;
  ask(2, first, {.name = "a"});
  ask(3, second, {.name = "a"});
  ask(1, third, {.name = "a"});
  second.place = nullptr;
  deliver();
  first.release();
  deliver();
  EXPECT_FALSE(second.answer);
  EXPECT_TRUE(third.has_it());
}

TEST_F(SharedLocksTest, locks_need_the_feature_level) {
  is_supported = false;
  Asked asked;
  ask(2, asked, {.name = "a"});
  ASSERT_TRUE(asked.answer && !*asked.answer);
  EXPECT_EQ(asked.answer->error().code, ErrorCode::NotSupported);
}
