// Measures how long a client waits for its append while a large topic is dropped.
//
//   bench_drop [--megabytes N] [--batch-size B] [--directory DIR]
//
// Fills one topic with N megabytes in batches of B bytes, then appends small batches to another
// topic, one at a time, for a second; then drops the first topic and continues until all of its
// data are removed. Prints one line of JSON: percentiles of the waits in milliseconds before and
// during the removal, and the duration of the removal.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <vector>

#include "base/uuid.h"
#include "records/batch_builder.h"
#include "storage/log/log.h"

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(std::string_view what) {
  fmt::print(stderr, "bench_drop: {}\n", what);
  std::exit(1);
}

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::string batch_of(size_t size_bytes) {
  records::BatchBuilder builder;
  builder.append(1'000'000, std::nullopt, std::string(size_bytes, 'x'));
  return builder.finish();
}

storage::TopicPartition make_topic(storage::Log& log) {
  const storage::TopicPartition partition{Uuid::random(), PartitionId{0}};
  if (!storage::create_partitions_and_wait(log, partition.topic, 1)) die("no partition");
  return partition;
}

void append(storage::Log& log, const storage::TopicPartition& partition, std::string batches) {
  storage::AppendRequest request;
  request.parts.push_back({partition, std::move(batches)});
  if (!storage::append_and_wait(log, std::move(request))) die("an append was refused");
}

void fill(storage::Log& log, const storage::TopicPartition& partition, size_t size_bytes,
          size_t batch_size) {
  const std::string batch = batch_of(batch_size);
  std::string batches;
  for (size_t filled = 0; filled < size_bytes; filled += batch.size()) {
    batches += batch;
    if (batches.size() < (4 << 20)) continue;
    append(log, partition, std::exchange(batches, {}));
  }
  if (!batches.empty()) append(log, partition, std::move(batches));
}

// Makes appends one after another while `goes_on` is true, and returns how long each took.
std::vector<double> waits_while(storage::Log& log, const storage::TopicPartition& partition,
                                const std::function<bool()>& goes_on) {
  const std::string batch = batch_of(1000);
  std::vector<double> waits;
  do {
    const auto start = Clock::now();
    append(log, partition, batch);
    waits.push_back(ms_since(start));
  } while (goes_on());
  std::sort(waits.begin(), waits.end());
  return waits;
}

double percentile(const std::vector<double>& sorted, double part) {
  return sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))];
}

void run(const std::string& directory, size_t size_bytes, size_t batch_size) {
  auto opened = storage::Log::open(directory, {});
  if (!opened) die(opened.error().message);
  storage::Log& log = **opened;
  const storage::TopicPartition large = make_topic(log), other = make_topic(log);
  fill(log, large, size_bytes, batch_size);

  auto start = Clock::now();
  const auto before = waits_while(log, other, [&] { return ms_since(start) < 1000; });
  start = Clock::now();
  log.drop_topic(large.topic, [](auto) {});
  const auto during = waits_while(log, other, [&] { return log.pending_removals() > 0; });
  const double removal_ms = ms_since(start);
  fmt::print(
      "{{\"workload\": \"drop\", \"megabytes\": {}, \"batch_size\": {}, \"before_p50_ms\": {:.2f}, "
      "\"before_p99_ms\": {:.2f}, \"during_p50_ms\": {:.2f}, \"during_p99_ms\": {:.2f}, "
      "\"during_max_ms\": {:.2f}, \"removal_ms\": {:.0f}}}\n",
      size_bytes / 1'000'000, batch_size, percentile(before, 0.5), percentile(before, 0.99),
      percentile(during, 0.5), percentile(during, 0.99), during.back(), removal_ms);
}

}  // namespace

int main(int argument_count, char** arguments) {
  size_t megabytes = 512, batch_size = 100'000;
  std::filesystem::path parent = std::filesystem::temp_directory_path();
  for (int i = 1; i + 1 < argument_count; i += 2) {
    const std::string_view name = arguments[i], value = arguments[i + 1];
    if (name == "--directory")
      parent = value;
    else if (name == "--megabytes")
      std::from_chars(value.data(), value.data() + value.size(), megabytes);
    else if (name == "--batch-size")
      std::from_chars(value.data(), value.data() + value.size(), batch_size);
    else
      die("usage: bench_drop [--megabytes N] [--batch-size B] [--directory DIR]");
  }
  const std::string directory = parent / ("millrace-bench-" + Uuid::random().to_string());
  std::filesystem::create_directories(directory);
  run(directory, megabytes * 1'000'000, batch_size);
  std::filesystem::remove_all(directory);
}
