#include "server/sql/statement_workers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "server/sql/short_work.h"

namespace server {
namespace {

using std::chrono::milliseconds;

// Keeps one worker busy until it is destroyed.
class Busy {
 public:
  explicit Busy(StatementWorkers& workers) {
    std::promise<void> begun;
    std::shared_future<void> end = end_.get_future().share();
    EXPECT_TRUE(workers.try_run(1, [&begun, end] {
      begun.set_value();
      end.wait();
    }));
    begun.get_future().wait();
  }
  ~Busy() { end_.set_value(); }

 private:
  std::promise<void> end_;
};

TEST(StatementWorkers, jobs_run_each_once) {
  std::atomic<int> count = 0;
  {
    StatementWorkers workers(3);
    std::promise<void> done;
    for (int i = 0; i < 1'000; ++i)
      ASSERT_TRUE(workers.try_run(10, [&] {
        if (++count == 1'000) done.set_value();
      }));
    done.get_future().wait();
  }
  EXPECT_EQ(count, 1'000);
}

TEST(StatementWorkers, the_queue_is_bounded_in_bytes) {
  StatementWorkers workers(1, 100);
  const Busy busy(workers);
  EXPECT_TRUE(workers.try_run(1'000, [] {}));  // an empty queue accepts a statement of any size
  EXPECT_FALSE(workers.try_run(1, [] {}));
}

TEST(StatementWorkers, short_jobs_do_not_wait_for_long_ones) {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  std::promise<void> end, is_short;
  std::shared_future<void> ended = end.get_future().share();
  StatementWorkers workers(0);
  for (unsigned i = 0; i < 2 * cores; ++i)
    ASSERT_TRUE(workers.try_run(2 * kMostShortWorkBytes, [ended] { ended.wait(); }));
  ASSERT_TRUE(workers.try_run(kMostShortWorkBytes, [&] { is_short.set_value(); }));
  is_short.get_future().wait();
  end.set_value();
}

TEST(StatementWorkers, stopping_drops_waiting_work_and_reports_work_that_takes_too_long) {
  StatementWorkers workers(1);
  const auto token = std::make_shared<int>();
  {
    const Busy busy(workers);
    ASSERT_TRUE(workers.try_run(1, [token] { ADD_FAILURE() << "was dropped"; }));
    EXPECT_FALSE(workers.stop(milliseconds(10)));
    EXPECT_EQ(token.use_count(), 1);
    EXPECT_FALSE(workers.try_run(1, [] {}));
  }
  EXPECT_TRUE(workers.stop(milliseconds(60'000)));
}

}  // namespace
}  // namespace server
