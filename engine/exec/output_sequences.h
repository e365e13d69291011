// The sequences that a task's output batches carry, so that each of them counts once, wherever and
// however often it is sent.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <vector>

#include "engine/exec/ports.h"
#include "records/batch.h"

namespace engine {

// Of the next batch to a partition.
struct OutputSequence {
  PartitionRef to;
  int32_t next = 0;
  bool operator==(const OutputSequence&) const = default;
};

// A task is one producer for as long as its query lives, always under epoch 0. Its sequences count the
// records that it has written to a partition and are part of its journal: who goes on with the task, here
// or elsewhere, goes on with them.
//
// Threads: the task's.
class OutputSequences {
 public:
  // Until there is a producer, batches carry none.
  void set_producer(ProducerId producer) { producer_ = producer; }

  // For the next batch to the partition, of so many records.
  records::ProducerStamp stamp(const PartitionRef& to, int32_t record_count);
  // What stamp() has changed since the last call, in the order of the partitions.
  std::vector<OutputSequence> take_changed();

  // Of the journal; newer ones later.
  void restore(const std::vector<OutputSequence>& sequences);

 private:
  ProducerId producer_ = records::kNoProducer;
  absl::flat_hash_map<PartitionRef, int32_t> next_;
  std::vector<PartitionRef> changed_;  // perhaps several times
};

// Puts newer sequences over older ones; both in the order of their partitions.
void merge_sequences(std::vector<OutputSequence>& known, const std::vector<OutputSequence>& newer);

}  // namespace engine
