#include "server/tasks/journal_checkpoints.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "server/tasks/journal_tail.h"
#include "storage/kv/memory_store.h"
#include "storage/log/batch_cursor.h"
#include "storage/log/log_core.h"
#include "storage/log/task_journal.h"
#include "storage/state/state_reader.h"

using namespace server;

namespace {

constexpr const char* kTask = "q/0/0";
constexpr const char* kOther = "q/1/0";  // another task in the same journal
constexpr const char* kElsewhere = "q/0/1";

engine::JournalEntry entry_of(const std::string& key, const std::string& value) {
  engine::JournalEntry entry;
  entry.changes.append({0, engine::StateEntry::Kind::Put, key, value});
  return entry;
}

template <class Condition>
bool eventually(const Condition& condition) {
  for (int i = 0; i < 60'000 && !condition(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return condition();
}

// A state store that refuses or delays checkpoints when the test demands it.
class Full final : public storage::StateStore {
 public:
  explicit Full(storage::StateStore& state) : state_(state) {}
  ~Full() override {
    for (std::thread& thread : threads_) thread.join();
  }
  bool try_checkpoint(storage::Checkpoint& checkpoint, std::function<void(Status)>& done) override {
    if (checkpoint.task.empty()) {
      if (--refusals_of_others < 0) return state_.try_checkpoint(checkpoint, done);
      threads_.emplace_back([done] { done(Error{ErrorCode::StorageFailure, "it fails"}); });
      return true;
    }
    ++attempts;
    if (holds) {
      std::lock_guard lock(mutex_);
      held_.emplace_back(std::move(checkpoint), std::move(done));
      return true;
    }
    if (--denials >= 0)
      done = [done](const Status& status) {
        done(status ? Status(Error{ErrorCode::StorageFailure, "the outcome is unknown"}) : status);
      };
    if (--refusals < 0) return state_.try_checkpoint(checkpoint, done);
    threads_.emplace_back([done] { done(Error{ErrorCode::DiskFull, "no room"}); });
    return true;
  }
  Result<storage::CheckpointPosition> load(std::string_view task, const WantsStore& wants,
                                           const Visit& visit) const override {
    return state_.load(task, wants, visit);
  }
  Result<storage::CheckpointPosition> position_of(std::string_view task) const override {
    if (--refusals_of_reads >= 0) return Error{ErrorCode::StorageFailure, "it fails"};
    return state_.position_of(task);
  }
  std::unique_ptr<storage::StateReader> open_reader() const override {
    return state_.open_reader();
  }
  Result<JournalEnds> journal_ends() const override { return state_.journal_ends(); }
  void drop_tasks(std::string prefix, std::function<void(Status)> done) override {
    for (auto& [checkpoint, answer] : take_held())
      if (checkpoint.task.starts_with(prefix))
        answer(Error{ErrorCode::FencedTask, "the task was dropped"});
      else
        EXPECT_TRUE(state_.try_checkpoint(checkpoint, answer));
    state_.drop_tasks(std::move(prefix), std::move(done));
  }
  void release() {
    holds = false;
    for (auto& [checkpoint, done] : take_held())
      EXPECT_TRUE(state_.try_checkpoint(checkpoint, done));
  }
  Result<std::vector<std::string>> task_ids() const override { return state_.task_ids(); }
  size_t pending_removals() const override { return state_.pending_removals(); }
  Uuid instance_id() const override { return state_.instance_id(); }

  std::atomic<int> attempts = 0, refusals = 0;
  // number of checkpoints to store and then report as failed
  std::atomic<int> denials = 0;
  // number of checkpoints without a task that are still to be refused: FrozenJournal submits an empty
  // one to begin a pass, and one with the end of the journal after the last pass
  std::atomic<int> refusals_of_others = 0;
  mutable std::atomic<int> refusals_of_reads = 0;
  std::atomic<bool> holds = false;

 private:
  using Held = std::vector<std::pair<storage::Checkpoint, std::function<void(Status)>>>;
  Held take_held() {
    std::lock_guard lock(mutex_);
    return std::exchange(held_, {});
  }

  storage::StateStore& state_;
  std::mutex mutex_;
  Held held_;                         // guarded by mutex_
  std::vector<std::thread> threads_;  // replace the thread of the state writer, which calls `done`
};

// Uses tasks without operators, whose state is just the restored one.
class JournalCheckpointsTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    state_.reset();
    log_.reset();
    log_ = storage::Log::open(log_disk_.open(), {}).value();
    state_ = storage::StateStore::open([this] { return state_disk_.open(); }, {}).value();
    for (const char* task : {kTask, kOther}) begin(task);
  }
  void begin(const std::string& task) {
    starts_[task] = storage::begin_task_and_wait(*log_, task).value();
  }
  std::unique_ptr<JournalCheckpoints> checkpoints(CheckpointPolicy policy = {},
                                                  storage::StateStore* state = nullptr) {
    auto made = std::make_unique<JournalCheckpoints>(
        journal_,
        std::make_shared<CheckpointLane>(state ? *state : *state_, *log_, clock_, policy));
    FirstEntries tasks;
    for (const auto& [task, start] : starts_) tasks.emplace(task, start.first_entry);
    made->recover(tasks);
    return made;
  }
  // Commits as a sink does: appends the commit, and reports its answer to the checkpoints.
  void commit(JournalCheckpoints& to, engine::JournalEntry entry, const std::string& task = kTask) {
    const TaskSequence sequence(++sequences_[task]);
    storage::TaskCommit request{
        task,     starts_[task].epoch,
        sequence, storage::journal_batch(task, sequence, engine::encode_journal(entry)),
        {},       {}};
    const auto appended = storage::commit_and_wait(*log_, std::move(request));
    ASSERT_TRUE(appended) << appended.error().message;
    to.add({task, starts_[task].journal, appended->back().last_offset, sequence,
            engine::encode_journal(entry).size()});
  }
  void commit(JournalCheckpoints& to, const std::string& key, const std::string& value,
              const std::string& task = kTask) {
    commit(to, entry_of(key, value), task);
  }
  // Drops the tasks as a drop of their query does, and notifies the checkpoints.
  void drop(JournalCheckpoints& of, const std::string& prefix, storage::StateStore& state) {
    const auto wait_for = [&](auto& of_store) {
      std::promise<Status> dropped;
      of_store.drop_tasks(prefix, [&](Status status) { dropped.set_value(std::move(status)); });
      ASSERT_TRUE(dropped.get_future().get());
    };
    wait_for(*log_);
    of.drop(prefix)();
    wait_for(state);
    std::erase_if(sequences_, [&](const auto& task) { return task.first.starts_with(prefix); });
  }
  // Runs the checkpoints until everything is stored.
  bool settle(JournalCheckpoints& checkpoints) {
    return eventually([&] {
      clock_.advance_us(10'000'000);
      checkpoints.tick();
      return !checkpoints.is_dirty();
    });
  }
  TaskSequence position_of(const std::string& task = kTask) const {
    return state_->position_of(task).value().position;
  }
  void begin_anew() {
    state_.reset();
    log_.reset();
    log_disk_ = storage::MemoryDisk();
    state_disk_ = storage::MemoryDisk();
    starts_.clear();
    sequences_.clear();
    open();
  }
  // Changes the bytes in the log directly, without the log's knowledge.
  using Damage =
      std::function<Status(storage::WriteTransaction&, storage::TableHandle, std::string_view key)>;
  inline static const Damage kErase = [](auto& transaction, auto table, auto key) -> Status {
    TRY(transaction.erase(table, key));
    return {};
  };
  inline static const Damage kGarble = [](auto& transaction, auto table, auto key) -> Status {
    std::string bytes(*TRY(transaction.get(table, key)));
    bytes.back() ^= 1;
    return transaction.put(table, key, bytes);
  };
  void damage(Offset offset, const Damage& change) {
    const auto partition = log_->core().find_partition(storage::journal_partition(journal_));
    std::promise<Status> done;
    log_->submit(
        [&](storage::WriteTransaction& transaction) {
          return change(transaction, partition->table(), storage::BatchKey(*partition, offset));
        },
        [&](Status status) { done.set_value(std::move(status)); });
    ASSERT_TRUE(done.get_future().get());
  }
  int64_t journal_length() const {
    const auto journal = log_->find_partition(storage::journal_partition(journal_));
    return journal->log_end() - journal->log_start();
  }
  using Restored = std::map<std::string, std::string>;
  Restored load(const storage::StateStore& state, const std::string& task = kTask) {
    struct Target final : JournalTail::Target {
      Restored restored;
      void begin(const engine::JournalEntry&) override {}
      bool loads(uint32_t) override { return true; }
      Status restore(const engine::JournalEntry& entry, TaskSequence) override {
        engine::StateChangeReader changes(entry.changes.bytes());
        for (engine::StateEntry changed; changes.next(changed);)
          if (changed.kind == engine::StateEntry::Kind::Put)
            restored[std::string(changed.key)] = changed.value;
          else
            restored.erase(std::string(changed.key));
        return {};
      }
    } target;
    const auto tail =
        JournalTail::read(*log_, state, journal_, {{task, starts_[task].first_entry}});
    EXPECT_TRUE(tail) << tail.error().message;
    if (!tail) return {};
    const auto end = (*tail)->restore(task, state, target);
    EXPECT_TRUE(end) << end.error().message;
    if (!end) return {};
    EXPECT_EQ(*end, TaskSequence(sequences_[task]));
    return target.restored;
  }
  // Returns the keys and values of a checkpoint, without the journal.
  Restored stored(const std::string& task = kTask) const {
    Restored found;
    EXPECT_TRUE(state_->load_all(task, [&](auto, auto key, auto value) -> Status {
      found[std::string(key)] = value;
      return {};
    }));
    return found;
  }

  SimulatedClock clock_;
  storage::MemoryDisk log_disk_, state_disk_;
  std::unique_ptr<storage::Log> log_;
  std::deque<Full> fulls_;  // kept to the end, because running checkpoints may use them
  std::unique_ptr<storage::StateStore> state_;
  const PartitionId journal_ = storage::journal_of(kTask);
  std::map<std::string, storage::TaskStart> starts_;
  std::map<std::string, int64_t> sequences_;
};

// A state store in which the test changes something right after load() has taken its snapshot.
class Interrupted final : public storage::StateStore {
 public:
  Interrupted(const storage::StateStore& state, std::function<void()> interruption)
      : state_(state), interruption_(std::move(interruption)) {}
  Result<storage::CheckpointPosition> load(std::string_view task, const WantsStore& wants,
                                           const Visit& visit) const override {
    auto loaded = state_.load(task, wants, visit);
    interruption_();
    return loaded;
  }
  Result<storage::CheckpointPosition> position_of(std::string_view task) const override {
    return state_.position_of(task);
  }
  std::unique_ptr<storage::StateReader> open_reader() const override {
    return state_.open_reader();
  }
  Result<JournalEnds> journal_ends() const override { return state_.journal_ends(); }
  bool try_checkpoint(storage::Checkpoint&, std::function<void(Status)>&) override { return false; }
  void drop_tasks(std::string, std::function<void(Status)>) override {}
  Result<std::vector<std::string>> task_ids() const override { return std::vector<std::string>{}; }
  size_t pending_removals() const override { return 0; }
  Uuid instance_id() const override { return state_.instance_id(); }

 private:
  const storage::StateStore& state_;
  const std::function<void()> interruption_;
};

constexpr CheckpointPolicy kAtOnce{.journal_bytes = 1};
// Each checkpoint pass has a few small entries.
constexpr CheckpointPolicy kInPasses{.journal_bytes = 1, .pass_bytes = 500};

}  // namespace

TEST_F(JournalCheckpointsTest, state_is_the_checkpoint_and_the_journal_behind_it) {
  const auto first = checkpoints(kAtOnce);
  commit(*first, "a", "1");
  commit(*first, "a", "other", kOther);
  commit(*first, "b", "1");
  first->tick();
  ASSERT_TRUE(eventually([&] { return journal_length() == 0; }));
  commit(*first, "a", "2");
  EXPECT_EQ(load(*state_), (Restored{{"a", "2"}, {"b", "1"}}));
  EXPECT_EQ(load(*state_, kOther), (Restored{{"a", "other"}}));
  EXPECT_EQ(state_->journal_ends().value(),
            (storage::StateStore::JournalEnds{{journal_, Offset{3}}}));
}

TEST_F(JournalCheckpointsTest, state_is_whole_when_a_checkpoint_is_completed_while_it_is_read) {
  const auto first = checkpoints(kAtOnce);
  commit(*first, "a", "1");
  commit(*first, "b", "1");
  const Interrupted state(*state_, [&] {
    first->tick();
    ASSERT_TRUE(eventually([&] { return journal_length() == 0; }));
  });
  EXPECT_EQ(load(state), (Restored{{"a", "1"}, {"b", "1"}}));
}

// The journal's contents at a start enter the next checkpoint exactly once, whichever tasks have begun by then.
TEST_F(JournalCheckpointsTest, the_journals_contents_at_a_start_enter_the_next_checkpoint) {
  {
    const auto first = checkpoints(kAtOnce);
    commit(*first, "a", "1");
    first->tick();
    ASSERT_TRUE(eventually([&] { return journal_length() == 0; }));
    engine::JournalEntry moved = entry_of("b", "1");
    moved.positions.push_back({0, {Uuid{}, PartitionId{0}}, Offset{7}});
    moved.scalars = {1, 2};
    commit(*first, std::move(moved));
    commit(*first, "c", "1");
  }
  open();
  const auto next = checkpoints(kAtOnce);
  EXPECT_TRUE(next->is_dirty());
  next->tick();
  ASSERT_TRUE(eventually([&] { return journal_length() == 0; }));
  EXPECT_EQ(stored(), (Restored{{"a", "1"}, {"b", "1"}, {"c", "1"}}));
  const TaskPosition position = read_position(state_->position_of(kTask).value()).value();
  EXPECT_EQ(position.sequence, TaskSequence{3});
  EXPECT_EQ(position.position.positions.at(0).next, Offset{7});
  EXPECT_EQ(position.position.scalars, (std::vector<int64_t>{1, 2}));
}

TEST_F(JournalCheckpointsTest, a_checkpoint_that_failed_is_tried_again_and_loses_nothing) {
  Full& full = fulls_.emplace_back(*state_);
  full.refusals = 3;
  const auto first = checkpoints(kAtOnce, &full);
  commit(*first, "a", "1");
  first->tick();
  ASSERT_TRUE(eventually([&] { return full.attempts == 1; }));
  first->tick();
  EXPECT_EQ(full.attempts, 1) << "not before the back-off is over";
  commit(*first, "b", "1");
  EXPECT_EQ(load(*state_), (Restored{{"a", "1"}, {"b", "1"}})) << "out of the journal";
  EXPECT_TRUE(eventually([&] {
    clock_.advance_us(3'000'000);
    first->tick();
    return journal_length() == 0;
  }));
  EXPECT_EQ(full.attempts, 5);
  EXPECT_EQ(stored(), (Restored{{"a", "1"}, {"b", "1"}}));
}

TEST_F(JournalCheckpointsTest, it_is_tried_again_wherever_it_fails) {
  Full& full = fulls_.emplace_back(*state_);
  full.refusals_of_others = 2;
  const auto first = checkpoints(kAtOnce, &full);
  commit(*first, "a", "1");
  EXPECT_TRUE(eventually([&] {
    clock_.advance_us(3'000'000);
    first->tick();
    return full.attempts == 1;
  }));
  full.refusals_of_others = 2;
  EXPECT_TRUE(eventually([&] {
    clock_.advance_us(3'000'000);
    first->tick();
    return journal_length() == 0;
  }));
  EXPECT_EQ(stored(), (Restored{{"a", "1"}}));
}

TEST_F(JournalCheckpointsTest, a_failed_read_is_repeated) {
  Full& full = fulls_.emplace_back(*state_);
  const auto first = checkpoints(kAtOnce, &full);
  commit(*first, "a", "1");
  full.refusals_of_reads = 2;
  EXPECT_TRUE(settle(*first));
  EXPECT_LT(full.refusals_of_reads, 0);
  EXPECT_EQ(stored(), (Restored{{"a", "1"}}));
}

// The outcome of a commit of the state file is unknown.
TEST_F(JournalCheckpointsTest, a_checkpoint_with_an_unknown_outcome_is_stored_again) {
  Full& full = fulls_.emplace_back(*state_);
  const auto first = checkpoints(kAtOnce, &full);
  commit(*first, "a", "1");
  commit(*first, "a", "2");
  full.denials = 1;
  EXPECT_TRUE(settle(*first));
  EXPECT_EQ(full.attempts, 2);
  EXPECT_EQ(journal_length(), 0);
  commit(*first, "b", "1");
  EXPECT_TRUE(settle(*first));
  EXPECT_EQ(stored(), (Restored{{"a", "2"}, {"b", "1"}}));
  EXPECT_EQ(position_of(), TaskSequence{3});
}

TEST_F(JournalCheckpointsTest, one_failure_holds_back_the_checkpoints_of_all_journals) {
  Full& full = fulls_.emplace_back(*state_);
  full.refusals = 1;
  const auto lane = std::make_shared<CheckpointLane>(full, *log_, clock_, kAtOnce);
  begin(kElsewhere);
  JournalCheckpoints first(journal_, lane), second(storage::journal_of(kElsewhere), lane);
  commit(first, "a", "1");
  commit(second, "a", "1", kElsewhere);
  first.tick();
  ASSERT_TRUE(eventually([&] { return full.attempts == 1 && !lane->may_try(); }));
  second.tick();
  EXPECT_EQ(full.attempts, 1);
}

TEST_F(JournalCheckpointsTest, tasks_with_failing_checkpoints_wait_before_the_disk_is_full) {
  Full& full = fulls_.emplace_back(*state_);
  full.refusals = 1'000'000;
  const auto lane = std::make_shared<CheckpointLane>(full, *log_, clock_,
                                                     CheckpointPolicy{.journal_bytes = 1'000});
  JournalCheckpoints first(journal_, lane);
  int entries = 0;
  for (; entries < 1'000 && !first.is_overdue(); ++entries) {
    commit(first, std::to_string(entries), std::string(100, 'v'));
    first.tick();
  }
  EXPECT_LT(entries, 60);
  EXPECT_GT(entries, 10);
  EXPECT_TRUE(eventually([&] { return full.attempts > 0; }));
  full.refusals = 0;
  EXPECT_TRUE(eventually([&] {
    clock_.advance_us(3'000'000);
    first.tick();
    return !first.is_overdue();
  }));
}

TEST_F(JournalCheckpointsTest, while_memory_is_short_checkpoints_are_begun_sooner) {
  Full& full = fulls_.emplace_back(*state_);
  const auto first = checkpoints({.journal_bytes = 10'000}, &full);
  commit(*first, "a", std::string(1'000, 'v'));
  first->tick();
  EXPECT_EQ(first->backlog().journal_bytes > 0, true);
  EXPECT_EQ(full.attempts, 0);
  first->tick(JournalCheckpoints::Memory::Tight);
  EXPECT_TRUE(eventually([&] { return journal_length() == 0; }));
}

// A checkpoint combines the changes of many commits, and contains only the newest change of a key. A range removes
// earlier keys. It also removes later keys below its end, which are from the journal of a former owner.
TEST_F(JournalCheckpointsTest, the_checkpoint_has_the_newest_of_many_changes) {
  using Kind = engine::StateEntry::Kind;
  const auto first = checkpoints(kAtOnce);
  std::map<std::string, Restored> expected;
  Random random(7);
  for (int i = 0; i < 4'000; ++i) {
    const std::string task = random.next() % 2 == 0 ? kTask : kOther;
    engine::JournalEntry entry;
    entry.changes.append({random.next() % 2 == 0 ? 1u : 0u, Kind::Delete, "other", ""});
    const std::string key = std::to_string(100 + random.next() % 400), value = std::to_string(i);
    if (random.next() % 4 == 0) {
      entry.changes.append({1, Kind::Delete, key, ""});
      expected[task].erase(key);
    } else {
      entry.changes.append({1, Kind::Put, key, value});
      expected[task][key] = value;
    }
    commit(*first, std::move(entry), task);
  }
  engine::JournalEntry below;
  below.changes.append({1, Kind::DeleteBelow, "200", ""});
  commit(*first, std::move(below));
  Restored& mine = expected[kTask];
  mine.erase(mine.begin(), mine.lower_bound("200"));
  first->tick();
  EXPECT_TRUE(
      eventually([&] { return stored(kTask) == mine && stored(kOther) == expected[kOther]; }));
}

TEST_F(JournalCheckpointsTest, a_few_changes_wait_longer_than_a_worthwhile_amount) {
  Full& counting = fulls_.emplace_back(*state_);
  const auto first = checkpoints({}, &counting);
  const auto tick_after = [&](int64_t seconds) {
    clock_.advance_us(seconds * 1'000'000);
    first->tick();
  };
  commit(*first, "a", "1");
  tick_after(11);
  tick_after(200);
  EXPECT_TRUE(stored(kTask).empty());
  EXPECT_EQ(counting.attempts, 0);
  tick_after(100);
  EXPECT_TRUE(eventually([&] { return stored(kTask).contains("a"); }));
  ASSERT_TRUE(eventually([&] {
    first->tick();
    return !first->is_dirty();
  }));
  commit(*first, "b", std::string(1 << 20, 'v'));
  tick_after(9);
  EXPECT_FALSE(stored(kTask).contains("b"));
  tick_after(2);
  EXPECT_TRUE(eventually([&] { return stored(kTask).contains("b"); }));
  // The checkpoint must end before `counting` is destroyed.
  EXPECT_TRUE(eventually([&] {
    first->tick();
    return !first->is_dirty();
  }));
}

TEST_F(JournalCheckpointsTest, changes_of_a_dropped_task_do_not_wait_longer) {
  const auto first = checkpoints({});
  commit(*first, "a", "1");
  commit(*first, "b", "1", kOther);
  first->drop(kOther)();
  clock_.advance_us(11'000'000);
  first->tick();
  EXPECT_TRUE(eventually([&] { return journal_length() == 0; }));
}

TEST_F(JournalCheckpointsTest, reports_the_waiting_amount_and_its_age) {
  Full& full = fulls_.emplace_back(*state_);
  full.refusals = 1'000'000;
  const auto first = checkpoints(kAtOnce, &full);
  EXPECT_EQ(first->backlog().journal_bytes, 0u);
  EXPECT_EQ(first->backlog().age_us, std::nullopt);
  commit(*first, "a", std::string(1'000, 'v'));
  clock_.advance_us(2'000'000);
  const size_t gathered = first->backlog().journal_bytes;
  EXPECT_GE(gathered, 1'000u);
  EXPECT_EQ(first->backlog().age_us, 2'000'000);
  first->tick();  // starts a checkpoint, which fails
  ASSERT_TRUE(eventually([&] { return full.attempts > 0; }));
  commit(*first, "b", std::string(1'000, 'v'), kOther);
  clock_.advance_us(1'000'000);
  EXPECT_GE(first->backlog().journal_bytes, gathered + 1'000);
  EXPECT_EQ(first->backlog().age_us, 3'000'000) << "of the oldest";
  EXPECT_EQ(first->backlog_of(kTask).journal_bytes, gathered);
  EXPECT_EQ(first->backlog_of(kOther).age_us, 1'000'000);
  EXPECT_EQ(first->backlog_of("q/9/0").age_us, std::nullopt);
}

TEST_F(JournalCheckpointsTest, a_large_one_goes_in_parts_and_a_stop_between_them_loses_nothing) {
  Full& full = fulls_.emplace_back(*state_);
  const auto first = checkpoints(kAtOnce, &full);
  engine::JournalEntry entry;
  for (int i = 0; i < 70'000; ++i)
    entry.changes.append({0, engine::StateEntry::Kind::Put, std::to_string(i), "1"});
  commit(*first, std::move(entry));
  first->tick();
  ASSERT_TRUE(eventually([&] { return full.attempts >= 3; }));
  EXPECT_EQ(load(*state_).size(), 70'000u);
  state_.reset();
  full.refusals = 0;
  state_ = storage::StateStore::open([this] { return state_disk_.open(); }, {}).value();
  EXPECT_EQ(load(*state_).size(), 70'000u);
}

// However long the journal is, the amount that is copied at a time is limited.
TEST_F(JournalCheckpointsTest, a_long_stretch_is_written_in_passes_of_a_few_entries) {
  Full& full = fulls_.emplace_back(*state_);
  full.holds = true;
  const auto first = checkpoints({.journal_bytes = 1, .pass_bytes = 10'000}, &full);
  Restored mine, others;
  const std::string value(1'000, 'v');
  for (int i = 0; i < 100; ++i) {
    const std::string key = std::to_string(100 + i);
    commit(*first, key, value, i < 70 ? kTask : kOther);
    (i < 70 ? mine : others)[key] = value;
  }
  EXPECT_GT(first->backlog().journal_bytes, 100'000u);
  for (int held = 1; journal_length() > 0; ++held) {
    ASSERT_LT(held, 100);
    first->tick();
    ASSERT_TRUE(eventually([&] { return full.attempts >= held || journal_length() == 0; }));
    EXPECT_LE(first->memory_bytes(), 11'200u);
    if (held == 4) {
      EXPECT_EQ(journal_length(), 100) << "what is stored is not trimmed before the rest is";
      EXPECT_GT(stored().size(), 20u);
      EXPECT_LT(stored().size(), 40u);
      EXPECT_EQ(position_of(), TaskSequence(static_cast<int64_t>(stored().size())));
    }
    full.release();
    full.holds = true;
  }
  EXPECT_GE(full.attempts, 10);
  EXPECT_EQ(stored(), mine);
  EXPECT_EQ(stored(kOther), others);
  EXPECT_EQ(position_of(), TaskSequence{70});
  EXPECT_EQ(position_of(kOther), TaskSequence{30});
  full.holds = false;
}

TEST_F(JournalCheckpointsTest, a_failed_pass_is_read_again_and_earlier_ones_are_not) {
  Full& full = fulls_.emplace_back(*state_);
  const auto first = checkpoints(kInPasses, &full);
  Restored expected;
  for (int i = 0; i < 60; ++i) {
    const std::string key = std::to_string(100 + i % 40), number = std::to_string(i);
    commit(*first, key, number);
    expected[key] = number;
  }
  for (int i = 0; i < 20 && journal_length() > 0; ++i) {
    (i % 2 == 0 ? full.denials : full.refusals) = 1;
    clock_.advance_us(10'000'000);
    first->tick();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  full.denials = full.refusals = 0;
  ASSERT_TRUE(settle(*first));
  EXPECT_EQ(stored(), expected);
  EXPECT_EQ(position_of(), TaskSequence{60});
  EXPECT_LT(full.attempts, 60);
}

// A checkpoint reads the journal in several passes. A later pass meets a damaged entry: the entries before it are
// stored, but the stored position must not include the entries after it, and the journal must not be trimmed.
TEST_F(JournalCheckpointsTest, damage_in_a_later_pass_keeps_the_journal) {
  for (const int64_t offset : {30, 59}) {
    begin_anew();
    const auto first = checkpoints(kInPasses);
    for (int i = 0; i < 60; ++i) commit(*first, std::to_string(100 + i), "1");
    damage(Offset{offset}, [](auto& transaction, auto table, auto key) -> Status {
      TRY(transaction.erase(table, key));
      return {};
    });
    ASSERT_TRUE(settle(*first));
    EXPECT_GT(position_of(), TaskSequence{10});
    EXPECT_LE(position_of(), TaskSequence{offset});
    EXPECT_EQ(state_->journal_ends().value(), storage::StateStore::JournalEnds{});
    EXPECT_EQ(journal_length(), 60);
    EXPECT_TRUE(first->take_stored().empty());
  }
}

TEST_F(JournalCheckpointsTest, dropped_tasks_leave_nothing_in_the_state) {
  for (const bool is_begun : {false, true}) {
    Full& full = fulls_.emplace_back(*state_);
    full.refusals = is_begun ? 1 : 0;  // the checkpoint waits for the next attempt
    const auto first = checkpoints(kAtOnce, &full);
    commit(*first, "a", "1", kTask);
    commit(*first, "a", "1", kOther);
    if (is_begun) {
      first->tick();
      ASSERT_TRUE(eventually([&] { return full.attempts > 0; }));
    }
    std::promise<Status> dropped;
    log_->drop_tasks("q/0/", [&](Status status) { dropped.set_value(std::move(status)); });
    ASSERT_TRUE(dropped.get_future().get());
    first->drop("q/0/")();
    EXPECT_TRUE(eventually([&] {
      clock_.advance_us(10'000'000);
      first->tick();
      return journal_length() == 0;
    }));
    EXPECT_EQ(state_->task_ids().value(), std::vector<std::string>{kOther});
    // A new task with the same name begins without state.
    sequences_[kTask] = 0;
    begin(kTask);
    EXPECT_EQ(load(*state_), Restored{});
  }
}

TEST_F(JournalCheckpointsTest, state_that_does_not_reach_to_the_journal_is_refused) {
  const auto first = checkpoints(kAtOnce);
  commit(*first, "a", "1");
  first->tick();
  ASSERT_TRUE(eventually([&] { return journal_length() == 0; }));
  storage::MemoryDisk empty;
  const auto other = storage::StateStore::open([&] { return empty.open(); }, {}).value();
  const auto tail = JournalTail::read(*log_, *other, journal_, {{kTask, Offset{0}}});
  ASSERT_FALSE(tail);
  EXPECT_NE(tail.error().hint.find("the same backup"), std::string::npos);
  const auto broken = checkpoints(kAtOnce, other.get());
  commit(*broken, "b", "1");
  EXPECT_FALSE(broken->is_dirty()) << "it takes nothing that would move the end";
}

// The journal has all changes, so copies of them are freed when they are stored or when they have
// to wait.
TEST_F(JournalCheckpointsTest, only_a_checkpoint_that_is_being_written_takes_memory) {
  Full& full = fulls_.emplace_back(*state_);
  full.holds = true;
  const auto first = checkpoints(kAtOnce, &full);
  for (int i = 0; i < 100; ++i) commit(*first, "a", std::string(1'000, 'v'));
  commit(*first, "a", std::string(1'000, 'v'), kOther);
  EXPECT_GT(first->backlog().journal_bytes, 100'000u);
  EXPECT_EQ(first->memory_bytes(), 0u);
  first->tick();
  ASSERT_TRUE(eventually([&] { return full.attempts == 2; }));
  EXPECT_GT(first->memory_bytes(), 2'000u);
  EXPECT_LT(first->memory_bytes(), 3'000u) << "the newest of each key";
  full.refusals = 1'000'000;
  full.release();
  ASSERT_TRUE(eventually([&] { return journal_length() == 0; }));
  EXPECT_EQ(first->memory_bytes(), 0u);
  commit(*first, "a", "1");
  EXPECT_TRUE(eventually([&] {
    clock_.advance_us(3'000'000);
    first->tick();
    return full.attempts > 2;
  }));
  EXPECT_TRUE(eventually([&] { return first->memory_bytes() == 0; })) << "it failed";
}

TEST_F(JournalCheckpointsTest, a_task_that_is_created_again_gets_nothing_of_the_former_one) {
  for (const bool is_begun : {false, true}) {
    Full& full = fulls_.emplace_back(*state_);
    full.holds = is_begun;
    const auto first = checkpoints(kAtOnce, &full);
    commit(*first, "former", "1");
    commit(*first, "former", "2");
    commit(*first, "former", "2", kOther);
    if (is_begun) {
      first->tick();
      ASSERT_TRUE(eventually([&] { return full.attempts == 2; }));
    }
    drop(*first, "q/0/", full);
    begin(kTask);
    commit(*first, "a", "1");
    full.release();
    const TaskSequence of_other(sequences_[kOther]);
    using Stored = std::vector<std::pair<std::string, TaskSequence>>;
    if (is_begun) {
      ASSERT_TRUE(eventually([&] { return journal_length() == 1; }));
      full.holds = true;
      first->tick();  // the checkpoint is finished, and the next one begins
      EXPECT_EQ(first->take_stored(), (Stored{{kOther, of_other}}));
      full.release();
    }
    ASSERT_TRUE(settle(*first));
    EXPECT_EQ(stored(), (Restored{{"a", "1"}})) << is_begun;
    EXPECT_EQ(stored(kOther), (Restored{{"former", "2"}}));
    EXPECT_EQ(position_of(), TaskSequence{1});
    Stored expected{{kTask, TaskSequence{1}}};
    if (!is_begun) expected.emplace_back(kOther, of_other);
    EXPECT_EQ(first->take_stored(), expected);
    drop(*first, "q/0/", full);
    begin(kTask);
  }
}

TEST_F(JournalCheckpointsTest, reports_once_the_contents_of_a_finished_checkpoint) {
  Full& full = fulls_.emplace_back(*state_);
  full.holds = true;
  const auto first = checkpoints(kAtOnce, &full);
  using Stored = std::vector<std::pair<std::string, TaskSequence>>;
  commit(*first, "a", "1");
  commit(*first, "a", "2");
  commit(*first, "a", "1", kOther);
  first->tick();
  ASSERT_TRUE(eventually([&] { return full.attempts == 2; }));
  commit(*first, "a", "3");
  first->tick();
  EXPECT_EQ(first->take_stored(), Stored{}) << "it is not finished";
  full.release();
  ASSERT_TRUE(eventually([&] { return journal_length() == 1; }));
  full.holds = true;
  first->tick();
  EXPECT_EQ(first->take_stored(), (Stored{{kTask, TaskSequence{2}}, {kOther, TaskSequence{1}}}));
  EXPECT_EQ(first->take_stored(), Stored{});
  full.release();
  ASSERT_TRUE(settle(*first));
  commit(*first, "a", "2", kOther);
  ASSERT_TRUE(settle(*first));
  // The positions of both checkpoints are returned together.
  EXPECT_EQ(first->take_stored(), (Stored{{kTask, TaskSequence{3}}, {kOther, TaskSequence{2}}}));
  commit(*first, "a", "4");
  commit(*first, "a", "4", kOther);
  ASSERT_TRUE(settle(*first));
  drop(*first, "q/0/", *state_);
  EXPECT_EQ(first->take_stored(), (Stored{{kOther, TaskSequence{3}}}));
}

TEST_F(JournalCheckpointsTest, a_damaged_journal_adds_nothing_to_the_state) {
  for (const Damage& damaged : {kErase, kGarble})
    for (int64_t offset = 0; offset < 3; ++offset) {
      begin_anew();
      const auto first = checkpoints(kAtOnce);
      for (const char* key : {"a", "b", "c"}) commit(*first, key, "1");
      damage(Offset{offset}, damaged);
      EXPECT_TRUE(settle(*first));
      EXPECT_EQ(stored(), Restored{});
      EXPECT_EQ(position_of(), TaskSequence{0});
      EXPECT_EQ(state_->journal_ends().value(), storage::StateStore::JournalEnds{});
      EXPECT_EQ(journal_length(), 3);
      commit(*first, "d", "1");
      EXPECT_FALSE(first->is_dirty()) << "it takes nothing that would move the end";
      EXPECT_TRUE(first->take_stored().empty());
    }
}

// A gap in the commits of one task has no effect on other tasks.
TEST_F(JournalCheckpointsTest, other_tasks_continue_beside_a_damaged_one) {
  auto now = checkpoints(kAtOnce);
  commit(*now, "a", "1");
  commit(*now, "a", "1", kOther);
  commit(*now, "a", "2");
  damage(Offset{0}, kErase);
  ASSERT_TRUE(settle(*now));
  EXPECT_TRUE(now->take_has_lost());
  EXPECT_FALSE(now->take_has_lost());
  ASSERT_TRUE(now->why_lost(kTask));
  EXPECT_NE(now->why_lost(kTask)->message.find(kTask), std::string::npos);
  EXPECT_EQ(now->why_lost(kOther), std::nullopt);
  EXPECT_EQ(stored(kOther), (Restored{{"a", "1"}}));
  commit(*now, "a", "2", kOther);
  ASSERT_TRUE(settle(*now));
  EXPECT_EQ(stored(kOther), (Restored{{"a", "2"}}));
  EXPECT_EQ(stored(), Restored{});
  // The journal is not trimmed while the damaged task exists. If it were, the server could not detect after a restart
  // that entries of this task are missing. Dropping the task ends this.
  EXPECT_EQ(journal_length(), 4);
  now.reset();
  open();
  now = checkpoints(kAtOnce);
  ASSERT_TRUE(settle(*now));
  EXPECT_TRUE(now->why_lost(kTask));
  EXPECT_EQ(now->why_lost(kOther), std::nullopt);
  EXPECT_EQ(load(*state_, kOther), (Restored{{"a", "2"}}));
  drop(*now, "q/0/", *state_);
  EXPECT_EQ(now->why_lost(kTask), std::nullopt);
  ASSERT_TRUE(settle(*now));
  EXPECT_EQ(journal_length(), 0);
}

// Any task that existed when the entry was written may have written it, but no task that begins later.
TEST_F(JournalCheckpointsTest, tasks_that_begin_behind_the_damage_are_whole) {
  const std::string later = "q/7/0";
  auto now = checkpoints(kAtOnce);
  commit(*now, "a", "1");
  damage(Offset{0}, kGarble);
  ASSERT_TRUE(settle(*now));
  ASSERT_TRUE(now->why_lost(kTask));
  EXPECT_NE(now->why_lost(kTask)->message.find("damaged at offset 0"), std::string::npos)
      << now->why_lost(kTask)->message;
  EXPECT_TRUE(now->why_lost(kOther)) << "it has committed nothing that anybody could know of";
  for (int start = 0; start < 2; ++start) {
    begin(later);
    EXPECT_EQ(now->why_lost(later), std::nullopt);
    const std::string value = std::to_string(start);
    commit(*now, "b", value, later);
    EXPECT_EQ(load(*state_, later), (Restored{{"b", value}}));
    ASSERT_TRUE(settle(*now));
    EXPECT_EQ(stored(later), (Restored{{"b", value}}));
    EXPECT_EQ(journal_length(), 2 + start);
    now.reset();
    open();
    now = checkpoints(kAtOnce);
    EXPECT_TRUE(now->why_lost(kTask));
    EXPECT_TRUE(now->why_lost(kOther));
  }
  drop(*now, "q/0/", *state_);
  drop(*now, "q/1/", *state_);
  ASSERT_TRUE(settle(*now));
  EXPECT_EQ(journal_length(), 0);
  begin(kTask);
  commit(*now, "a", "2");
  ASSERT_TRUE(settle(*now));
  EXPECT_EQ(stored(), (Restored{{"a", "2"}}));
}

TEST_F(JournalCheckpointsTest, a_damaged_position_is_of_its_task_alone) {
  auto now = checkpoints(kAtOnce);
  for (const char* task : {kTask, kOther}) commit(*now, "a", "1", task);
  ASSERT_TRUE(settle(*now));
  for (const char* task : {kTask, kOther}) commit(*now, "a", "2", task);
  for (int start = 0; start < 2; ++start) {
    now.reset();
    state_.reset();
    log_.reset();
    {
      const auto store = state_disk_.open();
      const auto write = store->begin_write().value();
      const auto positions = write->open_table("positions", storage::KeyOrder::Bytes).value();
      ASSERT_TRUE(write->put(positions, kTask, "short"));
      ASSERT_TRUE(write->commit());
    }
    open();
    now = checkpoints(kAtOnce);
    ASSERT_TRUE(settle(*now));
    EXPECT_TRUE(now->why_lost(kTask));
    EXPECT_EQ(now->why_lost(kOther), std::nullopt);
    EXPECT_EQ(stored(kOther), (Restored{{"a", "2"}}));
    EXPECT_EQ(journal_length(), 2);
  }
}

TEST_F(JournalCheckpointsTest, a_store_that_no_plan_can_have_is_damage) {
  const auto first = checkpoints(kAtOnce);
  engine::JournalEntry entry;
  entry.changes.append({UINT32_MAX, engine::StateEntry::Kind::Put, "a", "1"});
  commit(*first, std::move(entry));
  EXPECT_TRUE(settle(*first));
  EXPECT_EQ(journal_length(), 1);
  EXPECT_EQ(position_of(), TaskSequence{0});
}

// Makes commits, successful and failed checkpoints, drops and restarts in random order.
TEST_F(JournalCheckpointsTest, after_any_events_the_state_equals_the_commits) {
  for (const CheckpointPolicy& policy : {kAtOnce, kInPasses}) {
    begin_anew();
    Random random(11);
    auto now = checkpoints(policy);
    std::map<std::string, Restored> expected;
    std::map<std::string, TaskSequence> told;
    const auto check_told = [&] {
      for (const auto& [task, sequence] : now->take_stored()) {
        EXPECT_GT(sequence, told[task]);
        EXPECT_LE(sequence, TaskSequence(sequences_[task]));
        EXPECT_GE(position_of(task), sequence);
        told[task] = sequence;
      }
    };
    for (int i = 0; i < 3'000 && !HasFailure(); ++i) {
      const std::string task = random.next() % 2 == 0 ? kTask : kOther;
      const uint64_t what = random.next() % 100;
      if (what < 75) {
        const std::string key = std::to_string(random.next() % 50), value = std::to_string(i);
        commit(*now, key, value, task);
        expected[task][key] = value;
      } else if (what < 95) {
        clock_.advance_us(static_cast<int64_t>(random.next() % 4) * 1'000'000);
        now->tick();
        check_told();
        if (what < 80) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      } else if (what < 97) {
        state_disk_.set_capacity(what < 96 ? 500 : SIZE_MAX);
      } else if (what < 98) {
        state_disk_.set_capacity(SIZE_MAX);
        drop(*now, task.substr(0, 4), *state_);
        begin(task);
        expected.erase(task);
        told.erase(task);
      } else if (what < 99) {
        state_disk_.set_capacity(SIZE_MAX);  // otherwise the state would not open
        now.reset();
        open();
        now = checkpoints(policy);
      }
    }
    state_disk_.set_capacity(SIZE_MAX);
    ASSERT_TRUE(settle(*now));
    check_told();
    for (const char* task : {kTask, kOther}) {
      EXPECT_EQ(stored(task), expected[task]);
      EXPECT_EQ(position_of(task), TaskSequence(sequences_[task]));
    }
    EXPECT_EQ(journal_length(), 0);
  }
}
