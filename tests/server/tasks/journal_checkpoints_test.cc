#include "server/tasks/checkpoints.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "base/random.h"
#include "storage/kv/memory_store.h"

using namespace server;

namespace {

constexpr const char* kTask = "q/0/0";

engine::JournalEntry entry_of(const std::string& key, const std::string& value) {
  engine::JournalEntry entry;
  entry.changes.append({0, engine::StateEntry::Kind::Put, key, value});
  return entry;
}

// A task without operators: its state is what was restored.
class TaskState : public testing::Test {
 protected:
  void SetUp() override {
    log_ = storage::Log::open(log_disk_.open(), {}).value();
    state_ = storage::StateStore::open([this] { return state_disk_.open(); }, {}).value();
    epoch_ = storage::raise_epoch_and_wait(*log_, kTask).value().epoch;
  }
  std::shared_ptr<CheckpointLane> lane(CheckpointPolicy policy = {},
                                       storage::StateStore* state = nullptr) {
    return std::make_shared<CheckpointLane>(state ? *state : *state_, *log_, clock_, policy);
  }
  TaskCheckpoints checkpoints(CheckpointPolicy policy = {}) { return {kTask, lane(policy)}; }
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
      engine::StateChangeReader changes(entry.changes.bytes());
      for (engine::StateEntry changed; changes.next(changed);)
        if (changed.kind == engine::StateEntry::Kind::Put)
          restored[std::string(changed.key)] = changed.value;
        else
          restored.erase(std::string(changed.key));
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

// A state store that has no room as long as it is told so. It answers at once, in the call.
class Full final : public storage::StateStore {
 public:
  explicit Full(storage::StateStore& state) : state_(state) {}
  bool try_checkpoint(storage::Checkpoint& checkpoint, std::function<void(Status)>& done) override {
    if (attempts++ == 0) first_part = checkpoint.entries.size();
    if (--refusals < 0) return state_.try_checkpoint(checkpoint, done);
    std::thread([done] { done(Error{ErrorCode::DiskFull, "no room"}); }).join();
    return true;
  }
  Result<storage::CheckpointPosition> load(std::string_view task,
                                           const Visit& visit) const override {
    return state_.load(task, visit);
  }
  void drop_tasks(std::string, std::function<void(Status)>) override {}
  Result<std::vector<std::string>> task_ids() const override { return state_.task_ids(); }
  size_t pending_removals() const override { return state_.pending_removals(); }
  Uuid instance_id() const override { return state_.instance_id(); }

  // The state writer's thread asks too.
  std::atomic<int> attempts = 0, refusals = 0;
  size_t first_part = 0;  // how many keys it had, which the loop has asked for

 private:
  storage::StateStore& state_;
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

TEST_F(TaskState, a_checkpoint_that_failed_is_tried_again_and_loses_nothing) {
  SimulatedClock clock;
  Full full(*state_);
  full.refusals = 3;
  TaskCheckpoints first(kTask, std::make_shared<CheckpointLane>(
                                   full, *log_, clock, CheckpointPolicy{.journal_bytes = 1}));
  commit(first, "a", "1");
  first.tick();
  EXPECT_EQ(full.attempts, 1);
  first.tick();
  EXPECT_EQ(full.attempts, 1) << "not before the back-off is over";
  commit(first, "b", "1");
  EXPECT_EQ(load(*state_), (Restored{{"a", "1"}, {"b", "1"}})) << "out of the journal";
  for (int i = 0; i < 3; ++i) {
    clock.advance_us(3'000'000);
    first.tick();
  }
  EXPECT_EQ(full.attempts, 4);
  await_trim(1);
  for (int i = 0; i < 5000 && journal_length() > 0; ++i) {
    clock.advance_us(3'000'000);
    first.tick();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(journal_length(), 0) << "checkpoints go on";
  EXPECT_EQ(load(*state_), (Restored{{"a", "1"}, {"b", "1"}}));
}

TEST_F(TaskState, one_failure_holds_back_the_checkpoints_of_all_tasks) {
  SimulatedClock clock;
  Full full(*state_);
  full.refusals = 1;
  const auto shared =
      std::make_shared<CheckpointLane>(full, *log_, clock, CheckpointPolicy{.journal_bytes = 1});
  TaskCheckpoints first(kTask, shared), second("q/0/1", shared);
  first.add(TaskSequence(1), entry_of("a", "1"));
  second.add(TaskSequence(1), entry_of("a", "1"));
  first.tick();
  second.tick();
  EXPECT_EQ(full.attempts, 1);
}

TEST_F(TaskState, a_task_whose_checkpoints_fail_is_told_to_wait_before_memory_is_full) {
  Full full(*state_);
  full.refusals = 1'000'000;
  TaskCheckpoints first(kTask, lane({.journal_bytes = 1'000}, &full));
  int entries = 0;
  using Memory = TaskCheckpoints::Memory;
  const auto add_until_overdue = [&](Memory memory) {
    for (; entries < 1'000 && !first.is_overdue(memory); ++entries) {
      first.add(TaskSequence(entries + 1), entry_of(std::to_string(entries), "value"));
      first.tick(memory);
    }
  };
  // Others need what is left of it.
  add_until_overdue(Memory::Tight);
  EXPECT_LE(entries, 3);
  add_until_overdue(Memory::Enough);
  EXPECT_LT(entries, 100);
  EXPECT_GT(entries, 10);
}

// What is gathered are the bytes of many commits, of which only the newest change of a key counts; a
// range takes what was written before it and what comes below it later (of a former owner's journal).
TEST_F(TaskState, of_many_changes_the_checkpoint_has_the_newest) {
  using Kind = engine::StateEntry::Kind;
  for (const int changes : {200, 2'000}) {  // sorted at once, and on the state writer's thread
    const std::string task = "q/0/" + std::to_string(changes);
    TaskCheckpoints first(task, lane({.journal_bytes = 1}));
    std::map<std::string, std::string> expected;
    Random random(7);
    int64_t sequence = 0;
    const auto add = [&](Kind kind, const std::string& key, const std::string& value) {
      engine::JournalEntry entry;
      entry.changes.append({random.next() % 2 == 0 ? 1u : 0u, Kind::Delete, "other", ""});
      entry.changes.append({1, kind, key, value});
      first.add(TaskSequence(++sequence), std::move(entry));
    };
    for (int i = 0; i < changes; ++i) {
      const std::string key = std::to_string(100 + random.next() % 400);
      if (random.next() % 4 == 0) {
        add(Kind::Delete, key, "");
        expected.erase(key);
      } else {
        const std::string value = std::to_string(i);
        add(Kind::Put, key, value);
        expected[key] = value;
      }
    }
    add(Kind::DeleteBelow, "200", "");
    expected.erase(expected.begin(), expected.lower_bound("200"));
    first.tick();
    const auto read = [&] {
      std::map<std::string, std::string> found;
      EXPECT_TRUE(state_->load(task, [&](auto, auto key, auto value) -> Status {
        found[std::string(key)] = value;
        return {};
      }));
      return found;
    };
    for (int i = 0; i < 5000 && read() != expected; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(read(), expected);
  }
}

TEST_F(TaskState, tells_how_much_waits_for_a_checkpoint_and_since_when) {
  SimulatedClock clock;
  Full full(*state_);
  full.refusals = 1'000'000;
  TaskCheckpoints first(kTask, std::make_shared<CheckpointLane>(
                                   full, *log_, clock, CheckpointPolicy{.journal_bytes = 1}));
  EXPECT_EQ(first.backlog().journal_bytes, 0u);
  EXPECT_EQ(first.backlog().age_us, std::nullopt);
  first.add(TaskSequence(1), entry_of("a", std::string(1'000, 'v')));
  clock.advance_us(2'000'000);
  const size_t gathered = first.backlog().journal_bytes;
  EXPECT_GE(gathered, 1'000u);
  EXPECT_EQ(first.backlog().age_us, 2'000'000);
  first.tick();  // on its way; it fails
  first.add(TaskSequence(2), entry_of("b", std::string(1'000, 'v')));
  clock.advance_us(1'000'000);
  EXPECT_GE(first.backlog().journal_bytes, gathered + 1'000);
  EXPECT_EQ(first.backlog().age_us, 3'000'000) << "of the oldest";
}

TEST_F(TaskState, a_large_checkpoint_goes_in_parts_and_a_stop_between_them_loses_nothing) {
  Full full(*state_);
  {
    TaskCheckpoints first(kTask, lane({.journal_bytes = 1}, &full));
    engine::JournalEntry entry;
    for (int i = 0; i < 70'000; ++i)
      entry.changes.append({0, engine::StateEntry::Kind::Put, std::to_string(i), "1"});
    ++sequence_;
    ASSERT_TRUE(storage::commit_and_wait(
        *log_, {kTask, epoch_, TaskSequence(sequence_), encode_journal(entry), {}, {}}));
    first.add(TaskSequence(sequence_), std::move(entry));
    first.tick();
    EXPECT_EQ(full.first_part, 0u) << "on the loop nothing is copied";
    for (int i = 0; i < 5000 && full.attempts < 3; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(load(*state_).size(), 70'000u);
}

TEST_F(TaskState, nothing_of_an_abandoned_checkpoint_comes_after_the_next_owner) {
  const auto ignore = [](const engine::JournalEntry&) -> Status { return {}; };
  // Long enough that they are not written in one part.
  const auto key = [](int i) { return std::string(60, 'k') + std::to_string(i); };
  for (int round = 0; round < 8; ++round) {
    const auto shared = lane({.journal_bytes = 1});
    {
      TaskCheckpoints first(kTask, shared);
      ASSERT_TRUE(load_task_state(kTask, *state_, *log_, ignore, first));
      for (int i = 0; i < 400; ++i) commit(first, key(i), "old" + std::to_string(round));
      first.tick();
      std::this_thread::sleep_for(std::chrono::microseconds(round * 500));
    }
    TaskCheckpoints next(kTask, shared);
    ASSERT_TRUE(load_task_state(kTask, *state_, *log_, ignore, next));
    for (int i = 0; i < 400; ++i) commit(next, key(i), "new" + std::to_string(round));
    for (int i = 0; i < 5000 && journal_length() > 0; ++i) {
      next.tick();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    for (const auto& [found, value] : load(*state_))
      ASSERT_EQ(value, "new" + std::to_string(round)) << found;
  }
}
