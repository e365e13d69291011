// Tests that dropped and trimmed data are invisible to all readers immediately, and that their space is freed in
// slices, whatever happens between the slices.
#include <atomic>
#include <future>

#include "storage/kv/memory_store.h"
#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

using Values = std::vector<std::string>;

Status wait_for(const std::function<void(std::function<void(Status)>)>& submit) {
  std::promise<Status> done;
  submit([&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

std::string batch_of_producer(int32_t sequence, const std::string& value) {
  records::BatchBuilder builder;
  builder.append(1, "k", value);
  return builder.finish(records::Codec::None, {ProducerId{9}, 0, sequence});
}

// A log with a client topic, an exchange and a task, which all contain some entries.
struct Contents {
  Uuid topic = Uuid::random(), exchange = Uuid::random();
  TaskStart task;

  explicit Contents(Log& log) {
    EXPECT_TRUE(create_partitions_and_wait(log, topic, 2));
    EXPECT_TRUE(create_partitions_and_wait(log, exchange, 2, PartitionKind::Internal));
    task = begin_task_and_wait(log, "q/0/0").value();
    for (int i = 0; i < 10; ++i) {
      const std::string value(200, 'x');
      EXPECT_TRUE(
          append_and_wait(log, append_of({topic, PartitionId{0}}, batch_of_producer(i, value))));
      EXPECT_TRUE(commit_and_wait(log, commit(i + 1, value)));
    }
  }
  TaskCommit commit(int64_t sequence, const std::string& value) const {
    TaskCommit commit{.task = "q/0/0",
                      .epoch = task.epoch,
                      .sequence = TaskSequence{sequence},
                      .journal = journal_batch("q/0/0", TaskSequence{sequence}, value),
                      .outputs = {},
                      .trims = {}};
    commit.outputs.push_back({{exchange, PartitionId{0}}, batch_of(value)});
    commit.outputs.push_back({{topic, PartitionId{1}}, batch_of(value)});
    return commit;
  }
  void drop(Log& log) const {
    log.drop_topic(topic, [](auto) {});
    log.drop_topic(exchange, [](auto) {});
    log.drop_tasks("q/", [](auto) {});
  }
};

// The log removes a dropped topic in slices, and each slice is one commit. With these options a slice removes only one
// or two entries, so each removal in these tests needs many commits.
LogOptions tiny_slices() {
  LogOptions options;
  options.removal_budget.size_bytes = 300;
  return options;
}

TEST(Removal, dropped_topics_are_unknown_at_once_and_leave_nothing_behind) {
  MemoryDisk disk;
  auto log = Log::open(disk.open(), tiny_slices()).value();
  const Contents contents(*log);
  EXPECT_GT(entries_left(*log), 40u);
  std::atomic<size_t> pending = 0;
  disk.set_before_sync([&] { pending = std::max(pending.load(), log->pending_removals()); });
  contents.drop(*log);
  // all earlier requests have been answered
  EXPECT_TRUE(wait_for([&](auto done) { log->drop_tasks("other/", done); }));
  EXPECT_TRUE(log->topics().empty());
  EXPECT_TRUE(log->tasks().value().empty());
  trim_journals(*log);
  wait_until_removed(*log);
  EXPECT_EQ(entries_left(*log), 0u);
  EXPECT_GT(pending, 0u);  // the removal took more than one commit
  disk.set_before_sync({});
}

// Repeats the removal, and cuts the power at its first commit, then at the second, and so on. The next start must
// remove the rest.
TEST(Removal, a_power_cut_at_any_moment_is_made_up_for_by_the_next_start) {
  for (int cut_at = 1;; ++cut_at) {
    MemoryDisk disk;
    auto log = Log::open(disk.open(), tiny_slices()).value();
    const Contents contents(*log);
    std::atomic<int> commits = 0;
    std::atomic<bool> is_cut = false;
    disk.set_before_sync([&] {
      if (++commits == cut_at) is_cut = true, disk.drop_unsynced();
    });
    contents.drop(*log);
    while (log->pending_removals() > 0 && !is_cut) std::this_thread::yield();
    log.reset();
    disk.set_before_sync({});

    log = Log::open(disk.open(), tiny_slices()).value();
    // Each drop is a small commit, so the power cut may have lost some. The server then repeats
    // these drops according to the metadata.
    contents.drop(*log);
    EXPECT_TRUE(wait_for([&](auto done) { log->drop_tasks("other/", done); }));
    trim_journals(*log);
    wait_until_removed(*log);
    EXPECT_EQ(entries_left(*log), 0u) << "cut at commit " << cut_at;
    if (!is_cut) break;
    ASSERT_LT(cut_at, 500);
  }
}

TEST(Removal, a_task_made_again_under_its_old_id_sees_nothing_of_the_old_one) {
  MemoryDisk disk;
  auto log = Log::open(disk.open(), tiny_slices()).value();
  Contents contents(*log);
  log->drop_tasks("q/", [](auto) {});
  contents.task = begin_task_and_wait(*log, "q/0/0").value();
  ASSERT_TRUE(commit_and_wait(*log, contents.commit(1, "new")));
  EXPECT_EQ(journal_of_task(*log, "q/0/0"), Values{"1:new"});
}

// A consumer has been away, so its exchange has thousands of batches. One commit trims all of them: readers cannot see
// them afterwards, although some of them are removed later.
TEST(Removal, a_long_backlog_is_trimmed_in_slices_and_is_out_of_reach_meanwhile) {
  MemoryDisk disk;
  LogOptions options;
  options.removal_budget = {.time_us = 1, .size_bytes = 10'000};
  auto log = Log::open(disk.open(), options).value();
  const Uuid exchange = Uuid::random();
  ASSERT_TRUE(create_partitions_and_wait(*log, exchange, 2, PartitionKind::Internal));
  const TopicPartition first{exchange, PartitionId{0}}, second{exchange, PartitionId{1}};
  std::string batches;
  for (int i = 0; i < 1000; ++i) batches += batch_of("a");
  ASSERT_TRUE(append_and_wait(*log, append_of(first, batches)));
  ASSERT_TRUE(append_and_wait(*log, append_of(second, batch_of("other"))));
  const TaskStart task = begin_task_and_wait(*log, "q/0/0").value();
  TaskCommit commit{.task = "q/0/0",
                    .epoch = task.epoch,
                    .sequence = TaskSequence{1},
                    .journal = journal_batch("q/0/0", TaskSequence{1}, "j"),
                    .outputs = {},
                    .trims = {{first, Offset{999}}}};
  ASSERT_TRUE(commit_and_wait(*log, std::move(commit)));
  EXPECT_EQ(log->find_partition(first)->log_start(), Offset{999});
  EXPECT_EQ(read_values(*log, first, Offset{999}), Values{"a0"});
  {
    auto reader = LogReader::open(*log).value();
    ASSERT_TRUE(reader->begin_turn());
    EXPECT_EQ(reader->read(first, Offset{998}, 1).error().code, ErrorCode::OffsetOutOfRange);
  }
  wait_until_removed(*log);
  EXPECT_EQ(entries_left(*log),
            1u + 1u + 1u);  // the last batch, the batch of the other partition, the journal
  EXPECT_EQ(read_values(*log, second), Values{"other0"});
}

// A dropped topic is removed in slices, and each slice is a commit. On a full disk only these
// commits free space, so they are repeated until they succeed.
TEST(Removal, a_slice_that_cannot_be_stored_is_tried_again) {
  const ScratchDirectory directory;
  LogOptions options = tiny_slices();
  options.map_size_bytes = 16 << 20;
  auto log = Log::open(directory.path(), options).value();
  for (int round = 0; round < 5; ++round) {
    const TopicPartition partition{Uuid::random(), PartitionId{0}};
    ASSERT_TRUE(create_partitions_and_wait(*log, partition.topic, 1));
    const std::string batch = batch_of(std::string(100'000, 'x'));
    size_t stored = 0;
    Result<std::vector<AppendedBatch>> appended;
    while ((appended = append_and_wait(*log, append_of(partition, batch)))) ++stored;
    EXPECT_GT(stored, 50u) << round << appended.error().detail;
    ASSERT_TRUE(wait_for([&](auto done) { log->drop_topic(partition.topic, done); }));
    wait_until_removed(*log);
  }
  EXPECT_EQ(entries_left(*log), 0u);
}

}  // namespace
}  // namespace storage
