#include "server/sql/barriers/barrier_plan.h"

#include <algorithm>

#include "tests/server/tasks/running_queries.h"

namespace server {
namespace {

class BarrierPlanTest : public testing::Test {
 protected:
  void define(const std::string& sql, const engine::Properties& properties = {}) {
    const Status defined = node_.define(sql, properties);
    EXPECT_TRUE(defined) << sql << ": " << (defined ? "" : defined.error().message);
  }
  BarrierPlan plan(const std::vector<std::string>& tables) {
    const MetadataImagePtr image = node_.definitions->image();
    std::vector<DefinedQueryPtr> queries;
    for (const std::string& table : tables) {
      const DefinedQuery* query = image->materializer_of(*image->catalog->find_source(table));
      queries.push_back(image->find_query(query->plan->id));
    }
    return plan_barrier(image, queries).value();
  }
  const BarrierPlan::Topic* find(const BarrierPlan& plan, const std::string& source) {
    const std::string& topic = node_.definitions->image()->catalog->find_source(source)->topic;
    const auto found =
        std::ranges::find(plan.topics, node_.partition(topic).topic, &BarrierPlan::Topic::id);
    return found == plan.topics.end() ? nullptr : &*found;
  }

  Disks disks_;
  RunningQueries node_{disks_};
};

TEST_F(BarrierPlanTest, has_the_stages_of_all_queries_before_a_table_and_no_others) {
  define("CREATE STREAM s (k INT KEY, v INT) WITH (PARTITIONS = 4);");
  define("CREATE TABLE a AS SELECT v, COUNT(*) AS n FROM s GROUP BY v;");
  define("CREATE TABLE b AS SELECT v, n FROM a WHERE n > 1;");
  define("CREATE TABLE other AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;");
  const BarrierPlan found = plan({"B"});
  EXPECT_EQ(found.query_ids.size(), 2u);
  ASSERT_EQ(found.stages.size(), 3u);  // the grouping has two
  const BarrierPlan::Topic* base = find(found, "S");
  ASSERT_TRUE(base);
  EXPECT_TRUE(base->is_base());
  EXPECT_EQ(base->partitions.size(), 4u);
  const BarrierPlan::Topic* made = find(found, "A");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->writers, (std::vector<size_t>{1}));
  EXPECT_EQ(made->readers, (std::vector<size_t>{2}));
  EXPECT_FALSE(found.stages[2].output) << "no stage of the plan reads the table";
  EXPECT_TRUE(found.stages[1].keeps_table && found.stages[2].keeps_table);
  EXPECT_FALSE(found.stages[0].keeps_table);
}

TEST_F(BarrierPlanTest, has_all_writers_of_a_topic) {
  define("CREATE STREAM s (v INT) WITH (PARTITIONS = 2);");
  define("CREATE STREAM r (v INT) WITH (PARTITIONS = 2);");
  define("CREATE STREAM t AS SELECT v FROM s;");
  define("INSERT INTO t SELECT v FROM r;");
  define("CREATE TABLE n AS SELECT v, COUNT(*) AS n FROM t GROUP BY v;");
  const BarrierPlan found = plan({"N"});
  EXPECT_EQ(find(found, "T")->writers.size(), 2u);
  EXPECT_TRUE(find(found, "S")->is_base() && find(found, "R")->is_base());
}

// The tasks of a cycle would wait for each other.
TEST_F(BarrierPlanTest, counts_topics_on_a_cycle_as_base_topics) {
  define("CREATE STREAM s (v INT) WITH (PARTITIONS = 2);");
  define("CREATE STREAM t AS SELECT v FROM s;");
  define("CREATE STREAM u AS SELECT v FROM t;");
  define("INSERT INTO t SELECT v FROM u;", {{"query.cycles", "allow"}});
  define("CREATE TABLE n AS SELECT v, COUNT(*) AS n FROM u GROUP BY v;");
  const BarrierPlan found = plan({"N"});
  EXPECT_TRUE(find(found, "T")->is_base());
  EXPECT_TRUE(find(found, "U")->is_base());
  for (const BarrierPlan::Topic& topic : found.topics)
    for (const size_t writer : topic.writers)
      for (const size_t reader : topic.readers) EXPECT_LT(writer, reader);
}

TEST_F(BarrierPlanTest, counts_generated_rows_as_a_base_topic) {
  define("CREATE STREAM made (id INT, v INT) WITH (GENERATOR = 'datagen', PARTITIONS = 1);");
  define("CREATE TABLE n AS SELECT v, COUNT(*) AS n FROM made GROUP BY v;");
  const BarrierPlan found = plan({"N"});
  EXPECT_EQ(found.query_ids.size(), 1u);
  EXPECT_EQ(std::ranges::count_if(found.topics, &BarrierPlan::Topic::is_base), 1);
}

// The end offsets (cuts) of a barrier must not limit the progress partitions of a time-ordered exchange: a writer
// deletes its older progress, so a reader that may read only up to a cut might find none.
TEST_F(BarrierPlanTest, leaves_out_the_progress_of_writers) {
  define("CREATE STREAM s (k INT KEY, v INT, ts BIGINT) WITH (TIMESTAMP = 'ts', PARTITIONS = 3);");
  define(
      "CREATE TABLE w AS SELECT v, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY v;");
  const BarrierPlan found = plan({"W"});
  const auto exchange = std::ranges::find_if(found.topics, &BarrierPlan::Topic::is_exchange);
  ASSERT_NE(exchange, found.topics.end());
  const DefinedQuery& query = *found.stages.front().query;
  ASSERT_TRUE(query.plan->exchanges.front().is_time_ordered);
  EXPECT_EQ(exchange->partitions.size(), 9u) << "a lane for each pair of writer and reader";
  EXPECT_EQ(
      std::ranges::count(exchange->partitions, PartitionId(3), &engine::PartitionRef::partition),
      0);
}

TEST_F(BarrierPlanTest, notices_another_writer) {
  define("CREATE STREAM s (v INT) WITH (PARTITIONS = 2);");
  define("CREATE STREAM t AS SELECT v FROM s;");
  define("CREATE TABLE n AS SELECT v, COUNT(*) AS n FROM t GROUP BY v;");
  const BarrierPlan found = plan({"N"});
  define("CREATE STREAM unrelated (v INT);");
  EXPECT_TRUE(has_same_writers(found, *node_.definitions->image()));
  define("INSERT INTO t SELECT v FROM s;");
  EXPECT_FALSE(has_same_writers(found, *node_.definitions->image()));
}

}  // namespace
}  // namespace server
