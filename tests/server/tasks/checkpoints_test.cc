#include "server/tasks/checkpoints.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <thread>

#include "storage/kv/memory_store.h"

using namespace server;

namespace {

constexpr const char* kTask = "q/0/0";

engine::JournalEntry entry_of(const std::string& key, const std::string& value) {
  engine::JournalEntry entry;
  entry.entries.push_back({0, engine::StateEntry::Kind::Put, key, value});
  return entry;
}

// A task without operators: its state is what was restored.
class TaskState : public testing::Test {
 protected:
  void SetUp() override {
    log_ = storage::Log::open(log_disk_.open(), {}).value();
    state_ = storage::StateStore::open(state_disk_.open(), {}).value();
    epoch_ = storage::raise_epoch_and_wait(*log_, kTask).value().epoch;
  }
  TaskCheckpoints checkpoints(CheckpointPace pace = {}) {
    return {kTask, *state_, *log_, clock_, pace};
  }
  // What a task does with a commit and its answer.
  void commit(TaskCheckpoints& to, const std::string& key, const std::string& value) {
    ++sequence_;
    engine::JournalEntry entry = entry_of(key, value);
    storage::TaskCommit request{kTask, epoch_, TaskSequence(sequence_), encode_journal(entry),
                                {},    {}};
    ASSERT_TRUE(storage::commit_and_wait(*log_, std::move(request)));
    to.add(TaskSequence(sequence_), std::move(entry));
  }
  int journal_length() const {
    int length = 0;
    EXPECT_TRUE(
        log_->read_journal(kTask, TaskSequence(1), [&](TaskSequence, std::string_view) -> Status {
          ++length;
          return {};
        }));
    return length;
  }
  void await_trim(int length) const {
    for (int i = 0; i < 5000 && journal_length() > length; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_EQ(journal_length(), length);
  }
  using Restored = std::map<std::string, std::string>;
  Restored load(const storage::StateStore& state) {
    Restored restored;
    const auto restore = [&](const engine::JournalEntry& entry) -> Status {
      for (const engine::StateEntry& changed : entry.entries) restored[changed.key] = changed.value;
      return {};
    };
    TaskCheckpoints next = checkpoints();
    const Result<TaskSequence> last = load_task_state(kTask, state, *log_, restore, next);
    EXPECT_TRUE(last);
    EXPECT_EQ(*last, TaskSequence(sequence_));
    return restored;
  }

  SystemClock clock_;
  storage::MemoryDisk log_disk_, state_disk_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::StateStore> state_;
  TaskEpoch epoch_;
  int64_t sequence_ = 0;
};

// A state store where something happens right after the snapshot that load() reads.
class Interrupted final : public storage::StateStore {
 public:
  Interrupted(const storage::StateStore& state, std::function<void()> interruption)
      : state_(state), interruption_(std::move(interruption)) {}
  Result<storage::CheckpointPosition> load(std::string_view task,
                                           const Visit& visit) const override {
    auto loaded = state_.load(task, visit);
    interruption_();
    return loaded;
  }
  bool try_checkpoint(storage::Checkpoint&, std::function<void(Status)>&) override { return false; }
  void drop_tasks(std::string, std::function<void(Status)>) override {}
  Result<std::vector<std::string>> task_ids() const override { return std::vector<std::string>{}; }
  size_t pending_removals() const override { return 0; }
  Uuid instance_id() const override { return state_.instance_id(); }

 private:
  const storage::StateStore& state_;
  const std::function<void()> interruption_;
};

}  // namespace

TEST_F(TaskState, is_the_checkpoint_and_the_journal_after_it) {
  TaskCheckpoints first = checkpoints({.journal_bytes = 1});
  commit(first, "a", "1");
  commit(first, "b", "1");
  first.tick();
  await_trim(0);
  commit(first, "a", "2");
  EXPECT_EQ(load(*state_), (Restored{{"a", "2"}, {"b", "1"}}));
}

TEST_F(TaskState, is_whole_when_a_checkpoint_is_completed_while_it_is_read) {
  TaskCheckpoints first = checkpoints({.journal_bytes = 1});
  commit(first, "a", "1");
  commit(first, "b", "1");
  const Interrupted state(*state_, [&] {
    first.tick();
    await_trim(0);
  });
  EXPECT_EQ(load(state), (Restored{{"a", "1"}, {"b", "1"}}));
}
