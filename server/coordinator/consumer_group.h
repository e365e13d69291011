// A group with the consumer protocol (KIP-848). Members send their subscriptions. The coordinator
// divides the partitions, and brings each member to its new partitions step by step. While a group
// is converted from one protocol to the other, some of its members use the classic protocol.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/coordinator/classic_group.h"
#include "server/coordinator/consumer_group_records.h"
#include "server/coordinator/consumer_member.h"
#include "server/coordinator/group_changes.h"
#include "server/coordinator/group_surroundings.h"
#include "server/coordinator/replayed_partition.h"
#include "server/coordinator/topic_pattern.h"

namespace server::coordinator {

// Three epochs describe the state of a group. Each change of subscriptions or topics raises the
// group epoch. An assignment has the group epoch for which it was computed. Each member has the
// epoch of the assignment that it has reached.
//
// Invariants:
//   1. every request is answered once;
//   2. everything that is sent to a member is durable;
//   3. a partition is used by at most one member: another member gets it only when the member that had
//      it has given it up.
//
// Threads: one loop. Owner: its partition.
class ConsumerGroup : public std::enable_shared_from_this<ConsumerGroup> {
 public:
  using Store = GroupChanges::Store;
  // Called when the last member with the consumer protocol has left and the remaining members
  // continue as a classic group. `records` are tombstones of this group's records.
  using Downgrade = std::function<void(std::vector<StoredRecord> records, GroupValue members,
                                       Done<KafkaError> stored)>;

  ConsumerGroup(std::string id, GroupSurroundings& around, Store store, Downgrade downgrade);
  ~ConsumerGroup();
  ConsumerGroup(const ConsumerGroup&) = delete;
  ConsumerGroup& operator=(const ConsumerGroup&) = delete;

  // Restores a part of the state from a record. resume() starts the sessions of the members.
  Status restore(const ConsumerGroupKey& key, std::optional<std::string_view> value);
  void resume();
  // Returns whether the group exists, after its records were replayed: its records may all have
  // been deleted.
  bool is_there() const { return epoch_ > 0 || !members_.empty(); }
  // Takes over the members of a classic group that is being converted. Fails with
  // GROUP_ID_NOT_FOUND if the members are not consumers, or if the group has too many of them.
  KafkaError take_over(const ClassicGroup& classic);
  // Stops the group's timers. The group does nothing afterwards.
  void end();

  void heartbeat(ConsumerGroupHeartbeat request, Done<ConsumerGroupHeartbeatAnswer> done);

  // --- Members with the classic protocol

  // Returns whether only members with the classic protocol will be left when the request was
  // handled. The request comes from an instance that has restarted with the classic protocol.
  bool is_downgraded_by(const JoinGroup& request) const;
  // Removes the instance that sent the request, and converts the group to the classic protocol. The
  // instance will join the classic group.
  void downgrade_for(const JoinGroup& request);
  void join(JoinGroup request, Done<JoinedGroup> done);
  void sync(const SyncGroup& request, Done<SyncedGroup> done);
  GroupHeartbeatAnswer heartbeat(const GroupHeartbeat& request);
  void leave(const LeaveGroup& request, Done<LeftGroup> done);

  // --- Offsets

  KafkaError check_commit(const CommitOffsets& request) const;
  KafkaError check_fetch(const FetchOffsets& request) const;
  // Returns the topics to which any member has subscribed, sorted by name.
  std::vector<std::string> subscribed_topics() const;

  bool is_empty() const { return members_.empty(); }
  size_t member_count() const { return members_.size(); }
  std::string_view state() const;  // Kafka's name
  ConsumerGroupDescription describe() const;
  // Returns a description for administrators whose clients support only classic groups.
  GroupDescription describe_as_classic() const;
  // Returns tombstones for all records of the group.
  std::vector<StoredRecord> tombstones() const;

 private:
  using Members = std::map<std::string, ConsumerMember, std::less<>>;
  struct Pattern {
    TopicPattern pattern;
    size_t users = 0;
  };

  // --- Members
  ConsumerMember* find(std::string_view id);
  const ConsumerMember* find(std::string_view id) const;
  KafkaError check_member(const std::string& id,
                          const std::optional<std::string>& instance_id) const;
  // Returns the member that sent the request; adds it if it is new. If it may not join, returns
  // null and sets the error in `refused`.
  ConsumerMember* enter(const ConsumerGroupHeartbeat& request,
                        ConsumerGroupHeartbeatAnswer& refused);
  ConsumerMember* enter_instance(const ConsumerGroupHeartbeat& request,
                                 ConsumerGroupHeartbeatAnswer& refused);
  ConsumerMember& insert(ConsumerMember member);
  ConsumerMember& replace(ConsumerMember& old, const std::string& id);
  void remove(const std::string& id);
  KafkaError update(ConsumerMember& member, ConsumerMember said);
  bool charge(ConsumerMember& member, bool must_fit);
  void hold(const ConsumerMember& member);
  void release(const ConsumerMember& member);
  void use_pattern(const std::string& regex);
  void drop_pattern(const std::string& regex);

  // --- Changes of the group, and the assignment of partitions
  bool refresh_topics();
  void bump();
  void divide();
  std::string_view assignor() const;
  bool step(ConsumerMember& member, const std::optional<AssignedPartitions>& owned);
  void advance(ConsumerMember& member, const std::optional<AssignedPartitions>& owned);

  // --- Time
  int32_t heartbeat_interval_ms() const;
  int32_t session_timeout_ms(const ConsumerMember& member) const;
  void alive(ConsumerMember& member);
  void watch(ConsumerMember& member);
  void on_session_end(const std::string& id);
  void hurry(ConsumerMember& member);
  void expel(const std::string& id);
  void leave(const ConsumerGroupHeartbeat& request, Done<ConsumerGroupHeartbeatAnswer> done);
  void after_removal(Done<KafkaError> done);

  // --- Classic members
  bool shares_protocol(const JoinGroup& request) const;
  bool must_join_again(const ConsumerMember& member) const;
  GroupValue as_classic() const;

  // --- Records
  void put(ConsumerGroupRecord kind, const ConsumerMember& member);
  void put_all();
  void drop(const ConsumerMember& member);
  // Stores the added records. Calls back when all changes up to now are durable.
  void commit(Done<KafkaError> done);

  const std::string id_;
  GroupSurroundings& around_;
  const Downgrade downgrade_;

  int32_t epoch_ = 0, assignment_epoch_ = 0;
  Members members_;
  std::map<std::string, std::string, std::less<>> instances_;  // member ids by instance id
  // The holder of each partition that is in use: the id of the member that has the partition. A
  // member that was asked to give up a partition stays its holder until it confirms this.
  std::map<TopicIdPartition, std::string> holders_;
  std::vector<TopicOfGroup> topics_;  // subscribed topics, sorted by name
  std::map<std::string, Pattern> patterns_;
  // The metadata for which topics_ was computed; shared with the current metadata.
  std::shared_ptr<const storage::TopicSnapshot> seen_;
  size_t member_bytes_ = 0;

  GroupChanges changes_;
  bool has_ended_ = false;
};

}  // namespace server::coordinator
