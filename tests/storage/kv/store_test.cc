// Tests the behaviour that all implementations of the key-value store share.
#include "storage/kv/kv.h"

#include "storage/kv/lmdb_store.h"
#include "storage/kv/memory_store.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

enum class Home { Memory, Lmdb, LmdbWithJournal };

class EachStore : public testing::TestWithParam<Home> {
 protected:
  void SetUp() override {
    if (GetParam() == Home::Memory) {
      store_ = disk_.open();
      return;
    }
    auto opened = open_lmdb_store(directory_.path(),
                                  {.kind = "test",
                                   .map_size_bytes = 64 << 20,
                                   .has_commit_journal = GetParam() == Home::LmdbWithJournal});
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *std::move(opened);
  }
  TableHandle make_table(std::string_view name, KeyOrder order = KeyOrder::Bytes) {
    auto write = store_->begin_write().value();
    const TableHandle table = (*write).open_table(name, order).value();
    EXPECT_TRUE((*write).commit());
    return table;
  }
  void put(TableHandle table, std::string_view key, std::string_view value) {
    auto write = store_->begin_write().value();
    EXPECT_TRUE(write->put(table, key, value));
    EXPECT_TRUE(write->commit());
  }
  std::string keys(Transaction& transaction, TableHandle table) {
    auto cursor = transaction.cursor(table).value();
    std::string all;
    for (auto entry = cursor->first().value(); entry; entry = cursor->next().value())
      all += std::string(entry->key) + " ";
    return all;
  }

  ScratchDirectory directory_;
  MemoryDisk disk_;
  std::unique_ptr<KeyValueStore> store_;
};
INSTANTIATE_TEST_SUITE_P(Stores, EachStore,
                         testing::Values(Home::Memory, Home::Lmdb, Home::LmdbWithJournal),
                         [](const auto& store) {
                           switch (store.param) {
                             case Home::Memory:
                               return "memory";
                             case Home::Lmdb:
                               return "lmdb";
                             default:
                               return "lmdb_with_journal";
                           }
                         });

TEST_P(EachStore, a_snapshot_sees_earlier_commits_and_no_later_ones) {
  const TableHandle table = make_table("t");
  put(table, "a", "1");
  auto read = store_->begin_read().value();
  put(table, "a", "2");
  put(table, "b", "3");
  EXPECT_EQ(read->get(table, "a").value(), "1");
  EXPECT_EQ(read->get(table, "b").value(), std::nullopt);
  read->reset();
  ASSERT_TRUE(read->renew());
  EXPECT_EQ(read->get(table, "a").value(), "2");
  EXPECT_EQ(read->get(table, "b").value(), "3");
}

TEST_P(EachStore, commits_are_numbered_and_a_snapshot_knows_its_last_one) {
  const TableHandle table = make_table("t");
  auto read = store_->begin_read().value();
  const CommitId before = read->commit_id();
  for (int i = 0; i < 2; ++i) {  // the first transaction is undone
    auto write = store_->begin_write().value();
    EXPECT_EQ(write->commit_id(), before + 1);
    ASSERT_TRUE(write->put(table, "a", "1"));
    if (i == 1) {
      ASSERT_TRUE(write->commit());
    }
  }
  EXPECT_EQ(read->commit_id(), before);
  read->reset();
  ASSERT_TRUE(read->renew());
  EXPECT_EQ(read->commit_id(), before + 1);
}

TEST_P(EachStore, a_transaction_that_does_not_commit_leaves_nothing) {
  const TableHandle table = make_table("t");
  {
    auto write = store_->begin_write().value();
    ASSERT_TRUE(write->put(table, "a", "1"));
    ASSERT_TRUE(write->open_table("other", KeyOrder::Bytes));
    EXPECT_EQ(write->get(table, "a").value(), "1");
  }
  auto write = store_->begin_write().value();
  EXPECT_EQ(write->get(table, "a").value(), std::nullopt);
  EXPECT_EQ(write->find_table("other", KeyOrder::Bytes).value(), std::nullopt);
}

TEST_P(EachStore, a_cursor_walks_both_ways_and_seeks_the_next_key) {
  const TableHandle table = make_table("t");
  for (const char* key : {"b", "d", "f"}) put(table, key, key);
  auto read = store_->begin_read().value();
  auto cursor = read->cursor(table).value();
  EXPECT_EQ(cursor->seek("c").value()->key, "d");
  EXPECT_EQ(cursor->next().value()->key, "f");
  EXPECT_EQ(cursor->next().value(), std::nullopt);
  EXPECT_EQ(cursor->last().value()->key, "f");
  EXPECT_EQ(cursor->previous().value()->key, "d");
  EXPECT_EQ(cursor->previous().value()->key, "b");
  EXPECT_EQ(cursor->previous().value(), std::nullopt);
  EXPECT_EQ(cursor->seek("g").value(), std::nullopt);
}

TEST_P(EachStore, a_cursor_may_outlive_its_transaction) {
  const TableHandle table = make_table("t");
  auto write = store_->begin_write().value();
  auto cursor = write->cursor(table).value();
  auto closed_before = write->cursor(table).value();
  closed_before.reset();
  ASSERT_TRUE(write->commit());
  cursor.reset();
  write = nullptr;
  write = store_->begin_write().value();
  cursor = write->cursor(table).value();
  write.reset();
  cursor.reset();
}

TEST_P(EachStore, integer_keys_are_ordered_as_numbers) {
  const TableHandle table = make_table("t", KeyOrder::Integer);
  for (const uint64_t key : {70'000, 5, 256}) put(table, IntegerKey(key), "x");
  auto read = store_->begin_read().value();
  auto cursor = read->cursor(table).value();
  EXPECT_EQ(IntegerKey::value_of(cursor->first().value()->key), 5u);
  EXPECT_EQ(IntegerKey::value_of(cursor->next().value()->key), 256u);
  EXPECT_EQ(IntegerKey::value_of(cursor->seek(IntegerKey(257)).value()->key), 70'000u);
}

TEST_P(EachStore, a_range_is_erased_up_to_its_end_or_the_count) {
  const TableHandle table = make_table("t");
  for (char key = 'a'; key <= 'j'; ++key) put(table, std::string(1, key), std::string(3000, key));
  auto write = store_->begin_write().value();
  EXPECT_EQ(write->erase_range(table, "b", "e")->count, 3u);
  EXPECT_EQ(keys(*write, table), "a e f g h i j ");
  EXPECT_EQ(write->erase_range(table, "f", "z", {.max_count = 2})->count, 2u);
  EXPECT_EQ(keys(*write, table), "a e h i j ");
  EXPECT_EQ(write->erase_range(table, "h", "zz")->count, 3u);
  EXPECT_EQ(write->erase_range(table, "x", "zz")->count, 0u);
  EXPECT_EQ(write->erase(table, "a").value(), true);
  EXPECT_EQ(write->erase(table, "a").value(), false);
  EXPECT_EQ(keys(*write, table), "e ");
}

TEST_P(EachStore, a_table_is_cleared_and_then_removed) {
  const TableHandle table = make_table("t");
  put(table, "a", "1");
  {
    auto write = store_->begin_write().value();
    ASSERT_TRUE(write->clear_table(table));
    ASSERT_TRUE(write->commit());
  }
  {
    auto write = store_->begin_write().value();
    EXPECT_EQ(keys(*write, table), "");
    ASSERT_TRUE(write->remove_table(table));
    ASSERT_TRUE(write->commit());
  }
  auto write = store_->begin_write().value();
  const auto names = write->table_names().value();
  EXPECT_EQ(std::count(names.begin(), names.end(), "t"), 0);
}

}  // namespace
}  // namespace storage
