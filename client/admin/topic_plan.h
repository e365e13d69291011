// Computes how many partitions a topic needs for a given throughput.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace client {

// Parses a rate in bytes per second, in powers of 1000: "15MB/s", "800 kB/s", "1.5GB". Fails with
// InvalidParameter.
Result<double> parse_rate(std::string_view text);

// A number of clients, each of which writes or reads `bytes_per_second`.
struct ClientRates {
  int count = 1;
  double bytes_per_second = 0;
  double together() const { return count * bytes_per_second; }
};
// Parses "4x15MB/s"; a rate without a number means one client. Fails with InvalidParameter.
Result<ClientRates> parse_client_rates(std::string_view text);

struct PartitionPlan {
  double throughput;  // rate of the topic, in bytes per second
  ClientRates producers, consumers;

  // Return the number of partitions by a rule of thumb for Kafka: partitions() is max(t/p, t/c),
  // rounded up, where t is the throughput of the topic, p the rate of all producers together, and c
  // that of all consumers.
  int64_t for_producers() const;
  int64_t for_consumers() const;
  int64_t partitions() const;
  // Returns the number of partitions that one group needs to keep up: the rate of each partition is then at most
  // the rate at which one consumer reads.
  int64_t for_one_group() const;
};
std::string explain(const PartitionPlan& plan);

// Returns a notice if the name of the topic is unusual, and otherwise an empty text.
std::string unusual_about_name(std::string_view topic);

}  // namespace client
