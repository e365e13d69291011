// A client with a transactional id: writes to several partitions, commits or aborts, gives up, and is replaced by
// another process of the same id while it is still at work.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/sim_node.h"
#include "tests/sim/transaction_checker.h"

namespace sim {

class TransactionalClient {
 public:
  TransactionalClient(SimNode::World& world, TransactionChecker& checker, std::string id);
  ~TransactionalClient();

  void start() { begin_process(); }
  // Ends the transaction that it has begun, and begins no new one.
  void stop() { is_stopping_ = true; }
  bool is_idle() const;
  // For a client that is not idle: the event that it waits for.
  std::string describe() const;

 private:
  class Process;
  void begin_process();
  // It has its producer: all others are fenced.
  void initialized(Process& process);
  void ended(const Process& process);

  SimNode::World& world_;
  TransactionChecker& checker_;
  const std::string id_;
  bool is_stopping_ = false;
  std::vector<std::unique_ptr<Process>> processes_;
};

}  // namespace sim
