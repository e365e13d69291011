// Benchmarks: how fast a server accepts and returns records.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "client/bench/bench_report.h"
#include "client/connection.h"

namespace client {

struct BenchRequest {
  Connection::Settings settings;
  std::string topic;
  int64_t most_records = INT64_MAX;
  double most_seconds = 1e9;
  bool is_json = false;  // the result is JSON and no progress line is shown
  // Called every `interval_seconds` on a thread of its own. The argument has the measurements since
  // the last call.
  std::function<void(const BenchResult&)> on_interval = nullptr;
  double interval_seconds = 5;

  // Settings of `millrace bench produce`. `partitions` is used only if the topic is created;
  // nullopt means the server's default.
  std::optional<int> partitions = 6;
  size_t record_bytes = 1024;
  int64_t most_per_second = 0;  // 0: no limit
  bool is_idempotent = true;
  std::string acks = "all", codec = "none";

  // Settings of `millrace bench nexmark`. `seed` determines the events. If `prints` is true, the
  // events are printed to the standard output and not sent.
  int64_t seed = 1;
  bool prints = false;

  // Settings of `millrace bench consume`.
  bool is_from_beginning = true;
  bool stops_at_end = true;
  bool measures_latency = false;
  double most_idle_seconds = 1e9;  // the benchmark ends after this time without a record
};

// Sends records; creates the topic if it does not exist. The latency of a record is the time from
// the call that sends it to its delivery report. Without a limit for the rate, most of this time is
// spent in librdkafka's queue.
Result<BenchResult> bench_produce(const BenchRequest& request);

// Reads the records of all partitions at the same time. The time begins with the first request or,
// if only records that arrive later are read, with the first record. The latency of a record is the
// time from its timestamp to its arrival by the clock of this machine, in whole milliseconds.
Result<BenchResult> bench_consume(const BenchRequest& request);

// Sends or prints the events of Nexmark. The key of a person or an auction is its id; bids have no
// key. Creates the topics if they do not exist.
Result<BenchResult> bench_nexmark(const BenchRequest& request);

}  // namespace client
