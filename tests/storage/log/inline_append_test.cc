#include "storage/log/inline_append.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <random>

#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

class InlineAppendTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    log_.reset();
    options_.map_size_bytes = 256 << 20;
    auto opened = Log::open(directory_.path(), options_);
    ASSERT_TRUE(opened) << opened.error().message;
    log_ = *std::move(opened);
  }
  TopicPartition make_partition() {
    const Uuid topic = Uuid::random();
    EXPECT_TRUE(create_partitions_and_wait(*log_, topic, 1));
    return {topic, PartitionId{0}};
  }
  // Appends one batch after another until the appending thread writes one by itself.
  struct Alone {
    int count;  // number of appends, including the last one
    std::shared_ptr<InlineAppend> append;
    std::shared_ptr<std::promise<std::thread::id>> answered_by;
  };
  Alone append_until_alone(const TopicPartition& partition) {
    for (int count = 1;; ++count) {
      AppendRequest request = append_of(partition, batch_of(std::to_string(count)));
      auto answered_by = std::make_shared<std::promise<std::thread::id>>();
      AppendDone done = [answered_by](const Result<Appended>& appended) {
        EXPECT_TRUE(appended);
        answered_by->set_value(std::this_thread::get_id());
      };
      std::shared_ptr<InlineAppend> alone;
      EXPECT_TRUE(try_append(*log_, request, done, alone));
      if (alone) return {count, alone, answered_by};
      answered_by->get_future().wait();
      // The writer's thread soon waits again. A request that comes before would be given to that
      // thread.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  ScratchDirectory directory_;
  LogOptions options_;
  std::unique_ptr<Log> log_;
};

TEST_F(InlineAppendTest, is_durable_and_answered_when_it_is_written) {
  const TopicPartition partition = make_partition();
  int count = 0;
  // The writer may wake up by itself and take the request.
  for (std::thread::id answered_by; answered_by != std::this_thread::get_id();) {
    Alone alone = append_until_alone(partition);
    alone.append->write();
    count += alone.count;
    answered_by = alone.answered_by->get_future().get();
    EXPECT_EQ(log_->find_partition(partition)->log_end(), Offset{count});
  }
  open();
  EXPECT_EQ(read_values(*log_, partition).size(), static_cast<size_t>(count));
}

// The changes of the append to the data file are pending. Every reader must see them, and a crash must not
// lose them.
TEST_F(InlineAppendTest, is_visible_at_once_and_survives_a_crash) {
  const TopicPartition partition = make_partition();
  int count = 0, written = 0;
  while (written < 150) {
    Alone alone = append_until_alone(partition);
    alone.append->write();
    count += alone.count;
    written += alone.answered_by->get_future().get() == std::this_thread::get_id();
    if (written % 10 == 9) {
      ASSERT_EQ(read_values(*log_, partition).size(), static_cast<size_t>(count));
    }
  }
  const ScratchDirectory crashed;
  for (const char* name : {"/log.mdb", "/log.journal"})
    std::filesystem::copy_file(directory_.path() + name, crashed.path() + name);
  const auto again = Log::open(crashed.path(), options_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(read_values(**again, partition).size(), static_cast<size_t>(count));
}

// Several clients append in groups, which the writer's thread writes, with and without a reader that reads after
// each append.
TEST_F(InlineAppendTest, groups_of_several_are_visible_at_once_and_survive_a_crash) {
  for (const bool has_reader : {false, true}) {
    SCOPED_TRACE(has_reader);
    const TopicPartition partition = make_partition();
    constexpr int kClients = 4, kAppends = 300;
    std::atomic<int> answered = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; ++i)
      clients.emplace_back([&] {
        for (int n = 0; n < kAppends; ++n) {
          EXPECT_TRUE(append_and_wait(*log_, append_of(partition, batch_of("v"))));
          ++answered;
        }
      });
    for (int seen = 0; has_reader && seen < kClients * kAppends;) {
      const int before = answered;
      seen = static_cast<int>(read_values(*log_, partition).size());
      EXPECT_GE(seen, before);
    }
    for (std::thread& client : clients) client.join();
    const ScratchDirectory crashed;
    for (const char* name : {"/log.mdb", "/log.journal"})
      std::filesystem::copy_file(directory_.path() + name, crashed.path() + name);
    const auto again = Log::open(crashed.path(), options_);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(read_values(**again, partition).size(), size_t{kClients} * kAppends);
    EXPECT_EQ(read_values(*log_, partition).size(), size_t{kClients} * kAppends);
  }
}

// Waiting readers are notified soon, although not after each append.
TEST_F(InlineAppendTest, is_announced_in_time) {
  std::mutex mutex;
  std::condition_variable told;
  size_t times = 0;
  options_.on_durable = [&](std::span<const TopicPartition>) {
    std::lock_guard lock(mutex);
    ++times;
    told.notify_all();
  };
  open();
  const TopicPartition partition = make_partition();
  for (int i = 0; i < 20; ++i) {
    Alone alone = append_until_alone(partition);
    std::unique_lock lock(mutex);
    const size_t before = times;
    lock.unlock();
    alone.append->write();
    alone.answered_by->get_future().wait();
    lock.lock();
    EXPECT_TRUE(told.wait_for(lock, std::chrono::seconds(60), [&] { return times > before; }));
  }
  log_.reset();
}

// Replaces a task or a reader of a task's output, which looks for new records only when it is notified.
class Follower {
 public:
  using Take = std::function<void(Offset from, Offset end)>;
  Follower(Log& log, const TopicPartition& followed, Take take)
      : log_(log), followed_(followed), take_(std::move(take)), thread_([this] { run(); }) {}
  ~Follower() {
    {
      std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void tell(std::span<const TopicPartition> grown) {
    if (std::ranges::find(grown, followed_) == grown.end()) return;
    {
      std::lock_guard lock(mutex_);
      is_told_ = true;
    }
    changed_.notify_all();
  }
  // Returns false if the follower does not reach this offset in time.
  bool has_come_to(Offset end) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return next_ >= end; });
  }

 private:
  void run() {
    const auto reader = LogReader::open(log_).value();
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return is_told_ || is_ending_; });
      if (is_ending_) return;
      is_told_ = false;
      lock.unlock();
      EXPECT_TRUE(reader->begin_turn());
      const Offset end = reader->readable_end(followed_).value();
      reader->end_turn();
      if (end > next_) take_(next_, end);
      lock.lock();
      next_ = end;
      changed_.notify_all();
    }
  }
  Log& log_;
  const TopicPartition followed_;
  const Take take_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_told_ = false, is_ending_ = false;  // guarded by mutex_
  Offset next_{0};                            // written only by the thread, under mutex_
  std::thread thread_;
};

// Appends come with pauses of any length between them. The task's output for the last append becomes durable and is
// announced although no further append follows.
TEST_F(InlineAppendTest, a_reader_that_waits_for_notifications_misses_nothing) {
  std::mutex mutex;
  std::vector<Follower*> followers;  // guarded by mutex
  options_.on_durable = [&](std::span<const TopicPartition> grown) {
    std::lock_guard lock(mutex);
    for (Follower* each : followers) each->tell(grown);
  };
  open();
  const TopicPartition input = make_partition(), output = make_partition();
  const std::string task = "q1/0/0";
  const TaskEpoch epoch = begin_task_and_wait(*log_, task).value().epoch;
  int64_t sequence = 0;
  const auto commit = [&](Offset from, Offset end) {
    TaskCommit made{.task = task,
                    .epoch = epoch,
                    .sequence = TaskSequence{++sequence},
                    .journal = journal_batch(task, TaskSequence{sequence}, "entry"),
                    .outputs = {},
                    .trims = {}};
    made.outputs.push_back({output, batch_of("made", static_cast<int>(end - from))});
    EXPECT_TRUE(commit_and_wait(*log_, std::move(made)));
  };
  std::atomic<bool> is_over = false;
  std::thread passer_by([&] {  // each read makes the log write its pending changes
    std::mt19937 random(1);
    while (!is_over) {
      (void)read_values(*log_, output);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 5000));
    }
  });
  {
    Follower reader(*log_, output, [](Offset, Offset) {});
    Follower worker(*log_, input, commit);
    {
      std::lock_guard lock(mutex);
      followers = {&reader, &worker};
    }
    std::mt19937 random(2);
    int count = 0, alone = 0;
    for (int burst = 0; burst < 150; ++burst) {
      for (auto left = 1 + random() % 12; left > 0; --left, ++count) {
        AppendRequest request = append_of(input, batch_of("v"));
        std::promise<void> answered;
        AppendDone done = [&](const Result<Appended>& appended) {
          EXPECT_TRUE(appended);
          answered.set_value();
        };
        std::shared_ptr<InlineAppend> append;
        EXPECT_TRUE(try_append(*log_, request, done, append));
        if (append) append->write();
        alone += append != nullptr;
        answered.get_future().wait();
        if (random() % 2 == 0)
          std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
        if (random() % 8 == 0) log_->hurry();
      }
      if (worker.has_come_to(Offset{count}) && reader.has_come_to(Offset{count})) continue;
      ADD_FAILURE() << "nobody was told of the last of burst " << burst;
      break;
    }
    EXPECT_GT(alone, 100);
    is_over = true;
    passer_by.join();
    std::lock_guard lock(mutex);
    followers.clear();
  }
  log_.reset();
}

TEST_F(InlineAppendTest, is_the_writers_when_it_is_given_up) {
  const TopicPartition partition = make_partition();
  Alone alone = append_until_alone(partition);
  alone.append.reset();
  EXPECT_NE(alone.answered_by->get_future().get(), std::this_thread::get_id());
}

// While appends, definitions and maintenance run at the same time, nothing may be lost, duplicated
// or left unwritten.
TEST_F(InlineAppendTest, ends_beside_any_other_writers) {
  const TopicPartition partition = make_partition();
  constexpr int kThreads = 3, kAppends = 400;
  std::vector<std::thread> threads;
  std::atomic<int> written = 0;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      std::mt19937 random(static_cast<unsigned>(i));
      for (int n = 0; n < kAppends; ++n) {
        AppendRequest request = append_of(partition, batch_of("v"));
        std::promise<void> answered;
        AppendDone done = [&](const Result<Appended>& appended) {
          EXPECT_TRUE(appended);
          answered.set_value();
        };
        std::shared_ptr<InlineAppend> alone;
        ASSERT_TRUE(try_append(*log_, request, done, alone));
        if (alone && random() % 4 != 0) {
          alone->write();
          ++written;
        }
        alone.reset();
        answered.get_future().wait();
        // Pauses of the other clients leave the first client alone for most of the time.
        if (i > 0 && n % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    });
  std::thread other([&] {
    for (int n = 0; n < 20; ++n) {
      const TopicPartition dropped = make_partition();
      EXPECT_TRUE(
          wait_for<Status>([&](auto done) { log_->drop_topic(dropped.topic, std::move(done)); }));
    }
  });
  for (std::thread& thread : threads) thread.join();
  other.join();
  EXPECT_EQ(log_->find_partition(partition)->log_end(), Offset{kThreads * kAppends});
  open();
  EXPECT_EQ(read_values(*log_, partition).size(), static_cast<size_t>(kThreads * kAppends));
}

}  // namespace
}  // namespace storage
