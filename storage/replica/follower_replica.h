// A partition's follower: asks its leader for what comes next, until both logs are the same.
#pragma once
#include <memory>

#include "storage/replica/replica_context.h"

namespace storage {

//   fetch ──► answer ──┬─ batches ──────► append ──┐
//     ▲                ├─ the logs part ─► truncate ┤
//     │                ├─ behind the start ► begin anew
//     │                └─ error ─────────► wait    │
//     └────────────────── synced ◄─────────────────┘
//
// Invariants:
//   1. there is one fetch or one change of the log on its way at a time;
//   2. a fetch speaks of what is synced.
//
// Threads: the replicas' loop. Owner: a ReplicaManager, for as long as this node follows under the epoch.
class FollowerReplica {
 public:
  // The log has taken the role. Asks nobody while there is no leader.
  FollowerReplica(ReplicaContext& context, PartitionAssignment assignment);

  void reassign(PartitionAssignment assignment) { assignment_ = std::move(assignment); }
  void on_fetched(ReplicaFetched fetched);
  // What it has asked, or the answer, may be lost.
  void ask_again();
  void tick();

  const PartitionAssignment& assignment() const { return assignment_; }
  // What it is doing, and what it was refused last: for operators.
  std::string describe() const;

 private:
  enum class State : uint8_t {
    Rests,    // until retry_at_us_
    Fetches,  // until an answer comes, or for too long
    Writes,
  };
  void fetch();
  // What is to be asked next, when the log is as it is now.
  Result<ReplicaFetch> next_fetch() const;
  void follow(ReplicaFetched fetched);
  void truncate(const EpochEnd& leaders);
  void tell_truncation(const EpochEnd& leaders, Offset end) const;
  void begin_anew(Offset start, std::string producers);
  void write(std::shared_ptr<FollowRequest> request);
  void acknowledge_unsynced(const FollowRequest& request);
  void rest();
  // An answer of the log that leads to the next fetch, or to a pause.
  template <class T>
  std::function<void(T)> then_go_on();
  void go_on(const Status& status);

  ReplicaContext& context_;
  PartitionAssignment assignment_;
  const std::shared_ptr<const PartitionStatus> status_;
  State state_ = State::Rests;
  uint64_t number_ = 0;              // of the fetch on its way
  bool has_nothing_common_ = false;  // with the leader: it begins where that does
  int64_t since_us_ = 0, retry_at_us_ = 0;
  std::string last_error_;
  int64_t refused_us_ = 0;  // the pause after what was refused last; none where it was taken
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace storage
