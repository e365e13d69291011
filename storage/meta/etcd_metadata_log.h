// The metadata log of a cluster: kept by etcd, mirrored by each node.
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

// Revision 17 is appended by a transaction on the condition that its key does not exist yet. So no
// append overtakes another unseen, and a command that etcd executes late is refused if another one
// has taken its place. The outcome of a transaction may be unknown; then the same one is tried
// again until it is known, and the id of the stored command shows whether it was this one.
//
// A snapshot replaces the commands before it (etcd_log_cutter.h). A node that has read less, at a
// start or because etcd was out of reach, loads the snapshot and continues to read after it. The
// command of its revision stays, so that the next append has the same conditions as ever.
//
// Invariant: the delivered commands have no gaps, except those that a snapshot fills. A command is
//   delivered when etcd has it, including this node's own.
//
// Threads: one loop, the client's.
class EtcdMetadataLog {
 public:
  // The condition of a caller that appends only while it is the controller.
  struct Holding {
    std::string key;
    EtcdRevision created;
  };
  struct Reader {
    // Called for each command in order, from the first on, or from the last loaded snapshot on.
    std::function<void(const MetadataRecord&)> tell;
    // Replaces the state by that of the snapshot. An error leaves the state as it was, and the
    // loading is repeated.
    std::function<Status(const MetadataSnapshot&)> load;
  };
  EtcdMetadataLog(EtcdClient& etcd, std::string prefix, const Clock& clock, Random& random,
                  Reader reader);

  // Appends after `last` if no other append has done so. Answers when the outcome is known. Fails
  // with OutOfOrderSequence if the log has advanced, or if the key of `holding` has changed; the
  // caller then reads and decides again. Fails with ReadTimeout if the outcome can no longer be
  // found out.
  void append(Revision last, const MetadataCommand& command, std::optional<Holding> holding,
              std::function<void(Result<Revision>)> done);
  Revision last_revision() const { return last_; }
  // Answers whether everything is read that etcd has now, including everything that any node had
  // decided before the call. Fails with NotLeader if there is more, which is read soon, and with
  // NetworkFailure if etcd does not answer.
  void confirm_read(std::function<void(Status)> done);
  // Returns whether everything was read that etcd had at some time since this object began.
  bool has_read() const { return has_read_; }
  // Returns the id of the first command, which identifies this log; empty while there is none.
  const std::string& first_id() const { return first_id_; }
  // Returns whether a command was met that this program cannot read: the metadata here then differs
  // from that of other nodes.
  bool has_passed_over() const { return has_passed_over_; }
  // Returns the reason why nothing can be read at present.
  const std::optional<Error>& trouble() const { return trouble_; }
  const EtcdMetadataKeys& keys() const { return keys_; }
  // Returns the newest snapshot, as last read; nothing while there is none.
  const std::optional<SnapshotPointer>& pointer() const { return pointer_; }
  EtcdRevision pointer_modified() const { return pointer_modified_; }
  // Returns the approximate size of the commands that were read after the newest snapshot.
  uint64_t bytes_behind_pointer() const { return bytes_behind_pointer_; }
  // Begins reading, and repeats lost reads. Called every few milliseconds.
  void tick();

 private:
  struct Append {
    Revision revision;
    EtcdRevision predecessor;  // when the command before it was created
    std::string bytes;
    std::optional<Holding> holding;
    std::function<void(Result<Revision>)> done;
    std::optional<bool> is_it;  // whether the command read at its revision is this one
    bool was_refused = false;   // an attempt was refused since the last search for the outcome
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
  EtcdRevision last_created_{0};  // 0 after a snapshot whose command was not read yet
  bool has_read_ = false;
  std::string first_id_;
  bool has_passed_over_ = false;
  std::map<uint64_t, Append> appends_;  // appends in progress
  uint64_t next_append_ = 0;
  std::multimap<int64_t, uint64_t> retries_;  // append numbers by the time of their next attempt
  // A command that exists, as known since `since_us`, but has not been read.
  struct Unread {
    Revision revision;
    int64_t since_us;
  };
  std::optional<Unread> unread_;
  // The callers of the present question to etcd, and those of the next one.
  std::vector<std::function<void(Status)>> confirming_, confirming_next_;
  FollowedRange commands_;
  std::optional<SnapshotPointer> pointer_;
  EtcdRevision pointer_modified_{0};
  uint64_t bytes_behind_pointer_ = 0;
  EtcdSnapshotReader snapshot_;
  std::optional<Error> trouble_;
  int64_t load_at_us_ = 0;  // earliest time of the next load
};

}  // namespace storage
