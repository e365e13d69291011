// The outputs that tasks have committed and that have not been delivered to their partitions yet.
// An output may be sent several times, but is appended once and in order.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "storage/replica/journal_entry.h"

namespace storage {

class OutboxPort {
 public:
  virtual ~OutboxPort() = default;
  // Sends the batches to the current leader of `partition`, as an append with acks=all. The request
  // or its answer may be lost.
  virtual void deliver(const TopicPartition& partition, std::string batches, uint64_t number) = 0;
};

// Delivers the outputs. For each task and partition, one delivery is in progress at a time; batches
// that are added meanwhile form the next delivery. A batch counts as delivered only when it is
// visible in the partition: the partition's leader may fail while no other node has the batch.
// Until then the Outbox sends the batch again, possibly with more batches after it. The leader
// detects duplicates by their sequences.
//
// Threads: one loop. Owner: a JournalOwner, for as long as it leads.
class Outbox {
 public:
  // The delivery numbers are higher than those of any earlier Outbox of this node, because answers
  // to that Outbox may still arrive.
  Outbox(OutboxPort& port, const Clock& clock, int64_t retry_us)
      : port_(port),
        clock_(clock),
        retry_us_(retry_us),
        next_number_(static_cast<uint64_t>(clock.monotonic_us()) + 1) {}

  // Adds the outputs of a commit when the commit is visible. Called in the order of the commits.
  // `at` is the commit's offset in the journal.
  void add(const ReplicatedCommit& commit, Offset at = {});
  // Sends the added batches to the partitions to which no delivery is in progress. The batches for
  // the other partitions are sent after the answer, or by tick().
  void send_added();
  void answered(uint64_t number, const Status& status);
  void tick();

  // Returns the task's deliveries since the last call. The task's next commit records them.
  std::vector<DeliveredOutputs> take_delivered(const std::string& task);
  // Returns the size of the task's outputs that are not delivered yet.
  size_t undelivered_bytes(const std::string& task) const;
  // Returns the offset in the journal of the first commit whose outputs are not all delivered;
  // nothing if all outputs are delivered.
  std::optional<Offset> first_undelivered() const;

 private:
  struct Lane {
    struct Batch {
      std::string bytes;
      Offset at;
    };
    std::deque<Batch> batches;
    uint64_t number = 0;  // number of the delivery in progress; 0: none
    size_t sent = 0;      // number of batches in the delivery in progress
    int64_t sent_us = 0, retry_at_us = 0;
    int32_t next_sequence = 0;  // sequence after the last delivered batch
    bool has_news = false;
  };
  using Key = std::pair<std::string, TopicPartition>;
  void send(const Key& key, Lane& lane);

  OutboxPort& port_;
  const Clock& clock_;
  const int64_t retry_us_;
  std::map<Key, Lane> lanes_;
  std::set<Key> added_;  // lanes that got batches since the last send_added() or tick()
  std::map<uint64_t, Key> on_their_way_;
  uint64_t next_number_;
};

}  // namespace storage
