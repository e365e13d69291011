// What tasks have committed and others are still to get: each batch once and in order, however often it is sent.
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
  // To the partition's leader, whoever that is, as an append with acks=all. The answer may get lost, and the
  // request, too.
  virtual void deliver(const TopicPartition& partition, std::string batches, uint64_t number) = 0;
};

// One delivery of a task is on its way to a partition at a time, with all that has gathered meanwhile. It counts as
// delivered when it is visible there, since a leader may be lost with what it alone has; until then it is sent again, with
// more behind it, perhaps: of each batch the leader knows by itself whether it has it.
//
// Threads: one loop. Owner: a JournalOwner, for as long as it leads.
class Outbox {
 public:
  // Its numbers are larger than those of whoever was there before, whose answers may still come.
  Outbox(OutboxPort& port, const Clock& clock, int64_t retry_us)
      : port_(port),
        clock_(clock),
        retry_us_(retry_us),
        next_number_(static_cast<uint64_t>(clock.monotonic_us()) + 1) {}

  // In the order of the commits, each when it is visible. `at`: where it lies in its journal.
  void add(const ReplicatedCommit& commit, Offset at = {});
  // What was added, where nothing is on its way; the rest goes with the answer, or with tick().
  void send_added();
  void answered(uint64_t number, const Status& status);
  void tick();

  // What the task's next commit is to tell of, since what it told last.
  std::vector<DeliveredOutputs> take_delivered(const std::string& task);
  // Of the task, that nobody has yet.
  size_t undelivered_bytes(const std::string& task) const;
  // The first of the journal that is not delivered; nothing when all of it is.
  std::optional<Offset> first_undelivered() const;

 private:
  struct Lane {
    struct Batch {
      std::string bytes;
      Offset at;
    };
    std::deque<Batch> batches;
    uint64_t number = 0;  // of the delivery on its way; 0: none
    size_t sent = 0;      // batches in it
    int64_t sent_us = 0, retry_at_us = 0;
    int32_t next_sequence = 0;  // of what is delivered
    bool has_news = false;
  };
  using Key = std::pair<std::string, TopicPartition>;
  void send(const Key& key, Lane& lane);

  OutboxPort& port_;
  const Clock& clock_;
  const int64_t retry_us_;
  std::map<Key, Lane> lanes_;
  std::set<Key> added_;  // since the last send_added() or tick()
  std::map<uint64_t, Key> on_their_way_;
  uint64_t next_number_;
};

}  // namespace storage
