// Applies commits of tasks, which a replicated journal already contains, to this node's log, and
// passes them to the shards of the tasks.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "server/tasks/durable_commit.h"
#include "storage/log/log.h"

namespace server {

class Shard;

// Commits that one transaction of the log applies.
//
// Threads: one at a time. Owner: the caller, until apply().
class CommitBatch {
 public:
  // Adds a commit. `epoch` is the task's epoch in this node's log, and `shard` is the shard that is
  // notified of the commit. The outputs of the commit for other topics are not applied here: the
  // owner of the journal delivers them.
  void add(storage::ReplicatedCommit commit, TaskEpoch epoch, Shard& shard);
  bool is_empty() const { return requests_.empty(); }
  // Returns the size of the journal entries.
  size_t size_bytes() const { return size_bytes_; }

  // Applies all commits in their order, together with the writes of `with`, or applies nothing.
  // Each shard is notified of its commits in the order of the log, before `done` is called. (A
  // checkpoint contains only commits of which the shard was notified.) `done` is called on the
  // log's thread.
  void apply(storage::Log& log, std::function<Status(storage::WriteTransaction&)> with,
             std::function<void(const Status&)> done) &&;

 private:
  struct Receiver {
    Shard* shard;
    std::shared_ptr<const storage::ReplicatedCommit> commit;
  };
  static void notify(const std::vector<Receiver>& receivers, CommitId id,
                     const std::vector<storage::AppendedBatch>& journalled);

  std::vector<storage::TaskCommit> requests_;
  std::vector<Receiver> receivers_;  // receivers of the commits in requests_, in the same order
  size_t size_bytes_ = 0;
};

}  // namespace server
