// The steps of an ALTER TABLE that the cluster carries out (docs/adr/0158): the topic of the table is
// closed, its ends are read, and it is opened again.
#pragma once
#include <functional>
#include <utility>
#include <vector>

#include "tests/sim/chance.h"
#include "tests/sim/checker.h"
#include "tests/sim/sim_node.h"

namespace sim {

// Closes and opens the topic again and again. Each command is sent to another node; if no answer
// arrives in time, the command is repeated. It has its own random numbers, so that runs without it
// stay the same.
class TableCloser {
 public:
  // `partitions` are all partitions of the topic.
  TableCloser(SimNode::World& world, Checker& checker, uint64_t seed,
              std::vector<storage::TopicPartition> partitions)
      : world_(world), checker_(checker), chance_(seed), partitions_(std::move(partitions)) {}

  void start() { pause(); }
  // Opens the topic and ends.
  void stop() { is_stopping_ = true; }
  bool is_idle() const { return is_idle_; }

 private:
  void pause();
  void close();
  void await_read(Revision closed, int64_t give_up_us);
  void ask_ends();
  void open();
  // Appends a command that closes or opens the topic. Calls `then` with its revision, or with an
  // error if the command failed or was not answered.
  void append(bool is_close, std::function<void(const Result<Revision>&)> then);

  SimNode::World& world_;
  Checker& checker_;
  Chance chance_;
  const std::vector<storage::TopicPartition> partitions_;
  uint64_t step_ = 0;  // an answer for an earlier step is ignored
  bool is_stopping_ = false, is_idle_ = true;
};

}  // namespace sim
