// Keeps the metadata log in etcd short: a snapshot takes the place of the commands before it.
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
  // Behind the newest snapshot: with so many another one is due.
  int64_t commands = 1'000, bytes = 1 << 20;
  size_t piece_bytes = 512 << 10;  // etcd takes no more than a megabyte and a half at a time
  int64_t removed_at_a_time = 200;
};

// What a simulation switches off, as ReplicaRules.
struct CutRules {
  // Commands go when everybody who looks for them finds the snapshot instead.
  bool removes_behind_pointer = true;
  // Who has been overtaken does not move the pointer: not back, to where commands are missing behind it.
  bool fences_pointer = true;
};

// In this order, one request at a time:
//
//   1. the pieces of the snapshot are written, to where nobody looks;
//   2. the pointer is moved to it;
//   3. the commands before its revision are removed, the oldest first, some at a time; its own stays, for whoever appends
//      on the condition that it is there;
//   4. so are the pieces of all other snapshots, also of those that nobody has finished;
//   5. etcd forgets what was before the previous move of the pointer.
//
// Each of 1 to 4 is a transaction on the condition that this node is the controller still, and that the pointer is where
// it was read: what comes late changes nothing. So whoever becomes the controller begins with 3, with whatever is there.
//
// Threads: one loop, the client's. Owner: the node, for as long as it holds the controller's lease.
class EtcdLogCutter {
 public:
  EtcdLogCutter(EtcdClient& etcd, const EtcdMetadataLog& log, EtcdMetadataLog::Holding holding,
                const Clock& clock, Random& random, CutSettings settings, CutRules rules);

  // Whether there is enough behind the last snapshot for another one.
  bool is_due() const;
  // As of a revision that was read: see encode_metadata_snapshot(). Left out where none is due.
  void save(Revision revision, std::string bytes);
  // Every few milliseconds.
  void tick();

 private:
  struct Writing {
    SnapshotPointer pointer;
    std::string bytes;
    uint32_t next_piece = 0;
    bool is_over = false;  // the log will tell what became of it
  };
  enum class Step : uint8_t { Commands, Pieces, History, Nothing };
  std::string pointer_id() const;  // as it was read; empty where there is none
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
  std::string written_over_;  // the pointer's id when that began
  std::string cleaned_for_;   // the pointer's id that `step_` is about
  Step step_ = Step::Commands;
  bool is_asking_ = false;
  int64_t ask_at_us_ = 0;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace storage
