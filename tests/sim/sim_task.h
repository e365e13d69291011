// A task that copies a partition and counts: enough to see whether each record had its effect once, in order.
#pragma once
#include <optional>

#include "storage/replica/journal_owner.h"
#include "tests/sim/findings.h"

namespace sim {

class SimNode;

// Threads: the simulation's. Owner: a process.
class SimTask final : public storage::JournalOwnerPort {
 public:
  struct Places {
    storage::TopicPartition journal, input, output;
    ProducerId producer;
  };
  SimTask(SimNode& node, Findings& findings, const Places& places);

  const Places& places() const { return places_; }
  void owned_by(storage::JournalOwner* owner) { owner_ = owner; }
  void step();

  void restore(const storage::ReplicatedCommit& commit) override;
  void opened() override;
  void closed() override;

 private:
  struct State {
    TaskSequence sequence{0};
    Offset position{0};
    int64_t count = 0;  // of all records before the position
    int32_t next_output = 0;
  };
  std::string encode(const State& state) const;
  static State decode(const storage::ReplicatedCommit& commit);

  SimNode& node_;
  Findings& findings_;
  const Places places_;
  storage::JournalOwner* owner_ = nullptr;
  State state_;
  bool is_open_ = false, is_committing_ = false;
};

}  // namespace sim
