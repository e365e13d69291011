// Installs a journal's snapshot on this node: stores its contents durably. Before this, the node
// has no data of the journal's queries.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/tasks/commit_batch.h"
#include "server/tasks/journal_content.h"
#include "server/tasks/shard.h"
#include "storage/log/log.h"
#include "storage/log/replica_log.h"
#include "storage/state/state_store.h"

namespace server {

// Only some megabytes of the snapshot are in memory at a time. If an installation is interrupted,
// the next one starts from the beginning.
//
// Threads: one, which may wait. Owner: QueryTasks, for the duration of a call.
class JournalInstall final : public JournalContent {
 public:
  struct Node {
    storage::Log& log;
    storage::StateStore& state;
    std::function<Shard&(const std::string& task)> shard_of;
    const std::atomic<bool>& must_stop;
  };
  // The queries to install. Other queries in the snapshot are skipped, and so are earlier queries
  // with the same names.
  struct Wanted {
    Revision made_at;
    std::vector<Uuid> exchanges = {};
  };
  using Queries = std::map<std::string, Wanted, std::less<>>;
  JournalInstall(Node node, Queries queries)
      : node_(std::move(node)), queries_(std::move(queries)) {}

  Status query(std::string_view id, Revision planned_at) override;
  Status task(std::string_view id, const storage::CheckpointPosition& position) override;
  Status store(std::string_view name) override;
  Status entry(std::string_view key, std::string_view value) override;
  Status commit(std::string_view task, TaskSequence sequence, std::string_view entry) override;
  Status partition(const storage::PartitionSnapshot::Head& head) override;
  Status batch(std::string_view bytes) override;
  // Makes the items in memory durable. Called after the last piece of the snapshot.
  Status finish();

 private:
  enum class Part : uint8_t { Some, Last };
  Status write_checkpoint(Part part);
  Status begin_tasks();
  Status apply_some();
  Status follow(std::string batches);
  Status end_partition();
  Status check_goes_on() const;

  const Node node_;
  const Queries queries_;
  storage::ReplicaLog replicas_{node_.log};
  std::set<std::string, std::less<>> taken_;  // ids of the installed queries
  std::set<Uuid> exchanges_;                  // exchanges of the installed queries
  // The task whose checkpoint is being written. Nothing between two checkpoints, and for a task
  // that is skipped.
  struct Open {
    std::string id;
    storage::CheckpointPosition position;
    std::string store = {};
  };
  std::optional<Open> open_;
  struct Entry {
    std::string store, key, value;
  };
  std::shared_ptr<std::deque<Entry>> entries_ = std::make_shared<std::deque<Entry>>();
  size_t entry_bytes_ = 0;
  std::vector<std::pair<std::string, TaskSequence>> tasks_;
  bool have_begun_ = false;
  std::map<std::string, TaskEpoch, std::less<>> epochs_;
  CommitBatch commits_;
  // The partition that is being installed; nothing if the partition is skipped.
  std::optional<storage::PartitionSnapshot::Head> partition_;
  std::string batches_;  // batches of `partition_` that are not durable yet
};

}  // namespace server
