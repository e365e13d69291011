// The sessions of a share group (KIP-932) at a node: members fetch and acknowledge the records of the partitions that
// the node leads.
#pragma once
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/coordinator/deadlines.h"
#include "server/coordinator/group_surroundings.h"
#include "server/coordinator/share_messages.h"
#include "server/coordinator/share_partition.h"

namespace server::coordinator {

// The share sessions of one group at one node, which leads some of the partitions that the group reads. The coordinator
// of the group (ShareGroup, perhaps on another node) stores which records of each partition are done. Before this node
// delivers the first record of a partition, it reads that state from the coordinator. From then on this object has the
// newest state, and sends all changes to the coordinator:
//
//   Unread --read()--> Reading --answer--> Read
//     ^------------------'------ drop() ----'     the leader has changed, or a change was refused
//
// Invariants:
//   1. every request is answered once;
//   2. an acknowledgement is confirmed after the coordinator has stored it; the lending of records is not stored;
//   3. a record is lent to one member at a time, and only in state Read;
//   4. in a cluster one request with changes is under way at a time, and is sent again when its answer is lost, so that
//      changes arrive in order.
//
// Threads: one loop. Owner: the GroupPartition (partition of __consumer_offsets) to which the group's id belongs, at
// this node.
class ShareSessions {
 public:
  // Sends requests to the coordinator of the group. An answer never arrives within the call, and may be lost in a
  // cluster.
  struct Coordinator {
    std::function<void(ReadShareState, Done<ShareStateRead>)> read;
    std::function<void(WriteShareState, Done<ShareStateWritten>)> write;
    // Returns the present coordinator as (node, leader epoch). Empty on a lone node, where no answer is lost.
    std::function<std::pair<int32_t, int32_t>()> find = {};
  };
  // `on_idle` is called when is_idle() may have become true.
  ShareSessions(std::string id, GroupSurroundings& around, Coordinator coordinator,
                std::function<void()> on_idle);
  ~ShareSessions();
  ShareSessions(const ShareSessions&) = delete;
  ShareSessions& operator=(const ShareSessions&) = delete;

  void fetch(ShareFetch request, Done<ShareFetched> done);
  void close(const CloseShareSession& request);
  // Lends records of the partition to waiting sessions. Called when the partition may have new records, or another
  // leader.
  void grown(const TopicIdPartition& partition);
  // Reads all states again, because the coordinator has changed them.
  void read_again();
  // Answers all waiting requests with `why`, and ends all sessions.
  void end(KafkaError why);
  // Returns whether the object has no sessions and no state, so that it can be destroyed.
  bool is_idle() const;

 private:
  enum class Stage : uint8_t { Unread, Reading, Read };
  // The state of a partition.
  struct Shared {
    Stage stage = Stage::Unread;
    SharePartition state = {};
    int32_t leader_epoch = -1, state_epoch = 0;  // see ReadShareState
    size_t charged = 0;
    Deadline lock = {};
  };
  struct Waiting {
    ShareFetch request;
    ShareFetched answer;
    Done<ShareFetched> done;
    uint64_t ticket = 0;  // the request's place in the queue
    Deadline deadline = {};
  };
  struct Session {
    SharePartition::Holder member;
    uint64_t connection = 0;
    int32_t next_epoch = 1;
    std::list<TopicIdPartition> partitions = {};  // in the order in which lend() looks for records
    // The position of each partition in `partitions`.
    std::map<TopicIdPartition, std::list<TopicIdPartition>::iterator> places = {};
    std::set<TopicIdPartition> lent = {};  // partitions of which the member may hold records
    std::optional<Waiting> waiting = {};
    size_t charged = 0;
  };
  // A request that names partitions whose states are being read.
  struct Early {
    ShareFetch request;
    Done<ShareFetched> done;
    std::set<TopicIdPartition> unread;
    Deadline deadline = {};
  };
  using Place = std::pair<int32_t, int32_t>;
  // The states that one request reads.
  struct Reading {
    std::vector<TopicIdPartition> partitions;
    Place place;
  };
  // The result of a request with changes.
  struct Stored {
    KafkaError error = KafkaError::None;
    std::map<TopicIdPartition, KafkaError> refused = {};
  };
  struct Write {
    WriteShareState request;
    std::vector<Done<Stored>> done;
    Place place = {};
    int64_t until_us = 0;  // time at which it is given up
    uint64_t attempt =
        0;  // number of the last attempt; 0: an attempt has failed, and the next one follows
  };
  class BytesLeft;
  using Sessions = std::map<std::string, Session, std::less<>>;

  // --- Settings
  // Returns the offset at which the group begins to read a partition that it has not read yet.
  Result<int64_t> begin_of(const TopicIdPartition& id) const;
  int64_t lock_us() const;
  ShareLimits limits() const;
  bool reads_committed() const;
  bool is_there(const TopicIdPartition& id) const;

  // --- Sessions
  void end_all(KafkaError why);
  void serve(ShareFetch request, Done<ShareFetched> done);
  void serve_early();
  Session* begin(const ShareFetch& request, ShareFetched& refused);
  KafkaError update(Session& session, const ShareFetch& request, ShareFetched& answer);
  void send(ShareFetched answer, Done<ShareFetched> done);
  void wait(Session& session, ShareFetch request, ShareFetched answer, Done<ShareFetched> done);
  // Removes the waiting request of the session and returns it. The caller has to answer it.
  Waiting stop_waiting(Session& session);
  void end_wait(Session& session);
  void close(Sessions::iterator session, bool has_tried);
  // Answers waiting sessions with records of the partition, in the order in which they began to
  // wait, as long as records are available.
  void wake(const TopicIdPartition& partition);

  // --- Records
  void acknowledge(const ShareFetch& request, ShareFetched& answer);
  KafkaError acknowledge(const ShareFetch& request, const ShareFetch::Partition& each);
  // Adds records of the session's partitions to the answer. Returns false if no partition was added.
  bool lend(Session& session, const ShareFetch& request, ShareFetched& answer);
  // Lends records of one of the session's partitions. Returns nullopt if no record can be lent.
  std::optional<ShareFetched::Partition> lend_at(Session& session,
                                                 std::list<TopicIdPartition>::iterator place,
                                                 BytesLeft& bytes_left, SharePartition::Wish& wish);
  SharePartition::Wish wish_of(const Session& session, const ShareFetch& request) const;
  Status lend(const TopicIdPartition& id, BytesLeft& bytes_left, SharePartition::Wish& wish,
              std::vector<AcquiredRecords>& acquired);
  void look_after(const TopicIdPartition& id, Shared& shared, int64_t expiry_us);
  void on_lock_end(const TopicIdPartition& id);
  void charge(Shared& shared);

  // --- State
  // Returns the state of a partition that this node leads, if it has been read under the present leader epoch. If the
  // state must be read first, it returns null, and the state is read soon. Fails with NotLeader if another node leads.
  Result<Shared*> find(const TopicIdPartition& id);
  void read(const std::set<TopicIdPartition>& ids);
  void on_read(uint64_t number, const ShareStateRead& answer);
  void install(Shared& shared, const ShareStateRead::Partition& from);
  void drop(const TopicIdPartition& id);
  // Calls back when all changes up to now are stored.
  void commit(Done<Stored> done);
  void gather_changes();
  void begin_write();
  void attempt(Write& write);
  void on_written(uint64_t attempt, const ShareStateWritten& answer);
  bool is_repeated(const Write& write, KafkaError error) const;
  Stored settle(const Write& write, const ShareStateWritten& answer);
  // Repeats requests that have failed, or whose coordinator has moved.
  void look_later();
  void look();
  std::set<TopicIdPartition> wanted() const;
  Place place() const { return coordinator_.find ? coordinator_.find() : Place(); }
  template <class Answer>
  Done<Answer> while_alive(std::function<void(const Answer&)> take);

  const std::string id_;
  GroupSurroundings& around_;
  const Coordinator coordinator_;
  const std::function<void()> on_idle_;

  std::map<TopicIdPartition, Shared> shared_;
  Sessions sessions_;
  std::map<uint64_t, Early> early_;
  // For each partition, the members whose sessions wait for its records. The key is a ticket: a
  // number that shows the order in which they began to wait.
  std::map<TopicIdPartition, std::map<uint64_t, SharePartition::Holder>> waiting_;
  uint64_t next_ticket_ = 0;

  std::set<TopicIdPartition> changed_;
  // Changes of the next write, by partition and state epoch, and the callbacks that wait for them.
  std::map<std::pair<TopicIdPartition, int32_t>, WriteShareState::Partition> next_;
  std::vector<Done<Stored>> next_done_;
  std::list<Write> writes_;  // writes in progress, in order
  int64_t sequence_ = 0;
  std::map<uint64_t, Reading> reads_;
  uint64_t last_number_ = 0;  // number of the last read or attempt to write
  Deadline look_ = {};
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace server::coordinator
