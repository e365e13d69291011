// Measures how fast the log makes records durable, compared with the disk itself.
//
//   bench_log [--megabytes N] [--directory DIR]
//
// Four producers, each with four batches of 64 KB in flight (records of 1 KB), write with fsync on.
// Then the same number of bytes is written to a plain file, 1 MB and one fdatasync at a time. Both
// measurements alternate, since the speed of disks varies. Prints one line of JSON.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "base/uuid.h"
#include "records/batch_builder.h"
#include "storage/log/log.h"

namespace {

constexpr int kProducers = 4;
constexpr int kInFlight = 4;
constexpr size_t kRecordSize = 1024;
constexpr size_t kRecordsPerBatch = 64;
constexpr size_t kRawWriteSize = 1 << 20;
constexpr int kTurns = 4;

using Seconds = std::chrono::duration<double>;

[[noreturn]] void die(std::string_view what) {
  fmt::print(stderr, "bench_log: {}\n", what);
  std::exit(1);
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - start).count();
}

std::string make_batch() {
  records::BatchBuilder builder;
  const std::string value(kRecordSize, 'x');
  for (size_t i = 0; i < kRecordsPerBatch; ++i) builder.append(1'000'000, std::nullopt, value);
  return builder.finish();
}

// Produces `count` batches. At most kInFlight of them are appended but not durable at a time.
void produce(storage::Log& log, storage::TopicPartition partition, const std::string& batch,
             size_t count) {
  std::mutex mutex;
  std::condition_variable answered;
  int in_flight = 0;  // Guarded by mutex
  const auto wait_until_below = [&](int limit) {
    std::unique_lock lock(mutex);
    answered.wait(lock, [&] { return in_flight < limit; });
    ++in_flight;
  };
  for (size_t i = 0; i < count; ++i) {
    wait_until_below(kInFlight);
    storage::AppendRequest request;
    request.parts.push_back({partition, batch});
    if (!storage::check_for_append(request.parts[0].batches)) die("a batch is damaged");
    storage::AppendDone done = [&](auto result) {
      if (!result) die(result.error().message);
      std::lock_guard lock(mutex);
      --in_flight;
      answered.notify_one();
    };
    if (!log.try_append(request, done)) die("the queue is full");
  }
  wait_until_below(1);
}

double append_rate(storage::Log& log, const std::vector<storage::TopicPartition>& partitions,
                   size_t bytes) {
  const std::string batch = make_batch();
  const size_t count = std::max<size_t>(1, bytes / kProducers / batch.size());
  const double seconds = seconds_of([&] {
    std::vector<std::thread> producers;
    for (int i = 0; i < kProducers; ++i)
      producers.emplace_back(
          [&, i] { produce(log, partitions[static_cast<size_t>(i)], batch, count); });
    for (std::thread& producer : producers) producer.join();
  });
  return static_cast<double>(count * kProducers * batch.size()) / seconds;
}

double raw_rate(int file, size_t bytes) {
  const std::string block(kRawWriteSize, 'x');
  const size_t count = std::max<size_t>(1, bytes / kRawWriteSize);
  const double seconds = seconds_of([&] {
    for (size_t i = 0; i < count; ++i)
      if (::write(file, block.data(), block.size()) != static_cast<ssize_t>(block.size()) ||
          ::fdatasync(file) != 0)
        die("the disk does not take the raw file");
  });
  return static_cast<double>(count * kRawWriteSize) / seconds;
}

double cpu_seconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void run(const std::string& directory, size_t bytes) {
  std::atomic<uint64_t> commits = 0;
  storage::LogOptions options;
  options.trace = [&](const storage::LogTrace& trace) {
    if (trace.step == storage::LogTrace::Step::Synced) ++commits;
  };
  auto log = storage::Log::open(directory, options);
  if (!log) die(log.error().message);
  const Uuid topic = Uuid::random();
  if (!storage::create_partitions_and_wait(**log, topic, kProducers)) die("no partitions");
  std::vector<storage::TopicPartition> partitions;
  for (int i = 0; i < kProducers; ++i) partitions.push_back({topic, PartitionId{i}});
  const int file = ::open((directory + "/raw").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
  if (file < 0) die("cannot make the raw file");

  std::vector<double> log_rates, raw_rates;
  double log_cpu = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    raw_rates.push_back(raw_rate(file, bytes / kTurns));
    const double before = cpu_seconds();
    log_rates.push_back(append_rate(**log, partitions, bytes / kTurns));
    log_cpu += cpu_seconds() - before;
  }
  ::close(file);
  const double log_rate = median(log_rates), raw = median(raw_rates);
  fmt::print(
      "{{\"workload\": \"log\", \"log_mb_per_s\": {:.0f}, \"raw_mb_per_s\": {:.0f}, \"ratio\": "
      "{:.2f}, "
      "\"mb_per_commit\": {:.2f}, \"cpu_ms_per_mb\": {:.2f}}}\n",
      log_rate / 1e6, raw / 1e6, log_rate / raw,
      static_cast<double>(bytes) / 1e6 / static_cast<double>(commits),
      log_cpu * 1e3 / (static_cast<double>(bytes) / 1e6));
}

}  // namespace

int main(int argument_count, char** arguments) {
  size_t megabytes = 512;
  std::filesystem::path parent = std::filesystem::temp_directory_path();
  for (int i = 1; i + 1 < argument_count; i += 2) {
    const std::string_view name = arguments[i], value = arguments[i + 1];
    if (name == "--directory")
      parent = value;
    else if (name == "--megabytes")
      std::from_chars(value.data(), value.data() + value.size(), megabytes);
    else
      die("usage: bench_log [--megabytes N] [--directory DIR]");
  }
  const std::string directory = parent / ("millrace-bench-" + Uuid::random().to_string());
  std::filesystem::create_directories(directory);
  run(directory, megabytes * 1'000'000);
  std::filesystem::remove_all(directory);
}
