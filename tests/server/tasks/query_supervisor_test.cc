#include "server/tasks/query_supervisor.h"

#include "tests/server/tasks/running_queries.h"

namespace server {
namespace {

class SupervisorTest : public testing::Test {
 protected:
  void start() { node_ = std::make_unique<RunningQueries>(disks_); }
  void SetUp() override {
    start();
    ASSERT_TRUE(node_->define("CREATE STREAM s (v INT) WITH (PARTITIONS = 2);"));
    ASSERT_TRUE(node_->define("CREATE TABLE t AS SELECT v, COUNT(*) AS n FROM s GROUP BY v;"));
  }
  std::optional<Error> trouble() const { return node_->supervisor->trouble_of("CTAS_T_0"); }
  size_t task_count() const { return node_->reports().size(); }

  Disks disks_;
  std::unique_ptr<RunningQueries> node_;
};

TEST_F(SupervisorTest, a_query_has_a_task_for_each_stage_and_partition) {
  EXPECT_EQ(task_count(), 4u);
  EXPECT_EQ(trouble(), std::nullopt);
}

TEST_F(SupervisorTest, a_query_goes_on_where_it_was_after_a_restart) {
  node_->insert(node_->partition("s", 1), R"({"V":1})");
  EXPECT_TRUE(node_->eventually([&] { return node_->records_in("CTAS_T_0") == 2; }));
  node_.reset();
  start();
  EXPECT_EQ(task_count(), 4u);
  EXPECT_EQ(node_->records_in("CTAS_T_0"), 2u) << "counts are part of what is durable";
  EXPECT_EQ(node_->tasks->recovered().tasks, 4u);
}

// A query whose inputs have more partitions has tasks for them: the metadata says how many.
TEST_F(SupervisorTest, a_topic_that_grows_gives_its_queries_more_tasks) {
  ASSERT_TRUE(node_->change(GrowTopic{"s", 5}));
  EXPECT_EQ(task_count(), 5u + 2u);  // the exchange keeps its number
  node_->insert(node_->partition("s", 4), R"({"V":1})");
  EXPECT_TRUE(node_->eventually([&] { return node_->records_in("CTAS_T_0") == 2; }));
}

TEST_F(SupervisorTest, a_query_that_has_lost_its_topic_stops_and_says_what_to_do) {
  ASSERT_TRUE(node_->change(DeleteTopic{"s"}));
  ASSERT_TRUE(trouble());
  EXPECT_EQ(trouble()->code, ErrorCode::UnknownTopic);
  EXPECT_NE(trouble()->hint.find("DROP the query"), std::string::npos) << trouble()->hint;
  EXPECT_EQ(task_count(), 0u);
  EXPECT_EQ(node_->supervisor->troubles().size(), 1u);
  // Nor does it run after a restart, nor does it keep others from running.
  node_.reset();
  start();
  ASSERT_TRUE(trouble());
  EXPECT_EQ(trouble()->code, ErrorCode::UnknownTopic);
  ASSERT_TRUE(node_->define("CREATE STREAM other (v INT) WITH (PARTITIONS = 1);"));
  ASSERT_TRUE(node_->define("CREATE STREAM q AS SELECT v FROM other;"));
  EXPECT_EQ(task_count(), 1u);
}

TEST_F(SupervisorTest, nothing_of_a_dropped_query_is_left) {
  node_->insert(node_->partition("s"), R"({"V":1})");
  EXPECT_TRUE(node_->eventually([&] { return node_->records_in("CTAS_T_0") == 2; }));
  EXPECT_FALSE(node_->log->task_ids().value().empty());
  ASSERT_TRUE(node_->define("DROP TABLE t DELETE TOPIC;"));
  EXPECT_TRUE(node_->log->task_ids().value().empty());
  EXPECT_TRUE(node_->state->task_ids().value().empty());
  EXPECT_EQ(node_->log->topics().size(), 1u) << "that of s";
  EXPECT_EQ(task_count(), 0u);
}

TEST_F(SupervisorTest, what_nobody_has_defined_is_removed_at_the_start) {
  ASSERT_TRUE(storage::create_partitions_and_wait(*node_->log, Uuid::random(), 3));
  ASSERT_TRUE(storage::raise_epoch_and_wait(*node_->log, "GONE_7/0/0"));
  const size_t topics = node_->log->topics().size();
  node_.reset();
  start();
  EXPECT_EQ(node_->log->topics().size(), topics - 1);
  for (const std::string& task : node_->log->task_ids().value())
    EXPECT_TRUE(task.starts_with("CTAS_T_0/")) << task;
}

TEST_F(SupervisorTest, a_task_that_is_fenced_is_built_anew) {
  ASSERT_TRUE(storage::raise_epoch_and_wait(*node_->log, "CTAS_T_0/0/0"));  // another owner
  node_->insert(node_->partition("s", 0), R"({"V":1})");
  EXPECT_TRUE(node_->eventually([&] { return node_->records_in("CTAS_T_0") == 2; }));
  EXPECT_GT(node_->failures, 0);
  EXPECT_TRUE(node_->eventually([&] { return !trouble(); })) << "it runs again";
  EXPECT_EQ(task_count(), 4u);
}

// The shards are about to stop: who would wait for them would wait for ever.
TEST_F(SupervisorTest, after_its_stop_nothing_is_asked_of_the_shards) {
  const MetadataImagePtr image = node_->definitions->image();
  const DefinedQueryPtr query = image->find_query("CTAS_T_0");
  node_->definitions->stop_thread();
  node_->supervisor->stop_thread();
  for (const auto& shard : node_->shards) shard->stop_thread();
  node_->supervisor->start({query});
  node_->supervisor->pause("CTAS_T_0", true);
  node_->supervisor->stop(*query, QueryRunner::Keep::State);
  node_->supervisor->stop_with_error(*query, {ErrorCode::UnknownTopic, "gone"});
  EXPECT_EQ(trouble(), std::nullopt);
}

}  // namespace
}  // namespace server
