// Tests that rows with slow expressions are evaluated on another thread, and that this does not
// change the output.
#include "engine/exec/slow_row.h"

#include <algorithm>
#include <thread>

#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kClicks = "CREATE STREAM clicks (id VARCHAR KEY, n INT);";
const std::string kPeople = "CREATE TABLE people (id VARCHAR PRIMARY KEY, n INT);";
const std::string kLengths =
    "CREATE STREAM x AS SELECT id, LEN(LPAD('', n, 'x')) AS l FROM clicks;";
constexpr int kLong = 1'000'000;  // length of a text that takes too long for the loop

TestRecord click(const std::string& id, int n) {
  return {id, "{\"N\":" + std::to_string(n) + "}", 1};
}

// Takes the place of the thread that evaluates expensive rows. It evaluates them only when the test calls work().
class SlowRows : public QueryTest {
 protected:
  ~SlowRows() override {
    for (auto& [work, done] : handed_over_) work();  // evaluates what is left as late as possible
  }

  void attach(QueryRun& run) {
    for (size_t i = 0; i < run.task_count(); ++i)
      run.task(i).run_aside_by([this](std::function<void()> work, std::function<void()> done) {
        handed_over_.push_back({std::move(work), std::move(done)});
      });
  }

  // Evaluates the waiting rows and notifies their tasks.
  void work() {
    for (auto& [work, done] : std::exchange(handed_over_, {})) {
      std::thread([&work] { work(); }).join();
      done();
    }
  }

  // Runs until nothing is left to do. Returns the number of rows that the other thread evaluated.
  size_t work_off(QueryRun& run) {
    size_t rows = 0;
    EXPECT_TRUE(run.run_to_rest());
    while (!handed_over_.empty()) {
      rows += handed_over_.size();
      work();
      EXPECT_TRUE(run.run_to_rest());
    }
    return rows;
  }

  struct HandedOver {
    std::function<void()> work, done;
  };
  std::vector<HandedOver> handed_over_;
};

TEST_F(SlowRows, rows_before_a_slow_row_are_committed_while_it_waits) {
  auto run = query({kClicks}, kLengths);
  attach(*run);
  run->produce("clicks", 0, {click("a", 1), click("b", kLong), click("c", 3)});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(), "a {\"L\":1} @1\n");
  EXPECT_TRUE(run->task().is_between_commits()) << "look-ups wait for nothing";
  ASSERT_TRUE(run->task().slow_row());
  EXPECT_EQ(run->task().slow_row()->row().offsets.front(), 1);

  EXPECT_EQ(run->task().step(), StepResult::Idle);
  EXPECT_TRUE(run->task().waits_for_answer());
  EXPECT_EQ(work_off(*run), 1u);
  EXPECT_EQ(run->written(), "a {\"L\":1} @1\nb {\"L\":1000000} @1\nc {\"L\":3} @1\n");
  EXPECT_FALSE(run->task().slow_row());
}

TEST_F(SlowRows, a_restart_meanwhile_evaluates_it_again) {
  auto run = query({kClicks}, kLengths);
  attach(*run);
  run->produce("clicks", 0, {click("a", 1), click("b", kLong), click("c", 3)});
  ASSERT_TRUE(run->run_to_rest());
  run->start();
  work();  // evaluates a row of a task that no longer exists
  EXPECT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(), "a {\"L\":1} @1\nb {\"L\":1000000} @1\nc {\"L\":3} @1\n");
}

TEST_F(SlowRows, a_row_of_a_destroyed_task_delays_no_one_else) {
  auto run = query({kClicks},
                   "CREATE STREAM x AS SELECT id, REDUCE(GENERATE_SERIES(1, n), 0, (s, a) => "
                   "s + REDUCE(GENERATE_SERIES(1, n), 0, (t, b) => t + b)) AS l FROM clicks;");
  attach(*run);
  run->produce("clicks", 0, {click("a", kLong)});  // the expression computes 1e12 sums
  ASSERT_TRUE(run->run_to_rest());
  ASSERT_EQ(handed_over_.size(), 1u);
  run->drop_tasks();
  work();
}

TEST_F(SlowRows, a_failure_elsewhere_is_the_rows) {
  auto run = query({kClicks}, "CREATE STREAM x AS SELECT id, LEN(LPAD('', n, 'x')) / (n - " +
                                  std::to_string(kLong) + ") AS l FROM clicks;");
  attach(*run);
  run->produce("clicks", 0, {click("a", kLong), click("b", 80'000'000), click("c", kLong + 1)});
  EXPECT_EQ(work_off(*run), 2u);
  EXPECT_EQ(run->written(), "a {\"L\":null} @1\nb {\"L\":null} @1\nc {\"L\":1000001} @1\n");
  EXPECT_EQ(run->task().metrics().records_failed, 2u);
}

// Every operator that evaluates expressions must give the same output, whether its rows are evaluated at once or on the
// other thread.
TEST_F(SlowRows, the_output_is_the_same) {
  const std::vector<std::string> queries = {
      "CREATE STREAM x AS SELECT id, n FROM clicks WHERE LEN(LPAD('', n, 'x')) > 2;",
      "CREATE STREAM x AS SELECT id, EXPLODE(ARRAY[LEN(LPAD('', n, 'x')), 7]) AS e FROM clicks;",
      "CREATE STREAM x AS SELECT LEN(LPAD('', n, 'x')) AS l, id FROM clicks PARTITION BY "
      "LEN(LPAD('', n, 'x'));",
      "CREATE TABLE x AS SELECT id, COUNT(*) AS c, SUM(LEN(LPAD('', n, 'x'))) AS s FROM clicks "
      "GROUP BY id "
      "HAVING LEN(LPAD('', CAST(SUM(n) AS INT), 'x')) > 4;",
      "CREATE TABLE x AS SELECT id, LEN(LPAD('', n, 'x')) AS l FROM people WHERE LEN(LPAD('', n, "
      "'x')) > 2;",
  };
  for (const std::string& sql : queries) {
    std::string expected;
    for (const bool is_alone : {true, false}) {
      auto run = query({kClicks, kPeople}, sql);
      if (!is_alone) attach(*run);
      const std::string topic = sql.find("people") == std::string::npos ? "clicks" : "people";
      for (const int n : {1, 2, 3}) {
        run->produce(topic, 0, {click("a", n), click("b", n * 1'000'000), click("c", 10 - n)});
        run->produce(topic, 0, {click("a", n * 2'000'000), click("b", 3 * n)});
      }
      const size_t elsewhere = work_off(*run);
      if (is_alone) {
        expected = run->written();
        EXPECT_GE(std::ranges::count(expected, '\n'), 6) << sql;
      } else {
        EXPECT_GE(elsewhere, 3u) << sql;
        EXPECT_EQ(run->written(), expected) << sql;
      }
    }
  }
}

// A record with a large value is given to the other thread without a first attempt, which would only take time.
TEST_F(SlowRows, a_large_record_goes_to_the_other_thread_at_once) {
  auto run = query({"CREATE STREAM clicks (id VARCHAR KEY, list ARRAY<BIGINT>);"},
                   "CREATE STREAM x AS SELECT id, ARRAY_CONTAINS(list, 7) AS has FROM clicks;");
  attach(*run);
  std::string numbers = "0";
  for (int i = 1; i < 400'000; ++i) numbers += "," + std::to_string(i % 5);
  run->produce("clicks", 0, {{"a", "{\"LIST\":[" + numbers + "]}", 1}, {"b", "{\"LIST\":[7]}", 1}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(handed_over_.size(), 1u);
  EXPECT_EQ(run->written(), "");
  EXPECT_GE(work_off(*run), 1u);  // rows after a slow row may also be evaluated on that thread
  EXPECT_EQ(run->written(), "a {\"HAS\":false} @1\nb {\"HAS\":true} @1\n");
}

}  // namespace
}  // namespace engine
