#include "storage/state/state_reader.h"

#include <future>
#include <map>

#include "base/random.h"
#include "storage/kv/memory_store.h"
#include "storage/state/state_store.h"

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
  // In steps of so many entries.
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
  // Some keys are cut, and begin alike.
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

TEST_F(StateReaderTest, a_turn_sees_what_was_there_when_it_began) {
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

}  // namespace
}  // namespace storage
