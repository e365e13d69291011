// Runs many small jobs in child processes, so that a job that crashes or hangs affects no other
// job.
#pragma once
#include <cstddef>
#include <functional>
#include <string>

#include "base/result.h"

namespace engine {

enum class JobEnd : uint8_t { Finished, Crashed, TimedOut };

struct JobReport {
  size_t job = 0;
  JobEnd end = JobEnd::Finished;
  std::string answer;  // answer of a finished job; cause of death of a crashed one
};

struct WorkerPoolOptions {
  int workers = 1;
  int time_limit_ms = 5000;  // time limit of each job
};

// Calls `run` for the jobs 0 to job_count - 1, each in a child process. Calls `report` in this
// process for each job that has ended, in any order. A child is forked at the start, or when
// another one has ended, and so has a copy of this process's memory. Fails if processes cannot be
// created.
//
// The caller must have only one thread.
Status run_in_workers(size_t job_count, const WorkerPoolOptions& options,
                      const std::function<std::string(size_t job)>& run,
                      const std::function<void(JobReport)>& report);

}  // namespace engine
