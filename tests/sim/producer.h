// A client that sends batches with acks=all. It sends the next batch when the previous batch is
// acknowledged.
#pragma once
#include <string>
#include <vector>

#include "tests/sim/checker.h"
#include "tests/sim/sim_node.h"

namespace sim {

// The producer is idempotent like Kafka's: a batch that is sent again has the same sequence number.
class Producer {
 public:
  Producer(SimNode::World& world, Checker& checker, ProducerId id,
           storage::TopicPartition partition)
      : world_(world), checker_(checker), id_(id), partition_(partition) {}

  void start() {
    is_stopping_ = false;
    next();
  }
  // Lets the producer finish the batch that it has begun, and begin no other one.
  void stop() { is_stopping_ = true; }
  bool is_idle() const { return is_idle_; }
  const storage::TopicPartition& partition() const { return partition_; }

 private:
  static constexpr int64_t kTimeoutUs = 700'000, kPauseUs = 20'000, kLongPauseUs = 500'000,
                           kRetryUs = 40'000;
  void next();
  void send();
  void arrive(SimNode& node, uint64_t attempt);
  void reply(uint64_t attempt, Result<storage::Appended> result);
  void answered(uint64_t attempt, const Result<storage::Appended>& result);

  SimNode::World& world_;
  Checker& checker_;
  const ProducerId id_;
  const storage::TopicPartition partition_;
  std::string batch_;
  std::vector<std::string> values_;
  int32_t sequence_ = 0;
  uint64_t attempt_ = 0, count_ = 0;
  bool is_stopping_ = false, is_idle_ = true;
};

}  // namespace sim
