#include "server/tasks/query_progress.h"

#include <algorithm>

#include "tests/server/tasks/running_queries.h"

namespace server {
namespace {

constexpr const char* kTable = "CREATE TABLE t (k INT PRIMARY KEY, a INT) WITH (PARTITIONS = 2);";
constexpr const char* kStream = "CREATE STREAM s (k INT KEY, v INT) WITH (PARTITIONS = 2);";
constexpr const char* kMade = "CREATE TABLE d AS SELECT k, a FROM t;";
constexpr const char* kJoin =
    "CREATE STREAM j AS SELECT s.k AS k, v, a FROM s LEFT JOIN d ON s.k = d.k;";

class QueryProgressTest : public testing::Test {
 protected:
  void define(const std::string& sql, const engine::Properties& properties = {}) {
    const Status defined = node_.define(sql, properties);
    ASSERT_TRUE(defined) << defined.error().message;
  }
  // Returns the query that writes a stream or table.
  std::string writer_of(const std::string& source) const {
    return node_.definitions->image()->writers_of(source).front()->plan->id;
  }
  std::vector<std::string> route_to(const std::string& topic, const std::string& reader) const {
    std::vector<std::string> ids;
    for (const QueryProgress::Step& step :
         node_.tasks->progress().route_to(node_.partition(topic).topic, reader))
      ids.push_back(step.defined->plan->id + "/" + std::to_string(step.stage));
    return ids;
  }
  std::string awaited_by(const std::string& query_id) const {
    for (const ShardTaskReport& report : node_.reports())
      if (report.query_id == query_id && !report.awaited_query.empty()) return report.awaited_query;
    return "";
  }
  // Appends a record with a key, as the server writes it. Returns its offset.
  Offset insert(const std::string& topic, int32_t partition, const std::string& value) {
    return node_.insert(node_.partition(topic, partition), value, std::string_view("\0\0\0\1", 4));
  }

  Disks disks_;
  RunningQueries node_{disks_};
};

TEST_F(QueryProgressTest, a_route_has_the_stages_of_writers_before_those_of_readers) {
  define(kTable);
  define(kMade);
  define("CREATE TABLE e AS SELECT a, COUNT(*) AS n FROM d GROUP BY a;");
  const std::string d = writer_of("D"), e = writer_of("E");
  EXPECT_EQ(route_to("e", "CSAS_J"), (std::vector<std::string>{d + "/0", e + "/0", e + "/1"}));
  EXPECT_EQ(route_to("d", "CSAS_J"), std::vector<std::string>{d + "/0"});
  EXPECT_TRUE(route_to("t", "CSAS_J").empty());
}

TEST_F(QueryProgressTest, a_reader_does_not_wait_for_itself) {
  define(kStream);
  define("CREATE TABLE d AS SELECT k, SUM(v) AS a FROM s GROUP BY k;");
  define(kJoin);
  const std::string join = writer_of("J");
  EXPECT_FALSE(route_to("d", join).empty());
  define("INSERT INTO s SELECT k, v FROM j WHERE v < 0;", {{"query.cycles", "allow"}});
  EXPECT_TRUE(route_to("d", join).empty());
  // The cycle does not affect a reader that is not part of the cycle.
  EXPECT_FALSE(route_to("d", "CSAS_OTHER").empty());
}

TEST_F(QueryProgressTest, a_stage_has_passed_when_all_of_its_tasks_have) {
  define(kTable);
  define(kMade);
  const DefinedQueryPtr defined = node_.definitions->image()->find_query(writer_of("D"));
  ProgressOfQuery progress(defined);
  int wakes = 0;
  const auto wake = std::make_shared<const ProgressOfQuery::Wake>([&] { ++wakes; });
  const engine::PartitionRef first{node_.partition("t").topic, PartitionId(0)},
      second{first.topic, PartitionId(1)};
  const std::vector<ProgressOfQuery::Target> targets{{first, Offset(5)}, {second, Offset(7)}};
  EXPECT_FALSE(progress.has_passed(0, targets, wake)) << "no run has begun";
  progress.expect({2});
  progress.publish(0, 0, std::vector<ProgressOfQuery::Target>{{first, Offset(5)}});
  EXPECT_EQ(wakes, 1);
  EXPECT_FALSE(progress.has_passed(0, targets, wake)) << "the other task is not there yet";
  EXPECT_FALSE(progress.has_passed(0, targets, wake));
  progress.publish(0, 1, std::vector<ProgressOfQuery::Target>{{second, Offset(6)}});
  EXPECT_EQ(wakes, 2) << "once for each time that it was found behind";
  EXPECT_FALSE(progress.has_passed(0, targets, wake));
  progress.publish(0, 1, std::vector<ProgressOfQuery::Target>{{second, Offset(7)}});
  EXPECT_TRUE(progress.has_passed(0, targets, wake));
  progress.replace(std::make_shared<const DefinedQuery>(*defined));
  EXPECT_TRUE(progress.has_passed(0, targets, wake)) << "it goes on with the same plan";
}

TEST_F(QueryProgressTest, a_query_that_was_dropped_is_waited_for_no_longer) {
  define(kTable);
  define(kMade);
  const DefinedQueryPtr defined = node_.definitions->image()->find_query(writer_of("D"));
  ProgressOfQuery progress(defined);
  int wakes = 0;
  const auto wake = std::make_shared<const ProgressOfQuery::Wake>([&] { ++wakes; });
  EXPECT_FALSE(progress.has_passed(0, {}, wake));
  progress.end();
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(progress.has_passed(0, {}, wake));
}

TEST_F(QueryProgressTest, a_join_waits_for_a_query_that_is_paused_and_goes_on_with_it) {
  define(kTable);
  define(kStream);
  define(kMade);
  define(kJoin);
  const std::string join = writer_of("J"), made = writer_of("D");
  define("PAUSE " + made + ";");
  insert("t", 0, R"({"A":7})");
  insert("s", 0, R"({"V":1})");
  EXPECT_TRUE(node_.eventually([&] { return awaited_by(join) == made; }));
  EXPECT_EQ(node_.records_in(join), 0u);
  define("RESUME " + made + ";");
  EXPECT_TRUE(node_.eventually([&] { return node_.records_in(join) == 2; }));
  EXPECT_EQ(awaited_by(join), "");
}

TEST_F(QueryProgressTest, a_join_goes_on_when_the_query_that_it_waits_for_is_terminated) {
  define(kTable);
  define(kStream);
  define(kMade);
  define(kJoin);
  const std::string join = writer_of("J"), made = writer_of("D");
  define("PAUSE " + made + ";");
  insert("t", 1, R"({"A":7})");
  insert("s", 1, R"({"V":1})");
  EXPECT_TRUE(node_.eventually([&] { return awaited_by(join) == made; }));
  define("TERMINATE " + made + ";");
  EXPECT_TRUE(node_.eventually([&] { return node_.records_in(join) == 1; }));
}

}  // namespace
}  // namespace server
