// Compares a store of ordered entries in groups with a map: random changes, evictions, late checkpoints, and
// restarts from checkpoints.
#include "engine/state/range_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/testing/memory_checkpoints.h"
#include "tests/engine/state/kept_changes.h"

namespace engine {
namespace {

using Key = std::tuple<int64_t, std::string, std::string>;
using Entries = std::map<Key, std::string>;
using Found = std::vector<std::pair<std::string, std::string>>;

Found visit_all(RangeStore& store, int64_t part, const std::string& group, const std::string& from,
                const std::string& to, size_t max_entries) {
  Found found;
  std::string next = from;
  for (bool has_more = true; has_more;) {
    RangeStore::Loose loose;
    const auto take = [&](std::string_view suffix, std::string_view value) {
      found.emplace_back(suffix, value);
      next = std::string(suffix) + '\0';
      return true;
    };
    has_more = store.visit({part, group, next, to}, max_entries, loose, take).value();
  }
  return found;
}

Found expected_of(const Entries& entries, int64_t part, const std::string& group,
                  const std::string& from, const std::string& to) {
  Found found;
  for (const auto& [key, value] : entries)
    if (std::get<0>(key) == part && std::get<1>(key) == group && std::get<2>(key) >= from &&
        std::get<2>(key) <= to)
      found.emplace_back(std::get<2>(key), value);
  return found;
}

TEST(RangeStore, gives_the_entries_of_a_group_in_the_order_of_their_suffixes) {
  RangeStore store;
  store.insert({1, "a", "00000003"}, "third");
  store.insert({1, "a", "00000001"}, "first");
  store.insert({1, "b", "00000002"}, "another's");
  store.insert({2, "a", "00000002"}, "of another part");
  const Found found = visit_all(store, 1, "a", "", "~", 100);
  EXPECT_EQ(found, (Found{{"00000001", "first"}, {"00000003", "third"}}));
  EXPECT_EQ(visit_all(store, 1, "a", "00000002", "~", 1).size(), 1u);
  EXPECT_TRUE(visit_all(store, 3, "a", "", "~", 1).empty());
}

TEST(RangeStore, an_entry_that_only_exists_within_a_commit_is_not_listed) {
  RangeStore store;
  store.insert({1, "a", "x"}, "1");
  EXPECT_TRUE(store.erase({1, "a", "x"}).value());
  EXPECT_FALSE(store.erase({1, "a", "x"}).value());
  KeptChanges kept;
  EXPECT_TRUE(kept.take(store).empty());
  EXPECT_EQ(store.size(), 0u);
}

TEST(RangeStore, an_expired_part_is_one_entry_of_the_journal) {
  RangeStore store;
  for (int i = 0; i < 10; ++i) store.insert({i, "a", std::to_string(i)}, "value");
  KeptChanges kept;
  EXPECT_EQ(kept.take(store).size(), 10u);
  store.expire_before(8);
  const std::vector<StateEntry> changes = kept.take(store);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes.front().kind, StateEntry::Kind::DeleteBelow);
  EXPECT_TRUE(store.forget_some(5));
  EXPECT_FALSE(store.forget_some(100));
  EXPECT_EQ(store.size(), 2u);
  EXPECT_TRUE(visit_all(store, 7, "a", "", "~", 10).empty());
  EXPECT_EQ(store.next_part(0).value(), 8);
}

// Stores changes as the server does: in the journal first, and later in the checkpoint.
struct Server {
  MemoryBacking backing;
  std::vector<std::vector<std::pair<StateEntry::Kind, std::pair<std::string, std::string>>>>
      journal;              // the changes of each commit, from commit 1 on
  size_t checkpointed = 0;  // number of commits that are in the checkpoint
  std::unique_ptr<RangeStore> store;

  void commit() {
    KeptChanges kept;
    auto& commit = journal.emplace_back();
    for (const StateEntry& entry : kept.take(*store))
      commit.push_back({entry.kind, {std::string(entry.key), std::string(entry.value)}});
  }
  void checkpoint(size_t commits) {
    for (; commits > 0 && checkpointed < journal.size(); --commits, ++checkpointed)
      for (const auto& [kind, entry] : journal[checkpointed])
        backing.apply({0, kind, entry.first, entry.second});
  }
  void restart() {
    store = std::make_unique<RangeStore>();
    store->open_over(backing);
    for (size_t i = checkpointed; i < journal.size(); ++i)
      for (const auto& [kind, entry] : journal[i])
        ASSERT_TRUE(store->restore({0, kind, entry.first, entry.second}, i + 1));
    store->restore_size(1'000);  // an estimate is sufficient
    store->note_stored(checkpointed);
    store->begin_commit(journal.size() + 1);
  }
};

// A scan that pauses, and the entries that existed at its beginning.
struct Scan {
  StoreScanPtr scan;
  Entries expected, found;
};

// Reads some more entries of the scan. Returns false at the end.
bool step(RangeStore& store, Scan& scan, size_t max_entries, size_t wanted) {
  RangeStore::Loose loose;
  const auto take = [&](const RangeStore::Key& key, std::string_view value) {
    const Key its{key.part, std::string(key.group), std::string(key.suffix)};
    EXPECT_TRUE(scan.found.emplace(its, value).second) << "shown twice";
    return wanted > 0 && --wanted > 0;
  };
  return store.scan(*scan.scan, max_entries, loose, take).value();
}

TEST(RangeStore, a_scan_shows_the_state_at_its_beginning_in_all_parts) {
  RangeStore store;
  for (int i = 0; i < 100; ++i)
    store.insert({i % 3, std::to_string(i % 7), std::to_string(i)}, "v");
  Scan scan{store.begin_scan(), {}, {}};
  step(store, scan, 10, 5);
  ASSERT_TRUE(store.put({0, "0", "0"}, "changed"));
  ASSERT_TRUE(store.put({2, "late", "0"}, "new"));
  for (int i = 0; i < 100; i += 2)
    EXPECT_TRUE(store.erase({i % 3, std::to_string(i % 7), std::to_string(i)}).value());
  KeptChanges kept;
  kept.take(store);
  while (step(store, scan, 3, 2)) continue;
  EXPECT_EQ(scan.found.size(), 100u);
  for (const auto& [key, value] : scan.found) EXPECT_EQ(value, "v");
}

class RangeStoreModel : public testing::TestWithParam<uint64_t> {};

TEST_P(RangeStoreModel, has_the_same_entries_as_a_map) {
  Random random(GetParam());
  Server server;
  server.restart();
  Entries entries, committed;
  int64_t expired = 0, committed_expired = 0;
  int64_t now = 0;
  const auto random_key = [&] {
    const std::string group =
        random.next() % 20 == 0 ? std::string(450, 'g') : std::string(random.next() % 3, 'a');
    const std::string suffix(1 + random.next() % 12, static_cast<char>('a' + random.next() % 4));
    return Key{std::max(expired, now - static_cast<int64_t>(random.next() % 4)), group, suffix};
  };
  std::optional<Scan> scan;
  for (int at = 0; at < 3'000; ++at) {
    // Entries that expire meanwhile may be missing.
    if (scan && !step(*server.store, *scan, 1 + random.next() % 20, 1 + random.next() % 9)) {
      const auto is_gone = [&](const auto& each) { return std::get<0>(each.first) < expired; };
      std::erase_if(scan->expected, is_gone);
      std::erase_if(scan->found, is_gone);
      Entries missing, wrong;
      std::ranges::set_difference(scan->expected, scan->found,
                                  std::inserter(missing, missing.end()));
      std::ranges::set_difference(scan->found, scan->expected, std::inserter(wrong, wrong.end()));
      ASSERT_EQ(missing, Entries()) << at;
      ASSERT_EQ(wrong, Entries()) << at;
      scan.reset();
    }
    if (!scan && random.next() % 4 == 0) scan = Scan{server.store->begin_scan(), entries, {}};
    const Key key = random_key();
    const auto& [part, group, suffix] = key;
    switch (random.next() % 12) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const std::string value = std::to_string(random.next() % 1'000);
        ASSERT_TRUE(server.store->put({part, group, suffix}, value));
        entries[key] = value;
        break;
      }
      case 4:
      case 5:
        ASSERT_EQ(server.store->erase({part, group, suffix}).value(), entries.erase(key) == 1)
            << at;
        break;
      case 6:
        server.commit();
        committed = entries;
        committed_expired = expired;
        break;
      case 7:
        server.checkpoint(1 + random.next() % 3);
        server.store->note_stored(server.checkpointed);
        break;
      case 8:
        server.store->evict(1 + random.next() % 30);
        break;
      case 9:
        if (random.next() % 10 == 0) ++now;
        if (random.next() % 20 == 0 && now > 3) {
          expired = std::max(expired, now - 3);
          server.store->expire_before(expired);
          std::erase_if(entries,
                        [&](const auto& each) { return std::get<0>(each.first) < expired; });
        }
        server.store->forget_some(random.next() % 10);
        break;
      case 10:
        if (random.next() % 8 != 0) break;
        scan.reset();
        server.restart();
        entries = committed;
        expired = committed_expired;
        break;
      default: {
        std::string from(1, static_cast<char>('a' + random.next() % 3)), to = "~";
        if (random.next() % 2 == 0) to = "c";
        ASSERT_EQ(visit_all(*server.store, part, group, from, to, 1 + random.next() % 5),
                  expected_of(entries, part, group, from, to))
            << at;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RangeStoreModel, testing::Range<uint64_t>(1, 61));

}  // namespace
}  // namespace engine
