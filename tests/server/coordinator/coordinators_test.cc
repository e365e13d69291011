// Tests that an answer of a coordinator is only used if the node is still the coordinator.
#include "server/coordinator/coordinators.h"

#include <vector>

#include "tests/server/coordinator/group_test.h"

using namespace server;
using namespace server::coordinator;

namespace {

// The groups of one partition. The test decides whether another node is its leader.
class OneGroups final : public Groups {
 public:
  explicit OneGroups(GroupPartition& partition) : partition_(partition) {}
  void list(Done<ListedGroups> done) override { done({}); }
  void prepare(Done<KafkaError> done) override { done(KafkaError::None); }

  bool is_replaced = false;
  std::vector<KafkaError> confirmed;

 private:
  void run(const std::string&, Work work) override { work(&partition_, KafkaError::None); }
  void run_at(PartitionId, Work work) override { work(&partition_, KafkaError::None); }
  Home home() override {
    return [](const std::function<void()>& task) { task(); };
  }
  void confirm(const std::string&, KafkaError error, std::function<void(bool)> done) override {
    confirmed.push_back(error);
    done(!is_replaced);
  }

  GroupPartition& partition_;
};

using CoordinatorsTest = GroupTest;

TEST_F(CoordinatorsTest, only_the_present_coordinator_answers_with_offsets_and_refusals) {
  OneGroups groups(partition());
  const auto error_of = [&](auto request) {
    std::optional<KafkaError> error;
    groups.ask(std::move(request), [&](const auto& answer) { error = answer.error; });
    settle();
    return error;
  };
  const GroupHeartbeat of_nobody{"g", 3, "nobody", {}};
  EXPECT_EQ(error_of(FetchOffsets{.group_id = "g"}), KafkaError::None);
  EXPECT_EQ(error_of(of_nobody), kUnknownMemberId);
  groups.is_replaced = true;
  EXPECT_EQ(error_of(FetchOffsets{.group_id = "g"}), kNotCoordinator);
  EXPECT_EQ(error_of(of_nobody), kNotCoordinator);
  EXPECT_EQ(groups.confirmed,
            (std::vector{KafkaError::None, kUnknownMemberId, KafkaError::None, kUnknownMemberId}));
  const CommitOffsets by_nobody{.group_id = "g",
                                .generation = 3,
                                .member_id = "nobody",
                                .topics = {{"t", {{.partition = 0, .offset = 7}}}}};
  std::optional<KafkaError> committed;
  const auto commit = [&] {
    groups.ask(by_nobody, [&](const CommittedOffsets& answer) {
      committed = answer.topics.at(0).second.at(0).error;
    });
    settle();
    return committed;
  };
  EXPECT_EQ(commit(), kNotCoordinator);
  EXPECT_EQ(error_of(DescribeGroup{"g"}), kNotCoordinator);
  groups.is_replaced = false;
  EXPECT_EQ(commit(), kIllegalGeneration);
  EXPECT_TRUE(is_group_verdict(kUnknownMemberId));
  EXPECT_FALSE(is_group_verdict(kRebalanceInProgress));
}

}  // namespace
