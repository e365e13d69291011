// A member of a consumer group, and how it comes from the partitions that it has to those that it is to
// have (KIP-848).
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

// Sorted, each once.
using AssignedPartitions = std::vector<TopicIdPartition>;

// What a member by the classic protocol says beside: of a group that is on its way from one protocol to the
// other.
struct ClassicMembership {
  int32_t session_timeout_ms = 0;
  std::vector<GroupProtocol> protocols = {};
  bool operator==(const ClassicMembership&) const = default;
};

// As its record has it (Kafka's MemberState).
enum class MemberState : int8_t {
  Stable = 0,
  UnrevokedPartitions = 1,   // it has partitions that it is to give up
  UnreleasedPartitions = 2,  // others have partitions that it is to have
};

inline constexpr int32_t kLeavesForGood = -1, kLeavesForAWhile = -2;  // as epochs

struct ConsumerMember {
  std::string id;
  std::optional<std::string> instance_id = {}, rack_id = {};
  std::string client_id = {}, client_host = {};
  int32_t rebalance_timeout_ms = -1;
  std::vector<std::string> topics = {};  // subscribed by name; sorted, each once
  std::string regex = {};                // or by pattern; empty: none
  std::optional<std::string> assignor = {};
  std::optional<ClassicMembership> classic = {};

  int32_t epoch = 0, previous_epoch = 0;
  MemberState state = MemberState::Stable;
  AssignedPartitions assigned = {};  // that it may use
  AssignedPartitions revoking = {};  // that it has not given up yet
  AssignedPartitions target = {};    // that it is to have

  int64_t expires_us = 0;
  Deadline session = {};  // looks whether it has expired
  Deadline hurry = {};    // until when it has to have done what it was asked to do
  size_t charged = 0;     // of the memory

  bool is_reconciled(int32_t target_epoch) const {
    return state == MemberState::Stable && epoch == target_epoch;
  }
};

// A step towards `member.target`, which is that of `target_epoch`. Partitions are given up first, and those of
// others come when they are free. `owned` is what the member says that it has, nothing when it says nothing.
// False when nothing has changed.
bool reconcile(ConsumerMember& member, int32_t target_epoch,
               const std::function<bool(const TopicIdPartition&)>& is_free,
               const std::optional<AssignedPartitions>& owned);

bool contains(const AssignedPartitions& all, const TopicIdPartition& one);
AssignedPartitions minus(const AssignedPartitions& from, const AssignedPartitions& taken);

}  // namespace server::coordinator
