// One pass of compaction over a partition: of each key the newest record stays. Rules as in Kafka's log
// cleaner (https://kafka.apache.org/documentation/#compaction, KIP-534); docs/adr/0028.
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
//        <- without records that have a newer one of their key in the part that is new ->
//
// Offsets stay, so gaps are left. Batches of transactions and control batches stay as they are, and what
// they hold supersedes nothing, whether it was committed or aborted. A record without a key goes. A record
// without a value, a tombstone, goes when it has been there for `delete_retention_ms` since the first pass
// that came to it, which its batch says from then on; but not where there are transactions: what a tombstone
// has deleted may be in a batch that stays. Nor while there are replicas that are not in sync.
//
// Of each task that has written here the last batch stays, if without its records, while its query lives: a replica that
// copies what is left must know which sequence is next.
//
// Memory: the key map, a number for each task that has written here, and one batch, decompressed. Threads: the cleaner's; what changes is written by the
// log's writer, in slices.
class Compaction {
 public:
  // Makes a slice durable; what it says ends the pass.
  using Write = std::function<Status(CleanedBatches)>;
  struct Outcome {
    Offset cleaned_end;
    int64_t bytes_before = 0, bytes_after = 0;  // of what lies before it
    int64_t next_horizon_ms = INT64_MAX;        // when a tombstone that stayed may go
  };

  Compaction(LogReader& reader, const Partition& partition, const CleanupPolicy& policy,
             int64_t now_ms, Write write);

  // Cleans up to `end` at most, or as far as the map reaches. Fails with QueryCanceled when `goes_on` no
  // more.
  Result<Outcome> run(KeyOffsets& keys, Offset end, const std::function<bool()>& goes_on);

 private:
  // A batch that was copied out of the log; `changed` as in CleanedBatches.
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
  const Write write_;
  CleanedBatches slice_;
  size_t slice_bytes_ = 0;
  std::map<ProducerId, Offset> last_of_tasks_;  // of their last batches before the end
  Offset end_;
  std::string scratch_;
  std::vector<bool> kept_;
};

}  // namespace storage
