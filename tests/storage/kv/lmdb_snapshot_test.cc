#include "storage/kv/lmdb_snapshot.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "storage/kv/lmdb_store.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

class LmdbSnapshotTest : public testing::Test {
 protected:
  void open() {
    store_ = open_lmdb_store(directory_.path(), {.kind = "test", .format_version = 1}).value();
  }
  void put(const std::string& table, KeyOrder order, std::string_view key, std::string_view value) {
    auto write = store_->begin_write().value();
    ASSERT_TRUE(write->put(write->open_table(table, order).value(), key, value));
    ASSERT_TRUE(write->commit());
  }
  std::string path() const { return directory_.path() + "/test.mdb"; }
  static Rows rows(LmdbSnapshot& snapshot, std::string_view table) {
    Rows rows;
    const LmdbSnapshot::Table* found = snapshot.find(table);
    if (found == nullptr) return rows;
    const auto cursor = snapshot.transaction().cursor(found->handle).value();
    for (auto entry = cursor->first().value(); entry; entry = cursor->next().value())
      rows.emplace_back(entry->key, entry->value);
    EXPECT_EQ(rows.size(), found->entries);
    return rows;
  }
  // Runs the check in another process, as all programs do that take snapshots next to a server. The locks of LMDB
  // end as soon as the process closes the file once.
  static int in_child(const std::function<bool()>& check) {
    const pid_t child = ::fork();
    if (child == 0) std::_Exit(check() ? 0 : 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }

  const ScratchDirectory directory_;
  std::unique_ptr<KeyValueStore> store_;
};

TEST_F(LmdbSnapshotTest, a_copy_has_the_same_tables_entries_and_order) {
  open();
  put("bytes", KeyOrder::Bytes, "b", "1");
  put("bytes", KeyOrder::Bytes, "a", std::string(20'000, 'x'));
  put("empty", KeyOrder::Bytes, "k", "v");
  for (const uint64_t number : {300, 2, 1}) {
    const IntegerKey key(number);
    put("numbers", KeyOrder::Integer, key, std::to_string(number));
  }
  {
    auto write = store_->begin_write().value();
    ASSERT_TRUE(write->erase(write->open_table("empty", KeyOrder::Bytes).value(), "k"));
    ASSERT_TRUE(write->commit());
  }
  const Uuid instance = store_->instance_id();
  store_.reset();
  const ScratchDirectory other;
  {
    const auto snapshot = LmdbSnapshot::open(path()).value();
    uint64_t told = 0;
    ASSERT_TRUE(snapshot->copy_to(other.path() + "/test.mdb", [&](uint64_t now) { told = now; }));
    EXPECT_GT(told, 20'000);
    EXPECT_GT(snapshot->used_bytes(), 20'000);
  }
  const auto original = LmdbSnapshot::open(path()).value();
  const auto copy = LmdbSnapshot::open(other.path() + "/test.mdb").value();
  ASSERT_EQ(copy->tables().size(), original->tables().size());
  for (const LmdbSnapshot::Table& table : original->tables()) {
    EXPECT_EQ(rows(*copy, table.name), rows(*original, table.name)) << table.name;
    EXPECT_EQ(copy->find(table.name)->order, table.order) << table.name;
  }
  const auto again = open_lmdb_store(other.path(), {.kind = "test", .format_version = 1}).value();
  EXPECT_EQ(again->instance_id(), instance);
}

TEST_F(LmdbSnapshotTest, it_stays_at_its_moment_while_others_write) {
  open();
  put("t", KeyOrder::Bytes, "a", "before");
  int ready[2], written[2];
  ASSERT_EQ(::pipe(ready) | ::pipe(written), 0);
  std::thread writer([&] {
    char byte;
    if (::read(ready[0], &byte, 1) == 1)
      for (int i = 0; i < 100; ++i) put("t", KeyOrder::Bytes, "a", "after " + std::to_string(i));
    EXPECT_EQ(::write(written[1], "w", 1), 1);
  });
  const int status = in_child([&] {
    const auto snapshot = LmdbSnapshot::open(path()).value();
    char byte;
    return ::write(ready[1], "r", 1) == 1 && ::read(written[0], &byte, 1) == 1 &&
           rows(*snapshot, "t") == Rows{{"a", "before"}};
  });
  writer.join();
  EXPECT_EQ(status, 0);
  for (const int file : {ready[0], ready[1], written[0], written[1]}) ::close(file);
}

// If the pages that a dead process was reading were never freed, the file would grow without end.
TEST_F(LmdbSnapshotTest, pages_of_a_dead_process_are_freed) {
  open();
  put("t", KeyOrder::Bytes, "a", std::string(100'000, 'x'));
  EXPECT_EQ(in_child([&] { return LmdbSnapshot::open(path()).value().release() != nullptr; }), 0);
  std::this_thread::sleep_for(
      std::chrono::milliseconds(1'100));  // readers are checked every second
  put("t", KeyOrder::Bytes, "a", std::string(100'000, 'y'));
  const auto size = std::filesystem::file_size(path());
  for (int i = 0; i < 50; ++i) put("t", KeyOrder::Bytes, "a", std::string(100'000, 'z'));
  EXPECT_LT(std::filesystem::file_size(path()), size + 500'000);
}

TEST_F(LmdbSnapshotTest, an_invalid_data_file_is_refused) {
  EXPECT_FALSE(LmdbSnapshot::open(path()));
  EXPECT_FALSE(std::filesystem::exists(path()));
  std::ofstream(path()) << std::string(8192, 'x');
  const auto opened = LmdbSnapshot::open(path());
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("test.mdb"), std::string::npos);
}

}  // namespace
}  // namespace storage
