#include "server/coordinator/replayed_partition.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/server/coordinator/memory_port.h"

using namespace server::coordinator;

namespace {

// A state that maps texts to texts.
class Texts final : public ReplayedState {
 public:
  Status replay(std::string_view key, std::optional<std::string_view> value) override {
    if (key == "nonsense") return Error{ErrorCode::DataCorrupted, "nonsense"};
    if (value)
      values[std::string(key)] = *value;
    else
      values.erase(std::string(key));
    return {};
  }
  void on_loaded() override { ++loaded; }
  void on_unloaded() override {
    values.clear();
    ++unloaded;
  }
  std::map<std::string, std::string> values;
  int loaded = 0, unloaded = 0;
};

class ReplayedPartitionTest : public testing::Test {
 protected:
  // Appends the records. Each answer adds "ok" or the name of the error to the list, in the order
  // of the answers.
  void append(std::vector<StoredRecord> records, const std::string& what = "") {
    partition.append(records, [this, what](const Status& status) {
      answers.push_back(what + (status ? "ok" : std::string(name(status.error().code))));
    });
  }

  SimulatedClock clock;
  MemoryPort port{clock};
  Texts texts;
  ReplayedPartition partition{PartitionId(3), port, texts};
  std::vector<std::string> answers;
};

}  // namespace

TEST_F(ReplayedPartitionTest, an_empty_partition_is_active_at_once) {
  EXPECT_FALSE(partition.is_active());
  partition.lead(LeaderEpoch(0));
  EXPECT_TRUE(partition.is_active());
  EXPECT_EQ(texts.loaded, 1);
}

TEST_F(ReplayedPartitionTest, a_new_leader_finds_the_appends_of_the_old_one) {
  partition.lead(LeaderEpoch(0));
  append({{"a", "1"}, {"b", "2"}});
  append({{"a", "3"}, {"nonsense", "x"}});
  append({{"b", std::nullopt}});
  port.settle();
  EXPECT_EQ(answers, (std::vector<std::string>{"ok", "ok", "ok"}));
  partition.lead(LeaderEpoch(0));
  EXPECT_EQ(partition.stage(), ReplayedPartition::Stage::Loading);
  EXPECT_EQ(texts.unloaded, 1);
  port.settle();
  EXPECT_TRUE(partition.is_active());
  EXPECT_EQ(texts.values, (std::map<std::string, std::string>{{"a", "3"}}));
}

TEST_F(ReplayedPartitionTest, appends_of_one_turn_are_one_batch) {
  partition.lead(LeaderEpoch(0));
  for (int i = 0; i < 100; ++i) append({{"key", "value"}});
  port.settle();
  EXPECT_EQ(answers.size(), 100u);
  EXPECT_EQ(port.appends, 1);
}

TEST_F(ReplayedPartitionTest, nothing_is_answered_before_it_is_durable) {
  port.holds_appends = true;
  partition.lead(LeaderEpoch(0));
  append({{"a", "1"}});
  port.settle();
  EXPECT_TRUE(answers.empty());
  port.holds_appends = false;
  port.settle();
  EXPECT_EQ(answers.size(), 1u);
}

TEST_F(ReplayedPartitionTest, waiting_callers_are_answered_when_the_leadership_ends) {
  port.holds_appends = true;
  partition.lead(LeaderEpoch(0));
  append({{"a", "1"}}, "under way ");
  port.settle();
  append({{"b", "1"}}, "gathered ");
  partition.resign();
  EXPECT_EQ(answers, (std::vector<std::string>{"under way NotLeader", "gathered NotLeader"}));
  port.holds_appends = false;
  port.settle();
  EXPECT_EQ(answers.size(), 2u);
  append({{"c", "1"}}, "late ");
  EXPECT_EQ(answers.back(), "late NotLeader");
}

TEST_F(ReplayedPartitionTest, a_fenced_leader_stops_leading) {
  partition.lead(LeaderEpoch(0));
  port.epoch = LeaderEpoch(1);
  append({{"a", "1"}});
  port.settle();
  EXPECT_EQ(answers, (std::vector<std::string>{"FencedLeaderEpoch"}));
  EXPECT_EQ(partition.stage(), ReplayedPartition::Stage::Idle);
}

TEST_F(ReplayedPartitionTest, another_failure_ends_only_the_failed_append) {
  port.holds_appends = true;
  partition.lead(LeaderEpoch(0));
  append({{"a", "1"}});
  port.settle();
  port.fail_append({ErrorCode::DiskFull, "full"});
  EXPECT_EQ(answers, (std::vector<std::string>{"DiskFull"}));
  EXPECT_TRUE(partition.is_active());
}

TEST_F(ReplayedPartitionTest, a_long_log_is_read_in_parts) {
  partition.lead(LeaderEpoch(0));
  for (int i = 0; i < 40; ++i) {
    append({{fmt::format("{}", i), std::string(100'000, 'x')}});
    port.settle();
  }
  port.reads = 0;
  partition.lead(LeaderEpoch(0));
  port.settle();
  EXPECT_EQ(texts.values.size(), 40u);
  EXPECT_GT(port.reads, 10);
}
