#include "storage/state/state_store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "storage/kv/memory_store.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

using Rows = std::vector<std::string>;

class StateStoreTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    state_.reset();
    state_ = StateStore::open([this] { return disk_.open(); }, options_).value();
  }
  Status write(Checkpoint checkpoint) {
    std::promise<Status> answer;
    std::function<void(Status)> done = [&](Status status) { answer.set_value(std::move(status)); };
    EXPECT_TRUE(state_->try_checkpoint(checkpoint, done));
    return answer.get_future().get();
  }
  Status drop(const std::string& prefix) {
    std::promise<Status> answer;
    state_->drop_tasks(prefix, [&](Status status) { answer.set_value(std::move(status)); });
    return answer.get_future().get();
  }
  Rows rows(const std::string& task = "q1/0") {
    Rows all;
    position_ = state_
                    ->load_all(task,
                               [&](auto store, auto key, auto value) -> Status {
                                 all.push_back(std::string(store) + "." + std::string(key) + "=" +
                                               std::string(value));
                                 return {};
                               })
                    .value();
    return all;
  }

  size_t entries_left() {
    state_.reset();
    const auto store = disk_.open();
    auto transaction = store->begin_write().value();
    size_t count = 0;
    for (const char* name : {"entries", "stores", "positions", "dropped"}) {
      const auto table = transaction->open_table(name, KeyOrder::Bytes).value();
      const auto cursor = transaction->cursor(table).value();
      for (auto entry = cursor->first().value(); entry; entry = cursor->next().value()) ++count;
    }
    return count;
  }

  // Closes the state store, and returns the raw entries of its table.
  std::vector<std::pair<std::string, std::string>> stored_entries() {
    state_.reset();
    const auto store = disk_.open();
    const auto transaction = store->begin_write().value();
    const auto table = transaction->open_table("entries", KeyOrder::Bytes).value();
    const auto cursor = transaction->cursor(table).value();
    std::vector<std::pair<std::string, std::string>> all;
    for (auto entry = cursor->first().value(); entry; entry = cursor->next().value())
      all.emplace_back(entry->key, entry->value);
    return all;
  }
  void replace_entry(const std::string& key, const std::string& new_key, const std::string& value) {
    state_.reset();
    const auto store = disk_.open();
    const auto transaction = store->begin_write().value();
    const auto table = transaction->open_table("entries", KeyOrder::Bytes).value();
    ASSERT_TRUE(transaction->erase(table, key));
    ASSERT_TRUE(transaction->put(table, new_key, value));
    ASSERT_TRUE(transaction->commit());
  }

  StateOptions options_;
  MemoryDisk disk_;
  std::unique_ptr<StateStore> state_;
  CheckpointPosition position_;  // the position found by the last call of rows()
};

struct Row {
  std::string store, key;
  std::optional<std::string> value;
};

Checkpoint checkpoint(std::vector<Row> rows, int64_t position, std::string scalars = "") {
  const auto kept = std::make_shared<const std::vector<Row>>(std::move(rows));
  Checkpoint made{.task = "q1/0",
                  .removed_ranges = {},
                  .entries = {},
                  .keeps = kept,
                  .position = TaskSequence{position},
                  .scalars = std::move(scalars),
                  .journal_end = {}};
  for (const Row& row : *kept) made.entries.push_back({row.store, row.key, row.value});
  return made;
}

TEST_F(StateStoreTest, a_written_checkpoint_is_loaded_in_order_with_its_position) {
  ASSERT_TRUE(write(checkpoint(
      {{"s2", "b", "2"}, {"s1", "z", "1"}, {"s1", "a", "0"}, {"s1", "", "e"}}, 7, "time=5")));
  open();
  EXPECT_EQ(rows(), (Rows{"s1.=e", "s1.a=0", "s1.z=1", "s2.b=2"}));
  EXPECT_EQ(position_.position, TaskSequence{7});
  EXPECT_EQ(position_.scalars, "time=5");
}

// If any byte of an entry changes, its task gets an error instead of wrong data.
TEST_F(StateStoreTest, a_damaged_entry_is_found) {
  ASSERT_TRUE(write(checkpoint(
      {{"s", "key", "value"}, {"s", "empty", ""}, {"s", std::string(500, 'k'), "v"}}, 1)));
  for (const auto& [key, value] : stored_entries()) {
    const std::string whole = key + value;
    for (size_t at = sizeof(uint32_t); at < whole.size(); ++at) {  // skips the id of the store
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 4);
      replace_entry(key, damaged.substr(0, key.size()), damaged.substr(key.size()));
      open();
      const auto loaded = state_->load_all("q1/0", [](auto, auto, auto) { return Status{}; });
      ASSERT_FALSE(loaded) << at;
      EXPECT_EQ(loaded.error().message, "the state file has a damaged entry in store 1");
      replace_entry(damaged.substr(0, key.size()), key, value);
    }
  }
}

// The store is changed as if a version without checksums had made it.
TEST_F(StateStoreTest, a_store_without_checksums_goes_on_without) {
  ASSERT_TRUE(write(checkpoint({{"s", "a", "1"}}, 1)));
  state_.reset();
  {
    const auto store = disk_.open();
    const auto transaction = store->begin_write().value();
    const TableHandle stores = transaction->open_table("stores", KeyOrder::Bytes).value();
    const std::string key = std::string("q1/0") + '\0' + "s";
    const std::string row(transaction->get(stores, key).value().value());
    ASSERT_TRUE(transaction->put(stores, key, row.substr(0, sizeof(uint32_t))));
    ASSERT_TRUE(transaction->commit());
  }
  const auto [key, value] = stored_entries().front();
  replace_entry(key, key, "1");
  open();
  EXPECT_EQ(rows(), Rows{"s.a=1"});
  ASSERT_TRUE(write(checkpoint({{"s", "b", "2"}, {"t", "c", "3"}}, 2)));
  EXPECT_EQ(rows(), (Rows{"s.a=1", "s.b=2", "t.c=3"}));
  const auto entries = stored_entries();
  EXPECT_EQ(entries[1].second, "2");
  EXPECT_EQ(entries[2].second.size(), 1 + sizeof(uint32_t)) << "a new store has them";
}

TEST_F(StateStoreTest, an_entry_that_is_gone_is_missed) {
  options_.chunk_keys = 3;
  open();
  std::vector<Row> entries;
  for (int i = 0; i < 10; ++i) entries.push_back({"s", std::to_string(i), "v"});
  ASSERT_TRUE(write(checkpoint(entries, 1)));
  ASSERT_TRUE(write(checkpoint({{"s", "3", "new"}, {"s", "4", std::nullopt}, {"s", "x", "y"}}, 2)));
  Checkpoint range = checkpoint({{"s", "7", "again"}}, 3);
  range.removed_ranges.push_back({"s", "6", "9"});
  ASSERT_TRUE(write(std::move(range)));
  open();
  EXPECT_EQ(rows(),
            (Rows{"s.0=v", "s.1=v", "s.2=v", "s.3=new", "s.5=v", "s.7=again", "s.9=v", "s.x=y"}));
  const auto [key, value] = stored_entries()[4];
  {
    const auto store = disk_.open();
    const auto transaction = store->begin_write().value();
    const auto table = transaction->open_table("entries", KeyOrder::Bytes).value();
    ASSERT_TRUE(transaction->erase(table, key));
    ASSERT_TRUE(transaction->commit());
  }
  open();
  const auto loaded = state_->load_all("q1/0", [](auto...) { return Status{}; });
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message, "entries of q1/0 are missing from the state file");
}

TEST_F(StateStoreTest, a_task_without_a_checkpoint_is_empty) {
  EXPECT_EQ(rows("unknown"), Rows{});
  EXPECT_EQ(position_.position, TaskSequence{0});
}

// A drop is one commit, after which the store cannot be found. Its entries are removed later, some per commit, and must
// be gone in the end even if the server stops in between.
TEST_F(StateStoreTest, a_dropped_task_is_unknown_at_once_and_leaves_nothing_behind) {
  for (int cut_at = 0; cut_at < 15; ++cut_at) {
    disk_.set_before_sync({});
    options_.chunk_keys = 10;
    open();
    std::vector<Row> entries;
    for (int i = 0; i < 95; ++i) entries.push_back({"s", std::to_string(i), "v"});
    ASSERT_TRUE(write(checkpoint(entries, 1)));
    std::atomic<int> commits = 0;
    std::atomic<bool> is_cut = false;
    disk_.set_before_sync([&] {
      if (++commits == cut_at) is_cut = true, disk_.drop_unsynced();
    });
    if (drop("q1/")) {
      EXPECT_EQ(rows(), Rows{});
      EXPECT_EQ(state_->task_ids().value(), Rows{});
    }
    while (state_->pending_removals() > 0 && !is_cut) std::this_thread::yield();
    state_.reset();
    disk_.set_before_sync({});
    open();
    ASSERT_TRUE(drop("q1/"));  // removes nothing unless the first drop was interrupted
    // A new task with the same id is not affected by the entries that are still being removed.
    ASSERT_TRUE(write(checkpoint({{"s", "5", "new"}}, 1)));
    EXPECT_EQ(rows(), Rows{"s.5=new"});
    while (state_->pending_removals() > 0) std::this_thread::yield();
    EXPECT_EQ(rows(), Rows{"s.5=new"});
    ASSERT_TRUE(drop("q1/"));
    while (state_->pending_removals() > 0) std::this_thread::yield();
    EXPECT_EQ(entries_left(), 0u) << "cut at commit " << cut_at;
  }
}

// Thousands of queries may have checkpoints to write. Dropping one must not wait for them.
TEST_F(StateStoreTest, a_drop_waits_for_no_checkpoint_that_is_queued) {
  std::promise<void> begun, may_go_on;
  std::mutex mutex;
  std::vector<std::string> order;
  std::promise<void> all;
  const auto note = [&](const std::string& what) {
    std::lock_guard lock(mutex);
    order.push_back(what);
    if (order.size() == 4) all.set_value();
  };
  const auto queue = [&](const std::string& task, std::function<void(Status)> done) {
    Checkpoint queued = checkpoint({{"s", "a", "1"}}, 1);
    queued.task = task;
    EXPECT_TRUE(state_->try_checkpoint(queued, done));
  };
  queue("first/0/0", [&](const Status&) {
    begun.set_value();
    may_go_on.get_future().wait();
    note("first");
  });
  begun.get_future().wait();
  queue("other/0/0", [&](const Status& status) { note(status ? "other" : "other failed"); });
  queue("gone/0/0", [&](const Status& status) {
    note(status || status.error().code != ErrorCode::FencedTask ? "gone was written" : "fenced");
  });
  state_->drop_tasks("gone/", [&](const Status&) { note("dropped"); });
  may_go_on.set_value();
  all.get_future().wait();
  EXPECT_EQ(order, (std::vector<std::string>{"fenced", "first", "dropped", "other"}));
  EXPECT_EQ(state_->task_ids().value(), (Rows{"first/0/0", "other/0/0"}));
}

TEST_F(StateStoreTest, small_checkpoints_share_a_commit_and_each_gets_its_own_answer) {
  constexpr int kTasks = 500;
  std::promise<void> begun, may_go_on, all;
  int answered = 0, refused = 0;  // written only by the writer's thread
  Checkpoint first = checkpoint({}, 1);
  std::function<void(Status)> hold = [&](const Status&) {
    begun.set_value();
    may_go_on.get_future().wait();
  };
  ASSERT_TRUE(state_->try_checkpoint(first, hold));
  begun.get_future().wait();
  std::atomic<int> commits = 0;
  disk_.set_before_sync([&] { ++commits; });
  for (int i = 0; i < kTasks; ++i) {
    Checkpoint small = checkpoint({{"s", "k", std::to_string(i)}}, 7);
    small.task = i == 3 ? "" : "q" + std::to_string(i) + "/0/0";
    std::function<void(Status)> done = [&](const Status& status) {
      refused += !status;
      if (++answered == kTasks) all.set_value();
    };
    ASSERT_TRUE(state_->try_checkpoint(small, done));
  }
  may_go_on.set_value();
  all.get_future().wait();
  EXPECT_EQ(refused, 1) << "the one without a name";
  EXPECT_LT(commits, 5);
  EXPECT_EQ(rows("q499/0/0"), Rows{"s.k=499"});
  EXPECT_EQ(position_.position, TaskSequence{7});
  disk_.set_before_sync({});
}

TEST_F(StateStoreTest, remembers_how_much_of_each_journal_it_contains) {
  EXPECT_TRUE(state_->journal_ends().value().empty());
  Checkpoint last = checkpoint({{"s", "a", "1"}}, 1);
  last.journal_end = {PartitionId{3}, Offset{17}};
  ASSERT_TRUE(write(std::move(last)));
  for (const int64_t end : {5, 9}) {
    Checkpoint alone;
    alone.journal_end = {PartitionId{4}, Offset{end}};
    ASSERT_TRUE(write(std::move(alone)));
  }
  open();
  EXPECT_EQ(state_->journal_ends().value(),
            (StateStore::JournalEnds{{PartitionId{3}, Offset{17}}, {PartitionId{4}, Offset{9}}}));
  EXPECT_EQ(state_->position_of("q1/0").value().position, TaskSequence{1});
  EXPECT_EQ(state_->position_of("other").value().position, TaskSequence{0});
  Checkpoint nameless = checkpoint({{"s", "a", "1"}}, 1);
  nameless.task.clear();
  nameless.journal_end = {PartitionId{3}, Offset{18}};
  EXPECT_FALSE(write(std::move(nameless)));
}

TEST_F(StateStoreTest, tasks_can_be_listed) {
  ASSERT_TRUE(write(checkpoint({{"s1", "a", "1"}, {"s2", "a", "1"}}, 1)));
  Checkpoint scalars_only = checkpoint({}, 1, "time=5");
  scalars_only.task = "q0/0";
  ASSERT_TRUE(write(std::move(scalars_only)));
  EXPECT_EQ(state_->task_ids().value(), (Rows{"q0/0", "q1/0"}));
  ASSERT_TRUE(drop("q1/"));
  EXPECT_EQ(state_->task_ids().value(), Rows{"q0/0"});
}

TEST_F(StateStoreTest, later_checkpoints_overwrite_delete_and_remove_ranges_first) {
  ASSERT_TRUE(
      write(checkpoint({{"s", "a", "1"}, {"s", "b", "1"}, {"s", "c", "1"}, {"s", "d", "1"}}, 1)));
  Checkpoint second =
      checkpoint({{"s", "a", std::nullopt}, {"s", "b", "2"}, {"s", "nothing", std::nullopt}}, 2);
  second.removed_ranges.push_back({"s", "b", "d"});
  ASSERT_TRUE(write(std::move(second)));
  EXPECT_EQ(rows(), (Rows{"s.b=2", "s.d=1"}));
  EXPECT_EQ(position_.position, TaskSequence{2});
}

TEST_F(StateStoreTest, a_range_without_an_end_empties_one_store_only) {
  ASSERT_TRUE(write(checkpoint({{"s1", "a", "1"}, {"s1", "\xff\xff", "1"}, {"s2", "a", "1"}}, 1)));
  Checkpoint second = checkpoint({}, 2);
  second.removed_ranges.push_back({"s1", "", ""});
  ASSERT_TRUE(write(std::move(second)));
  EXPECT_EQ(rows(), (Rows{"s2.a=1"}));
}

// The journal may have been trimmed up to the stored position. If the position decreased, there would be a gap.
TEST_F(StateStoreTest, a_position_never_goes_back) {
  ASSERT_TRUE(write(checkpoint({{"s", "a", "1"}}, 3, "time=3")));
  ASSERT_TRUE(write(checkpoint({{"s", "a", "2"}}, 7, "time=7")));
  // Writes the first part of a checkpoint of the next owner, which had read position 3.
  ASSERT_TRUE(write(checkpoint({{"s", "a", "3"}}, 3, "time=3")));
  EXPECT_EQ(rows(), Rows{"s.a=3"});
  EXPECT_EQ(position_.position, TaskSequence{7});
  EXPECT_EQ(position_.scalars, "time=7");
  Checkpoint large = checkpoint({}, 3, "time=3");  // takes the path of large checkpoints
  large.removed_ranges.push_back({"s", "b", "c"});
  ASSERT_TRUE(write(std::move(large)));
  open();
  rows();
  EXPECT_EQ(position_.position, TaskSequence{7});
  EXPECT_EQ(position_.scalars, "time=7");
  ASSERT_TRUE(write(checkpoint({}, 8, "time=8")));
  rows();
  EXPECT_EQ(position_.position, TaskSequence{8});
  ASSERT_TRUE(drop("q1/"));
  ASSERT_TRUE(write(checkpoint({}, 1)));
  rows();
  EXPECT_EQ(position_.position, TaskSequence{1}) << "another task under the same id";
}

TEST_F(StateStoreTest, many_keys_go_in_chunks_and_come_back_whole) {
  options_.chunk_keys = 10;
  open();
  std::vector<Row> entries;
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 95; ++i) {
    const std::string key = std::to_string(i * 7919 % 1000);
    entries.push_back({"s", key, key + "!"});
    expected[key] = key + "!";
  }
  ASSERT_TRUE(write(checkpoint(entries, 1)));
  Rows all;
  for (const auto& [key, value] : expected) all.push_back("s." + key + "=" + value);
  EXPECT_EQ(rows(), all);
  Checkpoint clear = checkpoint({}, 2);
  clear.removed_ranges.push_back({"s", "", ""});
  ASSERT_TRUE(write(std::move(clear)));
  EXPECT_EQ(rows(), Rows{});
}

// LMDB's keys have at most 511 bytes; keys of rows may be longer.
TEST_F(StateStoreTest, long_keys_that_begin_alike_stay_apart) {
  const std::string stem(450, 'k');
  const std::string at_the_limit(400, 'k'), just_above(401, 'k');
  ASSERT_TRUE(write(checkpoint({{"s", stem + "1", "one"},
                                {"s", stem + "2", "two"},
                                {"s", stem + std::string(100'000, 'x'), "long"},
                                {"s", at_the_limit, "400"},
                                {"s", just_above, "401"},
                                {"s", std::string(416, 'k'), "416"}},
                               1)));
  ASSERT_TRUE(write(checkpoint(
      {{"s", stem + "2", "TWO"}, {"s", stem + std::string(100'000, 'x'), std::nullopt}}, 2)));
  Rows found = rows();
  std::ranges::sort(found);
  Rows expected = {"s." + at_the_limit + "=400", "s." + just_above + "=401",
                   "s." + std::string(416, 'k') + "=416", "s." + stem + "1=one",
                   "s." + stem + "2=TWO"};
  std::ranges::sort(expected);
  EXPECT_EQ(found, expected);
}

TEST_F(StateStoreTest, a_range_cuts_exactly_between_long_keys) {
  const std::string stem(450, 'k');
  std::vector<Row> entries;
  for (char last = 'a'; last <= 'j'; ++last) entries.push_back({"s", stem + last, "v"});
  entries.push_back({"s", "kk", "short"});
  entries.push_back({"s", "z", "after"});
  ASSERT_TRUE(write(checkpoint(entries, 1)));
  Checkpoint second = checkpoint({}, 2);
  second.removed_ranges.push_back({"s", stem + "c", stem + "h"});
  ASSERT_TRUE(write(std::move(second)));
  Rows found = rows();
  std::ranges::sort(found);
  Rows expected = {"s.kk=short", "s.z=after"};
  for (const char* last : {"a", "b", "h", "i", "j"}) expected.push_back("s." + stem + last + "=v");
  std::ranges::sort(expected);
  EXPECT_EQ(found, expected);
}

TEST_F(StateStoreTest, dropping_tasks_takes_all_of_theirs_and_nothing_else) {
  ASSERT_TRUE(write(checkpoint({{"s", "a", "1"}}, 1)));
  Checkpoint other = checkpoint({{"s", "b", "2"}}, 1);
  other.task = "q10/0";
  ASSERT_TRUE(write(std::move(other)));
  ASSERT_TRUE(drop("q1/"));
  EXPECT_EQ(rows(), Rows{});
  EXPECT_EQ(position_.position, TaskSequence{0});
  EXPECT_EQ(rows("q10/0"), Rows{"s.b=2"});
  ASSERT_TRUE(drop("q1/"));
  ASSERT_TRUE(write(checkpoint({{"s", "c", "3"}}, 1)));
  EXPECT_EQ(rows(), Rows{"s.c=3"});
  EXPECT_FALSE(drop(""));
}

// A checkpoint is written in several transactions (chunks), and only the last one sets the position. A power cut leaves
// newer entries with the old position. The journal from this position on writes the same values again.
TEST_F(StateStoreTest, a_power_cut_between_chunks_leaves_the_old_position) {
  options_.chunk_keys = 1;
  open();
  ASSERT_TRUE(write(checkpoint({{"s", "a", "1"}, {"s", "b", "1"}}, 1)));
  int commits = 0;
  disk_.set_before_sync([&] {
    // The first commit writes the names of the stores, the second entry a, and the third entry b.
    if (++commits == 3) disk_.drop_unsynced();
  });
  EXPECT_FALSE(write(checkpoint({{"s", "a", "2"}, {"s", "b", "2"}}, 2)));
  disk_.set_before_sync({});
  open();
  EXPECT_EQ(rows(), (Rows{"s.a=2", "s.b=1"}));
  EXPECT_EQ(position_.position, TaskSequence{1});
}

// A range may hold millions of keys. The journal has the contents of the unfinished checkpoint.
TEST_F(StateStoreTest, a_stop_waits_for_one_chunk_and_not_for_a_checkpoint) {
  constexpr int kKeys = 2000;
  std::vector<Row> entries;
  for (int i = 0; i < kKeys; ++i) entries.push_back({"s", std::to_string(i), "v"});
  Checkpoint emptied = checkpoint({}, 2);
  emptied.removed_ranges.push_back({"s", "", ""});
  for (Checkpoint& large : std::array{emptied, checkpoint(entries, 2)}) {
    options_.chunk_keys = 5000;
    open();
    ASSERT_TRUE(write(checkpoint(entries, 1)));
    options_.chunk_keys = 1;
    open();
    std::promise<void> begun;
    std::atomic<int> commits = 0;
    disk_.set_before_sync([&] {
      if (++commits == 3) begun.set_value();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
    std::promise<Status> answer;
    std::function<void(Status)> done = [&](Status status) { answer.set_value(std::move(status)); };
    ASSERT_TRUE(state_->try_checkpoint(large, done));
    begun.get_future().wait();
    state_.reset();
    EXPECT_LT(commits, kKeys);
    EXPECT_EQ(answer.get_future().get().error().code, ErrorCode::ShuttingDown);
    disk_.set_before_sync({});
    open();
    rows();
    EXPECT_EQ(position_.position, TaskSequence{1});
    ASSERT_TRUE(drop("q1/"));
  }
}

TEST_F(StateStoreTest, a_full_disk_fails_the_checkpoint_and_the_next_one_passes) {
  ASSERT_TRUE(write(checkpoint({{"s", "a", "1"}}, 1)));
  disk_.set_capacity(200);
  EXPECT_EQ(write(checkpoint({{"s", "a", std::string(500, 'x')}}, 2)).error().code,
            ErrorCode::DiskFull);
  disk_.set_capacity(2000);
  ASSERT_TRUE(write(checkpoint({{"s", "a", std::string(500, 'x')}}, 2)));
  rows();
  EXPECT_EQ(position_.position, TaskSequence{2});
}

// The write of the page that publishes a commit fails: the contents of the disk are unknown, and the store refuses all
// further writes.
TEST_F(StateStoreTest, after_a_commit_with_an_unknown_outcome_the_file_is_opened_again) {
  ASSERT_TRUE(write(checkpoint({{"s", "a", "1"}}, 1)));
  Checkpoint other = checkpoint({{"s", "a", "1"}}, 1);
  other.task = "q2/0";
  ASSERT_TRUE(write(std::move(other)));
  disk_.set_before_sync([&] { disk_.drop_unsynced(); });
  EXPECT_EQ(write(checkpoint({{"s", "a", "2"}}, 2)).error().code, ErrorCode::StorageFailure);
  EXPECT_FALSE(write(checkpoint({{"s", "a", "2"}}, 2))) << "opened again, and failed again";
  disk_.set_before_sync({});
  ASSERT_TRUE(write(checkpoint({{"s", "a", "2"}, {"new", "b", "3"}}, 2)));
  EXPECT_EQ(rows(), (Rows{"new.b=3", "s.a=2"}));
  EXPECT_EQ(position_.position, TaskSequence{2});
  ASSERT_TRUE(drop("q2/"));
  EXPECT_EQ(rows("q2/0"), Rows{});
  open();
  EXPECT_EQ(rows(), (Rows{"new.b=3", "s.a=2"}));
}

TEST_F(StateStoreTest, names_that_do_not_fit_are_refused) {
  Checkpoint nameless = checkpoint({{"s", "a", "1"}}, 1);
  nameless.task = "";
  EXPECT_EQ(write(std::move(nameless)).error().code, ErrorCode::InvalidParameter);
  EXPECT_EQ(
      write(checkpoint({{std::string(kMaxStoreNameSize + 1, 's'), "a", "1"}}, 1)).error().code,
      ErrorCode::InvalidParameter);
}

// The state must accept every task id that the log accepts. Otherwise the journal of such a task would
// grow without end.
TEST_F(StateStoreTest, the_longest_names_fit) {
  const std::string task(kMaxTaskIdSize, 't'), store(kMaxStoreNameSize, 's');
  Checkpoint longest = checkpoint({{store, "a", "1"}}, 1);
  longest.task = task;
  ASSERT_TRUE(write(longest));
  EXPECT_EQ(rows(task), Rows{store + ".a=1"});
  longest.task += 't';
  EXPECT_EQ(write(std::move(longest)).error().code, ErrorCode::InvalidParameter);
}

TEST(StateStore, a_file_of_another_log_is_refused) {
  const ScratchDirectory directory;
  StateOptions options{.map_size_bytes = 64 << 20, .log_instance = Uuid::random()};
  ASSERT_TRUE(StateStore::open(directory.path(), options));
  ASSERT_TRUE(StateStore::open(directory.path(), options));
  options.log_instance = Uuid::random();
  const auto other = StateStore::open(directory.path(), options);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::IncompatibleFormat);
}

}  // namespace
}  // namespace storage
