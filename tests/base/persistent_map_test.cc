#include "base/persistent_map.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <string>

namespace {

TEST(PersistentMap, copies_keep_their_contents) {
  PersistentMap<std::string, int> map;
  map.set("a", 1);
  map.set("b", 2);
  const PersistentMap<std::string, int> before = map;
  map.set("a", 10);
  map.erase(std::string("b"));
  map.set("c", 3);
  EXPECT_EQ(before.at("a"), 1);
  EXPECT_TRUE(before.contains("b"));
  EXPECT_FALSE(before.contains("c"));
  EXPECT_EQ(map.at("a"), 10);
  EXPECT_EQ(map.size(), 2u);
  EXPECT_FALSE(map.erase("b"));
}

TEST(PersistentMap, behaves_like_an_ordinary_map) {
  std::mt19937 random(7);
  PersistentMap<int, int> map;
  std::map<int, int> model;
  for (int step = 0; step < 20'000; ++step) {
    const int key = static_cast<int>(random() % 500);
    if (random() % 3 == 0) {
      EXPECT_EQ(map.erase(key), model.erase(key) == 1);
    } else {
      map.set(key, step);
      model[key] = step;
    }
    if (step % 500 != 0) continue;
    ASSERT_EQ(map.size(), model.size());
    ASSERT_TRUE(std::equal(map.begin(), map.end(), model.begin(), model.end()));
    const auto from = map.lower_bound(key);
    const auto expected = model.lower_bound(key);
    ASSERT_EQ(from == map.end(), expected == model.end());
    if (expected != model.end()) {
      ASSERT_EQ(from->first, expected->first);
      ASSERT_EQ(std::distance(from, map.end()), std::distance(expected, model.end()));
    }
  }
}

// In a tree that is not balanced, this test would take minutes and exceed the stack.
TEST(PersistentMap, stays_flat_when_keys_come_in_order) {
  PersistentMap<int, int> map;
  constexpr int kMany = 100'000;
  for (int i = 0; i < kMany; ++i) map.set(i, i);
  for (int i = 0; i < kMany - 1; ++i) map.erase(i);
  EXPECT_EQ(map.size(), 1u);
  EXPECT_EQ(map.begin()->first, kMany - 1);
}

}  // namespace
