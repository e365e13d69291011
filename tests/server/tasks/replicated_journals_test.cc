// Tests how replicated journals are carried out: no journal delays another one, and a query that cannot run on this
// node does not delay its journal.
#include "server/tasks/replicated_journals.h"

#include "base/task_id.h"
#include "records/batch_builder.h"
#include "storage/log/task_journal.h"
#include "storage/log/task_outputs.h"
#include "storage/meta/cluster_membership_row.h"
#include "storage/replica/plan_mark.h"
#include "tests/server/tasks/running_queries.h"
#include "tests/storage/log/log_fixture.h"

namespace server {
namespace {

using Values = std::vector<std::string>;
using storage::TopicPartition;

const PartitionId kFirst{3}, kSecond{7};
const TopicPartition kExchange{Uuid{{9}}, PartitionId{2}};
constexpr Revision kMadeAt{5}, kReplacedAt{12};

// Makes all proposed journal entries visible.
class Proposals final : public JournalProposals {
 public:
  void propose(PartitionId, Term, storage::ReplicatedCommit) override {}
  void when_visible(PartitionId, Term, std::function<void(bool)> done) override { done(true); }
};

class ReplicatedJournalsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(storage::create_partitions_and_wait(log(), storage::kReplicatedJournal,
                                                    storage::kReplicatedJournals,
                                                    storage::PartitionKind::Internal));
    image_.revision = Revision{10};
    open();
  }
  void TearDown() override { close(); }

  // Closes the journals as a node does, after its log. The log's writer may still be reporting commits to the
  // journals. It answers the write below only after these reports.
  void close() {
    if (!journals_) return;
    journals_->stop_thread();
    EXPECT_TRUE(
        storage::write_and_wait(log(), [](storage::WriteTransaction&) -> Status { return {}; }));
    journals_.reset();
  }
  void open() {
    close();
    std::vector<Shard*> shards;
    for (const auto& shard : node_.shards) shards.push_back(shard.get());
    journals_ = ReplicatedJournals::open(
                    log(), node_.clock, shards, proposals_,
                    [this] {
                      const std::lock_guard lock(mutex_);
                      return std::make_shared<const MetadataImage>(image_);
                    },
                    [](const std::vector<std::string>&) {})
                    .value();
    journals_->start_thread();
  }
  storage::Log& log() { return *node_.log; }
  void define(const std::string& id, PartitionId journal, std::string unreadable = {},
              Revision planned_at = kMadeAt) {
    auto query = std::make_shared<engine::PersistentQuery>();
    query->id = id;
    auto plan = std::make_shared<engine::QueryPlan>();
    plan->id = id;
    auto defined = std::make_shared<DefinedQuery>();
    defined->query = query;
    defined->plan = plan;
    defined->unreadable = std::move(unreadable);
    defined->journal = journal;
    defined->made_at = kMadeAt;
    defined->planned_at = planned_at;
    const std::lock_guard lock(mutex_);
    image_.put(defined);
    image_.revision = std::max(image_.revision, planned_at);
  }
  // Starts the task, as the start of its query does.
  void start(const std::string& task, Revision planned_at = kMadeAt) {
    const auto begun = storage::begin_task_and_wait(log(), task).value();
    Shard& shard = node_.tasks->shard_for(std::string(query_of(task)), 0);
    journals_->set_task(task, {{kMadeAt, planned_at}, begun.epoch, &shard});
  }
  DefinedQueryPtr find(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return image_.find_query(id);
  }
  static storage::ReplicatedCommit commit(const std::string& task, int64_t sequence,
                                          Revision planned_at = kMadeAt) {
    storage::ReplicatedCommit made;
    made.task = task;
    made.sequence = TaskSequence{sequence};
    made.entry = "e" + std::to_string(sequence);
    made.planned_at = planned_at;
    return made;
  }
  void append(PartitionId journal, const storage::ReplicatedCommit& commit) {
    append_batch(journal, encode(commit));
  }
  void append_batch(PartitionId journal, std::string batch) {
    storage::AppendRequest request;
    request.parts.push_back({{storage::kReplicatedJournal, journal}, std::move(batch)});
    const auto appended = storage::append_and_wait(log(), std::move(request));
    ASSERT_TRUE(appended) << appended.error().message;
    journals_->grown(std::vector{appended->front().partition});
  }
  Offset end_of(PartitionId journal) {
    return log().find_partition({storage::kReplicatedJournal, journal})->high_watermark();
  }
  // Waits at most `patience`.
  std::optional<Status> wait_until_carried_out(PartitionId journal, Offset end,
                                               std::chrono::milliseconds patience) {
    const auto answer = std::make_shared<std::promise<Status>>();
    auto future = answer->get_future();
    journals_->when_carried_out(journal, end, receiver_,
                                [answer](Status status) { answer->set_value(std::move(status)); });
    if (future.wait_for(patience) != std::future_status::ready) return std::nullopt;
    return future.get();
  }
  std::optional<Status> wait_for_all_of(PartitionId journal,
                                        std::chrono::milliseconds patience = kLong) {
    return wait_until_carried_out(journal, end_of(journal), patience);
  }
  // Limits for wait_for_all_of(): kLong for commits that will be applied, kShort for commits that must not be.
  static constexpr std::chrono::milliseconds kLong{60'000}, kShort{150};

  Disks disks_;
  RunningQueries node_{disks_};
  Proposals proposals_;
  std::mutex mutex_;
  MetadataImage image_;  // guarded by it
  const std::shared_ptr<const char> receiver_ = std::make_shared<const char>('\0');
  std::unique_ptr<ReplicatedJournals> journals_;
};

TEST_F(ReplicatedJournalsTest, commits_are_carried_out) {
  define("Q", kFirst);
  start("Q/0/0");
  append(kFirst, commit("Q/0/0", 1));
  append(kFirst, commit("Q/0/0", 2));
  EXPECT_TRUE(wait_for_all_of(kFirst));
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), (Values{"1:e1", "2:e2"}));
}

// A take-over rebuilds the queries of one journal. Look-ups in the queries of other journals do not wait for
// it.
TEST_F(ReplicatedJournalsTest, while_one_is_paused_others_go_on) {
  define("Q", kFirst);
  define("R", kSecond);
  start("Q/0/0");
  start("R/0/0");
  auto pause = std::make_optional<ReplicatedJournals::Pause>(*journals_, std::set{kFirst});
  append(kFirst, commit("Q/0/0", 1));
  append(kSecond, commit("R/0/0", 1));
  EXPECT_TRUE(wait_for_all_of(kSecond));
  EXPECT_FALSE(wait_for_all_of(kFirst, kShort));
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), Values{});
  pause.reset();
  EXPECT_TRUE(wait_for_all_of(kFirst));
}

// settle() waits only for the commits that exist when it is called: under load, later commits always follow.
TEST_F(ReplicatedJournalsTest, later_commits_are_not_waited_for) {
  define("Q", kFirst);
  define("LATER", kFirst);  // this query is not started, so its commits wait
  start("Q/0/0");
  EXPECT_TRUE(wait_for_all_of(kFirst));
  journals_->opened(kFirst, 1);
  ASSERT_TRUE(RunningQueries::eventually([&] { return journals_->term(kFirst).has_value(); }));
  auto pause = std::make_optional<ReplicatedJournals::Pause>(*journals_, std::set{kFirst});
  append(kFirst, commit("Q/0/0", 1));
  auto settled = std::async(std::launch::async, [&] { return journals_->settle(kFirst); });
  std::this_thread::sleep_for(kShort);  // the other thread is waiting now
  append(kFirst, commit("LATER/0/0", 1));
  pause.reset();
  const Status status = settled.get();
  EXPECT_TRUE(status) << status.error().message;
  EXPECT_LT(journals_->first_needed(kFirst), end_of(kFirst));
}

// A newer program, which runs on other nodes, wrote the definition. This node keeps the commits of the query
// that it cannot run.
TEST_F(ReplicatedJournalsTest,
       a_query_that_cannot_be_read_holds_up_no_other_one_and_misses_nothing) {
  define("NEWER", kFirst, "a step of the plan is not known");
  define("Q", kFirst);
  start("Q/0/0");
  auto first = commit("NEWER/0/0", 1);
  records::BatchBuilder block;
  block.append(1, "k", "sent");
  first.exchanged.push_back(
      {kExchange, block.finish(records::Codec::None, {storage::kFirstTaskProducer + 1, 0, 0})});
  append(kFirst, first);
  append(kFirst, commit("Q/0/0", 1));
  auto second = commit("NEWER/1/0", 1);
  second.consumed.push_back({kExchange, Offset{1}});
  append(kFirst, second);
  append(kFirst, commit("NEWER/0/0", 2));
  EXPECT_TRUE(wait_for_all_of(kFirst));
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), (Values{"1:e1"}));
  EXPECT_EQ(storage::journal_of_task(log(), "NEWER/0/0"), (Values{"1:e1", "2:e2"}));
  EXPECT_EQ(storage::journal_of_task(log(), "NEWER/1/0"), (Values{"1:e1"}));
  EXPECT_EQ(log().find_partition(kExchange)->log_end(), Offset{1});

  // A program that can read the definition continues: no commit is missing.
  define("NEWER", kFirst);
  start("NEWER/0/0");
  append(kFirst, commit("NEWER/0/0", 3));
  EXPECT_TRUE(wait_for_all_of(kFirst));
  EXPECT_EQ(storage::journal_of_task(log(), "NEWER/0/0"), (Values{"1:e1", "2:e2", "3:e3"}));
}

// The query may have failed because its input was deleted: RESUME restarts it later, and must find all of its commits.
TEST_F(ReplicatedJournalsTest, a_query_that_has_failed_permanently_misses_no_commit) {
  define("Q", kFirst);
  append(kFirst, commit("Q/0/0", 1));
  EXPECT_FALSE(wait_for_all_of(kFirst, kShort));  // the query is about to be started
  journals_->cannot_run("Q", {kMadeAt, kMadeAt}, ReplicatedJournals::Failed::Keeps);
  append(kFirst, commit("Q/0/0", 2));
  EXPECT_TRUE(wait_for_all_of(kFirst));
  start("Q/0/0");
  append(kFirst, commit("Q/0/0", 3));
  EXPECT_TRUE(wait_for_all_of(kFirst));
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), (Values{"1:e1", "2:e2", "3:e3"}));
}

// The results of damaged state would be wrong, so its commits are not applied.
TEST_F(ReplicatedJournalsTest, commits_of_a_query_that_is_damaged_here_are_not_carried_out) {
  define("LOST", kFirst);
  define("Q", kFirst);
  start("Q/0/0");
  journals_->cannot_run("LOST", {kMadeAt, kMadeAt}, ReplicatedJournals::Failed::Damaged);
  append(kFirst, commit("LOST/0/0", 1));
  append(kFirst, commit("Q/0/0", 1));
  EXPECT_TRUE(wait_for_all_of(kFirst));
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), (Values{"1:e1"}));
  EXPECT_EQ(log().tasks().value().size(), 1u);
}

// Another node may run the query later and must not return to the old plan. So a node finishes commits of the new plan
// only after it has started this plan.
TEST_F(ReplicatedJournalsTest, commits_of_a_replaced_query_wait_until_its_plan_has_begun_here) {
  define("Q", kFirst);
  start("Q/0/0");
  append(kFirst, commit("Q/0/0", 1));
  append(kFirst, commit("Q/0/0", 2, kReplacedAt));
  EXPECT_FALSE(wait_for_all_of(kFirst, kShort));  // the command with the new plan has not been read
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), (Values{"1:e1"}));
  const DefinedQueryPtr before = find("Q");
  EXPECT_FALSE(journals_->knows_newer_plan(*before));
  define("Q", kFirst, {}, kReplacedAt);
  EXPECT_TRUE(journals_->knows_newer_plan(*before));
  EXPECT_FALSE(wait_for_all_of(kFirst, kShort));  // the command has been read, but not carried out
  start("Q/0/0", kReplacedAt);
  EXPECT_TRUE(wait_for_all_of(kFirst));
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), (Values{"1:e1", "2:e2"}));
}

// An owner that has not read the command with the new plan still commits with the old plan. Its commits belong to the
// query.
TEST_F(ReplicatedJournalsTest, a_replaced_query_keeps_the_commits_of_the_old_plan) {
  define("Q", kFirst, {}, kReplacedAt);
  start("Q/0/0", kReplacedAt);
  append(kFirst, commit("Q/0/0", 1));
  append(kFirst, commit("Q/0/0", 2, kReplacedAt));
  const Revision before_it{kMadeAt.value() - 1};
  append(kFirst, commit("Q/0/0", 9, before_it));  // a commit of an earlier query with this name
  EXPECT_TRUE(wait_for_all_of(kFirst));
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), (Values{"1:e1", "2:e2"}));
}

TEST_F(ReplicatedJournalsTest, a_replaced_query_that_cannot_run_here_misses_nothing) {
  define("Q", kFirst);
  journals_->cannot_run("Q", {kMadeAt, kMadeAt}, ReplicatedJournals::Failed::Keeps);
  append(kFirst, commit("Q/0/0", 1));
  EXPECT_TRUE(wait_for_all_of(kFirst));
  append(kFirst, commit("Q/0/0", 2, kReplacedAt));
  define("Q", kFirst, {}, kReplacedAt);
  EXPECT_FALSE(wait_for_all_of(kFirst, kShort));
  journals_->cannot_run("Q", {kMadeAt, kReplacedAt}, ReplicatedJournals::Failed::Keeps);
  EXPECT_TRUE(wait_for_all_of(kFirst));
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), (Values{"1:e1", "2:e2"}));
}

TEST_F(ReplicatedJournalsTest, commits_behind_a_plan_mark_wait_for_the_metadata) {
  define("Q", kFirst);
  start("Q/0/0");
  append(kFirst, commit("Q/0/0", 1));
  append_batch(kFirst, storage::plan_mark(kReplacedAt));
  append(kFirst, commit("Q/0/0", 2));
  EXPECT_FALSE(wait_for_all_of(kFirst, kShort));
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), Values{"1:e1"});
  define("OTHER", kSecond, {}, kReplacedAt);  // any command with this revision
  EXPECT_TRUE(wait_for_all_of(kFirst));
  EXPECT_EQ(storage::journal_of_task(log(), "Q/0/0"), (Values{"1:e1", "2:e2"}));
}

TEST_F(ReplicatedJournalsTest, a_mark_of_later_commits_is_reported_as_damage) {
  define("Q", kFirst);
  start("Q/0/0");
  append(kFirst, commit("Q/0/0", 1));
  append_batch(kFirst, storage::delivered_mark(Offset{100}));
  EXPECT_TRUE(RunningQueries::eventually([&] {
    const auto answer = wait_for_all_of(kFirst, kShort);
    return answer && !*answer && answer->error().code == ErrorCode::DataCorrupted;
  }));
}

// Commits of a query that no longer exists have no owner.
TEST_F(ReplicatedJournalsTest, commits_of_a_dropped_query_are_left_out) {
  append(kFirst, commit("GONE/0/0", 7));
  EXPECT_TRUE(wait_for_all_of(kFirst));
  EXPECT_TRUE(log().tasks().value().empty());
}

}  // namespace
}  // namespace server
