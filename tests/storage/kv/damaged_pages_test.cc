// Tests that a damaged page of a data file causes an error at worst when it is read. The owners of the values
// check their contents.
#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "storage/kv/bus_error.h"
#include "storage/kv/lmdb_store.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

constexpr size_t kPageSize = 4096;
constexpr int kEntries = 2'000;

std::string key_of(int i) { return "key " + std::to_string(i * 7919 % 10'007); }
// Some values are so large that they have pages of their own.
std::string value_of(int i) {
  return std::string(i % 50 == 0 ? 10'000 : 40, 'v') + std::to_string(i);
}

Result<std::unique_ptr<KeyValueStore>> open(const std::string& directory) {
  return open_lmdb_store(directory, {.kind = "test", .format_version = 1});
}

size_t sum_of(std::string_view bytes) {
  size_t sum = 0;
  for (const char byte : bytes) sum += static_cast<unsigned char>(byte);
  return sum;
}

// Makes all kinds of calls, and returns how many of them have failed.
enum class Use : uint8_t { Reads, ReadsAndWrites };
int use(KeyValueStore& store, Use how = Use::ReadsAndWrites) {
  int failures = 0;
  size_t sum = 0;  // uses each value, so that it is read
  auto write = store.begin_write();
  if (!write) return 1;
  const auto table = (*write)->open_table("t", KeyOrder::Bytes);
  if (!table) return 1;
  for (int i = 0; i < kEntries; ++i) {
    const auto found = (*write)->get(*table, key_of(i));
    failures += !found;
    if (found && *found) sum += sum_of(**found);
  }
  const auto cursor = (*write)->cursor(*table);
  if (!cursor) return failures + 1;
  auto entry = (*cursor)->first();
  for (int i = 0; entry && *entry && i < 2 * kEntries; ++i, entry = (*cursor)->next())
    sum += sum_of((*entry)->key) + sum_of((*entry)->value);
  failures += !entry || sum == 0;
  if (how == Use::Reads) return failures;
  failures += !(*write)->put(*table, "new", "value");
  if (!(*write)->has_failed()) failures += !(*write)->erase_range(*table, "key 1", "key 2");
  if ((*write)->has_failed()) return failures;
  // LMDB reads the list of free pages while it commits. Nothing has been written at this point, so the
  // outcome is known.
  const Status committed = (*write)->commit();
  if (!committed) {
    EXPECT_EQ(committed.error().code, ErrorCode::DataCorrupted) << committed.error().message;
  }
  return failures + !committed;
}

TEST(DamagedPages, reading_them_is_an_error_and_no_death) {
  report_bus_errors();
  const ScratchDirectory original;
  {
    const auto store = open(original.path()).value();
    const auto write = store->begin_write().value();
    const auto table = write->open_table("t", KeyOrder::Bytes).value();
    for (int i = 0; i < kEntries; ++i) ASSERT_TRUE(write->put(table, key_of(i), value_of(i)));
    ASSERT_TRUE(write->commit());
    for (int part = 0; part < 3; ++part) {  // so that the file has free pages
      const auto erasing = store->begin_write().value();
      ASSERT_TRUE(erasing->erase_range(table, "key 4", "key 5", {.max_count = 100}));
      ASSERT_TRUE(erasing->commit());
    }
    EXPECT_EQ(use(*store), 0);
  }
  const std::string file = original.path() + "/test.mdb";
  const size_t pages = std::filesystem::file_size(file) / kPageSize;
  Random random(7);
  int damages_met = 0;
  for (int round = 0; round < 300; ++round) {
    const ScratchDirectory copy;
    const std::string damaged = copy.path() + "/test.mdb";
    std::filesystem::copy_file(file, damaged);
    {
      std::fstream bytes(damaged, std::ios::in | std::ios::out | std::ios::binary);
      std::string page(kPageSize, '\0');
      const auto go_to = [&](size_t number) {
        return static_cast<std::streamoff>(number * kPageSize);
      };
      const size_t place = 2 + random.next() % (pages - 2);  // a page after the two meta pages
      if (round % 3 == 1) {
        bytes.seekg(go_to(random.next() % pages));
        bytes.read(page.data(), kPageSize);
      } else if (round % 3 == 2) {
        for (char& byte : page) byte = static_cast<char>(random.next());
      }
      bytes.seekp(go_to(place));
      bytes.write(page.data(), kPageSize);
    }
    const auto store = open(copy.path());
    // Pages with random bytes are only read: for a write, LMDB would use addresses outside of the
    // page.
    damages_met += !store || use(**store, round % 3 == 0 ? Use::ReadsAndWrites : Use::Reads) > 0;
  }
  EXPECT_GT(damages_met, 100) << "the others were in pages that are not used";
}

// An erasure must not read beyond its range. Otherwise a large range with damage at its end could not be erased,
// not even in parts.
TEST(DamagedPages, an_erasure_in_parts_looks_no_further_than_it_erases) {
  report_bus_errors();
  const ScratchDirectory directory;
  const auto key = [](int i) { return "key " + std::to_string(10'000 + i); };
  {
    const auto store = open(directory.path()).value();
    const auto write = store->begin_write().value();
    const auto table = write->open_table("t", KeyOrder::Bytes).value();
    for (int i = 0; i < kEntries; ++i) ASSERT_TRUE(write->put(table, key(i), "value"));
    ASSERT_TRUE(write->commit());
  }
  {
    std::fstream bytes(directory.path() + "/test.mdb",
                       std::ios::in | std::ios::out | std::ios::binary);
    const std::string file(std::istreambuf_iterator<char>(bytes), {});
    const size_t last = file.rfind(key(kEntries - 1));
    ASSERT_NE(last, std::string::npos);
    bytes.clear();
    bytes.seekp(static_cast<std::streamoff>(last / kPageSize * kPageSize));
    bytes.write(std::string(kPageSize, '\0').data(), kPageSize);
  }
  const auto store = open(directory.path()).value();
  for (int part = 0; part < 3; ++part) {
    const auto write = store->begin_write().value();
    const auto table = write->open_table("t", KeyOrder::Bytes).value();
    const auto erased = write->erase_range(table, key(0), key(kEntries), {.max_count = 10});
    ASSERT_TRUE(erased) << erased.error().message;
    EXPECT_EQ(erased->count, 10u);
    ASSERT_TRUE(write->commit());
  }
  const auto write = store->begin_write().value();
  const auto table = write->open_table("t", KeyOrder::Bytes).value();
  const auto all = write->erase_range(table, key(0), key(kEntries));
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().code, ErrorCode::DataCorrupted);
}

}  // namespace
}  // namespace storage
