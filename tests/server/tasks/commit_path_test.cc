// Tests how commits are made on a node that shares no query with other nodes, and on a member of a
// cluster.
#include "server/tasks/commit_path.h"

#include "server/tasks/commit_batch.h"
#include "server/tasks/replicated_commits.h"
#include "storage/replica/journal_entry.h"
#include "storage/replica/task_producer.h"
#include "tests/server/tasks/running_queries.h"
#include "tests/storage/log/log_fixture.h"

namespace server {
namespace {

using Values = std::vector<std::string>;

const PartitionId kJournal{3};
const storage::TopicPartition kSentTo{Uuid{{9}}, PartitionId{0}};

class NoProposals final : public JournalProposals {
 public:
  void propose(PartitionId, Term, storage::ReplicatedCommit) override {}
  void when_visible(PartitionId, Term, std::function<void(bool)> done) override { done(true); }
};

DefinedQueryPtr query(std::optional<PartitionId> journal) {
  auto plan = std::make_shared<engine::QueryPlan>();
  plan->id = "Q";
  auto defined = std::make_shared<DefinedQuery>();
  defined->plan = plan;
  defined->journal = journal;
  defined->made_at = defined->planned_at = Revision{5};
  return defined;
}

class CommitPathTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(storage::create_partitions_and_wait(log(), kSentTo.topic, 1,
                                                    storage::PartitionKind::Internal));
    std::vector<Shard*> shards;
    for (const auto& shard : node_.shards) shards.push_back(shard.get());
    journals_ = ReplicatedJournals::open(
                    log(), node_.clock, shards, proposals_,
                    [] { return std::make_shared<const MetadataImage>(); },
                    [](const std::vector<std::string>&) {})
                    .value();
    member_ = std::make_unique<ReplicatedCommits>(
        *journals_, *node_.tasks, log(), *node_.state,
        [this](const storage::TopicPartition&) { return has_replicas_; });
  }
  storage::Log& log() { return *node_.log; }
  Shard& shard() { return node_.tasks->shard_for("Q", 0); }
  TaskPlace place(std::optional<JournalProposals::Term> term = {}) const {
    TaskPlace made{&launch_, 0, 1, 2, "Q/1/2", {}, {}, {}, term};
    made.begun.producer_id = storage::kFirstTaskProducer + 7;
    return made;
  }
  storage::ReplicatedCommit commit(int64_t sequence) const {
    storage::ReplicatedCommit made;
    made.task = "Q/0/0";
    made.sequence = TaskSequence{sequence};
    made.entry = "e" + std::to_string(sequence);
    records::BatchBuilder batch;
    batch.append(1, "k", std::to_string(sequence));
    made.exchanged.push_back(
        {kSentTo, batch.finish(records::Codec::None, {storage::kFirstTaskProducer + 1, 0,
                                                      static_cast<int32_t>(sequence - 1)})});
    return made;
  }
  Status apply(CommitBatch batch) {
    return storage::wait_for<Status>([&](auto done) {
      std::move(batch).apply(
          log(), [](storage::WriteTransaction&) -> Status { return {}; },
          [done](const Status& applied) { done(applied); });
    });
  }

  Disks disks_;
  RunningQueries node_{disks_};
  NoProposals proposals_;
  std::unique_ptr<ReplicatedJournals> journals_;
  std::unique_ptr<ReplicatedCommits> member_;
  bool has_replicas_ = true;
  QueryLaunch launch_{query(kJournal)};
};

TEST_F(CommitPathTest, a_task_of_a_lone_node_commits_to_the_log_of_its_shard) {
  const auto role = node_.tasks->commits().role_of(place(), shard());
  ASSERT_TRUE(role);
  EXPECT_EQ(role->sink, &shard().sink());
  EXPECT_EQ(role->own_sink, nullptr);
  EXPECT_EQ(role->producer, storage::kFirstTaskProducer + 7);
  EXPECT_FALSE(node_.tasks->commits().may_run_elsewhere(*launch_.defined));
  EXPECT_TRUE(node_.tasks->commits().shows_outputs_with_commits());
}

// With a single replica the log end is the high watermark, and no commit waits to be applied.
TEST_F(CommitPathTest, a_lone_node_has_applied_all_commits) {
  auto receiver = std::make_shared<const char>('\0');
  int answers = 0;
  const auto count = [&](const Status& status) { answers += status ? 1 : 100; };
  node_.tasks->commits().when_applied(kJournal, Offset{1'000}, receiver, count);
  EXPECT_EQ(answers, 1);
  const std::weak_ptr<const void> expired = std::exchange(receiver, nullptr);
  node_.tasks->commits().when_applied(kJournal, Offset{0}, expired, count);
  EXPECT_EQ(answers, 1);
}

TEST_F(CommitPathTest, the_leader_of_a_journal_proposes_and_the_others_follow) {
  const ProducerId producer = storage::TaskProducer{Revision{5}, 1, 2}.id();
  const auto follows = member_->role_of(place(), shard());
  ASSERT_TRUE(follows);
  EXPECT_EQ(follows->sink, nullptr);
  EXPECT_EQ(follows->producer, producer);
  const auto leads = member_->role_of(place(JournalProposals::Term{4}), shard());
  ASSERT_TRUE(leads);
  EXPECT_EQ(leads->sink, leads->own_sink.get());
  EXPECT_NE(leads->sink, nullptr);
  EXPECT_EQ(leads->producer, producer);
  EXPECT_TRUE(member_->may_run_elsewhere(*launch_.defined));
}

TEST_F(CommitPathTest, a_leader_without_a_replica_of_an_input_waits) {
  has_replicas_ = false;
  TaskPlace waits = place(JournalProposals::Term{4});
  waits.inputs.push_back({.input = 0, .partition = {Uuid{{1}}, PartitionId{0}}, .next = Offset(0)});
  const auto role = member_->role_of(waits, shard());
  ASSERT_FALSE(role);
  EXPECT_EQ(role.error().code, ErrorCode::QueryCanceled);
  waits.term.reset();
  EXPECT_TRUE(member_->role_of(waits, shard()));
}

TEST_F(CommitPathTest, a_member_commits_its_own_tables_to_its_log) {
  launch_.defined = query(std::nullopt);
  const auto role = member_->role_of(place(), shard());
  ASSERT_TRUE(role);
  EXPECT_EQ(role->sink, &shard().sink());
  EXPECT_EQ(role->producer, storage::kFirstTaskProducer + 7);
  EXPECT_FALSE(member_->may_run_elsewhere(*launch_.defined));
}

TEST_F(CommitPathTest, a_batch_of_commits_is_applied_in_its_order) {
  const auto begun = storage::begin_task_and_wait(log(), "Q/0/0").value();
  CommitBatch batch;
  EXPECT_TRUE(batch.is_empty());
  for (int64_t sequence = 1; sequence <= 3; ++sequence)
    batch.add(commit(sequence), begun.epoch, shard());
  EXPECT_GT(batch.size_bytes(), 0u);
  ASSERT_TRUE(apply(std::move(batch)));
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), (Values{"1:e1", "2:e2", "3:e3"}));
  EXPECT_EQ(storage::read_values(log(), kSentTo), (Values{"1", "2", "3"}));
}

TEST_F(CommitPathTest, a_batch_with_a_commit_of_a_former_owner_is_not_applied) {
  const auto former = storage::begin_task_and_wait(log(), "Q/0/0").value();
  const auto begun = storage::begin_task_and_wait(log(), "Q/0/0").value();
  CommitBatch batch;
  batch.add(commit(1), begun.epoch, shard());
  batch.add(commit(2), former.epoch, shard());
  const Status applied = apply(std::move(batch));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::FencedTask);
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), Values{});
  EXPECT_EQ(storage::read_values(log(), kSentTo), Values{});
}

}  // namespace
}  // namespace server
