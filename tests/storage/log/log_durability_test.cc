// Tests durability: power cuts, full disks, and the order of sync and acknowledgement.
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <future>
#include <set>
#include <thread>

#include "storage/kv/memory_store.h"
#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

using Values = std::vector<std::string>;

TopicPartition make_partition(Log& log) {
  const Uuid topic = Uuid::random();
  EXPECT_TRUE(create_partitions_and_wait(log, topic, 1));
  return {topic, PartitionId{0}};
}

// Producers append until the power fails; acknowledged records must exist afterwards. Returns the
// number of acknowledged records that are missing.
size_t lost_at_power_cut(MemoryDisk::Sync sync) {
  MemoryDisk disk;
  auto log = Log::open(disk.open(sync), {}).value();
  const TopicPartition partition = make_partition(*log);
  if (sync == MemoryDisk::Sync::Never) {  // without syncs, the partition itself would be lost
    log.reset();
    log = Log::open(disk.open(), {}).value();
    EXPECT_TRUE(append_and_wait(*log, append_of(partition, batch_of("first"))));
    log.reset();
    log = Log::open(disk.open(sync), {}).value();
  }
  std::mutex mutex;
  std::set<std::string> acknowledged;
  std::atomic<int> in_flight = 0;
  std::atomic<bool> is_over = false;
  std::vector<std::thread> producers;
  for (int producer = 0; producer < 4; ++producer) {
    producers.emplace_back([&, producer] {
      for (int round = 0; !is_over; ++round) {
        const std::string text = std::to_string(producer) + "-" + std::to_string(round) + "-";
        AppendRequest request = append_of(partition, batch_of(text));
        AppendDone done = [&, text](auto result) {
          if (result) {
            std::lock_guard lock(mutex);
            acknowledged.insert(text + "0");
          }
          --in_flight;
        };
        ++in_flight;
        if (!log->try_append(request, done)) --in_flight;
        while (in_flight > 8 && !is_over) std::this_thread::yield();
      }
    });
  }
  while (true) {
    std::lock_guard lock(mutex);
    if (acknowledged.size() >= 50) break;
  }
  disk.drop_unsynced();
  is_over = true;
  for (std::thread& producer : producers) producer.join();
  log.reset();

  auto after = Log::open(disk.open(), {}).value();
  const Values values = read_values(*after, partition);
  const std::set<std::string> found(values.begin(), values.end());
  EXPECT_EQ(found.size(), values.size());  // no record may occur twice
  size_t lost = 0;
  for (const std::string& value : acknowledged) lost += !found.contains(value);
  return lost;
}

TEST(LogDurability, a_power_cut_loses_nothing_that_was_acknowledged) {
  EXPECT_EQ(lost_at_power_cut(MemoryDisk::Sync::EveryCommit), 0u);
}

// The test before this one must be able to detect a missing sync. This test proves it with a store that does not
// sync.
TEST(LogDurability, a_store_that_does_not_sync_is_caught) {
  EXPECT_GE(lost_at_power_cut(MemoryDisk::Sync::Never), 50u);
}

TEST(LogDurability, a_commit_lost_in_a_power_cut_is_not_acknowledged) {
  MemoryDisk disk;
  std::promise<Error> failed;
  LogOptions options;
  options.on_failure = [&](const Error& error) { failed.set_value(error); };
  auto log = Log::open(disk.open(), options).value();
  const TopicPartition partition = make_partition(*log);
  ASSERT_TRUE(append_and_wait(*log, append_of(partition, batch_of("a"))));

  disk.set_before_sync([&] { disk.drop_unsynced(); });
  bool was_answered = false;
  AppendRequest request = append_of(partition, batch_of("b"));
  AppendDone done = [&](auto) { was_answered = true; };
  ASSERT_TRUE(log->try_append(request, done));
  EXPECT_EQ(failed.get_future().get().code, ErrorCode::StorageFailure);
  // Later requests get the same error, and nothing of them was written.
  EXPECT_EQ(append_and_wait(*log, append_of(partition, batch_of("c"))).error().code,
            ErrorCode::StorageFailure);
  log.reset();
  EXPECT_FALSE(was_answered);
  disk.set_before_sync({});
  EXPECT_EQ(read_values(*Log::open(disk.open(), {}).value(), partition), Values{"a0"});
}

TEST(LogDurability, no_request_is_acknowledged_before_its_commit_is_synced) {
  // Lists the events in their order. Only the writer's thread adds events.
  std::vector<std::string> events;
  const auto note = [&](std::string event) { events.push_back(std::move(event)); };
  MemoryDisk disk;
  LogOptions options;
  options.trace = [&](const LogTrace& trace) {
    const char* names[] = {"begin", "synced", "acknowledged"};
    note(names[static_cast<int>(trace.step)] + std::string(" ") +
         std::to_string(trace.commit.value()));
  };
  auto log = Log::open(disk.open(), options).value();
  const TopicPartition partition = make_partition(*log);
  disk.set_before_sync([&] { note("syncing"); });
  for (int i = 0; i < 20; ++i) {
    AppendRequest request = append_of(partition, batch_of("a"));
    AppendDone done = [&](auto result) { note(result ? "answered" : "refused"); };
    ASSERT_TRUE(log->try_append(request, done));
  }
  log.reset();

  int answers = 0;
  bool is_synced = true;
  for (const std::string& event : events) {
    if (event.starts_with("begin")) is_synced = false;
    if (event.starts_with("synced")) is_synced = true;
    if (event == "answered") {
      EXPECT_TRUE(is_synced);
      ++answers;
    }
    EXPECT_NE(event, "refused");
  }
  EXPECT_EQ(answers, 20);
}

TEST(LogDurability, a_full_disk_refuses_cleanly_and_goes_on_when_there_is_room) {
  MemoryDisk disk;
  LogOptions options;
  options.reserve_bytes = 0;
  auto log = Log::open(disk.open(), options).value();
  const TopicPartition partition = make_partition(*log);
  ASSERT_TRUE(append_and_wait(*log, append_of(partition, batch_of("a"))));
  disk.set_capacity(5'000);
  const auto full = append_and_wait(*log, append_of(partition, batch_of(std::string(20'000, 'x'))));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::DiskFull);
  EXPECT_TRUE(append_and_wait(*log, append_of(partition, batch_of("small"))));
  EXPECT_EQ(read_values(*log, partition), (Values{"a0", "small0"}));
}

// A request that cannot be stored is in one group with others, which must not fail because of it.
TEST(LogDurability, one_request_that_is_too_large_for_the_file_does_not_take_its_group_with_it) {
  const ScratchDirectory directory;
  LogOptions options;
  options.map_size_bytes = 2 << 20;
  options.reserve_bytes = 0;
  std::promise<void> hold;
  const auto held = hold.get_future().share();
  std::atomic<bool> is_first = true;
  std::atomic<bool> holds = false;
  options.on_durable = [&](auto) {
    if (is_first.exchange(false)) holds = true, held.wait();
  };
  auto log = Log::open(directory.path(), options).value();
  const TopicPartition partition = make_partition(*log);

  std::vector<std::promise<bool>> stored(4);
  const auto submit = [&](size_t index, std::string batch) {
    AppendRequest request = append_of(partition, std::move(batch));
    AppendDone done = [&stored, index](auto result) {
      EXPECT_TRUE(result || result.error().code == ErrorCode::DiskFull);
      stored[index].set_value(result.has_value());
    };
    ASSERT_TRUE(log->try_append(request, done));
  };
  submit(0, batch_of("first"));
  while (!holds) std::this_thread::yield();
  submit(1, batch_of("before"));
  submit(2, batch_of(std::string(3 << 20, 'x')));
  submit(3, batch_of("after"));
  hold.set_value();
  std::vector<bool> outcome;
  for (auto& one : stored) outcome.push_back(one.get_future().get());
  EXPECT_EQ(outcome, (std::vector<bool>{true, true, false, true}));
  EXPECT_EQ(read_values(*log, partition), (Values{"first0", "before0", "after0"}));
}

// Limits the file sizes of this process, which simulates a full disk: one write is incomplete, and
// the next one fails.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(size_t size_bytes) {
    signal_before_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{size_bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_before_);
  }

 private:
  rlimit before_;
  void (*signal_before_)(int);
};

TEST(LogDurability, a_disk_that_fills_up_in_the_middle_of_a_commit_refuses_that_one_only) {
  const ScratchDirectory directory;
  LogOptions options;
  options.map_size_bytes = 64 << 20;
  options.reserve_bytes = 0;
  auto log = Log::open(directory.path(), options).value();
  const TopicPartition partition = make_partition(*log);
  size_t stored = 0;
  {
    const FileSizeLimit limit(500'000);
    const std::string batch = batch_of(std::string(50'000, 'x'));
    Result<std::vector<AppendedBatch>> appended;
    while ((appended = append_and_wait(*log, append_of(partition, batch)))) ++stored;
    EXPECT_EQ(appended.error().code, ErrorCode::DiskFull);
    EXPECT_GT(stored, 3u);
    EXPECT_EQ(read_values(*log, partition).size(), stored);
  }
  EXPECT_TRUE(append_and_wait(*log, append_of(partition, batch_of("there is room again"))));
  log.reset();
  log = Log::open(directory.path(), options).value();
  EXPECT_EQ(read_values(*log, partition).size(), stored + 1);
}

// A disk fills up, is cleaned up and fills up again: thanks to the reserve everything except
// appends continues, and waiting clients are notified when appends are worth another try.
TEST(LogDurability, a_reserve_is_kept_for_deletes_and_waiting_writers_are_notified) {
  const ScratchDirectory directory;
  LogOptions options;
  options.map_size_bytes = 8 << 20;
  options.reserve_bytes = 2 << 20;
  auto log = Log::open(directory.path(), options).value();
  const TopicPartition large = make_partition(*log), other = make_partition(*log);
  const TaskStart task = begin_task_and_wait(*log, "q/0/0").value();
  const std::string batch = batch_of(std::string(100'000, 'x'));
  Result<std::vector<AppendedBatch>> appended;
  size_t stored = 0;
  for (; (appended = append_and_wait(*log, append_of(large, batch))); ++stored) continue;
  EXPECT_EQ(appended.error().code, ErrorCode::DiskFull);
  EXPECT_GT(stored, 30u);
  EXPECT_LT(stored, 70u);

  // Appends of clients are refused; a small commit of a task, epochs and new partitions are
  // accepted.
  std::atomic<bool> is_writable = false;
  std::promise<void> told;
  log->when_writable([&] { is_writable = true, told.set_value(); });
  TaskCommit commit{.task = "q/0/0",
                    .epoch = task.epoch,
                    .sequence = TaskSequence{1},
                    .journal = journal_batch("q/0/0", TaskSequence{1}, "j"),
                    .outputs = {},
                    .trims = {}};
  commit.outputs.push_back({other, batch_of("output")});
  EXPECT_TRUE(commit_and_wait(*log, std::move(commit)));
  EXPECT_TRUE(begin_task_and_wait(*log, "q/0/1"));
  EXPECT_TRUE(create_partitions_and_wait(*log, Uuid::random(), 1));
  EXPECT_FALSE(append_and_wait(*log, append_of(large, batch)));
  EXPECT_FALSE(is_writable);

  std::promise<Status> dropped;
  log->drop_topic(large.topic, [&](Status status) { dropped.set_value(std::move(status)); });
  EXPECT_TRUE(dropped.get_future().get());
  told.get_future().wait();
  EXPECT_TRUE(append_and_wait(*log, append_of(other, batch)));
}

TEST(LogDurability, a_writer_that_waits_for_space_is_notified_at_once_if_some_exists) {
  MemoryDisk disk;
  auto log = Log::open(disk.open(), {}).value();
  std::promise<void> told;
  log->when_writable([&] { told.set_value(); });
  told.get_future().wait();
}

// The writer refuses a creation with too many partitions before it writes anything, so its group
// commit need not be repeated without it.
TEST(LogDurability, too_many_partitions_are_refused_and_spoil_nothing) {
  const ScratchDirectory directory;
  LogOptions options;
  options.max_partitions = 10;
  std::atomic<int> commits = 0;
  options.trace = [&](const LogTrace& trace) { commits += trace.step == LogTrace::Step::Synced; };
  auto log = Log::open(directory.path(), options).value();
  const TopicPartition partition = make_partition(*log);
  const int before = commits;
  const Status refused = create_partitions_and_wait(*log, Uuid::random(), 10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::LimitExceeded);
  EXPECT_NE(refused.error().message.find("9 more are possible"), std::string::npos)
      << refused.error().message;
  EXPECT_LE(commits, before + 1);
  EXPECT_EQ(log->partitions().size(), 1u);
  EXPECT_TRUE(create_partitions_and_wait(*log, partition.topic, 10));
  EXPECT_FALSE(create_partitions_and_wait(*log, partition.topic, 0));
  log.reset();
  log = Log::open(directory.path(), options).value();
  EXPECT_EQ(log->partitions().size(), 10u);
}

// On a full disk each attempt to commit costs time, so a group of a thousand requests must not be
// tried a thousand times.
TEST(LogDurability, a_group_that_cannot_be_stored_is_tried_a_few_times_only) {
  MemoryDisk disk;
  LogOptions options;
  options.reserve_bytes = 0;
  std::atomic<int> attempts = 0;
  options.trace = [&](const LogTrace& trace) {
    attempts += trace.step == LogTrace::Step::CommitBegins;
  };
  std::promise<void> hold;
  const auto held = hold.get_future().share();
  std::atomic<bool> is_first = true, holds = false;
  options.on_durable = [&](auto) {
    if (is_first.exchange(false)) holds = true, held.wait();
  };
  auto log = Log::open(disk.open(), options).value();
  const TopicPartition partition = make_partition(*log);
  AppendRequest first = append_of(partition, batch_of("first"));
  AppendDone ignore = [](auto) {};
  ASSERT_TRUE(log->try_append(first, ignore));
  while (!holds) std::this_thread::yield();
  disk.set_capacity(1);
  const int before = attempts;
  std::atomic<int> refused = 0;
  for (int i = 0; i < 1000; ++i) {
    AppendRequest request = append_of(partition, batch_of("a"));
    AppendDone done = [&](auto result) { refused += !result; };
    ASSERT_TRUE(log->try_append(request, done));
  }
  hold.set_value();
  log->close();
  EXPECT_EQ(refused, 1000);
  EXPECT_LT(attempts - before, 60);
}

TEST(LogDurability, a_full_file_can_be_read_and_gets_room_by_dropping_a_topic) {
  const ScratchDirectory directory;
  LogOptions options;
  options.map_size_bytes = 2 << 20;
  options.reserve_bytes = 0;
  auto log = Log::open(directory.path(), options).value();
  const TopicPartition first = make_partition(*log), second = make_partition(*log);
  const std::string batch = batch_of(std::string(50'000, 'x'));
  size_t stored = 0;
  while (append_and_wait(*log, append_of(first, batch))) ++stored;
  EXPECT_GT(stored, 10u);
  EXPECT_EQ(read_values(*log, first).size(), stored);
  std::promise<Status> dropped;
  log->drop_topic(first.topic, [&](Status status) { dropped.set_value(std::move(status)); });
  EXPECT_TRUE(dropped.get_future().get());
  EXPECT_TRUE(append_and_wait(*log, append_of(second, batch_of("small"))));
  EXPECT_TRUE(append_and_wait(*log, append_of(second, batch)));
}

TEST(LogDurability, closing_finishes_accepted_requests) {
  MemoryDisk disk;
  auto log = Log::open(disk.open(), {}).value();
  const TopicPartition partition = make_partition(*log);
  bool was_stored = false;
  AppendRequest request = append_of(partition, batch_of("a"));
  AppendDone done = [&](auto result) { was_stored = result.has_value(); };
  ASSERT_TRUE(log->try_append(request, done));
  log.reset();
  EXPECT_TRUE(was_stored);
  EXPECT_EQ(read_values(*Log::open(disk.open(), {}).value(), partition), Values{"a0"});
}

}  // namespace
}  // namespace storage
