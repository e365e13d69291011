#include "storage/meta/begun_join.h"

#include <gtest/gtest.h>

#include <future>

#include "storage/kv/memory_store.h"
#include "storage/log/log.h"

using namespace storage;

TEST(BegunJoin, is_kept_until_it_is_forgotten) {
  MemoryDisk disk;
  auto log = Log::open(disk.open(), LogOptions{}).value();
  EXPECT_EQ(read_begun_join(*log).value(), std::nullopt);
  ASSERT_TRUE(forget_begun_join(*log));
  const ClusterMembership begun{"blue", NodeId{1}, "id"};
  ASSERT_TRUE(write_begun_join(*log, begun));
  log.reset();
  log = Log::open(disk.open(), LogOptions{}).value();
  EXPECT_EQ(read_begun_join(*log).value(), begun);
  EXPECT_EQ(read_cluster_membership(*log).value(), std::nullopt);
  ASSERT_TRUE(forget_begun_join(*log));
  EXPECT_EQ(read_begun_join(*log).value(), std::nullopt);
}

TEST(BegunJoin, ends_with_the_membership) {
  MemoryDisk disk;
  const auto log = Log::open(disk.open(), LogOptions{}).value();
  ASSERT_TRUE(write_begun_join(*log, {"blue", NodeId{1}, "id"}));
  const ClusterMembership joined{"blue", NodeId{1}, "id", Revision{7}};
  std::promise<Status> done;
  log->submit([&](WriteTransaction& transaction) { return end_join(transaction, joined); },
              [&](Status status) { done.set_value(std::move(status)); });
  ASSERT_TRUE(done.get_future().get());
  EXPECT_EQ(read_cluster_membership(*log).value(), joined);
  EXPECT_EQ(read_begun_join(*log).value(), std::nullopt);
}
