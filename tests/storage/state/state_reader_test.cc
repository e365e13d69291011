#include "storage/state/state_reader.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <optional>
#include <thread>

#include "base/random.h"
#include "storage/kv/bus_error.h"
#include "storage/kv/memory_store.h"
#include "storage/state/state_store.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

class StateReaderTest : public testing::Test {
 protected:
  using Content = std::map<std::string, std::string>;

  Status write(const std::string& task, const Content& entries, int64_t position,
               const std::vector<std::string>& deleted = {}) {
    Checkpoint checkpoint;
    checkpoint.task = task;
    for (const auto& [key, value] : entries) checkpoint.entries.push_back({"s", key, value});
    for (const std::string& key : deleted) checkpoint.entries.push_back({"s", key, std::nullopt});
    checkpoint.position = TaskSequence{position};
    std::promise<Status> answer;
    std::function<void(Status)> done = [&](Status status) { answer.set_value(std::move(status)); };
    EXPECT_TRUE(state_->try_checkpoint(checkpoint, done));
    return answer.get_future().get();
  }
  // Scans the store, at most `step` entries at a time.
  Content scanned(StateReader& reader, const StoreRow& store, size_t step) {
    Content content;
    std::string place;
    bool is_more = true;
    while (is_more) {
      size_t left = step;
      is_more = reader
                    .scan(store, place,
                          [&](std::string_view key, std::string_view value) {
                            EXPECT_TRUE(content.emplace(key, value).second) << "twice: " << key;
                            return --left > 0;
                          })
                    .value();
    }
    return content;
  }

  MemoryDisk disk_;
  std::unique_ptr<StateStore> state_ =
      StateStore::open([this] { return disk_.open(); }, {}).value();
};

TEST_F(StateReaderTest, entries_are_found_one_by_one_and_in_steps) {
  Random random(7);
  Content content;
  // Some keys are so long that they are shortened, and have the same beginning.
  for (int i = 0; i < 300; ++i)
    content[std::string(i % 3 == 0 ? 450 : 3, 'k') + std::to_string(random.next() % 1000)] =
        std::to_string(i);
  ASSERT_TRUE(write("q/0/0", content, 1));
  ASSERT_TRUE(write("q/0/1", {{"other", "task"}}, 1));
  const auto reader = state_->open_reader();
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_FALSE(reader->find_store("q/0/0", "t").value());
  const StoreRow store = reader->find_store("q/0/0", "s").value().value();
  EXPECT_EQ(store.content.count, content.size());
  for (const auto& [key, value] : content) EXPECT_EQ(reader->get(store, key).value(), value);
  for (const std::string& key : {std::string("other"), std::string(450, 'k'), std::string()})
    EXPECT_EQ(reader->get(store, key).value(), std::nullopt);
  for (const size_t step : {1, 7, 1000}) EXPECT_EQ(scanned(*reader, store, step), content);
  reader->end_turn();
}

TEST_F(StateReaderTest, a_turn_sees_the_state_at_its_beginning) {
  ASSERT_TRUE(write("q/0/0", {{"a", "1"}, {"b", "1"}}, 1));
  const auto reader = state_->open_reader();
  ASSERT_TRUE(reader->begin_turn());
  const StoreRow store = reader->find_store("q/0/0", "s").value().value();
  ASSERT_TRUE(write("q/0/0", {{"a", "2"}, {"c", "2"}}, 2, {"b"}));
  EXPECT_EQ(scanned(*reader, store, 1), (Content{{"a", "1"}, {"b", "1"}}));
  reader->end_turn();
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(reader->find_store("q/0/0", "s").value()->content.count, 2u);
  EXPECT_EQ(scanned(*reader, store, 1), (Content{{"a", "2"}, {"c", "2"}}));
  reader->end_turn();
}

// A state file of three tasks, which is damaged at a new place each time. One wrong bit of a page can hide one entry
// or half of the page: in the page's header, in the positions of its entries, or in their keys.
class DamagedState : public testing::Test {
 protected:
  static constexpr size_t kPageSize = 4096, kFlagsAt = 10;
  DamagedState() {
    report_bus_errors();
    for (int i = 0; i < 400; ++i) content_["key " + std::to_string(i * 7919 % 10'007)] = "value";
    const ScratchDirectory original;
    {
      const auto state = StateStore::open(original.path(), {}).value();
      for (const std::string task : {"q/0/0", "q/0/1", "q/0/2"})
        EXPECT_TRUE(write(*state, task, 1));
    }
    const std::string file = original.path() + "/state.mdb";
    bytes_.resize(std::filesystem::file_size(file));
    std::ifstream(file, std::ios::binary)
        .read(bytes_.data(), static_cast<std::streamsize>(bytes_.size()));
    for (size_t page = 2; page < bytes_.size() / kPageSize; ++page)
      if (bytes_[page * kPageSize + kFlagsAt] == 2) leaves_.push_back(page);
  }
  // Writes all of the content, or its removal.
  Status write(StateStore& state, const std::string& task, int64_t position,
               bool is_removal = false) {
    Checkpoint checkpoint;
    checkpoint.task = task;
    for (const auto& [key, value] : content_)
      checkpoint.entries.push_back(
          {"s", key, is_removal ? std::nullopt : std::optional<std::string_view>(value)});
    checkpoint.position = TaskSequence{position};
    std::promise<Status> answer;
    std::function<void(Status)> done = [&](const Status& status) { answer.set_value(status); };
    EXPECT_TRUE(state.try_checkpoint(checkpoint, done));
    return answer.get_future().get();
  }
  // Checks that each value that the reader finds is correct.
  void check(StateStore& state, const std::string& task) {
    const auto reader = state.open_reader();
    if (!reader->begin_turn()) return;
    const auto store = reader->find_store(task, "s");
    if (store && *store)
      for (const auto& [key, value] : content_)
        if (const auto got = reader->get(**store, key)) {
          ASSERT_EQ(*got, value) << task << ", " << key;
        }
    reader->end_turn();
  }

  std::map<std::string, std::string> content_;
  std::string bytes_;
  std::vector<size_t> leaves_;
};

// LMDB merges a page that becomes empty with its neighbours.
TEST_F(DamagedState, pages_beside_a_damaged_one_are_removed_without_harm) {
  int failures = 0;
  for (const size_t page : leaves_)
    for (const std::string& instead :
         {std::string(kPageSize, '\0'), bytes_.substr(leaves_.front() * kPageSize, kPageSize)}) {
      const ScratchDirectory copy;
      std::string damaged = bytes_;
      damaged.replace(page * kPageSize, kPageSize, instead);
      std::ofstream(copy.path() + "/state.mdb", std::ios::binary) << damaged;
      const auto state = StateStore::open(copy.path(), {});
      if (!state) continue;
      failures += !write(**state, "q/0/0", 2, true);
      std::promise<Status> dropped;
      (*state)->drop_tasks("q/0/1", [&](Status status) { dropped.set_value(std::move(status)); });
      failures += !dropped.get_future().get();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // leaves time for the removal
      failures += !write(**state, "r/0/0", 1);
      check(**state, "q/0/2");
      check(**state, "r/0/0");
    }
  EXPECT_GT(failures, 0) << "nothing was damaged";
}

TEST_F(DamagedState, entries_that_are_hidden_are_missed) {
  Random random(11);
  int found_damages = 0;
  for (int round = 0; round < 600; ++round) {
    // In every second round, the wrong bit is among the first 100 bytes of the page: the header and the positions.
    const size_t at = leaves_[random.next() % leaves_.size()] * kPageSize +
                      random.next() % (round % 2 == 0 ? 100 : kPageSize);
    const ScratchDirectory copy;
    std::string damaged = bytes_;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.next() % 8));
    std::ofstream(copy.path() + "/state.mdb", std::ios::binary) << damaged;
    const auto state = StateStore::open(copy.path(), {});
    if (!state) {
      ++found_damages;
      continue;
    }
    const auto reader = (*state)->open_reader();
    if (!reader->begin_turn()) continue;
    bool is_found = false;
    const auto store = reader->find_store("q/0/1", "s");
    // The table of stores is small and has no checksums; other checks find damage there.
    if (!store || !*store || (*store)->format != StoreFormat::Checked ||
        (*store)->content.count != content_.size())
      continue;
    std::map<std::string, std::string> seen;
    std::string place;
    const auto scanned = reader->scan(**store, place, [&](auto key, auto value) {
      seen.emplace(key, value);
      return true;
    });
    is_found |= !scanned;
    if (scanned) {
      ASSERT_EQ(seen, content_) << "round " << round << ", byte " << at;
    }
    for (const auto& [key, value] : content_) {
      const auto got = reader->get(**store, key);
      is_found |= !got;
      if (got) {
        ASSERT_EQ(*got, value) << "round " << round << ", byte " << at << ", " << key;
      }
    }
    found_damages += is_found;
    reader->end_turn();
  }
  EXPECT_GT(found_damages, 50);
}

}  // namespace
}  // namespace storage
