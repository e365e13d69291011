// A share group (KIP-932). Its members read partitions together: each record is delivered to one member at a time,
// until a member has acknowledged it.
#pragma once
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

// The group's coordinator has its members, and for each partition the stored state of the records. The leaders of the
// partitions deliver the records (ShareSessions), and read and change the state by requests to the coordinator.
//
// Invariants:
//   1. every request is answered once;
//   2. a change is durable before it is confirmed; the lending of records is not stored;
//   3. after a leader has read the state of a partition, only this leader changes it.
//
// Threads: one loop. Owner: its partition.
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
  // The group does nothing afterwards.
  void end();

  void heartbeat(ShareGroupHeartbeat request, Done<ShareGroupHeartbeatAnswer> done);
  void read(const ReadShareState& request, Done<ShareStateRead> done);
  void write(const WriteShareState& request, Done<ShareStateWritten> done);

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
    // Only the leader of the partition with these two epochs may change the state. Each
    // ReadShareState gives the state a new state epoch; 0 means that no leader has read it.
    int32_t leader_epoch = -1, state_epoch = 0;
    int64_t sequence = 0;  // number of the leader's last change
  };
  using Members = std::map<std::string, Member, std::less<>>;

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
  bool is_there(const TopicIdPartition& id) const;

  // --- State
  // Fails if the leader may not change the state.
  KafkaError apply(const WriteShareState::Partition& change, int64_t sequence);
  int32_t new_state_epoch() const;
  void charge(Shared& shared);

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
  GroupChanges changes_;
  std::set<TopicIdPartition> changed_;
  bool has_ended_ = false;
};

}  // namespace server::coordinator
