// A group with Kafka's classic protocol. When members join or leave, all members join again for a
// new generation. One of them, the leader, divides the partitions. The coordinator sends each
// member its part, and ensures that all members are in the same generation
// (https://kafka.apache.org/protocol, KIP-62, KIP-134, KIP-345, KIP-394, KIP-814).
#pragma once
#include <absl/container/flat_hash_map.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/coordinator/group_messages.h"
#include "server/coordinator/group_records.h"
#include "server/coordinator/group_surroundings.h"

namespace server::coordinator {

//            the last member leaves        all have joined, or their time is up
//   Empty <---------------------- Preparing -----------------------------------> Completing
//     '----- the first joins -------^  ^                                             |
//                                      '--- a member joins or leaves --- Stable <----'
//                                                              the leader has sent the assignment
enum class GroupState : uint8_t { Empty, PreparingRebalance, CompletingRebalance, Stable };
std::string_view name(GroupState state);  // Kafka's name of the state

// Invariants:
//   1. every request is answered once: at the latest when the group ends;
//   2. the session of a member does not expire while the member waits to join or waits for its
//      assignment;
//   3. no assignment is sent before its record is durable.
//
// Threads: one loop. Owner: its partition. Callbacks of appends share it, because they may run
//         after the partition has dropped the group.
class ClassicGroup : public std::enable_shared_from_this<ClassicGroup> {
 public:
  // Stores the group's record. Calls `stored` once, after the call has returned.
  using Store = std::function<void(const GroupValue& value, Done<KafkaError> stored)>;

  ClassicGroup(std::string id, GroupSurroundings& around, Store store);
  ~ClassicGroup();
  ClassicGroup(const ClassicGroup&) = delete;
  ClassicGroup& operator=(const ClassicGroup&) = delete;

  // Restores the state from a record. resume() starts the sessions of the members.
  void restore(GroupValue value);
  void resume();
  // Answers all waiting requests with the error `why`. Afterwards the group does nothing.
  void end(KafkaError why);

  void join(JoinGroup request, Done<JoinedGroup> done);
  void sync(SyncGroup request, Done<SyncedGroup> done);
  GroupHeartbeatAnswer heartbeat(const GroupHeartbeat& request);
  LeftGroup leave(const LeaveGroup& request);
  // Returns None if the member that sent the request may commit offsets, and an error otherwise.
  // The request counts as a heartbeat of the member.
  KafkaError check_commit(const CommitOffsets& request);

  GroupState state() const { return state_; }
  const std::string& protocol_type() const { return protocol_type_; }
  int32_t generation() const { return generation_; }
  bool is_consumer() const;
  // Returns the time of the last change of state, by the wall clock.
  int64_t state_time_ms() const { return state_time_ms_; }
  // Returns the topics to which any member has subscribed, or nullopt if the metadata of a member cannot be parsed.
  std::optional<std::vector<std::string>> subscribed_topics() const;
  GroupDescription describe() const;
  GroupValue value() const;
  // A member of a group that changes to the consumer protocol.
  struct MemberToMove {
    GroupValue::Member member;
    std::vector<GroupProtocol> protocols;  // at least one
  };
  std::vector<MemberToMove> members_to_move() const;
  // Makes all members join again. Called when the group has changed from the consumer protocol to
  // the classic protocol.
  void begin_anew() { prepare_rebalance(); }

 private:
  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id, client_host;
    int32_t rebalance_timeout_ms = 0, session_timeout_ms = 0;
    std::vector<GroupProtocol> protocols;
    std::string assignment = {};
    Done<JoinedGroup> joining = {};  // set while a request waits for the next generation
    Done<SyncedGroup> syncing = {};  // set while a request waits for the assignment
    bool is_new = false;             // the member has not been in a generation yet
    // the member has not requested its assignment in this generation
    bool owes_sync = false;
    int64_t expires_us = 0;
    // set while the group is stable; shared with the loop of the member's connection
    std::shared_ptr<MemberPulse> pulse = {};
    Deadline session = {};  // checks whether the session has expired
    size_t charged = 0;     // bytes charged to the memory budget
  };
  // A client that has received a member id and has not joined with this id yet.
  struct PendingMember {
    Deadline expiry;
    uint64_t age = 0;
  };
  using Members = std::map<std::string, Member, std::less<>>;

  // --- Joining
  bool accepts(const std::string& member_id) const;
  bool shares_protocol(const JoinGroup& request) const;
  void join_new(JoinGroup& request, Done<JoinedGroup>& done);
  void join_known(JoinGroup& request, Done<JoinedGroup>& done);
  void join_as_instance(JoinGroup& request, Done<JoinedGroup>& done, const std::string& new_id);
  void replace_stable_instance(const JoinGroup& request, Member before, const std::string& id,
                               Done<JoinedGroup> done);
  void add_and_rebalance(JoinGroup& request, std::string id, Done<JoinedGroup>& done);
  void update(Member& member, JoinGroup& request);
  void update_and_rebalance(Member& member, JoinGroup& request, Done<JoinedGroup>& done);
  Member* replace_instance(Member& old, const std::string& new_id);
  void tell_member_id(const JoinGroup& request, Done<JoinedGroup>& done);
  void forget_pending(const std::string& id);
  std::string new_member_id(const JoinGroup& request) const;
  JoinedGroup current_generation(const Member& member, bool with_members) const;
  std::vector<JoinedGroup::Member> joined_members() const;

  // --- Rebalances
  void rebalance_or_complete();
  void prepare_rebalance();
  void on_initial_delay(int64_t left_ms);
  void complete_if_all_joined();
  void complete_join();
  bool elect_leader();
  void begin_generation();
  void store_empty();
  std::string chosen_protocol() const;
  int64_t rebalance_timeout_ms() const;
  void set_state(GroupState state);

  // --- Assignments
  void assign(std::map<std::string, std::string> assignments);
  void on_assigned(int32_t generation, std::map<std::string, std::string>& assignments,
                   KafkaError error);
  void give_assignment(Member& member, KafkaError error);
  void on_sync_overdue();

  // --- Members
  KafkaError check_member(const std::string& id,
                          const std::optional<std::string>& instance_id) const;
  Member* find(const std::string& id);
  Member& insert(Member member);
  void count_protocols(const Member& member, int by);
  bool charge(Member& member, bool must_fit);
  void set_joining(Member& member, Done<JoinedGroup> done);
  void answer_join(Member& member, JoinedGroup answer);
  void alive(Member& member, std::optional<int64_t> for_ms = std::nullopt);
  void watch(Member& member);
  void on_session_end(const std::string& id);
  void close_pulse(Member& member);
  void remove(const std::string& id, KafkaError why);
  void rebalance_without();
  KafkaError leave(const LeaveGroup::Member& leaving);
  GroupValue value_with(const std::map<std::string, std::string>* assignments) const;

  const std::string id_;
  GroupSurroundings& around_;
  const Store store_;

  GroupState state_ = GroupState::Empty;
  int64_t state_time_ms_;
  int32_t generation_ = 0;
  std::string protocol_type_;
  std::optional<std::string> protocol_;  // protocol of the generation
  std::string leader_;                   // empty: none
  Members members_;
  std::map<std::string, std::string> instances_;  // member ids by instance id
  absl::flat_hash_map<std::string, PendingMember> pending_;
  std::map<uint64_t, std::string> pending_by_age_;
  uint64_t last_age_ = 0;
  std::map<std::string, size_t> protocol_counts_;  // number of members that support the protocol
  size_t joining_count_ = 0, member_bytes_ = 0;

  Deadline join_end_, sync_end_;
  // `is_initial_` is set during the first rebalance of an empty group, which waits for some time so
  // that more members can join. `has_new_member_` is set if a member has joined during this time.
  bool is_initial_ = false, has_new_member_ = false;
  bool is_storing_ = false;  // the assignment of this generation is being stored
  bool has_ended_ = false;
};

}  // namespace server::coordinator
