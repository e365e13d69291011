// Compacts a partition in one pass: removes each record whose key has a newer record. Follows
// Kafka's log cleaner (https://kafka.apache.org/documentation/#compaction, KIP-534) and
// docs/adr/0028.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "storage/log/cleanup_policy.h"
#include "storage/log/group_transaction.h"
#include "storage/log/key_offsets.h"
#include "storage/log/log_reader.h"
#include "storage/log/partition.h"

namespace storage {

//     log start        cleaned end             end
//        |  cleaned before  |  new since then   |  not yet: held back, or the newest batch
//                            -> newest offset of each key
//        <- removes records that have a newer one of their key in the new part ->
//
// Offsets do not change, so compaction leaves gaps. Batches of transactions and control batches
// stay unchanged, and their records do not replace older records of the same key, whether the
// transaction was committed or aborted. A record without a key is removed. A record without a
// value, a tombstone, is removed `delete_retention_ms` after the first pass that met it; its batch
// stores the time of this removal as its delete horizon. Tombstones are always kept in a partition
// that has transactions, because the record that a tombstone deletes may be in a batch of a
// transaction, which is never removed. They are also kept while a replica is not in sync.
//
// The last batch of each task that has written to this partition is kept as long as the task's
// query exists, possibly without its records. A replica that copies the compacted log derives the
// next sequence of the task from this batch.
//
// Memory: the key map, the last offset of each task that has written to the partition, and one
// decompressed batch. Threads: the cleaner's; the log's writer makes the changes durable, in
// slices.
class Compaction {
 public:
  // Makes a slice durable. An error ends the pass.
  using Write = std::function<Status(CleanedBatches)>;
  struct Outcome {
    Offset cleaned_end;
    int64_t bytes_before = 0, bytes_after = 0;  // total size of the batches before cleaned_end
    int64_t next_horizon_ms = INT64_MAX;        // when a kept tombstone may be removed
  };

  Compaction(LogReader& reader, const Partition& partition, const CleanupPolicy& policy,
             int64_t now_ms, Write write);

  // Cleans up to `end`, or as far as the keys fit into the map. Fails with QueryCanceled when
  // `goes_on` returns false.
  Result<Outcome> run(KeyOffsets& keys, Offset end, const std::function<bool()>& goes_on);

 private:
  // Reads the keys up to `end` into the map. Returns how far the map reaches.
  Result<Offset> fill(KeyOffsets& keys, Offset end, const std::function<bool()>& goes_on);
  Status find_last_of_tasks(Offset end, const std::function<bool()>& goes_on);
  Result<bool> add_keys(KeyOffsets& keys, const records::BatchView& batch);
  Status filter(const KeyOffsets& keys, const std::string& bytes, Outcome& outcome);
  bool keeps(const KeyOffsets& keys, const records::BatchHeader& header,
             const records::RecordView& record) const;
  bool tombstones_go() const { return !partition_.has_transactions(); }
  Status flush(std::optional<Offset> cleaned_end);

  LogReader& reader_;
  const Partition& partition_;
  const CleanupPolicy& policy_;
  const int64_t now_ms_;
  const uint64_t truncations_;  // Partition::truncations() before the first read
  const Write write_;
  CleanedBatches slice_;
  size_t slice_bytes_ = 0;
  std::map<ProducerId, Offset> last_of_tasks_;  // the last batch of each task before the end
  Offset end_;
  std::string scratch_;
  std::vector<bool> kept_;
};

}  // namespace storage
