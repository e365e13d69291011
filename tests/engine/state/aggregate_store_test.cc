#include "engine/state/aggregate_store.h"

#include <algorithm>
#include <climits>
#include <map>

#include "base/bytes.h"
#include "base/random.h"
#include "engine/functions/registry.h"
#include "engine/state/groups_in_order.h"
#include "engine/testing/memory_checkpoints.h"
#include "tests/engine/state/kept_changes.h"

namespace engine {
namespace {

const AggregateDef& function(std::string_view name) {
  return *Registry::instance().find(name).front().aggregate;
}

// Returns a count, whose state is a plain number, and a list, whose state owns memory.
std::vector<AggregateInstance> count_and_list() {
  AggregateInstance count, list;
  count.def = &function("COUNT");
  count.argument_types = {TypeKind::Bigint};
  count.result_type = TypeKind::Bigint;
  list.def = &function("COLLECT_LIST");
  list.argument_types = {TypeKind::Bigint};
  list.result_type = SqlType::array(TypeKind::Bigint);
  return {count, list};
}

class Groups {
 public:
  explicit Groups(bool is_windowed) : store_(count_and_list(), is_windowed) {}

  void add(std::string_view key, int64_t value, int64_t window_start = 0) {
    Column column(TypeKind::Bigint);
    column.append(value);
    const std::vector<const Column*> arguments{&column};
    GroupSlot& slot = *store_.touch(key, window_start).value();
    slot.timestamp = std::max(slot.timestamp, value);
    slot.emitted = value % 2 == 0;
    for (size_t call = 0; call < 2; ++call) {
      const AggregateInstance& instance = store_.instances()[call];
      ASSERT_TRUE(
          instance.def->accumulator.update(instance, store_.state(slot, call), arguments, 0));
    }
  }

  std::string text(const GroupSlot& slot) const {
    std::string text = "at " + std::to_string(slot.timestamp) + (slot.emitted ? " shown" : "");
    Column count(TypeKind::Bigint), list(SqlType::array(TypeKind::Bigint));
    store_.instances()[0].def->accumulator.result(store_.instances()[0], store_.state(slot, 0),
                                                  count);
    store_.instances()[1].def->accumulator.result(store_.instances()[1], store_.state(slot, 1),
                                                  list);
    text += " count " + std::to_string(count.value_at(0).as_int64()) + " of";
    const Value items = list.value_at(0);
    for (const Value& item : items.as_list()) text += " " + std::to_string(item.as_int64());
    return text;
  }

  using All = std::map<std::pair<std::string, int64_t>, std::string>;
  All all() {
    All groups;
    const StoreScanPtr scan = store_.begin_scan();
    AggregateStore::Loose loose(store_);
    const auto show = [&](const GroupSlot& slot) {
      groups[{std::string(slot.key->view()), slot.window_start}] = text(slot);
      return true;
    };
    while (store_.scan(*scan, SIZE_MAX, loose, show).value()) continue;
    EXPECT_EQ(groups.size(), store_.size());
    return groups;
  }

  // The entries are views of the changes in kept_.
  std::vector<StateEntry> changes() { return kept_.take(store_); }
  void restore(std::span<const StateEntry> entries) {
    for (const StateEntry& entry : entries) ASSERT_TRUE(store_.restore(entry, 0));
  }

  AggregateStore& store() { return store_; }

 private:
  AggregateStore store_;
  KeptChanges kept_;
};

// Returns the keys of the groups whose windows have this start.
std::vector<std::string> in_order(AggregateStore& store, int64_t start) {
  std::vector<std::string> keys;
  AggregateStore::InOrder groups(store, start);
  while (!groups.is_at_end()) {
    const std::vector<const GroupSlot*> some = groups.next(2).value();
    for (const GroupSlot* group : some) keys.emplace_back(group->key->view());
  }
  return keys;
}

std::string windowed_key(int64_t window_start, std::string_view key) {
  std::string bytes;
  append_be<int64_t>(bytes, window_start);
  return bytes.append(key);
}

TEST(AggregateStore, a_group_is_made_when_it_is_touched) {
  Groups groups(false);
  EXPECT_EQ(groups.store().find("a").value(), nullptr);
  groups.add("a", 7);
  groups.add("a", 8);
  EXPECT_EQ(groups.all(), (Groups::All{{{"a", 0}, "at 8 shown count 2 of 7 8"}}));
}

TEST(AggregateStore, a_group_that_changed_often_is_listed_once) {
  Groups groups(false);
  for (int i = 0; i < 10; ++i) groups.add("a", i);
  EXPECT_EQ(groups.changes().size(), 1u);
  EXPECT_TRUE(groups.changes().empty());
  groups.add("a", 1);
  EXPECT_EQ(groups.changes().size(), 1u);
}

TEST(AggregateStore, windows_of_a_key_come_by_their_start) {
  Groups groups(true);
  for (const int64_t start : {30, 10, 20, 10}) groups.add("a", start, start);
  std::vector<int64_t> starts;
  AggregateStore::Loose loose(groups.store());
  const auto add = [&](const GroupSlot& slot) {
    starts.push_back(slot.window_start);
    return starts.size() != 1;
  };
  AggregateStore::KeyWindows at{"a"};
  EXPECT_TRUE(groups.store().next_windows(at, SIZE_MAX, loose, add).value());
  EXPECT_EQ(starts, (std::vector<int64_t>{10})) << "it has had enough";
  EXPECT_TRUE(groups.store().next_windows(at, 1, loose, add).value());
  EXPECT_FALSE(groups.store().next_windows(at, 1, loose, add).value());
  EXPECT_EQ(starts, (std::vector<int64_t>{10, 20, 30}));
  EXPECT_EQ(at.asked, 3u);

  starts.clear();
  at = {.key = "a", .next = 11, .last = 29};
  EXPECT_FALSE(groups.store().next_windows(at, SIZE_MAX, loose, add).value());
  EXPECT_EQ(starts, (std::vector<int64_t>{20}));
  EXPECT_EQ(at.asked, 1u) << "what is not wanted is not read";
}

TEST(AggregateStore, windows_are_found_by_their_start) {
  Groups groups(true);
  for (const char* key : {"b", "a", "c"})
    for (const int64_t start : {0, 10, 20}) groups.add(key, 1, start);
  EXPECT_EQ(groups.store().first_start_in(1, 30), 10);
  EXPECT_EQ(groups.store().first_start_in(11, 20), std::nullopt);
  EXPECT_EQ(in_order(groups.store(), 20), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(in_order(groups.store(), 15).empty());
}

TEST(AggregateStore, the_range_that_is_forgotten_comes_before_the_groups) {
  Groups groups(true), copy(true);
  groups.add("a", 1, 0);
  groups.add("a", 2, 10);
  copy.restore(groups.changes());
  groups.add("b", 3, 0);
  groups.add("a", 4, 10);
  groups.store().expire_before(10);
  const std::vector<StateEntry> changes = groups.changes();
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].kind, StateEntry::Kind::DeleteBelow);
  EXPECT_EQ(changes[0].key, windowed_key(10, ""));
  EXPECT_EQ(changes[1].key, windowed_key(10, "a"));
  copy.restore(changes);
  EXPECT_FALSE(groups.store().forget_some(SIZE_MAX));
  EXPECT_EQ(copy.all(), groups.all());
}

TEST(AggregateStore, expired_groups_are_forgotten_a_few_at_a_time) {
  Groups groups(true);
  for (int64_t start = 0; start < 100; start += 10)
    for (const char* key : {"a", "b"}) groups.add(key, 1, start);
  groups.store().expire_before(50);
  EXPECT_TRUE(groups.store().forget_some(4));
  EXPECT_EQ(groups.store().size(), 16u);
  groups.store().expire_before(70);  // some groups have not been removed yet
  EXPECT_FALSE(groups.store().forget_some(100));
  EXPECT_EQ(groups.store().size(), 6u);
  for (const auto& [group, text] : groups.all()) EXPECT_GE(group.second, 70);
}

// A store that is destroyed while some groups wait for their removal frees them (AddressSanitizer checks it).
TEST(AggregateStore, groups_waiting_for_removal_are_freed_with_the_store) {
  Groups groups(true);
  for (int64_t start = 0; start < 100; start += 10) groups.add("a", 1, start);
  groups.store().expire_before(90);
  EXPECT_TRUE(groups.store().forget_some(1));
}

// The windows of a key are in one array. If they were removed one by one from its front, the time
// would be quadratic: minutes for this test.
TEST(AggregateStore, many_windows_of_a_key_expire_in_one_pass) {
  AggregateInstance count;
  count.def = &function("COUNT");
  count.result_type = TypeKind::Bigint;
  AggregateStore store({count}, true);
  constexpr int64_t kWindows = 300'000;
  for (int64_t start = 0; start < kWindows; ++start) ASSERT_TRUE(store.touch("k", start));
  store.expire_before(kWindows - 1);
  EXPECT_FALSE(store.forget_some(SIZE_MAX));
  EXPECT_EQ(store.size(), 1u);
}

// The destructor must finish an interrupted removal (checked by AddressSanitizer).
TEST(AggregateStore, an_unused_store_is_freed_in_steps) {
  for (const bool is_windowed : {false, true})
    for (const int max_steps : {3, INT_MAX}) {
      Groups groups(is_windowed);
      for (int i = 0; i < 10'000; ++i)
        groups.add(std::to_string(i), i, is_windowed ? int64_t{i} / 5'000 : 0);
      int steps = 1;
      while (steps < max_steps && groups.store().release_some()) ++steps;
      if (max_steps == INT_MAX) {
        EXPECT_GT(steps, 9);
        EXPECT_EQ(groups.store().size(), 0u);
      }
    }
}

TEST(AggregateStore, expiry_that_removes_nothing_is_not_journalled) {
  Groups groups(true);
  groups.add("a", 1, 100);
  groups.changes();
  groups.store().expire_before(50);
  groups.store().expire_before(40);
  EXPECT_TRUE(groups.changes().empty());
}

TEST(AggregateStore, damaged_entries_are_refused) {
  Groups plain(false), windowed(true);
  plain.add("a", 1);
  const StateEntry good = plain.changes().front();
  for (size_t size = 0; size < good.value.size(); ++size) {
    StateEntry cut = good;
    cut.value = cut.value.substr(0, size);
    EXPECT_FALSE(plain.store().restore(cut, 1)) << size << " bytes";
  }
  StateEntry longer = good;
  const std::string value = std::string(good.value) + 'x';
  longer.value = value;
  EXPECT_FALSE(plain.store().restore(longer, 1));
  EXPECT_FALSE(plain.store().restore({0, StateEntry::Kind::DeleteBelow, "12345678", ""}, 1));
  EXPECT_FALSE(windowed.store().restore({0, StateEntry::Kind::Put, "1234567", good.value}, 1));
}

// Adds records roughly in the order of time, so that old windows expire as in a task. Compares the groups with a
// plain map, and with the state that the journal gives.
TEST(AggregateStore, its_journal_always_gives_the_same_groups) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    Groups groups(true), copy(true);
    // the expected number of records in each group
    std::map<std::pair<std::string, int64_t>, int> naive;
    std::vector<StateEntry> journal;
    int64_t oldest = 0;
    for (int step = 0; step < 400; ++step) {
      const std::string key(random.next() % 3, static_cast<char>('a' + random.next() % 2));
      const int64_t start = oldest + static_cast<int64_t>(random.next() % 5) * 10;
      groups.add(key, step, start);
      ++naive[{key, start}];
      if (random.next() % 10 == 0) {
        oldest += 10;
        groups.store().expire_before(oldest);
        groups.store().forget_some(random.next() % 3);
        std::erase_if(naive, [&](const auto& group) { return group.first.second < oldest; });
      }
      if (random.next() % 10 == 0) std::ranges::copy(groups.changes(), std::back_inserter(journal));
    }
    std::ranges::copy(groups.changes(), std::back_inserter(journal));
    groups.store().forget_some(SIZE_MAX);
    const Groups::All all = groups.all();
    ASSERT_EQ(all.size(), naive.size()) << "seed " << seed;
    for (const auto& [group, text] : all)
      EXPECT_NE(text.find(" count " + std::to_string(naive.at(group)) + " of"), std::string::npos)
          << "seed " << seed << ": " << text;
    copy.restore(journal);
    EXPECT_EQ(copy.all(), all) << "seed " << seed;
    const size_t from = random.next() % journal.size();
    copy.restore(std::span(journal).subspan(from));
    EXPECT_EQ(copy.all(), all) << "seed " << seed << ", again from entry " << from;
  }
}

TEST(AggregateStore, knows_the_memory_of_its_groups_with_their_lists) {
  const std::string key(100, 'k');
  Groups groups(true), copy(true);
  EXPECT_EQ(groups.store().memory_bytes(), 0u);
  for (int64_t window = 0; window < 1'000; ++window) groups.add(key, 1, window);
  const std::vector<StateEntry> changes = groups.changes();
  const size_t small = groups.store().memory_bytes();
  EXPECT_GT(small, 1'000 * sizeof(GroupSlot));
  copy.restore(changes);
  EXPECT_EQ(copy.store().memory_bytes(), small);
  // One of the groups has a list of thousands of values.
  for (int64_t value = 0; value < 10'000; ++value) groups.add(key, 1'000'000'000'000 + value, 7);
  groups.changes();
  EXPECT_GT(groups.store().memory_bytes(), small + 10'000);
  groups.store().expire_before(1'000);
  while (groups.store().forget_some(100)) {
  }
  EXPECT_EQ(groups.store().memory_bytes(), 0u);
}

// --- Windows that have left memory

// A checkpoint in memory. Like state.mdb, it orders keys that have the same first 400 bytes by a hash, and not by the
// rest of the key.
class Disordered final : public Backing {
 public:
  void put(const std::string& key, std::string_view value) {
    entries_[place(key)] = {key, std::string(value)};
  }
  Result<std::optional<std::string_view>> get(std::string_view key) override {
    const auto found = entries_.find(place(std::string(key)));
    if (found == entries_.end()) return std::nullopt;
    return found->second.second;
  }
  Result<bool> scan(std::string& place, const Visit& visit) override {
    for (auto at = entries_.lower_bound(place); at != entries_.end(); ++at) {
      if (visit(at->second.first, at->second.second)) continue;
      place = at->first + '\0';
      return true;
    }
    return false;
  }
  Result<std::string> place_of(std::string_view key) override { return place(std::string(key)); }

 private:
  static std::string place(const std::string& key) {
    if (key.size() <= kOrderedKeyBytes) return key;
    return key.substr(0, kOrderedKeyBytes) + std::to_string(std::hash<std::string>()(key));
  }
  std::map<std::string, std::pair<std::string, std::string>> entries_;
};

TEST(AggregateStore, groups_of_a_start_come_in_the_order_of_their_keys_wherever_they_are) {
  Disordered backing;
  Groups before(true);
  const std::string long_part(500, 'k');
  std::vector<std::string> keys;
  for (int i = 0; i < 3'000; ++i) {
    keys.push_back(i % 3 == 0 ? std::to_string(i)
                   : i % 3 == 1
                       ? long_part + std::to_string(i)
                       : std::string(391 + static_cast<size_t>(i) % 4, 'k') + std::to_string(i));
    before.add(keys.back(), i, 10);
    before.add(keys.back(), i, 20);
  }
  std::ranges::sort(keys);
  for (const StateEntry& entry : before.changes()) backing.put(std::string(entry.key), entry.value);

  Groups groups(true);
  groups.store().open_over(backing);
  groups.store().restore_size(6'000);
  for (size_t i = 0; i < keys.size(); i += 5)
    groups.add(keys[i], 1, 20);  // these groups are now in memory
  ASSERT_TRUE(groups.store().find_starts().value());
  EXPECT_EQ(in_order(groups.store(), 10), keys);
  EXPECT_EQ(in_order(groups.store(), 20), keys);
  EXPECT_EQ(groups.store().size(), 6'000u);
}

TEST(AggregateStore, a_new_window_is_not_looked_for_where_it_cannot_be) {
  MemoryBacking backing;
  Groups groups(true);
  groups.store().open_over(backing);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) groups.add(std::to_string(i), 1, round);
    for (const StateEntry& entry : groups.changes()) backing.apply(entry);
    groups.store().note_stored(static_cast<uint64_t>(round) + 1);
    groups.store().evict(SIZE_MAX);
    groups.store().evict(SIZE_MAX);
    EXPECT_EQ(groups.store().layers().live(), 0u);
  }
  EXPECT_EQ(backing.reads(), 0u);
  EXPECT_EQ(groups.store().size(), 300u);
  groups.add("7", 1, 1);
  EXPECT_EQ(backing.reads(), 1u);
  groups.store().expire_before(2);
  EXPECT_FALSE(groups.store().forget_some(SIZE_MAX));
  EXPECT_EQ(groups.store().size(), 100u);
}

// All memory of a group counts towards its size. A group that is too large can be read but not changed.
TEST(AggregateStore, a_group_that_is_too_large_is_not_changed) {
  AggregateInstance list;
  list.def = &function("COLLECT_LIST");
  list.argument_types = {TypeKind::String};
  list.result_type = SqlType::array(TypeKind::String);
  AggregateStore store({list}, false);
  constexpr size_t kText = 10'000'000, kTexts = AggregateStore::kMaxGroupBytes / kText + 1;
  Column column(TypeKind::String);
  column.append_copy(std::string(kText, 'x'));
  const std::vector<const Column*> arguments{&column};
  for (size_t count = 1; count <= kTexts; ++count) {
    GroupSlot* const slot = store.touch("large").value();
    ASSERT_TRUE(slot);
    const AggregateInstance& instance = store.instances()[0];
    ASSERT_TRUE(instance.def->accumulator.update(instance, store.state(*slot, 0), arguments, 0));
    if (count != 5 && count != kTexts) continue;
    StateChanges changes;
    store.take_changes(0, changes);
    EXPECT_GT(store.memory_bytes(), count * kText);
    EXPECT_LT(store.memory_bytes(), count * kText + 10'000);
  }
  EXPECT_EQ(store.touch("large").value(), nullptr);
  EXPECT_EQ(store.changed_bytes(), 0u);
  EXPECT_TRUE(store.find("large").value());
  EXPECT_TRUE(store.touch("small").value());
}

}  // namespace
}  // namespace engine
