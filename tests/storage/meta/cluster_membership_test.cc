#include "storage/meta/cluster_membership.h"

#include <gtest/gtest.h>

#include "storage/kv/memory_store.h"
#include "storage/log/log.h"

using namespace storage;

TEST(ClusterMembership, is_kept_and_changed) {
  MemoryDisk disk;
  auto log = Log::open(disk.open(), LogOptions{}).value();
  EXPECT_EQ(read_cluster_membership(*log).value(), std::nullopt);
  const ClusterMembership first{"blue", NodeId{3}};
  ASSERT_TRUE(write_cluster_membership(*log, first));
  EXPECT_EQ(read_cluster_membership(*log).value(), first);
  const ClusterMembership then{"blue", NodeId{3}, std::string("\0\1id", 4), Revision{77}};
  ASSERT_TRUE(write_cluster_membership(*log, then));
  log.reset();
  log = Log::open(disk.open(), LogOptions{}).value();
  EXPECT_EQ(read_cluster_membership(*log).value(), then);
}
