#include "server/tasks/shard.h"

#include "tests/server/tasks/running_queries.h"

namespace server {
namespace {

class ShardTest : public testing::Test {
 protected:
  ShardTest() {
    EXPECT_TRUE(node_.define("CREATE STREAM a (v INT) WITH (PARTITIONS = 1);"));
    EXPECT_TRUE(node_.define("CREATE STREAM b (v INT) WITH (PARTITIONS = 1);"));
    EXPECT_TRUE(node_.define("CREATE STREAM qa AS SELECT v FROM a;"));
    EXPECT_TRUE(node_.define("CREATE STREAM qb AS SELECT v FROM b;"));
  }
  Shard& shard_of(const std::string& query) { return node_.tasks->shard_for(query, 0); }
  // Waits for the tasks of CSAS_QA_0 to pass the target, as look-ups do.
  void when_passed(Offset target, const std::weak_ptr<const void>& receiver,
                   std::function<void(Status)> passed) {
    Shard& shard = shard_of("CSAS_QA_0");
    node_.on_shard(shard, [&] {
      shard.when_passed("CSAS_QA_0", 0, {{to_engine(node_.partition("a")), target}}, receiver,
                        std::move(passed));
    });
  }
  ShardTaskReport report_of(const std::string& query) {
    for (ShardTaskReport& report : node_.reports())
      if (report.query_id == query) return std::move(report);
    ADD_FAILURE() << "no task of " << query;
    return {};
  }

  Disks disks_;
  RunningQueries node_{disks_};
};

TEST_F(ShardTest, a_partition_that_grows_wakes_the_tasks_that_read_it_and_no_others) {
  node_.insert(node_.partition("a"), R"({"V":1})");
  EXPECT_TRUE(node_.eventually([&] { return node_.records_in("CSAS_QA_0") == 1; }));
  EXPECT_EQ(node_.records_in("CSAS_QB_1"), 0u);
}

TEST_F(ShardTest, reports_the_work_of_its_tasks) {
  for (int i = 0; i < 10; ++i) node_.insert(node_.partition("a"), R"({"V":1})");
  node_.insert(node_.partition("a"), "no JSON");
  EXPECT_TRUE(node_.eventually([&] { return report_of("CSAS_QA_0").positions == "a-0@11"; }));
  const ShardTaskReport report = report_of("CSAS_QA_0");
  EXPECT_EQ(report.task_id, "CSAS_QA_0/0/0");
  EXPECT_GE(report.metrics.records_in, 10u);
  EXPECT_EQ(report.metrics.records_failed, 1u);
  EXPECT_GT(report.metrics.records_per_second, 0);
  EXPECT_FALSE(report.has_failed);
  EXPECT_TRUE(node_.eventually([&] { return report_of("CSAS_QA_0").backlog.journal_bytes > 0; }))
      << "no checkpoint is due yet";
  EXPECT_EQ(report_of("CSAS_QB_1").backlog.journal_bytes, 0u);
  EXPECT_EQ(report_of("CSAS_QB_1").metrics.records_per_second, 0);
}

TEST_F(ShardTest, a_paused_query_takes_nothing_until_it_goes_on) {
  node_.tasks->pause("CSAS_QA_0", true);
  node_.insert(node_.partition("a"), R"({"V":1})");
  node_.insert(node_.partition("b"), R"({"V":1})");
  EXPECT_TRUE(node_.eventually([&] { return node_.records_in("CSAS_QB_1") == 1; }));
  EXPECT_TRUE(report_of("CSAS_QA_0").is_paused);
  EXPECT_EQ(node_.records_in("CSAS_QA_0"), 0u);
  node_.tasks->pause("CSAS_QA_0", false);
  EXPECT_TRUE(node_.eventually([&] { return node_.records_in("CSAS_QA_0") == 1; }));
}

TEST_F(ShardTest, a_reader_that_waits_for_a_task_is_answered_once_it_has_passed) {
  const auto receiver = std::make_shared<int>();
  std::promise<Status> passed;
  std::future<Status> answer = passed.get_future();
  when_passed(Offset(1), receiver, [&](Status status) { passed.set_value(std::move(status)); });
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  node_.insert(node_.partition("a"), R"({"V":1})");
  EXPECT_TRUE(answer.get());
}

TEST_F(ShardTest, a_reader_that_waits_for_a_query_that_ends_gets_an_error) {
  const auto receiver = std::make_shared<int>();
  std::promise<Status> passed;
  when_passed(Offset(1), receiver, [&](Status status) { passed.set_value(std::move(status)); });
  ASSERT_TRUE(node_.define("TERMINATE CSAS_QA_0;"));
  const Status status = passed.get_future().get();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::UndefinedObject);
}

TEST_F(ShardTest, a_reader_that_has_given_up_is_forgotten) {
  auto receiver = std::make_shared<int>();
  auto held = std::make_shared<int>();
  const std::weak_ptr<int> kept = held;
  when_passed(Offset(1), receiver, [held](const Status&) {});
  receiver.reset();
  held.reset();
  EXPECT_TRUE(node_.eventually([&] { return kept.expired(); })) << "what it held on to is let go";
}

// These numbers are part of the error of a read that has waited too long.
TEST_F(ShardTest, counts_the_records_before_the_targets_that_a_stage_has_passed) {
  for (int i = 0; i < 2; ++i) node_.insert(node_.partition("a"), R"({"V":1})");
  EXPECT_TRUE(node_.eventually([&] { return report_of("CSAS_QA_0").positions == "a-0@2"; }));
  const auto passed = [&](Offset target) {
    Shard& shard = shard_of("CSAS_QA_0");
    Shard::Passed found;
    node_.on_shard(shard, [&] {
      found = shard.passed("CSAS_QA_0", 0, {{to_engine(node_.partition("a")), target}});
    });
    return found;
  };
  EXPECT_TRUE(node_.eventually([&] { return passed(Offset(2)).all; }));
  const Shard::Passed some = passed(Offset(5));
  EXPECT_FALSE(some.all);
  EXPECT_EQ(some.tasks, 1u);
  EXPECT_EQ(some.records, 2);
  EXPECT_EQ(some.of_records, 5);
  EXPECT_EQ(some.positions, 2);
  node_.tasks->remove("CSAS_QA_0");
  EXPECT_EQ(passed(Offset(2)).tasks, 0u) << "a query without tasks has passed nothing";
}

class HeldTable : public ShardTest {
 protected:
  HeldTable() {
    EXPECT_TRUE(node_.define("CREATE TABLE t AS SELECT v, COUNT(*) AS n FROM a GROUP BY v;"));
    node_.insert(node_.partition("a"), R"({"V":1})");
    EXPECT_TRUE(node_.eventually([&] { return taken() == 1; }));
  }
  // Returns the number of records that the task with the table has processed.
  uint64_t taken() {
    uint64_t records = 0;
    for (const ShardTaskReport& report : node_.reports())
      if (report.query_id == kQuery && report.stage == 1) records += report.metrics.records_in;
    return records;
  }
  // Returns the number of records that the task has not read yet.
  int64_t lag() {
    int64_t records = 0;
    for (const ShardTaskReport& report : node_.reports())
      if (report.query_id == kQuery && report.stage == 1) records += report.lag_records.value_or(0);
    return records;
  }
  void hold(const void* holder, std::function<void()> standing) {
    for (Shard* shard : node_.tasks->shards())
      node_.on_shard(*shard, [&] { shard->hold(kQuery, holder, standing); });
  }
  void release(const void* holder) {
    for (Shard* shard : node_.tasks->shards())
      node_.on_shard(*shard, [&] { shard->release(kQuery, holder); });
  }
  const std::string kQuery = "CTAS_T_2";
  const int one_ = 1, other_ = 2;
};

TEST_F(HeldTable, a_task_that_is_held_takes_nothing_until_it_is_released) {
  std::atomic<size_t> standing = 0;
  hold(&one_, [&] { ++standing; });
  EXPECT_TRUE(node_.eventually([&] { return standing == node_.tasks->shards().size(); }));
  node_.insert(node_.partition("a"), R"({"V":1})");
  EXPECT_TRUE(node_.eventually([&] { return lag() == 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(taken(), 1u);
  release(&one_);
  EXPECT_TRUE(node_.eventually([&] { return taken() == 2; }));
}

TEST_F(HeldTable, a_later_hold_waits_until_the_task_has_worked) {
  std::atomic<size_t> standing = 0;
  hold(&one_, [&] { ++standing; });
  EXPECT_TRUE(node_.eventually([&] { return standing == node_.tasks->shards().size(); }));
  node_.insert(node_.partition("a"), R"({"V":1})");
  EXPECT_TRUE(node_.eventually([&] { return lag() == 1; }));
  standing = 0;
  hold(&other_, [&] { ++standing; });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_LT(standing, node_.tasks->shards().size());
  release(&one_);
  EXPECT_TRUE(node_.eventually([&] { return standing == node_.tasks->shards().size(); }));
  EXPECT_EQ(taken(), 2u);
  release(&other_);
}

TEST_F(HeldTable, a_query_that_ends_is_not_waited_for) {
  std::atomic<size_t> standing = 0;
  hold(&one_, [&] { ++standing; });
  hold(&other_, [&] { ++standing; });
  node_.tasks->remove(kQuery);
  EXPECT_TRUE(node_.eventually([&] { return standing == 2 * node_.tasks->shards().size(); }));
}

TEST_F(ShardTest, a_removed_query_gets_no_notifications) {
  const std::vector<storage::TopicPartition> partitions{node_.partition("a")};
  const auto is_read = [&] {
    for (const auto& its : node_.subscriptions.readers_of(partitions, node_.shards.size()))
      if (!its.empty()) return true;
    return false;
  };
  EXPECT_TRUE(node_.eventually(is_read));
  node_.tasks->remove("CSAS_QA_0");
  EXPECT_FALSE(is_read());
  EXPECT_EQ(node_.reports().size(), 1u);
}

}  // namespace
}  // namespace server
