#include "engine/state/row_store.h"

#include <algorithm>
#include <map>

#include "base/random.h"

namespace engine {
namespace {

using Rows = std::map<std::string, std::pair<std::string, int64_t>>;

Rows rows_of(const RowStore& store) {
  Rows rows;
  store.for_each([&](std::string_view key, const RowStore::Row& row) {
    rows[std::string(key)] = {row.bytes, row.timestamp};
  });
  return rows;
}

std::vector<StateEntry> changes_of(RowStore& store) {
  std::vector<StateEntry> changes;
  store.take_changes(3, changes);
  std::ranges::sort(changes, {}, &StateEntry::key);
  return changes;
}

void restore(RowStore& store, const std::vector<StateEntry>& entries) {
  for (const StateEntry& entry : entries) ASSERT_TRUE(store.restore(entry));
}

TEST(RowStore, gives_back_the_row_that_was_there_before) {
  RowStore store;
  EXPECT_FALSE(store.put("a", {"one", 1}));
  const auto before = store.put("a", {"two", 2});
  ASSERT_TRUE(before);
  EXPECT_EQ(before->bytes, "one");
  EXPECT_EQ(before->timestamp, 1);
  const auto erased = store.erase("a");
  ASSERT_TRUE(erased);
  EXPECT_EQ(erased->bytes, "two");
  EXPECT_EQ(store.find("a"), nullptr);
  EXPECT_FALSE(store.erase("a"));
}

TEST(RowStore, changes_are_absolute_and_told_once) {
  RowStore store;
  store.put("kept", {"1", 1});
  store.put("kept", {"2", 2});
  store.put("gone", {"3", 3});
  store.erase("gone");
  store.erase("never there");
  const std::vector<StateEntry> changes = changes_of(store);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].kind, StateEntry::Kind::Delete);
  EXPECT_EQ(changes[0].key, "gone");
  EXPECT_EQ(changes[1].kind, StateEntry::Kind::Put);
  EXPECT_EQ(changes[1].store, 3u);
  EXPECT_TRUE(changes_of(store).empty());
}

TEST(RowStore, what_is_restored_is_not_a_change) {
  RowStore store, copy;
  store.put("a", {"row", -5});
  restore(copy, changes_of(store));
  EXPECT_EQ(rows_of(copy), rows_of(store));
  EXPECT_TRUE(changes_of(copy).empty());
}

TEST(RowStore, refuses_entries_that_cannot_be_its_own) {
  RowStore store;
  EXPECT_FALSE(store.restore({0, StateEntry::Kind::Put, "a", ""}));
  EXPECT_FALSE(store.restore({0, StateEntry::Kind::DeleteBelow, "a", ""}));
  EXPECT_EQ(store.size(), 0u);
}

// What a task does: some changes, then their entries into the journal. At any time the entries give
// the same rows, also when some of them are applied again.
TEST(RowStore, its_journal_gives_the_same_rows_whatever_happened) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    RowStore store, copy;
    Rows naive;
    std::vector<StateEntry> journal;
    for (int step = 0; step < 500; ++step) {
      const std::string key(random.next() % 3, static_cast<char>('a' + random.next() % 4));
      if (random.next() % 3 == 0) {
        EXPECT_EQ(store.erase(key).has_value(), naive.erase(key) == 1);
      } else {
        const std::string bytes = std::to_string(random.next() % 10);
        store.put(key, {bytes, step});
        naive[key] = {bytes, step};
      }
      if (random.next() % 20 == 0) store.take_changes(0, journal);
    }
    store.take_changes(0, journal);
    ASSERT_EQ(rows_of(store), naive) << "seed " << seed;
    restore(copy, journal);
    EXPECT_EQ(rows_of(copy), naive) << "seed " << seed;
    const size_t from = random.next() % journal.size();
    restore(copy, {journal.begin() + static_cast<ptrdiff_t>(from), journal.end()});
    EXPECT_EQ(rows_of(copy), naive) << "seed " << seed << ", again from entry " << from;
  }
}

}  // namespace
}  // namespace engine
