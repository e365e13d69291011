#include "storage/kv/lmdb_store.h"

#include <fstream>

#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

Result<std::unique_ptr<KeyValueStore>> open(const std::string& directory, uint32_t version = 1,
                                            size_t map_size_bytes = 64 << 20) {
  return open_lmdb_store(
      directory, {.kind = "test", .format_version = version, .map_size_bytes = map_size_bytes});
}

TEST(LmdbStore, data_and_identity_survive_closing) {
  const ScratchDirectory directory;
  Uuid id;
  {
    auto store = open(directory.path()).value();
    id = store->instance_id();
    auto write = store->begin_write().value();
    const TableHandle table = write->open_table("t", KeyOrder::Bytes).value();
    ASSERT_TRUE(write->put(table, "a", "1"));
    ASSERT_TRUE(write->commit());
  }
  auto store = open(directory.path()).value();
  EXPECT_EQ(store->instance_id(), id);
  auto write = store->begin_write().value();
  const TableHandle table = write->open_table("t", KeyOrder::Bytes).value();
  EXPECT_EQ(write->get(table, "a").value(), "1");
}

// Finished read transactions are reused. Each must see all commits before its beginning, including tables that are
// newer than the first transaction.
TEST(LmdbStore, each_read_transaction_sees_the_latest_commits) {
  const ScratchDirectory directory;
  auto store = open(directory.path()).value();
  for (int round = 0; round < 20; ++round) {
    auto write = store->begin_write().value();
    const TableHandle table =
        write->open_table("t" + std::to_string(round), KeyOrder::Bytes).value();
    ASSERT_TRUE(write->put(table, "a", std::to_string(round)));
    ASSERT_TRUE(write->commit());
    // Opens more read transactions at a time than are kept, and ends them in all possible states.
    std::vector<std::unique_ptr<ReadTransaction>> reads;
    for (int i = 0; i < 6; ++i) {
      reads.push_back(store->begin_read().value());
      EXPECT_EQ(reads.back()->get(table, "a").value(), std::to_string(round));
    }
    reads[0]->reset();
    reads[1]->reset();
    EXPECT_TRUE(reads[1]->renew());
  }
}

TEST(LmdbStore, a_second_opening_is_refused) {
  const ScratchDirectory directory;
  const auto first = open(directory.path());
  ASSERT_TRUE(first);
  const auto second = open(directory.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::StorageInUse);
}

TEST(LmdbStore, a_newer_version_and_another_kind_are_refused) {
  const ScratchDirectory directory;
  ASSERT_TRUE(open(directory.path(), 7));
  const auto newer = open(directory.path(), 6);
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, ErrorCode::IncompatibleFormat);
  EXPECT_EQ(newer.error().message,
            "the data file has format version 7, but this server supports "
            "versions up to 6");
  EXPECT_TRUE(open(directory.path(), 8));
  EXPECT_FALSE(open(directory.path(), 7)) << "the newer one may have written what it does not know";

  std::filesystem::rename(directory.path() + "/test.mdb", directory.path() + "/other.mdb");
  const auto other = open_lmdb_store(
      directory.path(), {.kind = "other", .format_version = 7, .map_size_bytes = 64 << 20});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::IncompatibleFormat);
}

TEST(LmdbStore, a_file_of_something_else_is_refused_and_left_alone) {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/test.mdb";
  std::ofstream(path) << std::string(10'000, 'x');
  const auto foreign = open(directory.path());
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::IncompatibleFormat);
  EXPECT_EQ(std::filesystem::file_size(path), 10'000u);
}

TEST(LmdbStore, a_cut_file_is_refused_instead_of_killing_the_reader) {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/test.mdb";
  {
    auto store = open(directory.path()).value();
    auto write = store->begin_write().value();
    const TableHandle table = write->open_table("t", KeyOrder::Bytes).value();
    ASSERT_TRUE(write->put(table, "a", std::string(100'000, 'x')));
    ASSERT_TRUE(write->commit());
  }
  std::filesystem::resize_file(path, 60'000);
  const auto cut = open(directory.path());
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::StorageFailure);
}

// LMDB counts pages that a transaction allocates at the end of the file and frees again, but never writes them.
TEST(LmdbStore, a_file_that_lacks_free_pages_only_is_opened) {
  const ScratchDirectory directory;
  const std::string value(1500, 'v');
  const auto key = [](int number) { return std::to_string(10'000 + number); };
  int last = 0;
  for (int size = 1; size < 120; ++size) {
    auto store = open(directory.path());
    ASSERT_TRUE(store) << store.error().message << " after " << size - 1;
    auto write = (*store)->begin_write().value();
    const TableHandle table = write->open_table("t", KeyOrder::Bytes).value();
    for (int i = 0; i < size; ++i) ASSERT_TRUE(write->put(table, key(last + i), value));
    const int kept = size % 5;
    for (int i = kept; i < size; ++i) ASSERT_TRUE(write->erase(table, key(last + i)));
    last += kept;
    ASSERT_TRUE(write->commit());
  }
}

// A power cut during the first start can leave a data file that is not complete. The next start must create it again.
TEST(LmdbStore, an_incomplete_file_of_a_first_start_is_made_again) {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/test.mdb";
  std::ofstream(path).flush();
  std::ofstream(path + ".new") << std::string(8'192, '\0');
  {
    auto store = open(directory.path());
    ASSERT_TRUE(store) << store.error().message;
    const auto second = open(directory.path());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::StorageInUse);
  }
  EXPECT_TRUE(open(directory.path()));
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST(LmdbStore, a_directory_that_cannot_be_made_is_named) {
  const ScratchDirectory directory;
  std::ofstream(directory.path() + "/file") << "x";
  const auto below_a_file = open(directory.path() + "/file/data");
  ASSERT_FALSE(below_a_file);
  EXPECT_EQ(below_a_file.error().code, ErrorCode::StorageFailure);
  EXPECT_NE(below_a_file.error().detail.find("/file/data"), std::string::npos);
}

TEST(LmdbStore, a_full_file_refuses_one_change_and_takes_the_next) {
  const ScratchDirectory directory;
  auto store = open(directory.path(), 1, 1 << 20).value();
  auto first = store->begin_write().value();
  const TableHandle table = first->open_table("t", KeyOrder::Bytes).value();
  ASSERT_TRUE(first->commit());
  first.reset();
  {
    auto write = store->begin_write().value();
    const Status full = write->put(table, "large", std::string(2 << 20, 'x'));
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, ErrorCode::DiskFull);
  }
  auto write = store->begin_write().value();
  ASSERT_TRUE(write->put(table, "small", "x"));
  ASSERT_TRUE(write->commit());
}

}  // namespace
}  // namespace storage
