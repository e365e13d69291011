// A group by the consumer protocol: members say what they subscribe to, the coordinator divides the work and leads
// each of them to its part, step by step (KIP-848). Members by the classic protocol may be among them, while a group
// goes from one to the other.
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

// What a group does is told by three epochs: whatever changes the work to be divided raises the group's; a division
// of it has that of the group then; each member has that of the division to which it has come.
//
// Invariants:
//   1. every request is answered once;
//   2. what is told to a member is durable;
//   3. a partition is used by one member at most: another gets it when it has been given up.
//
// Threads: one loop's. Owner: its partition.
class ConsumerGroup : public std::enable_shared_from_this<ConsumerGroup> {
 public:
  using Store = GroupChanges::Store;
  // The last member by the consumer protocol has gone, and the others are to go on as a classic group: `records` take
  // this one away.
  using Downgrade = std::function<void(std::vector<StoredRecord> records, GroupValue members,
                                       Done<KafkaError> stored)>;

  ConsumerGroup(std::string id, GroupSurroundings& around, Store store, Downgrade downgrade);
  ~ConsumerGroup();
  ConsumerGroup(const ConsumerGroup&) = delete;
  ConsumerGroup& operator=(const ConsumerGroup&) = delete;

  // As a record says; sessions begin with resume().
  Status restore(const ConsumerGroupKey& key, std::optional<std::string_view> value);
  void resume();
  // Whether records have left anything.
  bool is_there() const { return epoch_ > 0 || !members_.empty(); }
  // With the members of a group that was classic until now. Fails when they are no consumers, or too many.
  KafkaError take_over(const ClassicGroup& classic);
  // Nothing happens afterwards.
  void end();

  void heartbeat(ConsumerGroupHeartbeat request, Done<ConsumerGroupHeartbeatAnswer> done);

  // --- Of members by the classic protocol

  // Whether all members are classic when this one has joined.
  bool is_downgraded_by(const JoinGroup& request) const;
  // Removes the instance that is to join again by the classic protocol, and hands the others over.
  void downgrade_for(const JoinGroup& request);
  void join(JoinGroup request, Done<JoinedGroup> done);
  void sync(const SyncGroup& request, Done<SyncedGroup> done);
  GroupHeartbeatAnswer heartbeat(const GroupHeartbeat& request);
  void leave(const LeaveGroup& request, Done<LeftGroup> done);

  // --- Offsets

  KafkaError check_commit(const CommitOffsets& request) const;
  KafkaError check_fetch(const FetchOffsets& request) const;
  // Sorted.
  std::vector<std::string> subscribed_topics() const;

  bool is_empty() const { return members_.empty(); }
  size_t member_count() const { return members_.size(); }
  std::string_view state() const;  // as Kafka names it
  ConsumerGroupDescription describe() const;
  // As an administrator sees it who knows classic groups only.
  GroupDescription describe_as_classic() const;
  // That delete all records of the group.
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
  // Null, and the error is told, when it may not.
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

  // --- The work and its division
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
  // Keeps what has been put, and tells when all is durable that was decided until now.
  void commit(Done<KafkaError> done);

  const std::string id_;
  GroupSurroundings& around_;
  const Downgrade downgrade_;

  int32_t epoch_ = 0, assignment_epoch_ = 0;
  Members members_;
  std::map<std::string, std::string, std::less<>> instances_;  // to member ids
  std::map<TopicIdPartition, std::string>
      holders_;                       // members that have a partition, or have to give it up
  std::vector<TopicOfGroup> topics_;  // to be divided; sorted by name
  std::map<std::string, Pattern> patterns_;
  // When topics_ was found out; shared with the image of the metadata.
  std::shared_ptr<const storage::TopicSnapshot> seen_;
  size_t member_bytes_ = 0;

  GroupChanges changes_;
  bool has_ended_ = false;
};

}  // namespace server::coordinator
