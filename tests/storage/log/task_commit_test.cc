// Tests commits of tasks: journal and outputs are written together, in order, once, and only in the
// current epoch.
#include <algorithm>
#include <atomic>
#include <future>

#include "base/bytes.h"
#include "storage/kv/memory_store.h"
#include "storage/log/stored_keys.h"
#include "storage/log/task_outputs.h"
#include "tests/storage/log/log_fixture.h"

namespace storage {
namespace {

using Values = std::vector<std::string>;

class TaskCommitTest : public testing::Test {
 protected:
  void SetUp() override {
    open();
    const Uuid topic = Uuid::random();
    ASSERT_TRUE(create_partitions_and_wait(*log_, topic, 2));
    output_ = {topic, PartitionId{0}};
    exchange_ = {topic, PartitionId{1}};
  }
  void open(LogOptions options = {}) { log_ = Log::open(disk_.open(), options).value(); }
  std::future<Result<Appended>> commit(TaskCommit commit) {
    // shared with the callback in the log
    const auto answer = std::make_shared<std::promise<Result<Appended>>>();
    AppendDone done = [answer](auto result) { answer->set_value(std::move(result)); };
    EXPECT_TRUE(log_->try_commit(commit, done));
    return answer->get_future();
  }
  TaskStart start(const std::string& task = "q1/0/0") {
    return begin_task_and_wait(*log_, task).value();
  }
  TaskCommit commit_of(TaskEpoch epoch, int64_t sequence, const std::string& text,
                       const std::string& task = "q1/0/0") {
    TaskCommit commit{.task = task,
                      .epoch = epoch,
                      .sequence = TaskSequence{sequence},
                      .journal = journal_batch(task, TaskSequence{sequence}, "j" + text),
                      .outputs = {},
                      .trims = {}};
    commit.outputs.push_back({output_, batch_of(text)});
    return commit;
  }
  ErrorCode refusal_of(TaskCommit commit) {
    const auto result = commit_and_wait(*log_, std::move(commit));
    EXPECT_FALSE(result);
    return result ? ErrorCode::Internal : result.error().code;
  }
  Values journal(const std::string& task = "q1/0/0") { return journal_of_task(*log_, task); }
  Status wait(const std::function<void(std::function<void(Status)>)>& submit) {
    std::promise<Status> done;
    submit([&](Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }

  MemoryDisk disk_;
  std::unique_ptr<Log> log_;
  TopicPartition output_, exchange_;
};

TEST_F(TaskCommitTest, journal_and_outputs_appear_together_and_survive) {
  const TaskStart first = start();
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(first.epoch, 1, "a")));
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(first.epoch, 2, "b")));
  log_.reset();
  open();
  EXPECT_EQ(journal(), (Values{"1:ja", "2:jb"}));
  EXPECT_EQ(read_values(*log_, output_), (Values{"a0", "b0"}));
  const TaskStart second = start();
  EXPECT_GT(second.epoch, first.epoch);
}

// Readers advance by one entry for each batch, so they would skip the other records of this batch.
TEST_F(TaskCommitTest, a_journal_batch_with_several_records_is_damage) {
  std::string head;
  append_be<int64_t>(head, 7);
  const auto with_records = [&](int count) {
    records::BatchBuilder builder;
    for (int i = 0; i < count; ++i) builder.append(records::kNoTimestamp, "q/0/0", head + "entry");
    return builder.finish();
  };
  const std::string one = with_records(1), two = with_records(2);
  const auto read = read_journal_batch(one);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->sequence, TaskSequence{7});
  EXPECT_EQ(read->entry, "entry");
  const auto refused = read_journal_batch(two);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::CorruptRecord);
}

TEST_F(TaskCommitTest, a_journal_whose_batch_has_several_records_is_reported_with_its_offset) {
  const TaskStart first = start();
  TaskCommit bad = commit_of(first.epoch, 1, "a");
  std::string head;
  append_be<int64_t>(head, 1);
  records::BatchBuilder builder;
  for (const char* entry : {"ja", "jb"})
    builder.append(records::kNoTimestamp, "q1/0/0", head + entry);
  bad.journal = builder.finish();
  ASSERT_TRUE(commit_and_wait(*log_, std::move(bad)));
  const auto journal = JournalReader::open(*log_, first.journal).value();
  const Status read = journal->read(Offset{0}, [](const JournalRecord&) -> Status { return {}; });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::CorruptRecord);
  EXPECT_NE(read.error().message.find("is damaged at offset 1"), std::string::npos)
      << read.error().message;
}

// While clients append one record after another, commits of tasks need no syncs of their own.
TEST_F(TaskCommitTest, a_commit_that_is_alone_is_durable_with_the_next_append) {
  LogOptions options;
  options.task_wait_us = 600'000'000;
  log_.reset();
  open(options);
  const TaskStart owner = start();
  const TopicPartition other{output_.topic, PartitionId{1}};
  const auto append = [&] {
    return wait_for<Result<Appended>>([&](AppendDone done) {
             AppendRequest request = append_of(other, batch_of("x"));
             ASSERT_TRUE(log_->try_append(request, done));
           })
        .value()
        .commit;
  };
  for (int i = 0; i < 20; ++i) append();
  auto first = commit(commit_of(owner.epoch, 1, "a"));
  EXPECT_EQ(first.wait_for(std::chrono::milliseconds(30)), std::future_status::timeout);
  EXPECT_EQ(journal(), Values{}) << "it is not visible, either";
  const CommitId together = append();
  EXPECT_EQ(first.get().value().commit, together);

  auto second = commit(commit_of(owner.epoch, 2, "b"));
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(30)), std::future_status::timeout);
  log_->hurry();
  EXPECT_GT(second.get().value().commit, together);
  auto third = commit(commit_of(owner.epoch, 3, "c"));
  log_->close();
  EXPECT_TRUE(third.get());
}

TEST_F(TaskCommitTest, an_old_owner_is_fenced) {
  const TaskStart old_owner = start();
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(old_owner.epoch, 1, "a")));
  const TaskStart new_owner = start();
  EXPECT_EQ(refusal_of(commit_of(old_owner.epoch, 2, "b")), ErrorCode::FencedTask);
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(new_owner.epoch, 2, "c")));
  EXPECT_EQ(read_values(*log_, output_), (Values{"a0", "c0"}));
}

TEST_F(TaskCommitTest, a_task_is_one_producer_for_as_long_as_its_query_lives) {
  const TaskStart first = start(), other = start("q2/0/0");
  log_.reset();
  open();
  const TaskStart second = start(), third = start("q3/0/0");
  EXPECT_EQ(second.producer_id, first.producer_id);
  EXPECT_NE(other.producer_id, first.producer_id);
  EXPECT_NE(third.producer_id, first.producer_id);
  EXPECT_NE(third.producer_id, other.producer_id);
  ASSERT_TRUE(wait([&](auto done) { log_->drop_tasks("q1/", std::move(done)); }));
  EXPECT_NE(start().producer_id, first.producer_id);
}

TEST_F(TaskCommitTest, outputs_are_checked_by_their_sequences) {
  TaskStart owner = start();
  const auto commit = [&](int64_t number, const std::string& text, int32_t sequence) {
    TaskCommit made = commit_of(owner.epoch, number, text);
    made.outputs[0].batches = batch_of(text, 2);
    records::set_producer(made.outputs[0].batches, {owner.producer_id, 0, sequence});
    return made;
  };
  EXPECT_EQ(refusal_of(commit(1, "x", 4)), ErrorCode::OutOfOrderSequence)
      << "a partition that knows nothing of the task";
  owner = start();
  ASSERT_TRUE(commit_and_wait(*log_, commit(1, "a", 0)));
  ASSERT_TRUE(commit_and_wait(*log_, commit(2, "b", 2)));
  log_.reset();
  open();
  owner = start();
  const auto again = commit_and_wait(*log_, commit(3, "a", 0));
  ASSERT_TRUE(again) << "sent again, of any age: it is there";
  EXPECT_EQ(again->at(0).last_offset, Offset{3});
  ASSERT_TRUE(commit_and_wait(*log_, commit(4, "c", 4)));
  EXPECT_EQ(refusal_of(commit(5, "x", 8)), ErrorCode::OutOfOrderSequence) << "one is missing";
  EXPECT_EQ(read_values(*log_, output_), (Values{"a0", "a1", "b0", "b1", "c0", "c1"}));
}

TEST_F(TaskCommitTest, no_other_producer_writes_as_a_task) {
  std::string batch = batch_of("x");
  records::set_producer(batch, {start().producer_id, 0, 0});
  EXPECT_EQ(check_for_append(batch).error().code, ErrorCode::CorruptRecord);
}

TEST_F(TaskCommitTest, many_tasks_begin_in_one_commit) {
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(start().epoch, 1, "a")));
  log_.reset();
  std::atomic<int> commits = 0;
  LogOptions options;
  options.trace = [&](const LogTrace& trace) { commits += trace.step == LogTrace::Step::Synced; };
  log_ = Log::open(disk_.open(), options).value();
  commits = 0;
  std::vector<std::string> tasks = {"q1/0/0"};
  for (int i = 0; i < 500; ++i) tasks.push_back("q2/0/" + std::to_string(i));
  const auto starts = begin_tasks_and_wait(*log_, tasks);
  ASSERT_TRUE(starts);
  EXPECT_EQ(commits, 1);
  ASSERT_EQ(starts->size(), tasks.size());
  EXPECT_EQ(starts->at(0)->first_entry, Offset{0});
  EXPECT_NE(starts->at(1)->producer_id, starts->at(2)->producer_id);
  // Either all tasks are created or none.
  EXPECT_FALSE(begin_tasks_and_wait(*log_, {"q3/0/0", ""}));
  EXPECT_EQ(log_->tasks().value().size(), tasks.size());
  log_.reset();
}

TEST_F(TaskCommitTest, a_damaged_row_keeps_its_own_task_from_beginning) {
  // The row is truncated in the first round, and refers to another journal in the second one.
  for (const size_t size : {size_t{3}, size_t{20}}) {
    const std::vector<std::string> tasks = {"q1/0/0", "q2/0/0", "q3/0/0"};
    ASSERT_TRUE(begin_tasks_and_wait(*log_, tasks));
    log_.reset();
    {
      const auto store = disk_.open();
      const auto write = store->begin_write().value();
      const auto rows = write->open_table("tasks", KeyOrder::Bytes).value();
      std::string row(*write->get(rows, "q2/0/0").value());
      row[3] ^= 1;
      ASSERT_TRUE(write->put(rows, "q2/0/0", row.substr(0, size)));
      ASSERT_TRUE(write->commit());
    }
    open();
    const auto stored = log_->tasks().value();
    ASSERT_EQ(stored.size(), 3u);
    EXPECT_EQ(stored[0].damage, std::nullopt);
    ASSERT_TRUE(stored[1].damage);
    EXPECT_NE(stored[1].damage->message.find("q2/0/0"), std::string::npos);
    EXPECT_EQ(stored[1].journal, journal_of("q2/0/0"));
    const auto starts = begin_tasks_and_wait(*log_, tasks);
    ASSERT_TRUE(starts) << starts.error().message;
    EXPECT_TRUE(starts->at(0));
    EXPECT_EQ(starts->at(1).error().code, ErrorCode::DataCorrupted);
    EXPECT_TRUE(starts->at(2));
    ASSERT_TRUE(commit_and_wait(*log_, commit_of(starts->at(2)->epoch, 1, "c", "q3/0/0")));
    // After it was dropped, the task can be created again.
    ASSERT_TRUE(wait([&](auto done) { log_->drop_tasks("q", std::move(done)); }));
    EXPECT_TRUE(log_->tasks().value().empty());
    EXPECT_TRUE(begin_task_and_wait(*log_, "q2/0/0"));
    ASSERT_TRUE(wait([&](auto done) { log_->drop_tasks("q", std::move(done)); }));
  }
}

TEST_F(TaskCommitTest, the_contents_of_the_log_can_be_listed) {
  const Uuid exchange = Uuid::random();
  ASSERT_TRUE(create_partitions_and_wait(*log_, exchange, 3, PartitionKind::Internal));
  start("q2/0/0");
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(start().epoch, 1, "a")));
  for (int round = 0; round < 2; ++round) {
    Values tasks;
    const auto stored = log_->tasks().value();
    for (const Log::StoredTask& task : stored) {
      tasks.push_back(task.id);
      EXPECT_EQ(task.journal, journal_of(task.id));
    }
    EXPECT_EQ(tasks, (Values{"q1/0/0", "q2/0/0"}));
    std::vector<StoredTopic> expected = {{output_.topic, PartitionKind::Client, 2},
                                         {exchange, PartitionKind::Internal, 3}};
    std::ranges::sort(expected, {}, &StoredTopic::id);
    EXPECT_EQ(log_->topics(), expected);
    log_.reset();
    open();
  }
}

TEST_F(TaskCommitTest, a_task_without_an_epoch_is_fenced) {
  EXPECT_EQ(refusal_of(commit_of(TaskEpoch{0}, 1, "a")), ErrorCode::FencedTask);
}

TEST_F(TaskCommitTest, a_gap_and_a_repetition_are_refused_and_so_is_all_that_follows) {
  const TaskStart owner = start();
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(owner.epoch, 1, "a")));
  EXPECT_EQ(refusal_of(commit_of(owner.epoch, 3, "c")), ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(refusal_of(commit_of(owner.epoch, 2, "b")), ErrorCode::FencedTask);
  const TaskStart again = start();
  EXPECT_EQ(refusal_of(commit_of(again.epoch, 1, "a")), ErrorCode::OutOfOrderSequence);
  const TaskStart third = start();
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(third.epoch, 2, "b")));
  EXPECT_EQ(journal(), (Values{"1:ja", "2:jb"}));
  EXPECT_EQ(read_values(*log_, output_), (Values{"a0", "b0"}));
}

TEST_F(TaskCommitTest, a_task_that_is_created_again_does_not_inherit_a_refusal) {
  const TaskStart owner = start();
  EXPECT_EQ(refusal_of(commit_of(owner.epoch, 3, "c")), ErrorCode::OutOfOrderSequence);
  ASSERT_TRUE(wait([&](auto done) { log_->drop_tasks("q1/", std::move(done)); }));
  const TaskStart again = start();
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(again.epoch, 1, "a")));
}

TEST_F(TaskCommitTest, several_in_flight_are_durable_in_order_up_to_the_refused_one) {
  const TaskStart owner = start();
  std::promise<void> last;
  std::vector<bool> accepted;
  for (int64_t sequence = 1; sequence <= 6; ++sequence) {
    TaskCommit commit = commit_of(owner.epoch, sequence, std::to_string(sequence));
    if (sequence == 4) commit.outputs[0].partition = {Uuid::random(), PartitionId{0}};
    AppendDone done = [&, sequence](auto result) {
      accepted.push_back(result.has_value());
      if (sequence == 6) last.set_value();
    };
    ASSERT_TRUE(log_->try_commit(commit, done));
  }
  last.get_future().wait();
  EXPECT_EQ(accepted, (std::vector<bool>{true, true, true, false, false, false}));
  EXPECT_EQ(journal(), (Values{"1:j1", "2:j2", "3:j3"}));
}

TEST_F(TaskCommitTest, a_consumed_exchange_is_trimmed_and_keeps_counting) {
  const TaskStart owner = start();
  TaskCommit fill = commit_of(owner.epoch, 1, "a");
  fill.outputs.push_back({exchange_, batch_of("x", 2) + batch_of("y", 2)});
  ASSERT_TRUE(commit_and_wait(*log_, std::move(fill)));
  TaskCommit half = commit_of(owner.epoch, 2, "b");
  half.trims.push_back({exchange_, Offset{3}});
  ASSERT_TRUE(commit_and_wait(*log_, std::move(half)));
  EXPECT_EQ(log_->find_partition(exchange_)->log_start(), Offset{3});
  auto reader = LogReader::open(*log_).value();
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(reader->read(exchange_, Offset{3}, 1)->at(0).base_offset, Offset{2});
  EXPECT_EQ(reader->read(exchange_, Offset{1}, 1).error().code, ErrorCode::OffsetOutOfRange);
  reader.reset();
  TaskCommit all = commit_of(owner.epoch, 3, "c");
  all.trims.push_back({exchange_, Offset{4}});
  ASSERT_TRUE(commit_and_wait(*log_, std::move(all)));

  log_.reset();
  open();
  EXPECT_EQ(log_->find_partition(exchange_)->log_start(), Offset{4});
  EXPECT_EQ(log_->find_partition(exchange_)->log_end(), Offset{4});
  const auto appended = append_and_wait(*log_, append_of(exchange_, batch_of("z")));
  EXPECT_EQ(appended->at(0).base_offset, Offset{4});
  EXPECT_EQ(read_values(*log_, exchange_, Offset{4}), Values{"z0"});
}

TEST_F(TaskCommitTest, a_trim_beyond_the_end_is_refused) {
  TaskCommit commit = commit_of(start().epoch, 1, "a");
  commit.trims.push_back({exchange_, Offset{1}});
  EXPECT_EQ(refusal_of(std::move(commit)), ErrorCode::OffsetOutOfRange);
  EXPECT_EQ(read_values(*log_, output_), Values{});
}

TEST_F(TaskCommitTest, a_journal_holds_the_commits_of_many_tasks_and_is_trimmed_by_its_offsets) {
  const std::string other = "q1/7/0";  // this task uses the same journal
  ASSERT_EQ(journal_of(other), journal_of("q1/0/0"));
  const TaskEpoch mine = start().epoch, others = start(other).epoch;
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(mine, 1, "a")));
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(others, 1, "x", other)));
  const auto last = commit_and_wait(*log_, commit_of(mine, 2, "b"));
  ASSERT_TRUE(last);
  const TopicPartition journal_id = journal_partition(journal_of(other));
  EXPECT_EQ(last->back(), (AppendedBatch{journal_id, Offset{2}, Offset{2}}));
  ASSERT_TRUE(trim_and_wait(*log_, {journal_id, Offset{1}}));
  EXPECT_EQ(journal(), Values{"2:jb"});
  EXPECT_EQ(journal(other), Values{"1:jx"});
  ASSERT_TRUE(trim_and_wait(*log_, {journal_id, Offset{3}}));
  log_.reset();
  open();
  EXPECT_EQ(journal(), Values{});
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(start().epoch, 3, "c")));
  EXPECT_EQ(journal(), Values{"3:jc"});
  EXPECT_FALSE(trim_and_wait(*log_, {journal_id, Offset{5}})) << "beyond the end";
}

TEST_F(TaskCommitTest, a_stretch_of_a_journal_can_be_read) {
  const TaskEpoch epoch = start().epoch;
  for (int i = 1; i <= 5; ++i)
    ASSERT_TRUE(commit_and_wait(*log_, commit_of(epoch, i, std::to_string(i))));
  const PartitionId journal_id = journal_of("q1/0/0");
  const auto stretch = [&](int64_t first, int64_t end, size_t most = SIZE_MAX) {
    std::string found;
    const auto reader = JournalReader::open(*log_, journal_id).value();
    const auto visit = [&](const JournalRecord& record) -> Result<bool> {
      found += record.entry;
      return found.size() < most;
    };
    EXPECT_TRUE(reader->read_some(Offset{first}, Offset{end}, visit));
    return found;
  };
  EXPECT_EQ(stretch(0, 5), "j1j2j3j4j5");
  EXPECT_EQ(stretch(1, 3), "j2j3");
  EXPECT_EQ(stretch(2, 2), "");
  EXPECT_EQ(stretch(1, 5, 3), "j2j3") << "enough";
  ASSERT_TRUE(trim_and_wait(*log_, {journal_partition(journal_id), Offset{2}}));
  EXPECT_EQ(stretch(0, 4), "j3j4") << "what has been trimmed is not there";
}

TEST_F(TaskCommitTest, a_query_that_is_created_again_sees_nothing_of_the_old_one) {
  const TaskStart mine = start("q1/0/0");
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(mine.epoch, 1, "a")));
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(start("q10/0/0").epoch, 1, "b", "q10/0/0")));
  ASSERT_TRUE(wait([&](auto done) { log_->drop_tasks("q1/", done); }));
  EXPECT_EQ(refusal_of(commit_of(mine.epoch, 2, "c")), ErrorCode::FencedTask);
  EXPECT_EQ(journal("q10/0/0"), (Values{"1:jb"}));
  const TaskStart again = start("q1/0/0");
  EXPECT_GT(again.first_entry, mine.first_entry);
  EXPECT_EQ(journal(), Values{});
  ASSERT_TRUE(commit_and_wait(*log_, commit_of(again.epoch, 1, "d")));
  EXPECT_EQ(journal(), Values{"1:jd"});
}

TEST_F(TaskCommitTest, each_start_of_the_log_leads_the_journals_under_an_epoch_of_its_own) {
  const auto epoch = [&] {
    return log_->find_partition(journal_partition(PartitionId{3}))->leader_epoch();
  };
  const LeaderEpoch before = epoch();
  log_.reset();
  open();
  EXPECT_EQ(epoch(), before + 1);
}

// A directory of version 2 has a journal for each task.
TEST_F(TaskCommitTest, the_journals_of_an_earlier_version_are_taken_over) {
  const auto old_row = [](int64_t sequence, int64_t producer, int64_t journal) {
    std::string row;
    append_be(row, int32_t{4});
    append_be(row, sequence);
    append_be(row, producer);
    append_be(row, journal);
    return row;
  };
  log_.reset();
  {
    const auto store = disk_.open();
    const auto write = store->begin_write().value();
    const auto tasks = write->open_table("tasks", KeyOrder::Bytes).value();
    const auto journals = write->open_table("journals", KeyOrder::Bytes).value();
    ASSERT_TRUE(write->put(tasks, "q1/0/0", old_row(6, kFirstTaskProducer.value() + 9, 1)));
    ASSERT_TRUE(write->put(tasks, "q2/0/0", old_row(0, 7, 2)));
    for (const int64_t sequence : {5, 6})
      ASSERT_TRUE(write->put(journals, numbered_key(1, sequence), "entry"));
    ASSERT_TRUE(write->commit());
  }
  for (int round = 0; round < 2; ++round) {
    open();
    EXPECT_EQ(journal(), (Values{"5:entry", "6:entry"}));
    EXPECT_EQ(journal("q2/0/0"), Values{});
    EXPECT_EQ(start().producer_id, kFirstTaskProducer + 9);
    EXPECT_TRUE(is_task_producer(start("q2/0/0").producer_id));
    log_.reset();
  }
}

}  // namespace
}  // namespace storage
