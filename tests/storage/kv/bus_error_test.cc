#include "storage/kv/bus_error.h"

#include <filesystem>

#include "storage/kv/lmdb_store.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

void read_a_page_that_is_gone(const std::string& directory) {
  report_bus_errors();
  auto store = open_lmdb_store(directory, {.kind = "test", .map_size_bytes = 64 << 20}).value();
  auto write = store->begin_write().value();
  const TableHandle table = write->open_table("t", KeyOrder::Bytes).value();
  EXPECT_TRUE(write->put(table, "a", std::string(1 << 20, 'x')));
  EXPECT_TRUE(write->commit());
  std::filesystem::resize_file(directory + "/test.mdb", 0);
  const auto read = store->begin_read();
  EXPECT_TRUE(read && (*read)->get(table, "a"));
}

// Reading a mapped file that was truncated raises SIGBUS, as reading from a broken disk does.
TEST(BusError, the_last_word_names_the_file) {
  const ScratchDirectory directory;
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(read_a_page_that_is_gone(directory.path()), testing::ExitedWithCode(70),
              "the disk failed to read a page of the data file path=.*/test.mdb");
}

}  // namespace
}  // namespace storage
