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
  // Called every `interval_seconds` with the measurements since the last call, on a thread of its own.
  std::function<void(const BenchResult&)> on_interval = nullptr;
  double interval_seconds = 5;

  // Settings of `millrace bench produce`. `partitions` is for a topic that has to be created;
  // nullopt: the server's default.
  std::optional<int> partitions = 6;
  size_t record_bytes = 1024;
  int64_t most_per_second = 0;  // 0: no limit
  bool is_idempotent = true;
  std::string acks = "all", codec = "none";

  // Settings for Nexmark. `seed` determines the events. If `prints`, they are printed to the standard output instead of
  // sent.
  int64_t seed = 1;
  bool prints = false;

  // Settings of `millrace bench consume`.
  bool is_from_beginning = true;
  bool stops_at_end = true;
  bool measures_latency = false;
  double most_idle_seconds = 1e9;  // the benchmark ends after this time without a record
};

// Sends records. Creates the topic if it does not exist. Latency is the time from the call that sends a record until
// its delivery report. If the rate is not limited, it is mostly the time in librdkafka's queue.
Result<BenchResult> bench_produce(const BenchRequest& request);

// Reads records of all partitions at the same time. Time is measured from the first request; for records that are still
// to be produced, from the first arrival. Latency is the time from the record's own timestamp to its arrival, by this
// machine's clock, with a resolution of one millisecond.
Result<BenchResult> bench_consume(const BenchRequest& request);

// Sends or prints the events of Nexmark. Persons and auctions have their ids as keys, bids have no keys. Creates the
// topics if they do not exist.
Result<BenchResult> bench_nexmark(const BenchRequest& request);

}  // namespace client
