// The metadata log of a cluster: kept by etcd, mirrored by each node.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "storage/meta/etcd_client.h"
#include "storage/meta/followed_range.h"
#include "storage/meta/metadata_log.h"

namespace storage {

// Keys below `prefix`:
//
//   log/00000000000000000017   a command: its id (16 bytes), then encode(command)
//   controller                 the node that decides, with its lease (controller_lease.h)
//
// Revision 17 is appended by a transaction on the condition that its key is not there yet: so nobody overtakes
// unseen, and a command that etcd carries out late meets the one that came instead. What the outcome of a
// transaction was may be unknown; then the same one is tried again until it is known: the id tells whether
// it was this one.
//
// Invariant: what was told has no gaps; a command is told when etcd has it, one's own too.
//
// Threads: one loop, the client's.
class EtcdMetadataLog {
 public:
  // Who appends on the condition of being the controller still.
  struct Holding {
    std::string key;
    EtcdRevision created;
  };
  // `tell` is called for each command in order, from the first on.
  EtcdMetadataLog(EtcdClient& etcd, std::string prefix, const Clock& clock, Random& random,
                  std::function<void(const MetadataRecord&)> tell);

  // Appends behind `last` if nobody else does. Answers when the outcome is known: OutOfOrderSequence when the log
  // has moved on, or the key of `holding` is not what it was; read on and decide again.
  void append(Revision last, const MetadataCommand& command, std::optional<Holding> holding,
              std::function<void(Result<Revision>)> done);
  Revision last_revision() const { return last_; }
  // Whether all has been read that etcd had at some time since this began.
  bool has_read() const { return has_read_; }
  // Of the first command: tells this log from any other. Empty while there is none.
  const std::string& first_id() const { return first_id_; }
  // Begins reading, and reads again what got lost. Every few milliseconds.
  void tick();

 private:
  struct Append {
    Revision revision;
    EtcdRevision predecessor;  // in which the command before it was made
    std::string bytes;
    std::optional<Holding> holding;
    std::function<void(Result<Revision>)> done;
  };
  std::string key_of(Revision revision) const;
  EtcdRange keys_from(Revision revision) const;
  void try_append(uint64_t number);
  void try_later(uint64_t number);
  void outcome(uint64_t number, Result<EtcdOutcome> outcome);
  void find_out(uint64_t number);
  void found_out(uint64_t number, Result<EtcdFound> found);
  void finish(uint64_t number, Result<Revision> result);
  void take(const EtcdEntry& entry);

  EtcdClient& etcd_;
  const std::string prefix_;
  const Clock& clock_;
  Random& random_;
  const std::function<void(const MetadataRecord&)> tell_;
  Revision last_{0};
  EtcdRevision last_created_{0};
  bool has_read_ = false;
  std::string first_id_;
  std::map<uint64_t, Append> appends_;  // on their way
  uint64_t next_append_ = 0;
  std::multimap<int64_t, uint64_t> retries_;  // at which time, of which append
  FollowedRange commands_;
};

}  // namespace storage
