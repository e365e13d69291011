// Topics and exchanges in memory: the ports that tasks read from and write to in tests.
#pragma once
#include <absl/container/node_hash_map.h>

#include <string>
#include <vector>

#include "engine/exec/ports.h"

namespace engine {

// Invariants: the batches of a partition follow each other without gaps, from offset 0; bytes never
// move once they are there, so that views hold as long as the log.
//
// Threads: one.
class MemoryLog final : public Sources, public Sink {
 public:
  // Appends a record batch (magic 2); returns its first offset.
  Offset append(const PartitionRef& to, std::string batch);
  Offset end_of(const PartitionRef& partition) const;
  // All batches that were appended, in order.
  const std::vector<LogBatch>& batches_of(const PartitionRef& partition) const;
  // As retention does: the batches before this offset are gone.
  void delete_before(const PartitionRef& partition, Offset offset);

  Result<std::vector<Polled>> poll(std::span<const std::pair<PartitionRef, Offset>> positions,
                                   size_t max_bytes) override;
  void release() override {}

  // Everything is durable at once; `done` is called by the next deliver(), as the server calls it
  // later too.
  bool try_commit(TaskCommit& commit, CommitDone& done) override;
  // Tells tasks about the commits since the last call; false when there were none.
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
