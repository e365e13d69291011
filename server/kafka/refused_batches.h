// Batches of idempotent producers that were refused for a reason that passes, while others of the same producer
// were under way behind them.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/errors.h"
#include "records/batch.h"
#include "storage/log/topic_partition.h"

namespace server::kafka {

// What tells a batch from the others of its connection.
struct SequencedBatch {
  storage::TopicPartition partition;
  ProducerId producer;
  int16_t epoch;
  int32_t first_sequence;

  // Nothing of what has no sequence.
  static std::optional<SequencedBatch> of(const storage::TopicPartition& partition,
                                          const records::BatchHeader& header);
};

// A producer sends up to five batches without waiting. When one is refused because, say, the partition's leader has
// not taken its role yet, and does so before it comes to the next one, that next one has no place in the sequence:
// OUT_OF_ORDER_SEQUENCE_NUMBER, after which librdkafka before 2.3 gives up when it had sent both before. So it is
// refused for the reason of the first. Where that was the first of its producer, the partition knows nothing of it and
// would take the next at its word, and the records would be in the wrong order: it is not even tried.
//
// Threads: one loop's. Owner: a connection; shared with what is under way in the log.
class RefusedBatches {
 public:
  static constexpr size_t kMost = 64;  // the oldest are forgotten
  // Longer ago nothing is under way behind it any more: its producer has gone on without it.
  static constexpr int64_t kRemembered_us = 10'000'000;

  // Remembered when `error` is one that passes, and the producer therefore sends the batch again.
  void refused(const SequencedBatch& batch, KafkaError error, int64_t now_us);
  // It is in the log.
  void taken(const SequencedBatch& batch);
  // The error of one before it that was refused, and has not come again; it may be there all the same, having gone
  // through another leader.
  std::optional<KafkaError> before(const SequencedBatch& batch, int64_t now_us) const;
  // Likewise, of the first batch of its producer.
  std::optional<KafkaError> first_before(const SequencedBatch& batch, int64_t now_us) const;
  bool empty() const { return refused_.empty(); }

 private:
  struct Refused {
    SequencedBatch batch;
    KafkaError error;
    int64_t first_us;  // when it was refused
    int64_t last_us;   // when it was, or one behind it, for the last time
  };
  std::vector<Refused>::iterator find(const SequencedBatch& batch);
  const Refused* find_before(const SequencedBatch& batch, int64_t now_us) const;

  // By their last times; the first one of each producer and partition.
  std::vector<Refused> refused_;
};

}  // namespace server::kafka
