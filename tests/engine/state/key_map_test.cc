#include "engine/state/key_map.h"

#include <unordered_map>

#include "base/random.h"

namespace engine {
namespace {

TEST(KeyMap, an_empty_one_has_nothing) {
  KeyMap<int> map;
  EXPECT_EQ(map.find("a"), nullptr);
  EXPECT_FALSE(map.erase("a"));
  EXPECT_FALSE(map.erase_some());
  EXPECT_EQ(map.size(), 0u);
}

TEST(KeyMap, behaves_like_a_plain_map_at_any_size) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    Random random(seed);
    KeyMap<uint64_t> map;
    std::unordered_map<std::string, uint64_t> naive;
    for (uint64_t step = 0; step < 40'000; ++step) {
      const std::string key = std::to_string(random.next() % 20'000);
      if (random.next() % 4 == 0) {
        ASSERT_EQ(map.erase(key), naive.erase(key) == 1);
      } else {
        const auto [entry, is_new] = map.try_emplace(key);
        ASSERT_EQ(is_new, naive.try_emplace(key).second);
        entry->second = naive[key] = step;
      }
      ASSERT_EQ(map.size(), naive.size());
    }
    size_t seen = 0;
    map.for_each([&](const KeyMap<uint64_t>::Entry& entry) {
      ++seen;
      EXPECT_EQ(naive.at(entry.first), entry.second);
    });
    EXPECT_EQ(seen, naive.size());
    for (const auto& [key, value] : naive) {
      ASSERT_NE(map.find(key), nullptr) << key << ", seed " << seed;
      EXPECT_EQ(map.find(key)->second, value);
    }
  }
}

TEST(KeyMap, entries_stay_where_they_are_while_it_grows) {
  KeyMap<int> map;
  std::vector<KeyMap<int>::Entry*> entries;
  for (int i = 0; i < 10'000; ++i) entries.push_back(map.try_emplace(std::to_string(i)).first);
  for (int i = 0; i < 10'000; ++i)
    EXPECT_EQ(map.find(std::to_string(i)), entries[static_cast<size_t>(i)]);
}

// An insertion into a map of millions of entries must not block the loop for long: it moves the
// entries of one small table at most.
TEST(HashIndex, one_insertion_moves_few_entries_however_many_there_are) {
  std::vector<std::string> keys(100'000);
  HashIndex<std::string> index;
  for (size_t i = 0; i < keys.size(); ++i) {
    keys[i] = "key " + std::to_string(i);
    index.insert(index.hash_of(keys[i]), &keys[i]);
    if (i % 5'000 != 0) continue;
    EXPECT_LT(index.largest_table(), 2'500u) << "with " << i << " keys";
  }
}

TEST(HashIndex, prefetching_finds_only_stored_keys) {
  HashIndex<const std::string> index;
  std::vector<uint32_t> hashes;
  for (const std::string_view key : {"k7", "none", "k4999", ""})
    hashes.push_back(index.hash_of(key));
  std::array<const std::string*, 4> found;
  index.prefetch(hashes, found);
  EXPECT_EQ(found, (std::array<const std::string*, 4>{}));
  std::vector<std::string> keys;
  for (int i = 0; i < 5'000; ++i) keys.push_back("k" + std::to_string(i));
  for (const std::string& key : keys) index.insert(index.hash_of(key), &key);
  index.prefetch(hashes, found);
  EXPECT_EQ(found[0], &keys[7]);
  EXPECT_EQ(found[1], nullptr);
  EXPECT_EQ(found[2], &keys[4'999]);
  EXPECT_EQ(found[3], nullptr);
}

TEST(KeyMap, can_be_let_go_of_in_steps_and_used_in_between) {
  KeyMap<int> map;
  for (int i = 0; i < 20'000; ++i) map.try_emplace(std::to_string(i));
  size_t before = map.size();
  int steps = 0;
  while (map.erase_some()) {
    EXPECT_LT(before - map.size(), 2'500u);
    before = map.size();
    ++steps;
    if (steps == 5) {
      map.try_emplace("new");
      EXPECT_NE(map.find("new"), nullptr);
      before = map.size();
    }
  }
  EXPECT_GT(steps, 10);
  EXPECT_EQ(map.size(), 0u);
  size_t seen = 0;
  map.for_each([&](const auto&) { ++seen; });
  EXPECT_EQ(seen, 0u);
}

}  // namespace
}  // namespace engine
