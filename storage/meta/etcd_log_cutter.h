// Keeps the metadata log in etcd short by replacing its oldest commands with a snapshot.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "storage/meta/etcd_client.h"
#include "storage/meta/etcd_metadata_keys.h"
#include "storage/meta/etcd_metadata_log.h"

namespace storage {

struct CutSettings {
  // Another snapshot is due when the log has at least one of these: this number of commands, or
  // this number of bytes, after the newest snapshot.
  int64_t commands = 1'000, bytes = 1 << 20;
  size_t piece_bytes = 512 << 10;  // etcd accepts at most 1.5 MB per request
  int64_t removed_at_a_time = 200;
};

// Rules of the protocol. A simulation switches one of the rules off, to prove that the simulation
// detects the resulting damage. ReplicaRules have the same purpose.
struct CutRules {
  // Commands are removed only when the pointer (SnapshotPointer) already refers to the snapshot
  // that replaces them, so that every reader can load it.
  bool removes_behind_pointer = true;
  // A former controller cannot change the pointer. Without this rule it could set the pointer back
  // to an older snapshot, although the commands after that snapshot have been removed.
  bool fences_pointer = true;
};

// Replaces commands of the metadata log by a snapshot (docs/adr/0072). Takes the following steps in this order, one
// request at a time:
//
//   1. write the pieces of the snapshot under keys that no reader looks at yet;
//   2. change the pointer (the key log/snapshot, at which readers begin) to name the new snapshot;
//   3. remove the commands before the revision of the snapshot, the oldest first, some at a time; the command of the
//      revision itself is kept, because later appends have its existence as a condition;
//   4. remove the pieces of all other snapshots, including unfinished ones;
//   5. let etcd compact its history up to the previous change of the pointer.
//
// Each of the steps 1 to 4 is a transaction with two conditions: this node is still the controller,
// and the pointer has not changed. If etcd executes a request so late that one of them no longer
// holds, the request changes nothing. A new controller begins with step 3, because its predecessor
// may have stopped after any step.
//
// Threads: one loop, the client's. Owner: the node, for as long as it holds the controller's lease.
class EtcdLogCutter {
 public:
  EtcdLogCutter(EtcdClient& etcd, const EtcdMetadataLog& log, EtcdMetadataLog::Holding holding,
                const Clock& clock, Random& random, CutSettings settings, CutRules rules);

  // Returns whether the log has enough commands after the last snapshot to be worth another
  // snapshot.
  bool is_due() const;
  // Writes a snapshot as of `revision`, which this node has read. `bytes` is the result of
  // encode_metadata_snapshot(). Does nothing if no snapshot is due.
  void save(Revision revision, std::string bytes);
  // Called every few milliseconds.
  void tick();

 private:
  struct Writing {
    SnapshotPointer pointer;
    std::string bytes;
    uint32_t next_piece = 0;
    // etcd has answered the transaction; the watch will report whether the pointer has changed
    bool is_over = false;
  };
  enum class Step : uint8_t { Commands, Pieces, History, Nothing };
  std::string pointer_id() const;  // id in the pointer as last read; empty if no pointer exists
  EtcdTransaction fenced() const;
  void commit(EtcdTransaction transaction, std::function<void(bool is_done)> then);
  void write();
  void write_piece();
  void move_pointer();
  void clean(const SnapshotPointer& pointer);
  void remove_commands(const SnapshotPointer& pointer);
  void remove_pieces(const SnapshotPointer& pointer);
  void remove_first_of(EtcdRange pieces, EtcdTransaction fence, std::function<void()> none_is_left);
  void forget_history(const SnapshotPointer& pointer);
  void try_later();

  EtcdClient& etcd_;
  const EtcdMetadataLog& log_;
  const EtcdMetadataLog::Holding holding_;
  const Clock& clock_;
  Random& random_;
  const CutSettings settings_;
  const CutRules rules_;
  std::optional<Writing> writing_;
  std::string written_over_;  // id in the pointer when this node began to write the snapshot
  std::string cleaned_for_;   // id in the pointer to which `step_` refers
  Step step_ = Step::Commands;
  bool is_asking_ = false;
  int64_t ask_at_us_ = 0;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace storage
