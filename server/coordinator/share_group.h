// A share group (KIP-932): its members read partitions together, each record goes to one of them, and comes again
// until one has said that it is done.
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

inline constexpr size_t kBytesOfShareGroup = 1'000;  // about

// Members, and what they are told to read, are one thing; sessions, in which records are lent and acknowledged, are
// another: as in Kafka, where different nodes have them, a session needs no member.
//
// Invariants:
//   1. every request is answered once;
//   2. what is told to be acknowledged is durable; what is lent is not kept;
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

  // As a record says; sessions begin with resume().
  Status restore(const ShareGroupKey& key, std::optional<std::string_view> value);
  void resume();
  // Whether records have left anything.
  bool is_there() const { return epoch_ > 0 || !members_.empty() || !shared_.empty(); }
  // Nothing happens afterwards; who waits is told.
  void end(KafkaError why);

  void heartbeat(ShareGroupHeartbeat request, Done<ShareGroupHeartbeatAnswer> done);
  void fetch(ShareFetch request, Done<ShareFetched> done);
  void close(const CloseShareSession& request);
  // There may be more of these.
  void grown(const TopicIdPartition& partition);

  ShareGroupOffsets offsets(const DescribeShareGroupOffsets& request) const;
  void alter(const AlterShareGroupOffsets& request, Done<ShareGroupOffsets> done);
  void forget(const DeleteShareGroupOffsets& request, Done<DeletedShareOffsets> done);
  // Forgets partitions of topics that are not there any more.
  void expire();

  bool is_empty() const { return members_.empty(); }
  std::string_view state() const { return is_empty() ? "Empty" : "Stable"; }
  ShareGroupDescription describe() const;
  GroupProgress progress() const;
  // That delete all records of the group.
  std::vector<StoredRecord> tombstones() const;

 private:
  struct Member {
    std::string id;
    ShareMemberValue said = {};
    int32_t epoch = 0, previous_epoch = 0;  // -1: from before a restart, not known
    std::optional<std::vector<TopicIdPartition>> told = {};
    std::vector<TopicIdPartition> assigned = {};
    int64_t expires_us = 0;
    Deadline session = {};
    size_t charged = 0;
  };
  // Of a partition.
  struct Shared {
    SharePartition state = {};
    int32_t number = 0;       // of the last Progress
    int32_t slots = 0;        // Changes since
    int32_t most_slots = 0;   // that there ever were: their keys are in the log
    size_t change_bytes = 0;  // since the last Progress
    size_t progress_bytes = 0;
    size_t charged = 0;
    Deadline lock = {};
  };
  struct Waiting {
    ShareFetch request;
    ShareFetched answer;
    Done<ShareFetched> done;
    uint64_t ticket = 0;  // its place among those who wait
    Deadline deadline = {};
  };
  struct Session {
    SharePartition::Holder member;
    uint64_t connection = 0;
    int32_t next_epoch = 1;
    std::list<TopicIdPartition> partitions = {};  // in the order in which they are looked at
    std::map<TopicIdPartition, std::list<TopicIdPartition>::iterator> places = {};  // in them
    std::set<TopicIdPartition> lent = {};  // it may have records of these
    std::optional<Waiting> waiting = {};
    size_t charged = 0;
  };
  class BytesLeft;
  using Members = std::map<std::string, Member, std::less<>>;
  using Sessions = std::map<std::string, Session, std::less<>>;

  // --- Members
  Member* enter(const ShareGroupHeartbeat& request, ShareGroupHeartbeatAnswer& refused);
  // False when there is no room for it.
  bool update(Member& member, const ShareGroupHeartbeat& request);
  bool charge(Member& member, const ShareMemberValue& said);
  void leave(const ShareGroupHeartbeat& request, Done<ShareGroupHeartbeatAnswer> done);
  void remove(const std::string& id);
  // Who reads what, as topics and members are now. True when somebody reads something else.
  bool divide();
  void bump();
  void alive(Member& member);
  void watch(Member& member);
  void on_session_end(const std::string& id);

  // --- Settings
  int64_t number(std::string_view name, int64_t by_default) const;
  bool reads_committed() const;
  // Where the group begins that has not read the partition.
  Result<int64_t> begin_of(const TopicIdPartition& id) const;
  int64_t lock_us() const;
  ShareLimits limits() const;

  // --- Sessions
  Session* begin(const ShareFetch& request, ShareFetched& refused);
  KafkaError update(Session& session, const ShareFetch& request, ShareFetched& answer);
  void acknowledge(const ShareFetch& request, ShareFetched& answer);
  // False when there is nothing to tell.
  bool lend(Session& session, const ShareFetch& request, ShareFetched& answer);
  // Of one of the session's partitions; nothing when there is none to lend.
  std::optional<ShareFetched::Partition> lend_at(Session& session,
                                                 std::list<TopicIdPartition>::iterator place,
                                                 BytesLeft& bytes_left, SharePartition::Wish& wish);
  SharePartition::Wish wish_of(const Session& session, const ShareFetch& request) const;
  Status lend(const TopicIdPartition& id, BytesLeft& bytes_left, SharePartition::Wish& wish,
              std::vector<AcquiredRecords>& acquired);
  void send(ShareFetched answer, Done<ShareFetched> done);
  void wait(Session& session, ShareFetch request, ShareFetched answer, Done<ShareFetched> done);
  // What it has waited with, which has to be answered. Only when it waits.
  Waiting stop_waiting(Session& session);
  void end_wait(Session& session);
  void close(Sessions::iterator session, bool has_tried);
  // Who waits for it gets of it, those first who have waited longest, for as long as there is something.
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
  // When the work was divided; shared with the image of the metadata.
  std::shared_ptr<const storage::TopicSnapshot> seen_;
  std::map<TopicIdPartition, Shared> shared_;
  Sessions sessions_;
  // The members whose sessions wait, by ticket, where they do.
  std::map<TopicIdPartition, std::map<uint64_t, SharePartition::Holder>> waiting_;
  uint64_t next_ticket_ = 0;

  GroupChanges changes_;
  std::set<TopicIdPartition> changed_;
  bool has_ended_ = false;
};

}  // namespace server::coordinator
