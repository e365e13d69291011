// Remembers batches of idempotent producers that were refused with a retriable error while later
// batches of the same producer were under way.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/errors.h"
#include "records/batch.h"
#include "storage/log/topic_partition.h"

namespace server::kafka {

// Identifies a batch among the batches of its connection.
struct SequencedBatch {
  storage::TopicPartition partition;
  ProducerId producer;
  int16_t epoch;
  int32_t first_sequence;

  // Returns nullopt for a batch without a sequence number.
  static std::optional<SequencedBatch> of(const storage::TopicPartition& partition,
                                          const records::BatchHeader& header);
};

// A producer sends up to five batches without waiting for answers. Suppose that its first batch is
// refused because the node has just become the partition's leader and does not accept records yet,
// and that the node accepts records before the second batch arrives. Then a batch is missing before
// the second one. The normal error for such a gap, OUT_OF_ORDER_SEQUENCE_NUMBER, makes librdkafka
// before 2.3 stop if it had already sent both batches. Therefore the second batch is refused with
// the error of the first one. If the first batch was the very first of the producer, the partition
// does not know the producer: it would accept the second batch, and the records would be in the
// wrong order. Therefore the second batch is then not passed to the log at all.
//
// Threads: one loop. Owner: a connection; shared with appends under way.
class RefusedBatches {
 public:
  static constexpr size_t kMost = 64;  // beyond this number the oldest are forgotten
  // Refused batches are forgotten after this time. By then no later batch is in flight, because the
  // producer has continued without the refused batch.
  static constexpr int64_t kRemembered_us = 10'000'000;

  // Remembers the batch if `error` is retriable, so that the producer will send it again.
  void refused(const SequencedBatch& batch, KafkaError error, int64_t now_us);
  // Forgets a refusal of the batch. Called when the batch is in the log.
  void taken(const SequencedBatch& batch);
  // Returns the error of an earlier batch that was refused and has not been sent to this node
  // again. The earlier batch may have reached the log through another leader.
  std::optional<KafkaError> before(const SequencedBatch& batch, int64_t now_us) const;
  // Returns the error of an earlier refused batch that was the first batch of its producer.
  std::optional<KafkaError> first_before(const SequencedBatch& batch, int64_t now_us) const;
  bool empty() const { return refused_.empty(); }

 private:
  struct Refused {
    SequencedBatch batch;
    KafkaError error;
    int64_t first_us;  // time of the first refusal
    int64_t last_us;   // last refusal of the batch or of a later batch
  };
  std::vector<Refused>::iterator find(const SequencedBatch& batch);
  const Refused* find_before(const SequencedBatch& batch, int64_t now_us) const;

  // The first refused batch of each producer and partition, ordered by `last_us`.
  std::vector<Refused> refused_;
};

}  // namespace server::kafka
