// A member of a consumer group, and its steps from its current partitions to its target partitions
// (KIP-848).
#pragma once
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "server/coordinator/deadlines.h"
#include "server/coordinator/group_messages.h"

namespace server::coordinator {

// A set of partitions; sorted, without duplicates.
using AssignedPartitions = std::vector<TopicIdPartition>;

// Additional data of a member that uses the classic protocol in a group that is being converted.
struct ClassicMembership {
  int32_t session_timeout_ms = 0;
  std::vector<GroupProtocol> protocols = {};
  bool operator==(const ClassicMembership&) const = default;
};

// The state of a member that exchanges its current partitions for its target partitions. The numbers are stored in the
// member's record (Kafka's MemberState).
enum class MemberState : int8_t {
  Stable = 0,
  UnrevokedPartitions = 1,   // the member must give up partitions
  UnreleasedPartitions = 2,  // partitions of its target are still used by other members
};

inline constexpr int32_t kLeavesForGood = -1, kLeavesForAWhile = -2;  // values of a member epoch

struct ConsumerMember {
  std::string id;
  std::optional<std::string> instance_id = {}, rack_id = {};
  std::string client_id = {}, client_host = {};
  int32_t rebalance_timeout_ms = -1;
  std::vector<std::string> topics = {};  // subscribed by name; sorted, without duplicates
  std::string regex = {};                // subscribed by pattern; empty: none
  std::optional<std::string> assignor = {};
  std::optional<ClassicMembership> classic = {};

  int32_t epoch = 0, previous_epoch = 0;
  MemberState state = MemberState::Stable;
  AssignedPartitions assigned = {};  // partitions that the member may use
  AssignedPartitions revoking = {};  // partitions that the member has not given up yet
  AssignedPartitions target = {};    // partitions that the member will have in the end

  int64_t expires_us = 0;
  Deadline session = {};  // checks whether the session has expired
  Deadline hurry = {};    // time limit for the member to give up partitions, or to join again
  size_t charged = 0;     // bytes charged to the memory budget

  bool is_reconciled(int32_t target_epoch) const {
    return state == MemberState::Stable && epoch == target_epoch;
  }
};

// Makes one step towards `member.target`, which was computed for `target_epoch`. The member first
// gives up partitions; partitions that other members use are added when `is_free` returns true for
// them. `owned` is the list of partitions that the member has reported, if any. Returns false if
// the member has not changed.
bool reconcile(ConsumerMember& member, int32_t target_epoch,
               const std::function<bool(const TopicIdPartition&)>& is_free,
               const std::optional<AssignedPartitions>& owned);

bool contains(const AssignedPartitions& all, const TopicIdPartition& one);
AssignedPartitions minus(const AssignedPartitions& from, const AssignedPartitions& taken);

}  // namespace server::coordinator
