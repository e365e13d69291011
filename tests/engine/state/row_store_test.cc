#include "engine/state/row_store.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/random.h"
#include "engine/testing/memory_checkpoints.h"
#include "tests/engine/state/kept_changes.h"

namespace engine {
namespace {

using Rows = std::map<std::string, std::pair<std::string, int64_t>>;

Rows rows_of(RowStore& store) {
  Rows rows;
  const StoreScanPtr scan = store.begin_scan();
  RowStore::Loose loose;
  const auto show = [&](std::string_view key, const RowStore::Row& row) {
    rows[std::string(key)] = {row.bytes, row.timestamp};
    return true;
  };
  while (store.scan(*scan, SIZE_MAX, loose, show).value()) continue;
  return rows;
}

std::vector<StateEntry> changes_of(RowStore& store) {
  static KeptChanges kept;
  std::vector<StateEntry> changes = kept.take(store, 3);
  std::ranges::stable_sort(changes, {}, &StateEntry::key);
  return changes;
}

void restore(RowStore& store, const std::vector<StateEntry>& entries) {
  for (const StateEntry& entry : entries) ASSERT_TRUE(store.restore(entry, 0));
}

TEST(RowStore, returns_the_previous_row) {
  RowStore store;
  EXPECT_FALSE(store.put("a", {"one", 1}).value());
  const auto before = store.put("a", {"two", 2}).value();
  ASSERT_TRUE(before);
  EXPECT_EQ(before->bytes, "one");
  EXPECT_EQ(before->timestamp, 1);
  const auto erased = store.erase("a").value();
  ASSERT_TRUE(erased);
  EXPECT_EQ(erased->bytes, "two");
  EXPECT_EQ(store.find("a").value(), nullptr);
  EXPECT_FALSE(store.erase("a").value());
}

TEST(RowStore, changes_are_absolute_and_listed_once) {
  RowStore store;
  ASSERT_TRUE(store.put("kept", {"1", 1}));
  ASSERT_TRUE(store.put("kept", {"2", 2}));
  ASSERT_TRUE(store.put("gone", {"3", 3}));
  ASSERT_TRUE(store.erase("gone"));
  ASSERT_TRUE(store.erase("never there"));
  const std::vector<StateEntry> changes = changes_of(store);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].kind, StateEntry::Kind::Delete);
  EXPECT_EQ(changes[0].key, "gone");
  EXPECT_EQ(changes[1].kind, StateEntry::Kind::Put);
  EXPECT_EQ(changes[1].store, 3u);
  EXPECT_TRUE(changes_of(store).empty());
}

// Returns all keys of a scan that reads a few rows at a time. `meanwhile` runs between the slices; the scan does
// not see rows that it adds.
std::vector<std::string> scanned(RowStore& store, const std::function<void()>& meanwhile = {}) {
  std::vector<std::string> keys;
  const StoreScanPtr scan = store.begin_scan();
  const auto note = [&](std::string_view key, const RowStore::Row& row) {
    keys.emplace_back(key);
    EXPECT_EQ(row.bytes, "row");
    return true;
  };
  RowStore::Loose loose;
  while (store.scan(*scan, 3, loose, note).value())
    if (meanwhile) meanwhile();
  std::ranges::sort(keys);
  return keys;
}

TEST(RowStore, a_scan_in_slices_comes_to_each_row_once) {
  RowStore store;
  EXPECT_TRUE(scanned(store).empty());
  std::vector<std::string> expected;
  for (int i = 100; i < 200; ++i) {
    ASSERT_TRUE(store.put(std::to_string(i), {"row", i}));
    if (i % 3 == 0)
      ASSERT_TRUE(store.erase(std::to_string(i)));
    else
      expected.push_back(std::to_string(i));
  }
  EXPECT_EQ(scanned(store), expected);
}

TEST(RowStore, a_scan_stops_when_its_visitor_has_enough) {
  RowStore store;
  for (int i = 0; i < 10; ++i) (void)store.put(std::to_string(i), {"row", i});
  const StoreScanPtr scan = store.begin_scan();
  int seen = 0;
  RowStore::Loose loose;
  const auto take_four = [&](std::string_view, const RowStore::Row&) { return ++seen < 4; };
  EXPECT_TRUE(store.scan(*scan, SIZE_MAX, loose, take_four).value());
  EXPECT_EQ(seen, 4);
  const auto take_all = [&](std::string_view, const RowStore::Row&) {
    ++seen;
    return true;
  };
  EXPECT_FALSE(store.scan(*scan, SIZE_MAX, loose, take_all).value());
  EXPECT_EQ(seen, 10);
}

// Between two slices of the scan, rows are erased and inserted again, and the map grows. The scan must show the rows
// that the store had when it began.
TEST(RowStore, a_scan_sees_the_rows_of_its_beginning_despite_changes) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    RowStore store;
    std::vector<std::string> expected;
    for (int i = 0; i < 200; ++i) {
      expected.push_back(std::to_string(i));
      ASSERT_TRUE(store.put(expected.back(), {"row", i}));
    }
    std::ranges::sort(expected);
    int next = 200;
    const auto churn = [&] {
      for (int i = 0; i < 5; ++i) {
        const std::string key = std::to_string(random.next() % 150);
        if (!store.erase(key).value()) (void)store.put(key, {"again", i});
        ASSERT_TRUE(store.put(std::to_string(next++), {"new", i}));
        ASSERT_TRUE(store.put(std::to_string(100 + random.next() % 100), {"changed", i}));
      }
    };
    EXPECT_EQ(scanned(store, churn), expected) << "seed " << seed;
  }
}

// The reader of a scan may pause for a long time. Therefore the memory of an ended scan is freed when the scan
// ends, not when its reader learns of this.
TEST(RowStore, the_oldest_scans_end_where_they_keep_too_much) {
  RowStore store;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(store.put(std::to_string(i), {"row", i}));
  std::vector<StoreScanPtr> scans;
  for (int i = 0; i < 3; ++i) scans.push_back(store.begin_scan());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(store.put(std::to_string(i), {"changed", i}));
  const size_t kept_for_one = scans.front()->memory_bytes(), kept = store.scan_bytes();
  EXPECT_EQ(kept, 3 * kept_for_one);

  const std::vector<StoreScanPtr> ended = store.overtake_scans(kept_for_one + 1);
  EXPECT_EQ(ended, (std::vector{scans[0], scans[1]}));
  EXPECT_EQ(store.scan_bytes(), kept_for_one);
  for (const StoreScanPtr& scan : ended) {
    while (scan->release_some()) continue;
    EXPECT_EQ(scan->before.size(), 0u);
  }
  RowStore::Loose loose;
  std::vector<std::string> shown;
  const auto note = [&](std::string_view, const RowStore::Row& row) {
    shown.push_back(row.bytes);
    return true;
  };
  const auto told = store.scan(*scans[0], 10, loose, note);
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().message, "the table has changed too much while it was being read");
  while (store.scan(*scans[2], 10, loose, note).value()) continue;
  EXPECT_EQ(shown, std::vector<std::string>(100, "row"));
}

TEST(RowStore, rows_are_found_by_the_beginning_of_their_key) {
  RowStore store(RowStore::Order::ByKey);
  for (const char* key : {"a1", "a2", "a22", "b1", "a", "c"}) (void)store.put(key, {key, 0});
  MemoryBacking backing;
  store.open_over(backing);
  const auto from = [&](std::string_view prefix) {
    std::set<std::string> found;
    RowStore::Loose loose;
    uint64_t changed_in = 0;
    const StoreScanPtr scan = store.begin_look_up(prefix, prefix.size() + 1).value();
    const auto add = [&](std::string_view key, const RowStore::Row&) {
      EXPECT_TRUE(found.emplace(key).second);
      return true;
    };
    while (store.look_up(*scan, prefix, 1, loose, add, changed_in).value()) continue;
    return found;
  };
  using Keys = std::set<std::string>;
  EXPECT_EQ(from("a"), (Keys{"a1", "a2"}));
  ASSERT_TRUE(store.put("a3", {"a3", 0}));
  ASSERT_TRUE(store.erase("a1"));
  EXPECT_EQ(from("a"), (Keys{"a2", "a3"}));

  // The look-ups must return the same rows after some rows were evicted, and some of these were loaded or changed
  // again.
  const std::string long_key(450, 'l');
  ASSERT_TRUE(store.put(long_key + "1", {"1", 0}));
  ASSERT_TRUE(store.put((long_key + "1").replace(420, 1, "m"), {"2", 0}));
  KeptChanges kept;
  for (const StateEntry& entry : kept.take(store)) backing.apply(entry);
  store.note_stored(1);
  store.evict(SIZE_MAX);
  store.evict(SIZE_MAX);
  EXPECT_EQ(store.layers().live(), 0u);
  EXPECT_EQ(from("a"), (Keys{"a2", "a3"}));
  EXPECT_TRUE(store.find("a3").value());
  ASSERT_TRUE(store.erase("a2"));
  ASSERT_TRUE(store.put("a4", {"a4", 0}));
  EXPECT_EQ(from("a"), (Keys{"a3", "a4"}));
  EXPECT_EQ(from(long_key), Keys{long_key + "1"});
}

TEST(RowStore, a_row_that_is_erased_and_put_again_is_in_its_changes) {
  RowStore store, copy;
  ASSERT_TRUE(store.put("again", {"1", 1}));
  ASSERT_TRUE(store.put("gone", {"1", 1}));
  restore(copy, changes_of(store));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(store.erase("again"));
    ASSERT_TRUE(store.put("again", {"2", i}));
  }
  ASSERT_TRUE(store.put("gone", {"2", 2}));
  ASSERT_TRUE(store.erase("gone"));
  restore(copy, changes_of(store));
  EXPECT_EQ(rows_of(copy), rows_of(store));
  EXPECT_EQ(copy.find("again").value()->timestamp, 2);
}

TEST(RowStore, an_unused_store_is_freed_in_steps) {
  for (const RowStore::Order order : {RowStore::Order::None, RowStore::Order::ByKey}) {
    RowStore store(order);
    for (int i = 0; i < 20'000; ++i) (void)store.put(std::to_string(i), {"row", i});
    int steps = 1;
    while (store.release_some()) ++steps;
    EXPECT_GT(steps, 10);
    EXPECT_EQ(store.size(), 0u);
  }
}

TEST(RowStore, restored_rows_are_not_changes) {
  RowStore store, copy;
  ASSERT_TRUE(store.put("a", {"row", -5}));
  restore(copy, changes_of(store));
  EXPECT_EQ(rows_of(copy), rows_of(store));
  EXPECT_TRUE(changes_of(copy).empty());
}

TEST(RowStore, refuses_entries_that_cannot_be_its_own) {
  RowStore store;
  EXPECT_FALSE(store.restore({0, StateEntry::Kind::Put, "a", ""}, 1));
  EXPECT_FALSE(store.restore({0, StateEntry::Kind::DeleteBelow, "a", ""}, 1));
  EXPECT_EQ(store.size(), 0u);
}

// Works like a task: it makes some changes, and writes them as entries in the journal. At any time the entries give the
// same rows, even if some of them are applied twice.
TEST(RowStore, its_journal_always_gives_the_same_rows) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    RowStore store, copy;
    Rows naive;
    std::vector<StateEntry> journal;
    KeptChanges kept;
    for (int step = 0; step < 500; ++step) {
      const std::string key(random.next() % 3, static_cast<char>('a' + random.next() % 4));
      if (random.next() % 3 == 0) {
        EXPECT_EQ(store.erase(key).value().has_value(), naive.erase(key) == 1);
      } else {
        const std::string bytes = std::to_string(random.next() % 10);
        ASSERT_TRUE(store.put(key, {bytes, step}));
        naive[key] = {bytes, step};
      }
      if (random.next() % 20 == 0) kept.take(store, journal);
    }
    kept.take(store, journal);
    ASSERT_EQ(rows_of(store), naive) << "seed " << seed;
    restore(copy, journal);
    EXPECT_EQ(rows_of(copy), naive) << "seed " << seed;
    const size_t from = random.next() % journal.size();
    restore(copy, {journal.begin() + static_cast<ptrdiff_t>(from), journal.end()});
    EXPECT_EQ(rows_of(copy), naive) << "seed " << seed << ", again from entry " << from;
  }
}

TEST(RowStore, knows_the_whole_memory_of_its_rows) {
  constexpr size_t kRows = 1'000, kKeySize = 30, kRowSize = 200;
  const auto key = [](size_t number) {
    std::string text = std::to_string(number);
    return text + std::string(kKeySize - text.size(), 'k');
  };
  RowStore store, copy;
  EXPECT_EQ(store.memory_bytes(), 0u);
  for (size_t i = 0; i < kRows; ++i) (void)store.put(key(i), {std::string(kRowSize, 'v'), 1});
  const size_t filled = store.memory_bytes();
  EXPECT_GT(filled, kRows * (kKeySize + kRowSize));
  EXPECT_LT(filled, kRows * (kKeySize + kRowSize) * 2);
  for (size_t i = 0; i < kRows; ++i) (void)store.put(key(i), {std::string(10 * kRowSize, 'v'), 1});
  EXPECT_GT(store.memory_bytes(), kRows * 10 * kRowSize);
  restore(copy, changes_of(store));
  EXPECT_GT(copy.memory_bytes(), kRows * 10 * kRowSize) << "also of what was restored";
  for (size_t i = 0; i < kRows; ++i) (void)store.erase(key(i));
  changes_of(store);
  EXPECT_LT(store.memory_bytes(), kRows * 20) << "only places for the next rows are left";
}

}  // namespace
}  // namespace engine
