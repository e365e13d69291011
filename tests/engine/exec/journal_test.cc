#include "engine/exec/journal.h"

#include "base/random.h"

namespace engine {
namespace {

JournalEntry random_entry(Random& random) {
  const auto text = [&] {
    return std::string(random.next() % 200, static_cast<char>(random.next()));
  };
  JournalEntry entry;
  for (uint64_t left = random.next() % 4; left > 0; --left) {
    InputPosition position;
    position.input = static_cast<uint32_t>(random.next() % 3);
    position.partition.topic.bytes[random.next() % 16] = static_cast<uint8_t>(random.next());
    position.partition.partition = PartitionId(static_cast<int32_t>(random.next() % 1000));
    position.next = Offset(static_cast<int64_t>(random.next() >> 1));
    entry.positions.push_back(position);
  }
  for (uint64_t left = random.next() % 4; left > 0; --left)
    entry.scalars.push_back(static_cast<int64_t>(random.next()));
  PartitionRef to;
  for (uint64_t left = random.next() % 6; left > 0; --left) {
    to.partition += static_cast<int32_t>(random.next() % 300);
    if (random.next() % 2 == 0) ++to.topic.bytes[0];
    entry.outputs.push_back({to, static_cast<int32_t>(random.next() & INT32_MAX)});
  }
  for (uint32_t store = 0; store < random.next() % 3; ++store)
    entry.sizes.push_back({store, random.next()});
  if (random.next() % 3 == 0) entry.last_error = text();
  for (uint64_t left = random.next() % 10; left > 0; --left) {
    StateEntry changed;
    const std::string key = text(), value = text();
    changed.store = static_cast<uint32_t>(random.next() % 5);
    changed.kind = static_cast<StateEntry::Kind>(random.next() % 3);
    changed.key = key;
    if (changed.kind == StateEntry::Kind::Put) changed.value = value;
    entry.changes.append(changed);
  }
  return entry;
}

TEST(Journal, entries_come_back_as_they_were) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    const JournalEntry entry = random_entry(random);
    const auto back = decode_journal(encode_journal(entry));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, entry);
  }
}

TEST(Journal, an_entry_can_be_looked_at_where_it_lies) {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    JournalEntry entry = random_entry(random);
    const std::string bytes = encode_journal(entry);
    const auto view = view_journal(bytes);
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_EQ(view->changes, entry.changes.bytes());
    EXPECT_EQ(view->change_count, entry.changes.count());
    EXPECT_EQ(view->changes.data() + view->changes.size(), bytes.data() + bytes.size());
    entry.changes = {};
    EXPECT_EQ(view->head, entry);
  }
  EXPECT_EQ(view_journal("").error().code, ErrorCode::CorruptRecord);
}

TEST(Journal, an_entry_that_is_cut_or_too_long_is_refused) {
  Random random(2);
  for (int round = 0; round < 20; ++round) {
    const std::string bytes = encode_journal(random_entry(random));
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(decode_journal(std::string_view(bytes).substr(0, size))) << size;
    EXPECT_FALSE(decode_journal(bytes + '\0'));
  }
}

TEST(Journal, entries_of_older_versions_are_read) {
  JournalEntry entry;
  entry.scalars = {5, -6};
  entry.changes.append({1, StateEntry::Kind::Put, "k", "v"});
  std::string bytes = encode_journal(entry);
  bytes[0] = 3;
  bytes.erase(7, 1);  // removes the size of the error
  EXPECT_EQ(decode_journal(bytes).value(), entry);
  bytes[0] = 2;
  bytes.erase(6, 1);  // removes the number of sizes
  EXPECT_EQ(decode_journal(bytes).value(), entry);
  bytes[0] = 1;
  bytes.erase(5, 1);  // removes the end of the list of sequences
  EXPECT_EQ(decode_journal(bytes).value(), entry);
}

TEST(Journal, a_newer_version_is_distinguished_from_damage) {
  std::string bytes = encode_journal({});
  ++bytes[0];
  EXPECT_EQ(decode_journal(bytes).error().code, ErrorCode::IncompatibleFormat);
}

TEST(Journal, a_kind_of_change_that_does_not_exist_is_damage) {
  JournalEntry entry;
  entry.changes.append({0, StateEntry::Kind::Delete, "key", ""});
  std::string bytes = encode_journal(entry);
  const size_t kind_at = bytes.size() - 5;  // the position of the kind, before the key and its size
  ASSERT_EQ(bytes[kind_at], static_cast<char>(StateEntry::Kind::Delete));
  bytes[kind_at] = 3;
  const auto damaged = decode_journal(bytes);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::CorruptRecord);
}

// Damaged counts, sizes and other bytes must give an error or an entry. They must not cause a crash, nor an
// allocation that is much larger than the bytes.
TEST(Journal, damaged_bytes_do_no_harm) {
  Random random(3);
  for (int round = 0; round < 500; ++round) {
    std::string bytes = encode_journal(random_entry(random));
    for (int flips = 0; flips < 5; ++flips)
      bytes[random.next() % bytes.size()] = static_cast<char>(random.next());
    (void)decode_journal(bytes);
  }
  EXPECT_FALSE(decode_journal(std::string("\1\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10)));
}

// The state of a group may have tens of megabytes, and each record of the group writes all of it,
// so it must not be copied.
TEST(Journal, a_large_entry_is_written_where_it_was_encoded) {
  constexpr size_t kBytes = 5'000'000;
  JournalEntry entry;
  const auto encode = [](std::string& out) { out.append(kBytes + 1, 'x'); };
  EXPECT_EQ(entry.changes.append_put(1, "key", kBytes, encode), kBytes + 1);
  const char* const encoded = entry.changes.bytes().data();
  const std::string bytes = encode_journal(std::move(entry));
  EXPECT_EQ(bytes.data(), encoded);
  const Result<JournalEntry> back = decode_journal(bytes);
  ASSERT_TRUE(back) << back.error().message;
  StateChangeReader reader(back->changes.bytes());
  StateEntry put;
  ASSERT_TRUE(reader.next(put));
  EXPECT_EQ(put.store, 1u);
  EXPECT_EQ(put.key, "key");
  EXPECT_EQ(put.value.size(), kBytes + 1);
  EXPECT_FALSE(reader.next(put));
}

}  // namespace
}  // namespace engine
