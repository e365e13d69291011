#include "storage/kv/written_ahead.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "storage/kv/lmdb_store.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

class File {
 public:
  explicit File(const std::string& path)
      : path_(path), file_(::open(path.c_str(), O_RDWR | O_CREAT, 0600)) {}
  ~File() { ::close(file_); }
  void write(const std::string& content) {
    EXPECT_EQ(::pwrite(file_, content.data(), content.size(), 0),
              static_cast<ssize_t>(content.size()));
  }
  std::string content() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  size_t size() const { return std::filesystem::file_size(path_); }
  int handle() const { return file_; }

 private:
  const std::string path_;
  const int file_;
};

constexpr size_t kPageBytes = 4096;

TEST(WrittenAhead, small_commits_find_zeros_behind_the_file) {
  const ScratchDirectory directory;
  File file(directory.path() + "/f");
  const std::string pages(4 * kPageBytes, 'x');
  file.write(pages);
  WrittenAhead ahead(file.handle());
  ahead.keep_up(3 * kPageBytes);
  ahead.keep_up(4 * kPageBytes);
  const std::string content = file.content();
  EXPECT_GE(content.size(), pages.size() + (128 << 10));
  EXPECT_EQ(content, pages + std::string(content.size() - pages.size(), '\0'));
}

// However much is written, there is always some zeroed space ahead of it, and never much.
TEST(WrittenAhead, it_keeps_ahead_of_them) {
  const ScratchDirectory directory;
  File file(directory.path() + "/f");
  WrittenAhead ahead(file.handle());
  size_t times_grown = 0;
  for (size_t used = kPageBytes, size = 0; used < (64 << 20); used += 8 * kPageBytes) {
    ahead.keep_up(used);
    if (used == kPageBytes) continue;
    EXPECT_GT(file.size(), used + (64 << 10));
    EXPECT_LT(file.size(), used + (2 << 20));
    times_grown += file.size() != size;
    size = file.size();
  }
  EXPECT_LT(times_grown, 300u);
}

TEST(WrittenAhead, large_commits_and_those_into_free_pages_do_without) {
  const ScratchDirectory directory;
  File file(directory.path() + "/f");
  WrittenAhead ahead(file.handle());
  for (size_t used = 1 << 20; used < (64 << 20); used += 1 << 20) ahead.keep_up(used);
  for (int i = 0; i < 1000; ++i) ahead.keep_up(64 << 20);
  EXPECT_EQ(file.size(), 0u);
}

TEST(WrittenAhead, a_full_disk_changes_nothing) {
  File full("/dev/full");
  WrittenAhead ahead(full.handle());
  for (size_t used = kPageBytes; used < (1 << 20); used += kPageBytes) ahead.keep_up(used);
}

TEST(WrittenAhead, a_store_that_has_some_is_opened_again) {
  const ScratchDirectory directory;
  const LmdbOptions options = {.kind = "test", .map_size_bytes = 64 << 20};
  {
    const auto store = open_lmdb_store(directory.path(), options).value();
    for (int i = 0; i < 100; ++i) {
      auto write = store->begin_write().value();
      const TableHandle table = write->open_table("t", KeyOrder::Bytes).value();
      ASSERT_TRUE(write->put(table, std::to_string(i), std::string(10'000, 'v')));
      ASSERT_TRUE(write->commit());
      store->prepare_growth();
    }
    EXPECT_GT(std::filesystem::file_size(directory.path() + "/test.mdb"),
              100 * 3 * kPageBytes + (64 << 10));
  }
  const auto store = open_lmdb_store(directory.path(), options).value();
  auto write = store->begin_write().value();
  const TableHandle table = write->open_table("t", KeyOrder::Bytes).value();
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(write->get(table, std::to_string(i)).value(), std::string(10'000, 'v'));
}

}  // namespace
}  // namespace storage
