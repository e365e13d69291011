// Keeps the metadata log in etcd short: a snapshot replaces the commands before it.
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
  // Another snapshot is due when this many commands or bytes follow the newest one.
  int64_t commands = 1'000, bytes = 1 << 20;
  size_t piece_bytes = 512 << 10;  // etcd accepts at most 1.5 MB per request
  int64_t removed_at_a_time = 200;
};

// Rules that a simulation switches off, as with ReplicaRules.
struct CutRules {
  // Commands are removed only when every reader finds the snapshot instead.
  bool removes_behind_pointer = true;
  // A former controller does not move the pointer: it could move back to a place after which
  // commands are missing.
  bool fences_pointer = true;
};

// Takes the following steps in this order, one request at a time:
//
//   1. the pieces of the snapshot are written, where no reader looks yet;
//   2. the pointer is moved to the snapshot;
//   3. the commands before its revision are removed, the oldest first, some at a time; the command
//      of the revision itself stays, since appends have its existence as a condition;
//   4. the pieces of all other snapshots are removed, including unfinished ones;
//   5. etcd forgets the state before the previous move of the pointer.
//
// Each of 1 to 4 is a transaction on the condition that this node is still the controller, and that
// the pointer is unchanged, so late requests change nothing. A new controller therefore begins with
// step 3, whatever it finds.
//
// Threads: one loop, the client's. Owner: the node, for as long as it holds the controller's lease.
class EtcdLogCutter {
 public:
  EtcdLogCutter(EtcdClient& etcd, const EtcdMetadataLog& log, EtcdMetadataLog::Holding holding,
                const Clock& clock, Random& random, CutSettings settings, CutRules rules);

  // Returns whether enough commands follow the last snapshot for another one.
  bool is_due() const;
  // Takes a snapshot as of a revision that was read: see encode_metadata_snapshot(). Does nothing
  // if no snapshot is due.
  void save(Revision revision, std::string bytes);
  // Called every few milliseconds.
  void tick();

 private:
  struct Writing {
    SnapshotPointer pointer;
    std::string bytes;
    uint32_t next_piece = 0;
    bool is_over = false;  // the log will show the outcome
  };
  enum class Step : uint8_t { Commands, Pieces, History, Nothing };
  std::string pointer_id() const;  // as last read; empty if there is no pointer
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
  std::string written_over_;  // the pointer's id when the writing began
  std::string cleaned_for_;   // the pointer's id that `step_` belongs to
  Step step_ = Step::Commands;
  bool is_asking_ = false;
  int64_t ask_at_us_ = 0;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace storage
