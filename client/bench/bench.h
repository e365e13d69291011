// How fast a server takes records and gives them back.
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
  bool is_json = false;  // nothing is shown meanwhile
  // Is called each so many seconds with what has been measured since the last time, on a thread of its own.
  std::function<void(const BenchResult&)> on_interval = nullptr;
  double interval_seconds = 5;

  // Producing.
  std::optional<int> partitions =
      6;  // of the topic, when it has to be made; none: the server's default
  size_t record_bytes = 1024;
  int64_t most_per_second = 0;  // 0: as fast as it goes
  bool is_idempotent = true;
  std::string acks = "all", codec = "none";

  // The events of Nexmark: their seed, and whether they go to standard output instead.
  int64_t seed = 1;
  bool prints = false;

  // Consuming.
  bool is_from_beginning = true;
  bool stops_at_end = true;
  bool measures_latency = false;
  double most_idle_seconds = 1e9;  // without a record
};

// Makes the topic when it is not there. Latency is from the call that sends until the report of
// delivery, so without a rate it is mostly the time in the queue of librdkafka.
Result<BenchResult> bench_produce(const BenchRequest& request);

// All partitions at a time. Time counts from the first request; for records that are still to come
// from the first that arrives. Latency is from the
// record's own timestamp until it arrives, by this machine's clock and to the millisecond.
Result<BenchResult> bench_consume(const BenchRequest& request);

// Persons and auctions under their ids, bids without keys; makes their topics when they are not there.
Result<BenchResult> bench_nexmark(const BenchRequest& request);

}  // namespace client
