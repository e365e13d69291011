// In a cluster two threads need the metadata log. The loop of the ClusterNode reads its commands from etcd. The thread
// of the MetadataApplier applies the definitions in them, and reads them from this object, to which the loop passes
// them.
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

// Holds the commands that the loop has read and the thread of the MetadataApplier has not applied yet. Parts about
// nodes and assignments are left out, because the loop applies them itself (to its ClusterTable) before it passes a
// command on. A snapshot of the metadata therefore combines two states of one revision: the definitions that the
// MetadataApplier has applied, and the ClusterTable.
//
// Invariant: an append is answered only when read() returns its command.
//
// Threads: the functions of MetadataLog on any thread, all other functions on the loop's thread.
// Owner: the member.
class MirroredMetadataLog final : public storage::MetadataLog {
 public:
  // Appends a command to etcd. It is called on the loop, and calls back on the loop. See
  // storage::EtcdMetadataLog::append().
  using Append = std::function<void(Revision last, const storage::MetadataCommand& command,
                                    std::function<void(Result<Revision>)> done)>;
  using Post = std::function<void(std::function<void()>)>;
  // Stores a snapshot in etcd if one is still wanted. It is called on the loop.
  using Save = std::function<void(Revision revision, std::string bytes)>;
  MirroredMetadataLog(Append append, Post post, Save save, const Clock& clock)
      : append_(std::move(append)), post_(std::move(post)), save_(std::move(save)), clock_(clock) {}

  // --- The loop
  // Adds a command that was read. `cluster` is the loop's cluster table after this command.
  void read(const storage::MetadataRecord& record, const storage::ClusterTable& cluster);
  // Takes a snapshot that replaces all commands up to the snapshot's revision.
  void load(const storage::MetadataSnapshot& snapshot);
  void want_snapshot(bool is_wanted) { is_wanted_ = is_wanted; }
  // Answers callers that have waited too long for etcd: the outcome of their append is unknown.
  void tick();
  // Answers all waiting callers; appends fail from then on.
  void stop();

  // --- MetadataLog
  void append(Revision last, storage::MetadataCommand command,
              std::function<void(Result<Revision>)> done) override;
  Revision last_revision() const override;
  // Returns commands from `first` on, and deletes the commands before `first` from memory. Fails
  // with OffsetOutOfRange if the command `first` was deleted already, or is contained only in the
  // loaded snapshot.
  Result<std::vector<storage::MetadataRecord>> read(Revision first,
                                                    size_t max_count) const override;
  void watch(std::function<void(Revision)> moved) override;
  // Adds the ClusterTable of the snapshot's revision, and passes the snapshot to the loop, which
  // stores it in etcd. The revision must be a recent one, because the ClusterTable is kept only for
  // the latest commands.
  void save_snapshot(storage::MetadataSnapshot snapshot, std::function<void(Status)> done) override;
  // Returns the snapshot that was loaded last; nothing after a later command was read.
  Result<std::optional<storage::MetadataSnapshot>> load_snapshot() const override;
  SnapshotWish snapshot_wish() const override {
    return is_wanted_ ? SnapshotWish::Due : SnapshotWish::NotDue;
  }

 private:
  struct Kept {
    storage::MetadataRecord record;
    storage::ClusterTable cluster;  // state after the record; the copies share memory
  };
  struct Waiting {
    std::function<void(Result<Revision>)> done;
    int64_t give_up_us = 0;
    std::optional<Revision> revision = {};  // revision of the command; set once etcd has answered
  };
  void appended(uint64_t number, Result<Revision> revision);
  // Removes and returns the callbacks of appends whose commands can be read now. The caller holds
  // the lock.
  std::vector<std::function<void(Result<Revision>)>> take_answered();
  // Removes and returns the callback; empty if it was answered already.
  std::function<void(Result<Revision>)> take(uint64_t number);

  const Append append_;
  const Post post_;
  const Save save_;
  const Clock& clock_;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
  std::atomic<bool> is_wanted_ = false;  // whether a snapshot is wanted
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
