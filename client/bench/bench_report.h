// The results of a benchmark, for people or for a program.
#pragma once
#include <string>

#include "client/bench/histogram.h"

namespace client {

struct BenchResult {
  std::string bench, address, topic;  // `bench` is "produce" or "consume"
  size_t partitions = 0;
  int64_t records = 0, bytes = 0;  // `bytes` counts keys and values
  int64_t failed_records = 0;
  std::string failure = {};  // error of the first failed record, if known
  double seconds = 0;
  Histogram latency_us = {};  // empty: not measured
};

std::string to_text(const BenchResult& result);
// Returns one line of JSON.
std::string to_json(const BenchResult& result);

}  // namespace client
