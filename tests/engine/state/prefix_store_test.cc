// Tests look-ups by prefix: the rows are in the order of their keys, and long keys are distinguished.
// range_store_test.cc tests the store that PrefixStore uses.
#include "engine/state/prefix_store.h"

#include <gtest/gtest.h>

#include <map>

namespace engine {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

Rows rows_of(PrefixStore& store, std::string_view prefix, size_t at_once) {
  Rows rows;
  std::string from;
  for (bool has_more = true; has_more;) {
    PrefixStore::Loose loose;
    const auto take = [&](std::string_view place, std::string_view value) {
      rows.emplace_back(place, value);
      from = PrefixStore::after_place(place);
      return true;
    };
    const auto more = store.visit(prefix, from, at_once, loose, take);
    EXPECT_TRUE(more) << more.error().message;
    has_more = more && *more;
  }
  return rows;
}

TEST(PrefixStore, gives_the_rows_of_one_prefix_in_the_order_of_their_keys) {
  PrefixStore store;
  ASSERT_TRUE(store.put("a", "2", "two"));
  ASSERT_TRUE(store.put("ab", "0", "of another"));
  ASSERT_TRUE(store.put("a", "10", "ten"));
  ASSERT_TRUE(store.put("a", "", "none"));
  ASSERT_TRUE(store.put("a", "2", "zwei"));
  EXPECT_EQ(rows_of(store, "a", 1), (Rows{{"", "none"}, {"10", "ten"}, {"2", "zwei"}}));
  EXPECT_EQ(rows_of(store, "", 10), Rows());
  EXPECT_TRUE(*store.erase("a", "10"));
  EXPECT_FALSE(*store.erase("a", "10"));
  EXPECT_FALSE(*store.erase("b", "2"));
  EXPECT_EQ(rows_of(store, "a", 10), (Rows{{"", "none"}, {"2", "zwei"}}));
}

// Keys of any length are distinguished, even if they differ only after the part by which they are
// ordered.
TEST(PrefixStore, long_keys_and_prefixes_are_distinguished) {
  PrefixStore store;
  std::map<std::string, std::string> expected;
  for (const size_t size : {100u, 159u, 160u, 175u, 176u, 177u, 1000u})
    for (const char last : {'a', 'b', '\xff'}) {
      const std::string key = std::string(size, '\xff') + last;
      ASSERT_TRUE(store.put(key, key, std::to_string(size) + last));
      EXPECT_EQ(rows_of(store, key, 1).size(), 1u) << size;
      ASSERT_TRUE(store.put("all", key, "x"));
      expected[key] = "x";
    }
  EXPECT_EQ(rows_of(store, "all", 2).size(), expected.size());
}

}  // namespace
}  // namespace engine
