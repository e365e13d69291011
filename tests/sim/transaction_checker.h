// Checks the invariants of transactions, which hold under every fault.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/log/topic_partition.h"
#include "tests/sim/findings.h"
#include "tests/sim/sim_node.h"

namespace sim {

// A transaction from its producer's point of view.
struct SimTransaction {
  enum class State : uint8_t { Open, CommitAsked, Committed, Aborted };
  std::string name;
  State state = State::Open;
  std::map<storage::TopicPartition, std::vector<std::string>> values = {};  // name/...
  // values that readers of committed records have seen
  std::map<storage::TopicPartition, std::vector<std::string>> seen = {};
};

// 1. A committed reader sees all of a committed transaction and nothing of an aborted one. If the producer received no
//    answer, the reader sees all or nothing.
// 2. A record that one committed reader has seen, or has skipped, is seen or skipped by all readers from then on.
// 3. The last stable offset never passes an open transaction.
// 4. In a partition no record of an older producer epoch follows one of a newer epoch.
// 5. Once all clients are idle, no transaction is open.
class TransactionChecker {
 public:
  TransactionChecker(Findings& findings, std::vector<storage::TopicPartition> partitions)
      : findings_(findings), partitions_(std::move(partitions)) {}

  std::shared_ptr<SimTransaction> begin(const std::string& name);
  void check(SimNode& node);
  // Returns whether the marker of the transaction with a batch at this offset is visible.
  bool has_ended(const storage::TopicPartition& partition, Offset offset) const;
  // Returns whether no transaction is open in any partition.
  bool is_quiet(const std::vector<std::unique_ptr<SimNode>>& nodes) const;
  static Offset stable_end(SimNode& node, const storage::TopicPartition& partition);
  void check_end(const std::vector<std::unique_ptr<SimNode>>& nodes);
  size_t committed_count() const;

 private:
  // The visible part of a transaction in a partition. The checker parses the batches itself, independently of the
  // product.
  struct Visible {
    ProducerId producer;
    Offset first;
    std::optional<Offset> marker = {};
    bool is_committed = false;
  };
  struct History {
    Offset end{0}, shown_end{0};
    std::vector<Visible> transactions;
    std::map<ProducerId, size_t> open;
    std::map<Offset, size_t> of_batch;  // transaction by the base offset of its batch
    std::map<ProducerId, int16_t> epochs;
  };
  struct Look {
    uint64_t life = 0;
    Offset visible{0}, log_end{0}, stable{0};
  };
  void take(const storage::TopicPartition& partition, Offset base, std::string_view bytes);
  void check_stable(SimNode& node, const storage::TopicPartition& partition, Offset high_watermark,
                    Offset stable);
  void read_committed(SimNode& node, const storage::TopicPartition& partition, Offset from,
                      Offset end);
  void show(const storage::TopicPartition& partition, const std::string& value);
  std::string describe_open(const storage::TopicPartition& partition);
  bool is_whole(const SimTransaction& transaction) const;

  Findings& findings_;
  const std::vector<storage::TopicPartition> partitions_;
  std::map<std::string, std::shared_ptr<SimTransaction>> transactions_;
  std::map<storage::TopicPartition, History> histories_;
  std::map<std::pair<NodeId, storage::TopicPartition>, Look> looks_;
};

}  // namespace sim
