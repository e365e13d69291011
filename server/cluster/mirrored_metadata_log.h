// The metadata log of a cluster, for the thread that applies definitions: what the cluster's loop has read.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "storage/meta/cluster_table.h"
#include "storage/meta/metadata_log.h"

namespace server {

// Keeps what was read and not applied yet. What is about nodes and assignments is left out of the commands: the loop
// has applied that itself, before it tells of the command here. A snapshot is made of both: what was applied here as of
// a revision, and what the loop knew then.
//
// Invariant: an append is answered when its command can be read here.
//
// Threads: any for MetadataLog; the loop's for the rest. Owner: the member.
class MirroredMetadataLog final : public storage::MetadataLog {
 public:
  // Appends on the loop, on which it is called; see storage::EtcdMetadataLog::append().
  using Append = std::function<void(Revision last, const storage::MetadataCommand& command,
                                    std::function<void(Result<Revision>)> done)>;
  using Post = std::function<void(std::function<void()>)>;
  // Takes a snapshot to etcd, on the loop, if it is wanted still.
  using Save = std::function<void(Revision revision, std::string bytes)>;
  MirroredMetadataLog(Append append, Post post, Save save, const Clock& clock)
      : append_(std::move(append)), post_(std::move(post)), save_(std::move(save)), clock_(clock) {}

  // --- The loop
  // `cluster` is what the loop knows with this command.
  void read(const storage::MetadataRecord& record, const storage::ClusterTable& cluster);
  // What it has takes the place of all commands up to its revision.
  void load(const storage::MetadataSnapshot& snapshot);
  void want_snapshot(bool is_wanted) { is_wanted_ = is_wanted; }
  // Whoever waits for etcd for too long is told that it is not known what became of it.
  void tick();
  // From then on nothing is appended, and nobody waits any more.
  void stop();

  // --- MetadataLog
  void append(Revision last, storage::MetadataCommand command,
              std::function<void(Result<Revision>)> done) override;
  Revision last_revision() const override;
  // What lies before `first` is forgotten. Fails with OffsetOutOfRange when that was forgotten already, or is in the
  // snapshot only.
  Result<std::vector<storage::MetadataRecord>> read(Revision first,
                                                    size_t max_count) const override;
  void watch(std::function<void(Revision)> moved) override;
  // As of a revision that was among those read last.
  void save_snapshot(storage::MetadataSnapshot snapshot, std::function<void(Status)> done) override;
  // The one that was loaded last, until something behind it was read.
  Result<std::optional<storage::MetadataSnapshot>> load_snapshot() const override;
  SnapshotWish snapshot_wish() const override {
    return is_wanted_ ? SnapshotWish::Due : SnapshotWish::NotDue;
  }

 private:
  struct Kept {
    storage::MetadataRecord record;
    storage::ClusterTable cluster;  // with it; shares what it has in common with the others
  };
  struct Waiting {
    std::function<void(Result<Revision>)> done;
    int64_t give_up_us = 0;
    std::optional<Revision> revision = {};  // since it is known
  };
  void appended(uint64_t number, Result<Revision> revision);
  // Those who wait for what can be read now. Under the lock.
  std::vector<std::function<void(Result<Revision>)>> take_answered();
  // Takes it out; nothing when somebody else has answered it.
  std::function<void(Result<Revision>)> take(uint64_t number);

  const Append append_;
  const Post post_;
  const Save save_;
  const Clock& clock_;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
  std::atomic<bool> is_wanted_ = false;  // a snapshot
  mutable std::mutex mutex_;
  // Guarded by mutex_
  mutable std::deque<Kept> records_;
  mutable std::optional<storage::MetadataSnapshot> loaded_;
  Revision last_{0};
  std::function<void(Revision)> moved_;
  std::map<uint64_t, Waiting> waiting_;
  uint64_t last_number_ = 0;
  bool is_stopped_ = false;
};

}  // namespace server
