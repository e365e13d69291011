// A coordinator whose state is the replay of one partition of an internal topic: what consumer groups
// and transactions have in common. Whoever leads the partition has the state; it moves with the
// leadership, by being replayed elsewhere.
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

// What is kept in a partition.
class ReplayedState {
 public:
  // A record in the order of the log; one without a value deletes the key. Fails when it makes no
  // sense: it is then left out, and the log says so.
  virtual Status replay(std::string_view key, std::optional<std::string_view> value) = 0;
  // The same of a record that belongs to a transaction: it counts if that is committed.
  virtual Status replay_undecided(ProducerId producer, std::string_view key,
                                  std::optional<std::string_view> value);
  virtual void replay_end(ProducerId, records::TransactionEnd) {}
  // All is replayed.
  virtual void on_loaded() = 0;
  // The partition is not led any more, or begins anew: everything is forgotten, and who waits is told.
  virtual void on_unloaded() = 0;

 protected:
  ~ReplayedState() = default;
};

// One record to be; without a value it deletes the key.
struct StoredRecord {
  std::string key;
  std::optional<std::string> value;
};

// Why a record was not kept, as clients are told it: what passes leads them back here, or to look for the
// coordinator again (as Kafka's coordinators translate it).
KafkaError coordinator_error(const Status& status);
// Works like coordinator_error(), for a request whose client shows the error to its user. If the disk is full and no other node can coordinate,
// the reason is given (KAFKA_STORAGE_ERROR): a client that looks for the coordinator would find this one until its
// time-out, and report no more than that.
KafkaError coordinator_error_for_users(const Status& status, const CoordinatorPort& port);

//     Idle --lead()--> Loading --the end of the log is reached--> Active
//       ^-------------------------resign()---------------------------'
//
// Invariants:
//   1. the state is told of nothing between on_unloaded() and the next lead();
//   2. appends are answered once each, in their order, also when the leadership goes;
//   3. nothing is appended under another epoch than the one whose log was replayed.
//
// Threads: one loop's. Owner: the loop's coordinator; the port and the state outlive it.
class ReplayedPartition {
 public:
  enum class Stage : uint8_t { Idle, Loading, Active };
  using Done = std::function<void(Status)>;

  ReplayedPartition(PartitionId id, CoordinatorPort& port, ReplayedState& state);
  ~ReplayedPartition();
  ReplayedPartition(const ReplayedPartition&) = delete;
  ReplayedPartition& operator=(const ReplayedPartition&) = delete;

  // From now on this node leads under `epoch`: replays the log, in slices. Also for one that led
  // already.
  void lead(LeaderEpoch epoch);
  void resign();

  PartitionId id() const { return id_; }
  Stage stage() const { return stage_; }
  bool is_active() const { return stage_ == Stage::Active; }
  LeaderEpoch epoch() const { return epoch_; }
  // None when active: what requests are answered.
  KafkaError unavailable() const;

  // All or nothing, and answered when no change of the leadership can take it back. What comes in one
  // turn of the loop becomes one batch. Only when active.
  void append(const std::vector<StoredRecord>& records, Done done);
  // As part of the producer's transaction. Fails with FencedTask when the producer has been replaced.
  void append_for(const ProducerIdentity& producer, const std::vector<StoredRecord>& records,
                  CoordinatorPort::Guard guard, Done done);
  // Together with what lies elsewhere, all or nothing.
  void append_with(const std::vector<StoredRecord>& records,
                   std::vector<CoordinatorPort::Elsewhere> with, Done done);
  // The end of one that has records here.
  void append_end(const TransactionEnded& ended, Done done);

 private:
  // Who waits for a batch; empty once they were answered.
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
  Offset next_;  // to be replayed
  uint64_t records_ = 0, left_out_ = 0;
  int64_t begun_us_ = 0;

  records::BatchBuilder builder_;
  Waiting gathered_;
  // Shared with the appends' answers, which may come later than a resignation.
  std::deque<std::shared_ptr<Waiting>> under_way_;
  // Expires with this, and with each lead() and resign(): tasks of before find that out.
  std::shared_ptr<char> term_;
};

}  // namespace server::coordinator
