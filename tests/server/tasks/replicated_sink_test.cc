// Tests the commits of a task in a cluster: how they are proposed, and when they are done.
#include "server/tasks/replicated_sink.h"

namespace server {
namespace {

const engine::PartitionRef kTopic{Uuid{{1}}, PartitionId{0}}, kExchange{Uuid{{2}}, PartitionId{3}};

class Proposals final : public JournalProposals {
 public:
  void propose(PartitionId journal, Term term, storage::ReplicatedCommit commit) override {
    EXPECT_EQ(journal, PartitionId{5});
    EXPECT_EQ(term, 7u);
    proposed.push_back(std::move(commit));
  }
  void when_visible(PartitionId, Term, std::function<void(bool)> done) override { done(true); }
  std::vector<storage::ReplicatedCommit> proposed;
};

class ReplicatedSinkTest : public testing::Test {
 protected:
  void commit(int64_t sequence) {
    engine::TaskCommit commit{"q/0/0", TaskEpoch{1}, TaskSequence{sequence}, "entry", {}, {}, {}};
    commit.outputs.push_back({kTopic, "to a topic"});
    commit.outputs.push_back({kExchange, "to an exchange"});
    commit.trims.emplace_back(kExchange, Offset{4});
    engine::CommitDone done = [this, sequence](const Result<CommitId>& result) {
      ASSERT_TRUE(result);
      done_.push_back(sequence);
    };
    EXPECT_TRUE(sink_.try_commit(commit, done));
  }

  Proposals proposals_;
  ReplicatedSink sink_{proposals_, {PartitionId{5}, 7, Revision{9}, {kExchange.topic}}};
  std::vector<int64_t> done_;
};

TEST_F(ReplicatedSinkTest, local_outputs_are_separated_from_delivered_ones) {
  commit(1);
  const storage::ReplicatedCommit& proposed = proposals_.proposed.at(0);
  EXPECT_EQ(proposed.planned_at, Revision{9});
  EXPECT_EQ(proposed.outputs,
            (std::vector<storage::TaskOutput>{{to_storage(kTopic), "to a topic"}}));
  EXPECT_EQ(proposed.exchanged,
            (std::vector<storage::TaskOutput>{{to_storage(kExchange), "to an exchange"}}));
  EXPECT_EQ(proposed.consumed,
            (std::vector<storage::ConsumedInput>{{to_storage(kExchange), Offset{4}}}));
}

TEST_F(ReplicatedSinkTest, a_commit_is_done_when_it_comes_back) {
  commit(4);
  commit(5);
  EXPECT_TRUE(done_.empty());
  sink_.answered(TaskSequence{3}, {});  // the answer to a commit of the previous owner
  EXPECT_TRUE(done_.empty());
  sink_.answered(TaskSequence{4}, {});
  sink_.answered(TaskSequence{5}, {});
  EXPECT_EQ(done_, (std::vector<int64_t>{4, 5}));
}

}  // namespace
}  // namespace server
