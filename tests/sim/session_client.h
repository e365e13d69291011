// What sessions do on any node: they write rows by way of it, and ask how far partitions can be read.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/checker.h"
#include "tests/sim/sim_node.h"
#include "tests/sim/transaction_checker.h"

namespace sim {

// Writes by way of one node after the other, one statement at a time. Whether rows are there of which the node died,
// or said that it does not know, nobody knows.
class RowWriter {
 public:
  RowWriter(SimNode::World& world, Checker& checker, std::string name,
            std::vector<storage::TopicPartition> partitions)
      : world_(world),
        checker_(checker),
        name_(std::move(name)),
        partitions_(std::move(partitions)) {}

  void start() { next(); }
  void stop() { is_stopping_ = true; }
  bool is_idle() const { return is_idle_; }

 private:
  void next();
  void begin(SimNode& node);
  void look_whether_it_died(SimNode& node, uint64_t life, uint64_t statement);
  void answered(uint64_t statement, const Result<storage::AppendedBatch>& result);

  SimNode::World& world_;
  Checker& checker_;
  const std::string name_;
  const std::vector<storage::TopicPartition> partitions_;
  storage::TopicPartition partition_;
  std::vector<std::string> values_;
  uint64_t statement_ = 0, count_ = 0;
  bool is_stopping_ = false, is_idle_ = true;
};

// Counts in a partition by way of one node after the other: reads the last number that the node shows, and writes the next
// one on the condition that nobody else has. So each number follows the one before, whoever has written that.
class Counter {
 public:
  Counter(SimNode::World& world, Checker& checker, std::string name,
          std::vector<storage::TopicPartition> partitions)
      : world_(world),
        checker_(checker),
        name_(std::move(name)),
        partitions_(std::move(partitions)) {}

  void start() { next(); }
  void stop() { is_stopping_ = true; }
  bool is_idle() const { return is_idle_; }

 private:
  void next();
  void begin(SimNode& node);
  void look_whether_it_died(SimNode& node, uint64_t life, uint64_t statement);
  void answered(uint64_t statement, const Result<storage::AppendedBatch>& result);

  SimNode::World& world_;
  Checker& checker_;
  const std::string name_;
  const std::vector<storage::TopicPartition> partitions_;
  storage::TopicPartition partition_;
  std::string value_;
  uint64_t statement_ = 0;
  bool is_stopping_ = false, is_idle_ = true;
};

// Commits rows in several partitions by way of one node after the other, perhaps on the condition that nobody else has
// written for the same key. Who was told that they are there is shown them.
class Committer {
 public:
  Committer(SimNode::World& world, TransactionChecker& checker, std::string name)
      : world_(world), checker_(checker), name_(std::move(name)) {}

  void start() { next(); }
  void stop() { is_stopping_ = true; }
  bool is_idle() const { return is_idle_; }

 private:
  using Committed = Result<std::vector<storage::AppendedBatch>>;
  void next();
  void begin(SimNode& node);
  server::CommitCalls::Part make_part(SimNode& node, const storage::TopicPartition& partition,
                                      bool is_on_condition);
  void look_whether_it_died(SimNode& node, uint64_t life, uint64_t statement);
  void answered(uint64_t statement, const Committed& committed);
  void look_whether_visible(const std::vector<storage::AppendedBatch>& batches);

  SimNode::World& world_;
  TransactionChecker& checker_;
  const std::string name_;
  std::shared_ptr<SimTransaction> transaction_;
  uint64_t statement_ = 0;
  bool is_stopping_ = false, is_idle_ = true;
};

// Asks one node after the other.
class EndAsker {
 public:
  EndAsker(SimNode::World& world, Checker& checker, Findings& findings,
           std::vector<storage::TopicPartition> partitions)
      : world_(world), checker_(checker), findings_(findings), partitions_(std::move(partitions)) {}

  void start() { next(); }
  void stop() { is_stopping_ = true; }
  size_t answers() const { return answers_; }

 private:
  void next();
  void ask(SimNode& node);

  SimNode::World& world_;
  Checker& checker_;
  Findings& findings_;
  const std::vector<storage::TopicPartition> partitions_;
  size_t answers_ = 0;
  bool is_stopping_ = false;
};

}  // namespace sim
