// The metadata log of a cluster, for the thread that applies definitions: what the cluster's loop has read.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "storage/meta/metadata_log.h"

namespace server {

// Keeps what was read and not applied yet. What is about nodes and assignments is left out of the commands: the loop
// has applied that itself, before it tells of the command here.
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
  MirroredMetadataLog(Append append, Post post, const Clock& clock)
      : append_(std::move(append)), post_(std::move(post)), clock_(clock) {}

  // --- The loop
  void read(const storage::MetadataRecord& record);
  // Whoever waits for etcd for too long is told that it is not known what became of it.
  void tick();
  // From then on nothing is appended, and nobody waits any more.
  void stop();

  // --- MetadataLog. There are no snapshots: a start reads all.
  void append(Revision last, storage::MetadataCommand command,
              std::function<void(Result<Revision>)> done) override;
  Revision last_revision() const override;
  // What lies before `first` is forgotten. Fails with OffsetOutOfRange when that was forgotten already.
  Result<std::vector<storage::MetadataRecord>> read(Revision first,
                                                    size_t max_count) const override;
  void watch(std::function<void(Revision)> moved) override;
  void save_snapshot(storage::MetadataSnapshot snapshot, std::function<void(Status)> done) override;
  Result<std::optional<storage::MetadataSnapshot>> load_snapshot() const override {
    return std::nullopt;
  }

 private:
  struct Waiting {
    std::function<void(Result<Revision>)> done;
    int64_t give_up_us = 0;
    std::optional<Revision> revision = {};  // since it is known
  };
  void appended(uint64_t number, Result<Revision> revision);
  // Takes it out; nothing when somebody else has answered it.
  std::function<void(Result<Revision>)> take(uint64_t number);

  const Append append_;
  const Post post_;
  const Clock& clock_;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
  mutable std::mutex mutex_;
  // Guarded by mutex_
  mutable std::deque<storage::MetadataRecord> records_;
  Revision last_{0};
  std::function<void(Revision)> moved_;
  std::map<uint64_t, Waiting> waiting_;
  uint64_t last_number_ = 0;
  bool is_stopped_ = false;
};

}  // namespace server
