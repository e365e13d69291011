// Tests the owner of a journal: when it opens, what it does if the log has no room, and how long it blocks its loop.
#include "storage/replica/journal_owner.h"

#include <deque>

#include "records/batch_builder.h"
#include "storage/kv/memory_store.h"
#include "storage/replica/plan_mark.h"
#include "tests/storage/log/log_fixture.h"

namespace storage {
namespace {

const TopicPartition kJournal{Uuid{{1}}, PartitionId{0}}, kOther{Uuid{{2}}, PartitionId{0}};

// The test runs the log's writer and the loop itself.
class JournalOwnerTest : public testing::Test,
                         public ReplicaPort,
                         public JournalOwnerPort,
                         public OutboxPort {
 protected:
  void open_log(size_t queue_limit_bytes) {
    LogOptions options;
    options.writer = LogOptions::Writer::Owner;
    options.queue_limit_bytes = queue_limit_bytes;
    options.reserve_bytes = 0;
    log_ = Log::open(disk_.open(), options).value();
    for (const TopicPartition& partition : {kJournal, kOther})
      log_->create_partitions(partition.topic, 1, [](const Status& made) { EXPECT_TRUE(made); });
    write();
    reader_ = LogReader::open(*log_).value();
    context_.emplace(ReplicaContext{
        NodeId{1}, *log_, ReplicaLog(*log_), *reader_, *this, clock_, settings_, {}, {}, {}});
  }
  void write() {
    while (log_->write_next()) continue;
  }
  // Runs all work that waits in the log and in the loop.
  void run() {
    do {
      write();
      while (!posted_.empty()) turn();
    } while (log_->write_next());
  }
  void turn() {
    const auto work = std::move(posted_.front());
    posted_.pop_front();
    work();
  }
  void own() {
    owner_.emplace(*context_, kJournal, static_cast<JournalOwnerPort&>(*this),
                   static_cast<OutboxPort&>(*this));
  }
  static ReplicatedCommit commit(int64_t sequence, size_t size = 10) {
    ReplicatedCommit made;
    made.task = "q/0/0";
    made.sequence = TaskSequence{sequence};
    made.entry.assign(size, 'x');
    return made;
  }
  void append(const TopicPartition& partition, std::string batch) {
    AppendRequest request;
    request.parts.push_back({partition, std::move(batch)});
    AppendDone done = [](const Result<Appended>& result) { EXPECT_TRUE(result); };
    ASSERT_TRUE(log_->try_append(request, done));
  }

  // The interface ReplicaPort.
  void send(NodeId, ReplicaFetch) override {}
  void send(NodeId, ReplicaFetched) override {}
  void propose(IsrProposal) override {}
  void leads(const TopicPartition&) override {}
  void leads_no_more(const TopicPartition&) override {}
  void post(std::function<void()> work) override { posted_.push_back(std::move(work)); }
  // The interface JournalOwnerPort.
  void restore(const ReplicatedCommit& commit) override {
    restored_.push_back(commit.sequence.value());
  }
  void opened() override { ++opened_; }
  void closed() override { ++closed_; }
  // The interface OutboxPort.
  void deliver(const TopicPartition&, std::string, uint64_t) override { ++delivered_; }

  MemoryDisk disk_;
  SimulatedClock clock_;
  ReplicaSettings settings_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> reader_;
  std::optional<ReplicaContext> context_;
  std::deque<std::function<void()>> posted_;
  std::vector<int64_t> restored_;
  int opened_ = 0, closed_ = 0, delivered_ = 0;
  std::optional<JournalOwner> owner_;
};

// Outputs must not wait for the next tick, because the time between two ticks is longer than a
// commit takes.
TEST_F(JournalOwnerTest, outputs_go_when_their_commit_is_visible_and_wait_for_no_tick) {
  open_log(1 << 20);
  own();
  run();
  ReplicatedCommit made = commit(1);
  records::BatchBuilder builder;
  builder.append(1, "k", "v");
  made.outputs.push_back({kOther, builder.finish(records::Codec::None, {ProducerId{7}, 0, 0})});
  owner_->commit(made, [] {});
  EXPECT_EQ(delivered_, 0);
  run();
  EXPECT_EQ(delivered_, 1);
  // The next commit waits for the answer.
  made.sequence = TaskSequence{2};
  owner_->commit(made, [] {});
  run();
  EXPECT_EQ(delivered_, 1);
}

// A mark (plan_mark()) is written to the journal after all commits that were requested before the
// mark. It has no outputs that must be delivered.
TEST_F(JournalOwnerTest, a_mark_is_written_behind_the_commits_before_it) {
  open_log(1 << 20);
  own();
  run();
  std::string order;
  owner_->commit(commit(1), [&] { order += "1"; });
  owner_->write_mark(plan_mark(Revision{9}), [&] { order += "m"; });
  owner_->commit(commit(2), [&] { order += "2"; });
  EXPECT_EQ(order, "");
  run();
  EXPECT_EQ(order, "1m2");
  EXPECT_EQ(owner_->outbox().first_undelivered(), std::nullopt);
  // the start of the epoch, two commits and the mark
  EXPECT_EQ(read_values(*log_, kJournal).size(), 4u);
}

// A full queue of the log must not count as a failed append. After a failed append, all tasks of the journal are built
// again; under load the queue is often full, so the tasks would be built again and again, and would do no other work.
TEST_F(JournalOwnerTest, a_log_without_room_is_waited_for) {
  open_log(64 << 10);
  own();
  run();
  ASSERT_EQ(opened_, 1);
  append(kOther, batch_of(std::string(80 << 10, 'x')));  // more than the queue accepts
  bool is_done = false;
  owner_->commit(commit(1), [&] { is_done = true; });
  while (!posted_.empty()) turn();
  EXPECT_TRUE(owner_->is_open());
  EXPECT_FALSE(is_done);
  run();
  EXPECT_TRUE(is_done);
  EXPECT_EQ(closed_, 0);
  // two records: the start of the epoch, and the commit
  EXPECT_EQ(read_values(*log_, kJournal).size(), 2u);
}

TEST_F(JournalOwnerTest, it_begins_though_the_log_has_no_room_now) {
  open_log(64 << 10);
  append(kOther, batch_of(std::string(80 << 10, 'x')));
  own();
  run();
  EXPECT_EQ(opened_, 1);
  EXPECT_EQ(read_values(*log_, kJournal).size(), 1u);
}

// An owner that is destroyed while it waits for space must not write later.
TEST_F(JournalOwnerTest, an_owner_destroyed_while_it_waits_for_space_writes_nothing) {
  open_log(64 << 10);
  append(kOther, batch_of(std::string(80 << 10, 'x')));
  own();
  owner_.reset();
  run();
  EXPECT_EQ(opened_, 0);
  EXPECT_TRUE(read_values(*log_, kJournal).empty());
}

// If an output cannot be delivered for a long time, all later commits wait in the journal, which may then have many
// megabytes. A new owner reads them in portions, so that other work on its loop need not wait until all are read.
TEST_F(JournalOwnerTest, commits_are_read_in_portions) {
  settings_.fetch_max_bytes = 100 << 10;
  open_log(64 << 20);
  for (int64_t i = 1; i <= 30; ++i) append(kJournal, encode(commit(i, 40 << 10)));
  write();
  own();
  write();
  size_t most = 0;
  int turns = 0;
  for (; !posted_.empty(); ++turns) {
    const size_t before = restored_.size();
    turn();
    most = std::max(most, restored_.size() - before);
  }
  EXPECT_EQ(opened_, 1);
  EXPECT_GE(turns, 10);
  EXPECT_LE(most, 3u);
  ASSERT_EQ(restored_.size(), 30u);
  EXPECT_TRUE(std::ranges::is_sorted(restored_));
  EXPECT_EQ(restored_.back(), 30);
}

// If another node becomes the leader before the owner has read all commits, the owner is destroyed,
// and reads no further commits.
TEST_F(JournalOwnerTest, an_owner_destroyed_between_two_portions_reads_no_further) {
  settings_.fetch_max_bytes = 100 << 10;
  open_log(64 << 20);
  for (int64_t i = 1; i <= 30; ++i) append(kJournal, encode(commit(i, 40 << 10)));
  write();
  own();
  write();
  turn();
  turn();
  const size_t read = restored_.size();
  EXPECT_LT(read, 30u);
  owner_.reset();
  while (!posted_.empty()) turn();
  EXPECT_EQ(restored_.size(), read);
  EXPECT_EQ(opened_, 0);
}

}  // namespace
}  // namespace storage
