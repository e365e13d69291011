// A client with a transactional id. One of its processes writes to several partitions, and commits,
// aborts or gives up. Another process with the same id may replace this process while it still
// works.
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
  // Lets the client end the transaction that it has begun, and begin no other one.
  void stop() { is_stopping_ = true; }
  bool is_idle() const;
  // Returns the event for which a busy client waits.
  std::string describe() const;

 private:
  class Process;
  void begin_process();
  // Called when the process has received its producer id and epoch. Compares this process with each
  // other process, and fences the older one of the two.
  void initialized(Process& process);
  void ended(const Process& process);

  SimNode::World& world_;
  TransactionChecker& checker_;
  const std::string id_;
  bool is_stopping_ = false;
  std::vector<std::unique_ptr<Process>> processes_;
};

}  // namespace sim
