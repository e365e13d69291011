// The metadata log of a cluster. It is stored in etcd, and each node has a copy.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "storage/meta/etcd_client.h"
#include "storage/meta/etcd_metadata_keys.h"
#include "storage/meta/etcd_snapshot_reader.h"
#include "storage/meta/followed_range.h"
#include "storage/meta/metadata_log.h"

namespace storage {

// Appending the command of revision 17, for example, is a transaction whose condition is that the
// key of revision 17 does not exist yet. So only one of two concurrent appends succeeds, and a
// transaction that etcd executes late fails if another command has its revision. If the outcome of
// a transaction is unknown, the transaction is repeated until its outcome is known. The stored
// command contains a random id, which shows whether it is the caller's own command.
//
// A snapshot replaces the commands before it (etcd_log_cutter.h). A node that has just started, or
// could not reach etcd for some time, may need commands that were removed. It then loads the
// snapshot and continues after it. The command of the snapshot's own revision is kept, so that the
// next append can use it as its usual condition.
//
// Invariant: the reader gets all commands without gaps, except those that a snapshot replaces. A
//   command, including this node's own, is passed to the reader only when etcd has stored it.
//
// Threads: one loop, the client's.
class EtcdMetadataLog {
 public:
  // A condition for appends of the controller: the key `key` (ControllerLease) still has the
  // creation revision `created`, so this node is still the controller.
  struct Holding {
    std::string key;
    EtcdRevision created;
  };
  struct Reader {
    // Called for each command, in order: from the first command of the log on or, after load(),
    // from the command after the snapshot.
    std::function<void(const MetadataRecord&)> tell;
    // Replaces the state with the state of the snapshot. If the function fails, it must leave the
    // state unchanged, and the log loads the snapshot again.
    std::function<Status(const MetadataSnapshot&)> load;
  };
  EtcdMetadataLog(EtcdClient& etcd, std::string prefix, const Clock& clock, Random& random,
                  Reader reader);

  // Appends the command after revision `last`. Answers when the outcome is known. Fails with
  // OutOfOrderSequence if another command follows `last` already, or if the key of `holding` has
  // changed; the caller then reads the log and decides again. Fails with ReadTimeout if the outcome
  // can no longer be determined.
  void append(Revision last, const MetadataCommand& command, std::optional<Holding> holding,
              std::function<void(Result<Revision>)> done);
  Revision last_revision() const { return last_; }
  // Reports whether this node has read every command that etcd has now, including all commands that
  // were appended before the call. Fails with NotLeader if etcd has further commands, which this
  // node will read soon, and with NetworkFailure if etcd does not answer.
  void confirm_read(std::function<void(Status)> done);
  // Returns whether this object has, at least once, read everything that etcd had at that time.
  bool has_read() const { return has_read_; }
  // Returns the id of the log's first command, which identifies this log; empty until the first
  // command was read.
  const std::string& first_id() const { return first_id_; }
  // Returns whether the log has a command that this program cannot read. The metadata of this node
  // then differs from the metadata of other nodes.
  bool has_passed_over() const { return has_passed_over_; }
  // Returns the reason why this node cannot read the log at present; nothing if it can.
  const std::optional<Error>& trouble() const { return trouble_; }
  const EtcdMetadataKeys& keys() const { return keys_; }
  // Returns the pointer to the newest snapshot, as last read; nothing if no snapshot exists.
  const std::optional<SnapshotPointer>& pointer() const { return pointer_; }
  EtcdRevision pointer_modified() const { return pointer_modified_; }
  // Returns the approximate size of the commands that were read after the newest snapshot.
  uint64_t bytes_behind_pointer() const { return bytes_behind_pointer_; }
  // Begins reading, and repeats reads whose answers were lost. Called every few milliseconds.
  void tick();

 private:
  struct Append {
    Revision revision;
    EtcdRevision predecessor;  // revision of etcd in which the command before it was created
    std::string bytes;
    std::optional<Holding> holding;
    std::function<void(Result<Revision>)> done;
    // Whether the command that was read at `revision` is the command of this append; nothing until
    // that revision has been read.
    std::optional<bool> is_it;
    bool was_refused = false;  // etcd has refused an attempt since the last search for the outcome
  };
  void try_append(uint64_t number);
  void try_later(uint64_t number);
  void outcome(uint64_t number, Result<EtcdOutcome> outcome);
  void find_out(uint64_t number);
  void found_out(uint64_t number, Result<EtcdFound> found);
  void note_unread(Revision there);
  void finish(uint64_t number, Result<Revision> result);
  void read(const std::vector<EtcdEntry>& entries);
  void take(const EtcdEntry& entry);
  void take_pointer(const EtcdEntry& entry);
  void load_if_behind();
  void loaded(Result<MetadataSnapshot> snapshot);
  void note_trouble(const Error& error);
  void ask_for_more();

  EtcdClient& etcd_;
  const EtcdMetadataKeys keys_;
  const Clock& clock_;
  Random& random_;
  const Reader reader_;
  Revision last_{0};
  // etcd's revision of the creation of command last_; 0 if last_ comes from a snapshot, and the
  // command itself was not read
  EtcdRevision last_created_{0};
  bool has_read_ = false;
  std::string first_id_;
  bool has_passed_over_ = false;
  std::map<uint64_t, Append> appends_;  // appends in progress
  uint64_t next_append_ = 0;
  // Numbers of the appends that will be tried again, by the time of the next attempt.
  std::multimap<int64_t, uint64_t> retries_;
  // A command that etcd has and this node has not read. `since_us` is the time at which this node
  // learned of it.
  struct Unread {
    Revision revision;
    int64_t since_us;
  };
  std::optional<Unread> unread_;
  // The callers of confirm_read(): `confirming_` get the answer of the request to etcd that is in
  // progress, `confirming_next_` get the answer of the next request.
  std::vector<std::function<void(Status)>> confirming_, confirming_next_;
  FollowedRange commands_;
  std::optional<SnapshotPointer> pointer_;
  EtcdRevision pointer_modified_{0};
  uint64_t bytes_behind_pointer_ = 0;
  EtcdSnapshotReader snapshot_;
  std::optional<Error> trouble_;
  int64_t load_at_us_ = 0;  // earliest time of the next attempt to load the snapshot
};

}  // namespace storage
