// Runs many small jobs in child processes, so that a job which crashes or hangs takes nothing else
// with it.
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
  std::string answer;  // of a finished job; of a crashed one how it died
};

struct WorkerPoolOptions {
  int workers = 1;
  int time_limit_ms = 5000;  // for each job
};

// Calls `run` for jobs 0 to job_count - 1, each in some child, and `report` in this process for
// each that ended, in any order. Children are forked here and when one has died, so they see what
// this process has in memory. Fails when processes cannot be made.
//
// The caller must have one thread only.
Status run_in_workers(size_t job_count, const WorkerPoolOptions& options,
                      const std::function<std::string(size_t job)>& run,
                      const std::function<void(JobReport)>& report);

}  // namespace engine
