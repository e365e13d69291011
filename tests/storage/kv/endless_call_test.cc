// Tests a damaged page in which LMDB would search an entry without end: the search must end with an
// error.
#include "storage/kv/endless_call.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "storage/kv/lmdb_store.h"
#include "storage/kv/page_fault.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

constexpr size_t kPageSize = 4096;

class EndlessCall : public testing::Test {
 protected:
  void SetUp() override {
    longest_ms_ = set_longest_guarded_call_ms(100);
    watch_guarded_calls();
  }
  void TearDown() override { set_longest_guarded_call_ms(longest_ms_); }

  int64_t longest_ms_ = 0;
};

int turn_for_ever() {
  std::atomic<bool> ends = false;
  while (!ends.load()) continue;
  return 0;
}

TEST_F(EndlessCall, a_call_that_computes_for_long_is_left) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(guarded(turn_for_ever), kDamagedPage);
  std::thread([] { EXPECT_EQ(guarded(turn_for_ever), kDamagedPage); }).join();
}

TEST_F(EndlessCall, one_that_waits_is_not) {
  EXPECT_EQ(guarded([] {
              std::this_thread::sleep_for(std::chrono::milliseconds(500));
              return 7;
            }),
            7);
}

// The damaged head of a leaf claims a number of keys at which the middle of the first and the last index is negative:
// LMDB's binary search then alternates between two places for some sizes of these keys.
TEST_F(EndlessCall, a_leaf_with_a_damaged_head_is_searched_in_finite_time) {
  const ScratchDirectory original;
  const LmdbOptions options{.kind = "test", .format_version = 1};
  {
    const auto store = open_lmdb_store(original.path(), options).value();
    const auto write = store->begin_write().value();
    const auto table = write->open_table("t", KeyOrder::Bytes).value();
    for (int i = 0; i < 20; ++i)
      ASSERT_TRUE(write->put(table, "key of this test " + std::to_string(i), "value"));
    ASSERT_TRUE(write->commit());
  }
  std::ifstream file(original.path() + "/test.mdb", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  int64_t longest_ms = 0;
  for (uint16_t key_size = 1; key_size <= 16; ++key_size) {
    for (size_t page = 2; page < bytes.size() / kPageSize; ++page) {
      char* const head = &bytes[page * kPageSize];
      if (std::string_view(head, kPageSize).find("key of this test") == std::string::npos) continue;
      const uint16_t flags = 0x22, free_from = 4;  // flags of a leaf that has only keys
      std::memcpy(head + 8, &key_size, sizeof key_size);
      std::memcpy(head + 10, &flags, sizeof flags);
      std::memcpy(head + 12, &free_from, sizeof free_from);
    }
    const ScratchDirectory damaged;
    std::ofstream(damaged.path() + "/test.mdb", std::ios::binary) << bytes;
    const auto store = open_lmdb_store(damaged.path(), options).value();
    const auto read = store->begin_write().value();
    const auto table = read->open_table("t", KeyOrder::Bytes).value();
    const auto begun = std::chrono::steady_clock::now();
    (void)read->get(table, "key of this test 7");
    longest_ms = std::max(longest_ms, std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::steady_clock::now() - begun)
                                          .count());
  }
  EXPECT_GE(longest_ms, 100) << "none of them was endless";
}

}  // namespace
}  // namespace storage
