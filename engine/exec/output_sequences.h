// The sequence numbers of a task's output batches. With them the log recognises a batch that the
// task sends again, and stores it only once.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <vector>

#include "engine/exec/ports.h"
#include "records/batch.h"

namespace engine {

// Sequence of the next batch to a partition.
struct OutputSequence {
  PartitionRef to;
  int32_t next = 0;
  bool operator==(const OutputSequence&) const = default;
};

// A task is the same producer, with epoch 0, as long as its query exists. A sequence counts the
// records that the task has written to one partition. The sequences are part of the task's journal,
// so that a restarted or moved task continues with them.
//
// Threads: the task's.
class OutputSequences {
 public:
  // Until a producer is set, batches carry no sequences.
  void set_producer(ProducerId producer) { producer_ = producer; }

  // Returns the producer id and sequence for the next batch to the partition `to`, which has
  // `record_count` records.
  records::ProducerStamp stamp(const PartitionRef& to, int32_t record_count);
  // Returns the sequences that stamp() has changed since the last call, in the order of the partitions.
  std::vector<OutputSequence> take_changed();

  // Restores sequences from journal entries, called from the oldest entry to the newest.
  void restore(const std::vector<OutputSequence>& sequences);

 private:
  ProducerId producer_ = records::kNoProducer;
  absl::flat_hash_map<PartitionRef, int32_t> next_;
  std::vector<PartitionRef> changed_;  // may contain duplicates
};

// Merges newer sequences into `known`; both are in the order of their partitions.
void merge_sequences(std::vector<OutputSequence>& known, const std::vector<OutputSequence>& newer);

}  // namespace engine
