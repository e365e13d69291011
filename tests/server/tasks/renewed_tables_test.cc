#include "server/tasks/renewed_tables.h"

#include <mutex>

#include "storage/log/replica_log.h"
#include "tests/server/tasks/running_queries.h"

namespace server {
namespace {

// Tests a declared table whose topic loses records. The tests truncate the log of the topic, as a replica does if its
// new leader does not have the last records.
class RenewedTablesTest : public testing::Test {
 protected:
  void start() {
    node_ = std::make_unique<RunningQueries>(disks_, 2, CheckpointPolicy{}, [this] {
      const std::lock_guard lock(mutex_);
      return elections_;
    });
  }
  void SetUp() override {
    start();
    ASSERT_TRUE(
        node_->define("CREATE TABLE t (k STRING PRIMARY KEY, v INT) WITH (PARTITIONS = 1);"));
    for (const char* key : {"a", "lost", "lost too"}) insert(key);
    ASSERT_TRUE(node_->eventually([&] { return rows() == 3; }));
  }
  void insert(const std::string& key) { node_->insert(node_->partition("t"), R"({"V":1})", key); }
  std::string query_id() const {
    const MetadataImagePtr image = node_->definitions->image();
    return image->materializer_of(*image->catalog->find_source("T"))->query->id;
  }
  size_t rows() const {
    size_t rows = 0;
    for (const auto& shard : node_->shards)
      node_->on_shard(*shard, [&] {
        for (const ShardTask* task : shard->materializers(query_id())) rows += task->view->size();
      });
    return rows;
  }
  template <class Ask>
  void wait_for(const Ask& ask) {
    std::promise<bool> done;
    ask([&](const auto& result) { done.set_value(result.has_value()); });
    ASSERT_TRUE(done.get_future().get());
  }
  void set_role(storage::ReplicaRole role, int32_t epoch) {
    wait_for([&](auto done) {
      storage::ReplicaLog(*node_->log)
          .set_role(node_->partition("t"), role, LeaderEpoch{epoch}, done, LeaderEpoch{1});
    });
  }
  // Truncates the log as if the leader of epoch 1 had only the first of the three records. Then appends the record "b"
  // in epoch 2.
  void lose_records() {
    set_role(storage::ReplicaRole::Follower, 1);
    wait_for([&](auto done) {
      storage::ReplicaLog(*node_->log)
          .truncate(node_->partition("t"), LeaderEpoch{1}, Offset{1}, done);
    });
    set_role(storage::ReplicaRole::Alone, 2);
    insert("b");
  }
  void elect(int32_t epoch, int64_t revision) {
    const std::lock_guard lock(mutex_);
    elections_.set(node_->partition("t"), {LeaderEpoch{epoch}, Revision{revision}});
  }
  Revision renewed_after() const {
    return RenewedTables::read(*node_->log).value().renewed_after(query_id());
  }

  Disks disks_;
  std::unique_ptr<RunningQueries> node_;
  std::mutex mutex_;
  storage::UncleanElections elections_;  // guarded by mutex_
};

TEST_F(RenewedTablesTest, a_table_is_read_again_after_an_unclean_election) {
  lose_records();
  EXPECT_EQ(rows(), 3u) << "what is lost, and not what came in its place";
  elect(1, 100);
  node_->supervisor->rebuild_soon({query_id()});
  EXPECT_TRUE(node_->eventually([&] { return rows() == 2; })) << rows();
  insert("c");
  EXPECT_TRUE(node_->eventually([&] { return rows() == 3; })) << rows();
  EXPECT_EQ(node_->supervisor->trouble_of(query_id()), std::nullopt);
  EXPECT_EQ(renewed_after(), Revision{100});
}

TEST_F(RenewedTablesTest, not_before_its_replica_follows_the_new_leader) {
  elect(1, 100);
  node_->supervisor->rebuild_soon({query_id()});
  EXPECT_TRUE(node_->eventually([&] { return rows() == 0; })) << "nobody is shown what is lost";
  EXPECT_EQ(renewed_after(), Revision{0});
  lose_records();
  EXPECT_TRUE(node_->eventually([&] { return rows() == 2; })) << rows();
}

TEST_F(RenewedTablesTest, a_node_that_was_away_meanwhile_reads_it_again_when_it_starts) {
  lose_records();
  elect(1, 100);
  node_.reset();
  start();
  EXPECT_TRUE(node_->eventually([&] { return rows() == 2; })) << rows();
  EXPECT_EQ(renewed_after(), Revision{100});
  // The table is built again only once for each election.
  node_.reset();
  start();
  EXPECT_EQ(rows(), 2u) << "it goes on with what it has";
  elect(1, 200);
  node_->supervisor->rebuild_soon({query_id()});
  EXPECT_TRUE(node_->eventually([&] { return renewed_after() == Revision{200}; }));
  EXPECT_TRUE(node_->eventually([&] { return rows() == 2; }));
}

}  // namespace
}  // namespace server
