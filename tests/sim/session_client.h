// Sessions on any node: they write rows through the node, and ask it up to which offset partitions can be
// read.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/checker.h"
#include "tests/sim/sim_node.h"
#include "tests/sim/transaction_checker.h"

namespace sim {

// Runs one statement at a time, each on another node. If the node dies before it answers, the client does not know the
// outcome of the statement.
class SessionClient {
 public:
  SessionClient(const SessionClient&) = delete;
  SessionClient& operator=(const SessionClient&) = delete;
  virtual ~SessionClient() = default;

  void start() { next(); }
  void stop() { is_stopping_ = true; }
  bool is_idle() const { return is_idle_; }

 protected:
  SessionClient(SimNode::World& world, std::string name) : world_(world), name_(std::move(name)) {}

  // Begins statement() on the node; called on the node's loop.
  virtual void begin(SimNode& node) = 0;
  uint64_t statement() const { return statement_; }
  // Ends the statement if it is the current one. Returns whether it is.
  bool end(uint64_t statement);
  void pause_after_answer();
  // Called if the node could not be asked.
  void pause();

  SimNode::World& world_;
  const std::string name_;

 private:
  void next();
  void look_whether_it_died(SimNode& node, uint64_t life, uint64_t statement);

  uint64_t statement_ = 0;
  bool is_stopping_ = false, is_idle_ = true;
};

class RowWriter final : public SessionClient {
 public:
  RowWriter(SimNode::World& world, Checker& checker, std::string name,
            std::vector<storage::TopicPartition> partitions)
      : SessionClient(world, std::move(name)),
        checker_(checker),
        partitions_(std::move(partitions)) {}

 private:
  void begin(SimNode& node) override;
  void answered(uint64_t statement, const Result<storage::AppendedBatch>& result);

  Checker& checker_;
  const std::vector<storage::TopicPartition> partitions_;
  storage::TopicPartition partition_;
  std::vector<std::string> values_;
  uint64_t count_ = 0;
};

// Counts in a partition: reads the last number that the node shows, and writes the next one on the condition that the
// partition has no newer record. So the numbers are consecutive, whichever client has written them.
class Counter final : public SessionClient {
 public:
  Counter(SimNode::World& world, Checker& checker, std::string name,
          std::vector<storage::TopicPartition> partitions)
      : SessionClient(world, std::move(name)),
        checker_(checker),
        partitions_(std::move(partitions)) {}

 private:
  void begin(SimNode& node) override;
  void answered(uint64_t statement, const Result<storage::AppendedBatch>& result);

  Checker& checker_;
  const std::vector<storage::TopicPartition> partitions_;
  storage::TopicPartition partition_;
  std::string value_;
};

// Commits rows in several partitions, perhaps on the condition that no other client has written the same key. After the
// acknowledgement the rows must be visible.
class Committer final : public SessionClient {
 public:
  Committer(SimNode::World& world, TransactionChecker& checker, std::string name)
      : SessionClient(world, std::move(name)), checker_(checker) {}

 private:
  using Committed = Result<std::vector<storage::AppendedBatch>>;
  void begin(SimNode& node) override;
  server::TransactionCommits::Part make_part(SimNode& node,
                                             const storage::TopicPartition& partition,
                                             bool is_on_condition);
  void answered(uint64_t statement, const Committed& committed);
  void look_whether_visible(const std::vector<storage::AppendedBatch>& batches);

  TransactionChecker& checker_;
  std::shared_ptr<SimTransaction> transaction_;
};

// Asks one node after another for the ends of partitions.
class EndAsker {
 public:
  EndAsker(SimNode::World& world, Checker& checker, Findings& findings,
           std::vector<storage::TopicPartition> partitions)
      : world_(world), checker_(checker), findings_(findings), partitions_(std::move(partitions)) {}

  void start() { next(); }
  void stop() { is_stopping_ = true; }
  // Runs on the node's loop.
  void ask(SimNode& node, const std::vector<storage::TopicPartition>& partitions);
  size_t answers() const { return answers_; }

 private:
  void next();

  SimNode::World& world_;
  Checker& checker_;
  Findings& findings_;
  const std::vector<storage::TopicPartition> partitions_;
  size_t answers_ = 0;
  bool is_stopping_ = false;
};

}  // namespace sim
