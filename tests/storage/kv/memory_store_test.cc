#include "storage/kv/memory_store.h"

namespace storage {
namespace {

Status put(KeyValueStore& store, std::string_view key) {
  auto write = TRY(store.begin_write());
  const TableHandle table = TRY(write->open_table("t", KeyOrder::Bytes));
  TRY(write->put(table, key, "x"));
  return write->commit();
}
bool has(KeyValueStore& store, std::string_view key) {
  auto write = store.begin_write().value();
  const TableHandle table = write->open_table("t", KeyOrder::Bytes).value();
  return write->get(table, key).value().has_value();
}

TEST(MemoryStore, synced_data_survive_the_power_cut) {
  MemoryDisk disk;
  auto store = disk.open();
  ASSERT_TRUE(put(*store, "a"));
  disk.drop_unsynced();
  EXPECT_FALSE(put(*store, "b"));
  auto again = disk.open();
  EXPECT_TRUE(has(*again, "a"));
  EXPECT_FALSE(has(*again, "b"));
}

TEST(MemoryStore, unsynced_data_are_lost) {
  MemoryDisk disk;
  auto careless = disk.open(MemoryDisk::Sync::Never);
  ASSERT_TRUE(put(*careless, "a"));
  EXPECT_TRUE(has(*careless, "a"));
  disk.drop_unsynced();
  EXPECT_FALSE(has(*disk.open(), "a"));
}

TEST(MemoryStore, a_power_cut_between_write_and_sync_fails_the_commit) {
  MemoryDisk disk;
  auto store = disk.open();
  disk.set_before_sync([&] { disk.drop_unsynced(); });
  const Status cut = put(*store, "a");
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::StorageFailure);
  EXPECT_FALSE(has(*disk.open(), "a"));
}

TEST(MemoryStore, a_full_disk_refuses_and_goes_on_when_there_is_room) {
  MemoryDisk disk;
  auto store = disk.open();
  disk.set_capacity(1);
  const Status full = put(*store, "a");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::DiskFull);
  disk.set_capacity(100);
  EXPECT_TRUE(put(*store, "a"));
}

}  // namespace
}  // namespace storage
