// A coordinator whose state is stored in one partition of an internal topic. The coordinators of
// groups and of transactions use it. Only the leader of the partition has the state in memory. When
// the leadership moves, the new leader replays the partition's log.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "records/batch_builder.h"
#include "server/coordinator/coordinator_port.h"
#include "server/coordinator/producer_identity.h"

namespace server::coordinator {

// The interface of a state that is stored in a partition.
class ReplayedState {
 public:
  // Applies a record; called in the order of the log. A record without a value deletes the key. If
  // replay() fails, the record is skipped, and the error is logged.
  virtual Status replay(std::string_view key, std::optional<std::string_view> value) = 0;
  // Applies a record of an open transaction. It becomes valid only when the transaction is
  // committed (replay_end()).
  virtual Status replay_undecided(ProducerId producer, std::string_view key,
                                  std::optional<std::string_view> value);
  virtual void replay_end(ProducerId, records::TransactionEnd) {}
  // Called when the log is replayed completely.
  virtual void on_loaded() = 0;
  // Discards the state, and answers all waiting requests. Called when this node no longer leads the
  // partition, and before the log is replayed again.
  virtual void on_unloaded() = 0;

 protected:
  ~ReplayedState() = default;
};

// A record to append. A record without a value deletes the key.
struct StoredRecord {
  std::string key;
  std::optional<std::string> value;
};

// Returns the error that clients get if a record was not stored. For temporary errors, the result
// makes clients retry, or look for the coordinator again (the same translation as in Kafka's
// coordinators).
KafkaError coordinator_error(const Status& status);
// Works like coordinator_error(), for requests whose client shows the error to its user. If the
// disk is full and no other node can coordinate, it returns KAFKA_STORAGE_ERROR. With a retriable
// error, the client would find this coordinator again and again, and would finally report only a
// timeout.
KafkaError coordinator_error_for_users(const Status& status, const CoordinatorPort& port);

// Idle --lead()--> Loading --the end of the log is reached--> Active
//  ^-------------------------resign()---------------------------'
//
// Invariants:
//   1. no function of the state is called between on_unloaded() and the next lead();
//   2. each append is answered once, in the order of the appends, even if the leadership is lost;
//   3. records are appended only under the epoch whose log was replayed.
//
// Threads: one loop. Owner: the loop's coordinator; the port and the state outlive it.
class ReplayedPartition {
 public:
  enum class Stage : uint8_t { Idle, Loading, Active };
  using Done = std::function<void(Status)>;

  ReplayedPartition(PartitionId id, CoordinatorPort& port, ReplayedState& state);
  ~ReplayedPartition();
  ReplayedPartition(const ReplayedPartition&) = delete;
  ReplayedPartition& operator=(const ReplayedPartition&) = delete;

  // Begins to lead the partition under `epoch`. Replays the log in slices. The log is replayed even
  // if this node has led the partition before.
  void lead(LeaderEpoch epoch);
  void resign();

  PartitionId id() const { return id_; }
  Stage stage() const { return stage_; }
  bool is_active() const { return stage_ == Stage::Active; }
  LeaderEpoch epoch() const { return epoch_; }
  // Returns None while the partition is active, or the error for requests while it is not.
  KafkaError unavailable() const;

  // Appends all records or none. Calls back when they are visible, so that no change of the leader
  // can remove them. The records of one loop iteration are appended as one batch. Fails with
  // NotLeader unless the partition is active.
  void append(const std::vector<StoredRecord>& records, Done done);
  // Appends the records in the producer's transaction. Fails with FencedTask if the producer has been replaced.
  void append_for(const ProducerIdentity& producer, const std::vector<StoredRecord>& records,
                  CoordinatorPort::Guard guard, Done done);
  // Appends the records together with the batches in `with`, all or nothing.
  void append_with(const std::vector<StoredRecord>& records,
                   std::vector<CoordinatorPort::Elsewhere> with, Done done);
  // Appends the marker of a transaction that has records in this partition.
  void append_end(const TransactionEnded& ended, Done done);

 private:
  // Callbacks that wait for a batch. The vector is emptied when they are called.
  using Waiting = std::vector<Done>;

  void load_later();
  void load_slice();
  void become_active();
  Status replay_batch(const records::BatchView& batch);
  void add_to_builder(const std::vector<StoredRecord>& records);
  void flush();
  void send(std::string batch, Waiting waiting, std::vector<CoordinatorPort::Elsewhere> with = {},
            CoordinatorPort::Guard guard = {});
  static void answer(Waiting& waiting, const Status& status);

  const PartitionId id_;
  CoordinatorPort& port_;
  ReplayedState& state_;
  Stage stage_ = Stage::Idle;
  LeaderEpoch epoch_{-1};
  Offset next_;  // offset of the next batch to replay
  uint64_t records_ = 0, left_out_ = 0;
  int64_t begun_us_ = 0;

  records::BatchBuilder builder_;
  Waiting gathered_;
  // For each batch whose append is in flight, its callbacks. They are shared with the callback of
  // the append, which may run after resign().
  std::deque<std::shared_ptr<Waiting>> under_way_;
  // Replaced at each lead() and resign(). Tasks that were posted before hold a weak pointer to the
  // old object, and so detect that their term has ended.
  std::shared_ptr<char> term_;
};

}  // namespace server::coordinator
