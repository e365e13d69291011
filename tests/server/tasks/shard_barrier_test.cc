// Tests how a shard stops its tasks at the cuts of a barrier (offsets up to which they read), and lets them continue.
#include <map>

#include "tests/server/tasks/running_queries.h"

namespace server {
namespace {

constexpr uint64_t kBarrier = 7;

// Two queries that read one partition: they share the records that one of them has decoded.
class ShardBarrier : public testing::Test {
 protected:
  ShardBarrier() {
    for (const char* sql :
         {"CREATE STREAM a (v INT) WITH (PARTITIONS = 1);", "CREATE STREAM qa AS SELECT v FROM a;",
          "CREATE STREAM qb AS SELECT v FROM a;"})
      EXPECT_TRUE(node_.define(sql));
  }
  static Shard::StageAtBarrier at(const std::string& query) { return {kBarrier, query, 0, 1}; }
  Status on(const std::string& query, const std::function<Status(Shard&)>& work) {
    Status status;
    Shard& shard = node_.tasks->shard_for(query, 0);
    node_.on_shard(shard, [&] { status = work(shard); });
    return status;
  }
  Status prepare(const std::string& query) {
    return on(query, [&](Shard& shard) {
      return shard.prepare(at(query), [this](const Error& why) { left_ = why.message; });
    });
  }
  Status limit(const std::string& query, int64_t cut) {
    const auto cuts = std::make_shared<Cuts>();
    (*cuts)[partition()] = Offset(cut);
    return on(query, [&](Shard& shard) { return shard.limit(at(query), cuts); });
  }
  std::future<Status> stands(const std::string& query, int64_t cut) {
    const auto answer = std::make_shared<std::promise<Status>>();
    (void)on(query, [&](Shard& shard) -> Status {
      shard.when_standing(at(query), {{partition(), Offset(cut)}},
                          [answer](Status status) { answer->set_value(std::move(status)); });
      return {};
    });
    return answer->get_future();
  }
  void leave(const std::string& query) {
    (void)on(query, [&](Shard& shard) -> Status {
      shard.leave_barrier(kBarrier, query, -1);
      return {};
    });
  }
  engine::PartitionRef partition() const { return to_engine(node_.partition("a")); }
  void insert(int records) {
    for (int i = 0; i < records; ++i) node_.insert(node_.partition("a"), R"({"V":1})");
  }
  uint64_t taken(const std::string& query) const { return node_.records_in(query); }

  Disks disks_;
  RunningQueries node_{disks_};
  std::string left_;  // the reason why a task has left the barrier
  const std::string one_ = "CSAS_QA_0", other_ = "CSAS_QB_1";
};

TEST_F(ShardBarrier, a_task_reads_up_to_its_cut_also_where_it_shares_records) {
  ASSERT_TRUE(prepare(one_));
  insert(5);
  EXPECT_TRUE(node_.eventually([&] { return taken(other_) == 5; }));
  EXPECT_EQ(taken(one_), 0u) << "a prepared task takes no records";
  ASSERT_TRUE(limit(one_, 3));
  EXPECT_TRUE(stands(one_, 3).get());
  insert(5);
  EXPECT_TRUE(node_.eventually([&] { return taken(other_) == 10; }));
  EXPECT_EQ(taken(one_), 3u);
  leave(one_);
  EXPECT_TRUE(node_.eventually([&] { return taken(one_) == 10; }));
}

TEST_F(ShardBarrier, a_task_stands_when_it_has_reached_its_cut) {
  ASSERT_TRUE(prepare(one_));
  ASSERT_TRUE(limit(one_, 2));
  std::future<Status> answer = stands(one_, 2);
  insert(1);
  EXPECT_TRUE(node_.eventually([&] { return taken(one_) == 1; }));
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(10)), std::future_status::timeout);
  insert(1);
  EXPECT_TRUE(answer.get());
}

TEST_F(ShardBarrier, a_pause_or_an_end_breaks_the_barrier) {
  ASSERT_TRUE(prepare(one_));
  ASSERT_TRUE(limit(one_, 2));
  std::future<Status> answer = stands(one_, 2);
  node_.tasks->pause(one_, true);
  EXPECT_FALSE(answer.get());
  EXPECT_EQ(left_, "query CSAS_QA_0: it is paused");
  EXPECT_FALSE(prepare(one_)) << "the query is paused";
  node_.tasks->pause(one_, false);
  insert(3);
  EXPECT_TRUE(node_.eventually([&] { return taken(one_) == 3; })) << "the limit is lifted";
  ASSERT_TRUE(prepare(one_));
  ASSERT_TRUE(node_.define("TERMINATE CSAS_QA_0;"));
  EXPECT_EQ(left_, "query CSAS_QA_0: its tasks have ended");
}

TEST_F(ShardBarrier, refuses_a_second_barrier_and_missing_tasks) {
  ASSERT_TRUE(prepare(one_));
  EXPECT_FALSE(on(one_, [&](Shard& shard) {
    return shard.prepare({kBarrier + 1, one_, 0, 1}, [](const Error&) {});
  }));
  EXPECT_FALSE(on(one_, [&](Shard& shard) {
    return shard.prepare({kBarrier, one_, 0, 2}, [](const Error&) {});
  }));
}

// The task has already processed records after the end offset (cut) of the barrier. Its table would show these records,
// although they do not belong to the barrier, so the shard refuses the cut.
TEST_F(ShardBarrier, refuses_a_cut_that_the_task_has_passed) {
  insert(3);
  EXPECT_TRUE(node_.eventually([&] { return taken(one_) == 3; }));
  ASSERT_TRUE(prepare(one_));
  EXPECT_FALSE(limit(one_, 2));
}

}  // namespace
}  // namespace server
