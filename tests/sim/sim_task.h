// A task that copies a partition and counts its records: enough to check that each record had its effect once and in
// order. Each node carries out the task's commits in its own log, as server/tasks/replicated_journals.h does.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/replica/journal_owner.h"
#include "tests/sim/findings.h"

namespace sim {

class SimNode;

// Rules of the product that a test can switch off, to show that the checkers find the resulting error.
struct SimTaskRules {
  storage::JournalRules journals;
  // If true, a node whose position is before the start of the journal restarts from a snapshot.
  bool restores_snapshots = true;
  // A task begins after all earlier commits have been carried out.
  bool carries_out_first = true;
};

// Threads: the simulation's. Owner: a process.
class SimTask final : public storage::JournalOwnerPort {
 public:
  struct Places {
    storage::TopicPartition journal, input, output;
    ProducerId producer;
  };
  // `period`: a snapshot begins when the journal has advanced by this number of offsets since the last one.
  SimTask(SimNode& node, Findings& findings, const Places& places, SimTaskRules rules,
          int64_t period);

  const Places& places() const { return places_; }
  void owned_by(storage::JournalOwner* owner) { owner_ = owner; }
  void step();
  // Returns the journal offset up to which this node has carried out the journal. The run ends when all nodes
  // have reached the end.
  Offset carried_out() const { return carried_.place.next; }
  // describe(): the current state. rebuilt(): the state that a new node would read from this node's journal alone.
  std::string describe() const { return encode(carried_.state); }
  std::string rebuilt() const;
  size_t snapshots() const { return snapshots_; }

  Offset first_needed() override { return carried_.place.first_needed; }
  Offset first_not_carried_out() override { return carried_.place.next; }
  void restore(const storage::ReplicatedCommit& /*commit*/) override {}
  void opened() override;
  void closed() override;

 private:
  struct State {
    TaskSequence sequence{0};
    Offset position{0};
    int64_t count = 0;  // number of all records before the position
    int32_t next_output = 0;
  };
  // The state that the node's log contains.
  struct Carried {
    storage::JournalPlace place;
    State state;
  };
  static std::string encode(const State& state);
  static State decode(std::string_view entry);
  void load();
  void apply_commits();
  Result<bool> restore_snapshot(Carried& next) const;
  Status read_on(Carried& next, size_t max_bytes) const;
  void take(const storage::ReplicatedCommit& commit, State& state) const;
  void write_snapshot();
  void write_piece(int32_t number);
  std::string key() const;

  SimNode& node_;
  Findings& findings_;
  const Places places_;
  const SimTaskRules rules_;
  const int64_t period_;
  storage::JournalOwner* owner_ = nullptr;
  Carried carried_;
  bool is_loaded_ = false, is_carrying_ = false;
  State state_;
  Offset opens_at_;
  bool is_open_ = false, has_begun_ = false, is_committing_ = false;
  // The snapshot that is being written, if one is.
  struct Writing {
    Carried of;
    int64_t number;
    int32_t pieces = 0;
  };
  std::optional<Writing> writing_;
  Offset snapshot_at_;  // offset of the last snapshot that was begun
  size_t snapshots_ = 0;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace sim
