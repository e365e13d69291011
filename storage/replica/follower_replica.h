// The follower of a partition. It fetches records from the partition's leader until both logs are
// the same.
#pragma once
#include <memory>

#include "storage/replica/replica_context.h"

namespace storage {

//   fetch ──► answer ──┬─ batches ─────────► append ───┐
//     ▲                ├─ the logs diverge ► truncate ─┤
//     │                ├─ before the start ► restart ──┤
//     │                └─ error ───────────► pause ────┤
//     └────────────────────────────────────────────────┘
//
// Invariants:
//   1. at most one fetch or one change of the log is in progress at a time;
//   2. a fetch acknowledges only what is synced to disk.
//
// Threads: the replicas' loop. Owner: a ReplicaManager, as long as this node follows under the
// leader epoch of the assignment.
class FollowerReplica {
 public:
  // Precondition: the log has set the partition's role to Follower. While the partition has no
  // leader, no fetch is sent.
  FollowerReplica(ReplicaContext& context, PartitionAssignment assignment);

  void reassign(PartitionAssignment assignment) { assignment_ = std::move(assignment); }
  void on_fetched(ReplicaFetched fetched);
  // Sends the current fetch again, because the request or its answer may have been lost with a
  // connection.
  void ask_again();
  void tick();

  const PartitionAssignment& assignment() const { return assignment_; }
  // Returns a description of the current state and the last error, for operators.
  std::string describe() const;

 private:
  enum class State : uint8_t {
    Rests,    // waits until retry_at_us_
    Fetches,  // until the answer arrives or fetch_timeout_us passes
    Writes,
  };
  void fetch();
  // Returns the fetch that continues at the end of the log.
  Result<ReplicaFetch> next_fetch() const;
  void follow(ReplicaFetched fetched);
  void truncate(const EpochEnd& leaders);
  void tell_truncation(const EpochEnd& leaders, Offset end) const;
  void begin_anew(Offset start, std::string producers);
  void write(std::shared_ptr<FollowRequest> request);
  void acknowledge_unsynced(const FollowRequest& request);
  void rest();
  // Handles the log's answer to a change: continues with the next fetch, or pauses after an error.
  template <class T>
  std::function<void(T)> then_go_on();
  void go_on(const Status& status);

  ReplicaContext& context_;
  PartitionAssignment assignment_;
  const std::shared_ptr<const PartitionStatus> status_;
  State state_ = State::Rests;
  uint64_t number_ = 0;  // number of the fetch in progress
  // The follower's log and the leader's log have no record in common, so the next fetch asks to
  // restart at the leader's log start.
  bool has_nothing_common_ = false;
  int64_t since_us_ = 0, retry_at_us_ = 0;
  std::string last_error_;
  int64_t refused_us_ = 0;  // length of the pause after the last error; 0 after a success
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace storage
