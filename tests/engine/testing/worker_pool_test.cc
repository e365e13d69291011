#include "engine/testing/worker_pool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <map>

namespace engine {
namespace {

std::map<size_t, JobReport> run(size_t count, const WorkerPoolOptions& options,
                                const std::function<std::string(size_t)>& job) {
  std::map<size_t, JobReport> reports;
  const Status status = run_in_workers(count, options, job, [&](JobReport report) {
    EXPECT_FALSE(reports.contains(report.job));
    reports[report.job] = std::move(report);
  });
  EXPECT_TRUE(status);
  return reports;
}

TEST(WorkerPool, runs_every_job_once) {
  const auto reports =
      run(50, {.workers = 4}, [](size_t job) { return std::string(job * 1000, 'x'); });
  ASSERT_EQ(reports.size(), 50u);
  for (const auto& [job, report] : reports) EXPECT_EQ(report.answer.size(), job * 1000);
}

TEST(WorkerPool, a_crash_ends_one_job_only) {
  const auto reports = run(5, {.workers = 2}, [](size_t job) {
    if (job == 2) _exit(3);
    if (job == 3) raise(SIGKILL);
    return std::string("fine");
  });
  ASSERT_EQ(reports.size(), 5u);
  EXPECT_EQ(reports.at(2).end, JobEnd::Crashed);
  EXPECT_EQ(reports.at(2).answer, "crashed: its process ended with status 3");
  EXPECT_EQ(reports.at(3).answer, "crashed: Killed");
  EXPECT_EQ(reports.at(4).answer, "fine");
}

TEST(WorkerPool, a_job_that_hangs_is_ended) {
  const auto reports = run(3, {.workers = 1, .time_limit_ms = 100}, [](size_t job) {
    while (job == 1) pause();
    return std::string("fine");
  });
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports.at(1).end, JobEnd::TimedOut);
  EXPECT_EQ(reports.at(2).answer, "fine");
}

TEST(WorkerPool, no_jobs_are_no_work) {
  EXPECT_TRUE(run(0, {.workers = 3}, [](size_t) { return std::string(); }).empty());
}

}  // namespace
}  // namespace engine
