// The number of partitions that a topic needs for a throughput.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace client {

// "15MB/s", "800 kB/s", "1.5GB": bytes per second, in powers of 1000. Fails with InvalidParameter.
Result<double> parse_rate(std::string_view text);

// `count` clients, each of which writes or reads `bytes_per_second`.
struct ClientRates {
  int count = 1;
  double bytes_per_second = 0;
  double together() const { return count * bytes_per_second; }
};
// "4x15MB/s"; without a number it is one client. Fails with InvalidParameter.
Result<ClientRates> parse_client_rates(std::string_view text);

struct PartitionPlan {
  double throughput;  // bytes a second
  ClientRates producers, consumers;

  // The rule of thumb for Kafka: max(t/p, t/c), where p is the rate that all producers write, and c the rate that all
  // consumers read, rounded up.
  int64_t for_producers() const;
  int64_t for_consumers() const;
  int64_t partitions() const;
  // With fewer partitions, one partition would carry more than one consumer of a group can read.
  int64_t for_one_group() const;
};
std::string explain(const PartitionPlan& plan);

// Returns a notice about an unusual name; empty for a usual one.
std::string unusual_about_name(std::string_view topic);

}  // namespace client
