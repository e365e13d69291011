// Keeps topics and exchanges in memory. Tasks in tests read from and write to these ports.
#pragma once
#include <absl/container/node_hash_map.h>

#include <string>
#include <vector>

#include "engine/exec/ports.h"

namespace engine {

// Invariants: the batches of a partition are contiguous from offset 0, except for deleted ones;
// bytes never move, so views are valid as long as the log exists.
//
// Threads: one.
class MemoryLog final : public Sources, public Sink {
 public:
  // Appends a record batch (magic 2). Returns its first offset.
  Offset append(const PartitionRef& to, std::string batch);
  Offset end_of(const PartitionRef& partition) const;
  // Returns the appended batches in order, without the deleted ones.
  const std::vector<LogBatch>& batches_of(const PartitionRef& partition) const;
  // Deletes the batches before this offset, as retention does.
  void delete_before(const PartitionRef& partition, Offset offset);

  Result<std::vector<Polled>> poll(std::span<const std::pair<PartitionRef, Offset>> positions,
                                   size_t max_bytes) override;
  void release() override {}

  // Makes the commit durable immediately. As in the server, `done` is not called within the call:
  // the next deliver() calls it.
  bool try_commit(TaskCommit& commit, CommitDone& done) override;
  // Reports the commits since the last call to their tasks. Returns false if there were none.
  bool deliver();

 private:
  struct Partition {
    std::vector<std::unique_ptr<const std::string>> bytes;
    std::vector<LogBatch> batches;
    Offset start{0}, end{0};
  };
  struct Waiting {
    CommitDone done;
    CommitId commit;
  };

  absl::node_hash_map<PartitionRef, Partition> partitions_;
  std::vector<Waiting> waiting_;
  CommitId last_commit_;
};

}  // namespace engine
