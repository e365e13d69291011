#include "engine/testing/worker_pool.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

namespace engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Reads `size` bytes. Returns false at the end of the stream.
bool read_all(int fd, void* to, size_t size) {
  auto* at = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t got = read(fd, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

bool write_all(int fd, const void* from, size_t size) {
  const auto* at = static_cast<const char*>(from);
  while (size > 0) {
    const ssize_t put = write(fd, at, size);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    at += put;
    size -= static_cast<size_t>(put);
  }
  return true;
}

// Runs the loop of a child process until the end of the stream: reads the number of a job, then
// writes a length and a text.
[[noreturn]] void serve(int jobs, int answers, const std::function<std::string(size_t)>& run) {
  size_t job = 0;
  while (read_all(jobs, &job, sizeof job)) {
    const std::string answer = run(job);
    const size_t size = answer.size();
    if (!write_all(answers, &size, sizeof size) || !write_all(answers, answer.data(), size)) break;
  }
  std::fflush(nullptr);
  _exit(0);
}

struct Worker {
  pid_t process = -1;
  FileDescriptor jobs, answers;
  bool is_busy = false;
  size_t job = 0;
  steady_clock::time_point deadline;
};

std::string describe_death(int status) {
  if (WIFSIGNALED(status)) return fmt::format("crashed: {}", strsignal(WTERMSIG(status)));
  return fmt::format("crashed: its process ended with status {}", WEXITSTATUS(status));
}

class Pool {
 public:
  Pool(size_t job_count, const WorkerPoolOptions& options,
       const std::function<std::string(size_t)>& run, const std::function<void(JobReport)>& report)
      : job_count_(job_count), options_(options), run_(run), report_(report) {}
  ~Pool() {
    for (Worker& worker : workers_) stop(worker);
  }

  Status run_all();

 private:
  Result<Worker> start() const;
  Status give_next_job(Worker& worker);
  // Reads the answer of a worker, or handles its death.
  Status collect(Worker& worker);
  Status end_overdue();
  Status replace(Worker& worker, JobReport report, int signal);
  static int stop(Worker& worker, int signal = 0);

  const size_t job_count_;
  const WorkerPoolOptions options_;
  const std::function<std::string(size_t)>& run_;
  const std::function<void(JobReport)>& report_;
  std::vector<Worker> workers_;
  size_t next_job_ = 0, ended_ = 0;
};

Result<Worker> Pool::start() const {
  int jobs[2], answers[2];
  const auto failure = [] {
    return Error{ErrorCode::StorageFailure,
                 fmt::format("cannot start a worker process: {}", std::strerror(errno))};
  };
  if (pipe(jobs) != 0) return failure();
  FileDescriptor jobs_out(jobs[0]), jobs_in(jobs[1]);
  if (pipe(answers) != 0) return failure();
  FileDescriptor answers_out(answers[0]), answers_in(answers[1]);
  std::fflush(nullptr);  // otherwise the child would print the buffered output again
  const pid_t process = fork();
  if (process < 0) return failure();
  if (process == 0) {
    // The pipe ends of other workers must not stay open in this child, because a worker sees the
    // end of its stream only when all writing ends are closed.
    for (const Worker& other : workers_) {
      close(other.jobs.get());
      close(other.answers.get());
    }
    close(jobs_in.get());
    close(answers_out.get());
    serve(jobs_out.get(), answers_in.get(), run_);
  }
  Worker worker;
  worker.process = process;
  worker.jobs = std::move(jobs_in);
  worker.answers = std::move(answers_out);
  return worker;
}

Status Pool::give_next_job(Worker& worker) {
  worker.is_busy = next_job_ < job_count_;
  if (!worker.is_busy) return {};
  worker.job = next_job_++;
  worker.deadline = steady_clock::now() + milliseconds(options_.time_limit_ms);
  if (!write_all(worker.jobs.get(), &worker.job, sizeof worker.job))
    return Error{ErrorCode::Internal, "a worker process went away before its first job"};
  return {};
}

// Waits for the process to end. Sends `signal` to the process first, if it is not 0.
int Pool::stop(Worker& worker, int signal) {
  if (worker.process < 0) return 0;
  if (signal != 0) kill(worker.process, signal);
  worker.jobs = FileDescriptor();
  int status = 0;
  while (waitpid(worker.process, &status, 0) < 0 && errno == EINTR) {
  }
  worker.process = -1;
  return status;
}

Status Pool::replace(Worker& worker, JobReport report, int signal) {
  const int status = stop(worker, signal);
  if (report.end == JobEnd::Crashed) report.answer = describe_death(status);
  ++ended_;
  report_(std::move(report));
  worker = TRY(start());
  return give_next_job(worker);
}

Status Pool::collect(Worker& worker) {
  size_t size = 0;
  std::string answer;
  bool arrived = read_all(worker.answers.get(), &size, sizeof size);
  if (arrived) {
    answer.resize(size);
    arrived = read_all(worker.answers.get(), answer.data(), size);
  }
  if (!arrived) return replace(worker, {worker.job, JobEnd::Crashed, ""}, 0);
  ++ended_;
  report_({worker.job, JobEnd::Finished, std::move(answer)});
  return give_next_job(worker);
}

Status Pool::end_overdue() {
  const auto now = steady_clock::now();
  for (Worker& worker : workers_)
    if (worker.is_busy && worker.deadline <= now)
      TRY(replace(worker, {worker.job, JobEnd::TimedOut, ""}, SIGKILL));
  return {};
}

Status Pool::run_all() {
  const size_t count = std::min(job_count_, static_cast<size_t>(std::max(1, options_.workers)));
  for (size_t i = 0; i < count; ++i) workers_.push_back(TRY(start()));
  for (Worker& worker : workers_) TRY(give_next_job(worker));
  while (ended_ < job_count_) {
    std::vector<pollfd> waiting;
    for (const Worker& worker : workers_)
      waiting.push_back({worker.is_busy ? worker.answers.get() : -1, POLLIN, 0});
    constexpr int kLookForOverdueMs = 50;
    if (poll(waiting.data(), waiting.size(), kLookForOverdueMs) < 0 && errno != EINTR)
      return Error{ErrorCode::Internal, fmt::format("poll: {}", std::strerror(errno))};
    for (size_t i = 0; i < workers_.size(); ++i)
      if (waiting[i].revents != 0) TRY(collect(workers_[i]));
    TRY(end_overdue());
  }
  return {};
}

}  // namespace

Status run_in_workers(size_t job_count, const WorkerPoolOptions& options,
                      const std::function<std::string(size_t job)>& run,
                      const std::function<void(JobReport)>& report) {
  // A worker that dies while it is sent a job must not end this process.
  signal(SIGPIPE, SIG_IGN);
  return Pool(job_count, options, run, report).run_all();
}

}  // namespace engine
