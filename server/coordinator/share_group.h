// A share group (KIP-932). Its members read partitions together: each record is delivered to one member at a time,
// until a member has acknowledged it.
#pragma once
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/coordinator/deadlines.h"
#include "server/coordinator/group_changes.h"
#include "server/coordinator/group_surroundings.h"
#include "server/coordinator/replayed_partition.h"
#include "server/coordinator/share_messages.h"
#include "server/coordinator/share_partition.h"
#include "server/coordinator/share_records.h"
#include "storage/meta/topic_table.h"

namespace server::coordinator {

inline constexpr size_t kBytesOfShareGroup = 1'000;  // approximate size of a group in memory

// Membership and sessions are independent. Partitions are assigned to members; records are lent and
// acknowledged in sessions. A session can exist without a member, as in Kafka, where different
// nodes may handle the two.
//
// Invariants:
//   1. every request is answered once;
//   2. a confirmed acknowledgement is durable; the lending of records is not stored;
//   3. a record is lent to one member at a time.
//
// Threads: one loop's. Owner: its partition.
class ShareGroup {
 public:
  using Store = GroupChanges::Store;

  ShareGroup(std::string id, GroupSurroundings& around, Store store);
  ~ShareGroup();
  ShareGroup(const ShareGroup&) = delete;
  ShareGroup& operator=(const ShareGroup&) = delete;

  // Restores a part of the state from a record. resume() starts the sessions of the members.
  Status restore(const ShareGroupKey& key, std::optional<std::string_view> value);
  void resume();
  // Returns whether the group exists, after its records were replayed: its records may all have
  // been deleted.
  bool is_there() const { return epoch_ > 0 || !members_.empty() || !shared_.empty(); }
  // Answers all waiting requests with the error `why`. The group does nothing afterwards.
  void end(KafkaError why);

  void heartbeat(ShareGroupHeartbeat request, Done<ShareGroupHeartbeatAnswer> done);
  void fetch(ShareFetch request, Done<ShareFetched> done);
  void close(const CloseShareSession& request);
  // Lends records of the partition to waiting sessions. Called when the partition may have new
  // records.
  void grown(const TopicIdPartition& partition);

  ShareGroupOffsets offsets(const DescribeShareGroupOffsets& request) const;
  void alter(const AlterShareGroupOffsets& request, Done<ShareGroupOffsets> done);
  void forget(const DeleteShareGroupOffsets& request, Done<DeletedShareOffsets> done);
  // Deletes the stored progress of partitions whose topics no longer exist.
  void expire();

  bool is_empty() const { return members_.empty(); }
  std::string_view state() const { return is_empty() ? "Empty" : "Stable"; }
  ShareGroupDescription describe() const;
  GroupProgress progress() const;
  // Returns records that delete all records of the group.
  std::vector<StoredRecord> tombstones() const;

 private:
  struct Member {
    std::string id;
    ShareMemberValue said = {};
    // -1: unknown, because the member joined before a restart.
    int32_t epoch = 0, previous_epoch = 0;
    std::optional<std::vector<TopicIdPartition>> told = {};
    std::vector<TopicIdPartition> assigned = {};
    int64_t expires_us = 0;
    Deadline session = {};
    size_t charged = 0;
  };
  // The state of a partition.
  struct Shared {
    SharePartition state = {};
    int32_t number = 0;  // number of the last Progress record
    // number of Change records since the last Progress record; each has a slot of its own
    int32_t slots = 0;
    // largest number of slots that were ever used at a time; each slot is a key in the log
    int32_t most_slots = 0;
    size_t change_bytes = 0;  // bytes of Change records since the last Progress record
    size_t progress_bytes = 0;
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
  class BytesLeft;
  using Members = std::map<std::string, Member, std::less<>>;
  using Sessions = std::map<std::string, Session, std::less<>>;

  // --- Members
  Member* enter(const ShareGroupHeartbeat& request, ShareGroupHeartbeatAnswer& refused);
  // Stores the data that the member has sent. Returns false if the group or the memory budget has no space for them.
  bool update(Member& member, const ShareGroupHeartbeat& request);
  bool charge(Member& member, const ShareMemberValue& said);
  void leave(const ShareGroupHeartbeat& request, Done<ShareGroupHeartbeatAnswer> done);
  void remove(const std::string& id);
  // Assigns partitions to the present members by the present topics. Returns whether an assignment
  // has changed.
  bool divide();
  void bump();
  void alive(Member& member);
  void watch(Member& member);
  void on_session_end(const std::string& id);

  // --- Settings
  int64_t number(std::string_view name, int64_t by_default) const;
  bool reads_committed() const;
  // Returns the offset at which the group begins to read a partition that it has not read yet.
  Result<int64_t> begin_of(const TopicIdPartition& id) const;
  int64_t lock_us() const;
  ShareLimits limits() const;

  // --- Sessions
  Session* begin(const ShareFetch& request, ShareFetched& refused);
  KafkaError update(Session& session, const ShareFetch& request, ShareFetched& answer);
  void acknowledge(const ShareFetch& request, ShareFetched& answer);
  // Adds records of the session's partitions to the answer. Returns false if no partition was added.
  bool lend(Session& session, const ShareFetch& request, ShareFetched& answer);
  // Lends records of one of the session's partitions. Returns nullopt if no record can be lent.
  std::optional<ShareFetched::Partition> lend_at(Session& session,
                                                 std::list<TopicIdPartition>::iterator place,
                                                 BytesLeft& bytes_left, SharePartition::Wish& wish);
  SharePartition::Wish wish_of(const Session& session, const ShareFetch& request) const;
  Status lend(const TopicIdPartition& id, BytesLeft& bytes_left, SharePartition::Wish& wish,
              std::vector<AcquiredRecords>& acquired);
  void send(ShareFetched answer, Done<ShareFetched> done);
  void wait(Session& session, ShareFetch request, ShareFetched answer, Done<ShareFetched> done);
  // Removes the waiting request of the session and returns it. The caller has to answer it.
  Waiting stop_waiting(Session& session);
  void end_wait(Session& session);
  void close(Sessions::iterator session, bool has_tried);
  // Answers waiting sessions with records of the partition, in the order in which they began to
  // wait, as long as records are available.
  void wake(const TopicIdPartition& partition);
  void look_after(const TopicIdPartition& id, Shared& shared, int64_t expiry_us);
  void on_lock_end(const TopicIdPartition& id);
  void charge(Shared& shared);
  bool is_there(const TopicIdPartition& id) const;

  // --- Records
  void put_epoch();
  void put(const Member& member);
  void put_change(const TopicIdPartition& id, Shared& shared);
  void put_whole(const TopicIdPartition& id, Shared& shared);
  void put_changed();
  void put_all();
  static void add_tombstones(const std::string& group, const TopicIdPartition& id,
                             const Shared& shared, std::vector<StoredRecord>& to);
  std::map<TopicIdPartition, Shared>::iterator erase(
      std::map<TopicIdPartition, Shared>::iterator shared);
  void commit(Done<KafkaError> done);

  const std::string id_;
  GroupSurroundings& around_;

  int32_t epoch_ = 0;
  Members members_;
  // The metadata for which partitions were assigned last; compared with the current metadata to
  // detect changes.
  std::shared_ptr<const storage::TopicSnapshot> seen_;
  std::map<TopicIdPartition, Shared> shared_;
  Sessions sessions_;
  // For each partition, the members whose sessions wait for its records. The key is a ticket: a
  // number that shows the order in which they began to wait.
  std::map<TopicIdPartition, std::map<uint64_t, SharePartition::Holder>> waiting_;
  uint64_t next_ticket_ = 0;

  GroupChanges changes_;
  std::set<TopicIdPartition> changed_;
  bool has_ended_ = false;
};

}  // namespace server::coordinator
