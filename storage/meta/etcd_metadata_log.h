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

// Revision 17 is appended by a transaction on the condition that its key is not there yet: so nobody overtakes
// unseen, and a command that etcd carries out late meets the one that came instead. What the outcome of a
// transaction was may be unknown; then the same one is tried again until it is known: the id tells whether
// it was this one.
//
// A snapshot takes the place of the commands before it (etcd_log_cutter.h). Who has read less than it holds, at a start or
// because etcd was out of reach, loads it and reads on behind it. The command of its revision stays, so that who appends behind that
// meets the same conditions as ever.
//
// Invariant: what was told has no gaps, but for those that a snapshot fills; a command is told when etcd has it, one's
// own too.
//
// Threads: one loop, the client's.
class EtcdMetadataLog {
 public:
  // Who appends on the condition of being the controller still.
  struct Holding {
    std::string key;
    EtcdRevision created;
  };
  struct Reader {
    // Called for each command in order, from the first on, or from the snapshot on that was loaded last.
    std::function<void(const MetadataRecord&)> tell;
    // The state is that of the snapshot now, whatever it was before. What it cannot be is not loaded.
    std::function<Status(const MetadataSnapshot&)> load;
  };
  EtcdMetadataLog(EtcdClient& etcd, std::string prefix, const Clock& clock, Random& random,
                  Reader reader);

  // Appends behind `last` if nobody else does. Answers when the outcome is known: OutOfOrderSequence when the log
  // has moved on, or the key of `holding` is not what it was; read on and decide again. ReadTimeout: it is too late to find
  // out.
  void append(Revision last, const MetadataCommand& command, std::optional<Holding> holding,
              std::function<void(Result<Revision>)> done);
  Revision last_revision() const { return last_; }
  // Whether all is read that etcd has as of now: what anybody had decided before the question is known then. Fails with
  // NotLeader where there is more, which is read soon, and with NetworkFailure where etcd does not say.
  void confirm_read(std::function<void(Status)> done);
  // Whether all has been read that etcd had at some time since this began.
  bool has_read() const { return has_read_; }
  // Of the first command: tells this log from any other. Empty while there is none.
  const std::string& first_id() const { return first_id_; }
  // A command was there that this program cannot read: its image of the metadata is not what others have.
  bool has_passed_over() const { return has_passed_over_; }
  // Why nothing is read; it may pass.
  const std::optional<Error>& trouble() const { return trouble_; }
  const EtcdMetadataKeys& keys() const { return keys_; }
  // Of the newest snapshot, as it was read last; nothing while there is none.
  const std::optional<SnapshotPointer>& pointer() const { return pointer_; }
  EtcdRevision pointer_modified() const { return pointer_modified_; }
  // What commands took that were read since then, about.
  uint64_t bytes_behind_pointer() const { return bytes_behind_pointer_; }
  // Begins reading, and reads again what got lost. Every few milliseconds.
  void tick();

 private:
  struct Append {
    Revision revision;
    EtcdRevision predecessor;  // in which the command before it was made
    std::string bytes;
    std::optional<Holding> holding;
    std::function<void(Result<Revision>)> done;
    std::optional<bool> is_it;  // what was read at its revision, since that was
    bool was_refused = false;   // since it was looked for last
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
  EtcdRevision last_created_{0};  // 0 behind a snapshot whose command was not read yet
  bool has_read_ = false;
  std::string first_id_;
  bool has_passed_over_ = false;
  std::map<uint64_t, Append> appends_;  // on their way
  uint64_t next_append_ = 0;
  std::multimap<int64_t, uint64_t> retries_;  // at which time, of which append
  // The next command is there, as is known since then.
  struct Unread {
    Revision revision;
    int64_t since_us;
  };
  std::optional<Unread> unread_;
  // Those who are answered by one question: of whom it is under way, and of whom it is the next.
  std::vector<std::function<void(Status)>> confirming_, confirming_next_;
  FollowedRange commands_;
  std::optional<SnapshotPointer> pointer_;
  EtcdRevision pointer_modified_{0};
  uint64_t bytes_behind_pointer_ = 0;
  EtcdSnapshotReader snapshot_;
  std::optional<Error> trouble_;
  int64_t load_at_us_ = 0;  // not before that
};

}  // namespace storage
