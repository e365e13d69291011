// Requests and answers of group coordinators: the contents of Kafka's requests, in one form for all
// versions of the protocol.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/uuid.h"
#include "server/coordinator/group_errors.h"
#include "server/coordinator/member_pulse.h"
#include "server/coordinator/producer_identity.h"

namespace storage {
class TransactionGuard;
}

namespace server::coordinator {

// A callback that gets the answer. It is called once, within the request's call or later, on the loop of the group.
template <class Answer>
using Done = std::function<void(Answer)>;

// --- The classic protocol

// An assignment strategy that a member supports, with the member's metadata for this strategy.
struct GroupProtocol {
  std::string name, metadata;
  bool operator==(const GroupProtocol&) const = default;
};

struct JoinedGroup {
  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string metadata;
  };
  KafkaError error = KafkaError::None;
  int32_t generation = -1;
  std::optional<std::string> protocol_type = {}, protocol_name = {};
  std::string leader = {};
  bool skips_assignment = false;
  std::string member_id = {};
  std::vector<Member> members = {};  // set only in the answer to the leader
};
struct JoinGroup {
  using Answer = JoinedGroup;
  std::string group_id = {};
  int32_t session_timeout_ms = 0, rebalance_timeout_ms = 0;
  std::string member_id = {};  // empty: a new member
  std::optional<std::string> instance_id = {};
  std::string protocol_type = {};
  std::vector<GroupProtocol> protocols = {};  // in the order of preference
  std::string client_id = {}, client_host = {};
  bool needs_member_id = false;      // a new member must join again with its id (KIP-394)
  bool can_skip_assignment = false;  // the client supports skips_assignment (KIP-814)
  Answer refusal(KafkaError error) const { return {.error = error, .member_id = member_id}; }
};

struct SyncedGroup {
  KafkaError error = KafkaError::None;
  std::optional<std::string> protocol_type = {}, protocol_name = {};
  std::string assignment = {};
};
struct SyncGroup {
  using Answer = SyncedGroup;
  std::string group_id = {};
  int32_t generation = -1;
  std::string member_id = {};
  std::optional<std::string> instance_id = {}, protocol_type = {}, protocol_name = {};
  std::map<std::string, std::string> assignments = {};  // by member; sent by the leader only
  Answer refusal(KafkaError error) const { return {.error = error}; }
};

struct GroupHeartbeatAnswer {
  KafkaError error = KafkaError::None;
  // If set, the loop of the connection answers heartbeats with this pulse until the coordinator has
  // news for the member.
  std::shared_ptr<MemberPulse> pulse = nullptr;
};
struct GroupHeartbeat {
  using Answer = GroupHeartbeatAnswer;
  std::string group_id = {};
  int32_t generation = -1;
  std::string member_id = {};
  std::optional<std::string> instance_id = {};
  // Returns the answer for an error. While the group is being loaded, the heartbeat is accepted unchecked (as in
  // Kafka).
  Answer refusal(KafkaError error) const {
    return {.error = error == kCoordinatorLoadInProgress ? KafkaError::None : error};
  }
};

struct LeftGroup {
  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    KafkaError error = KafkaError::None;
  };
  KafkaError error = KafkaError::None;  // error of the group
  std::vector<Member> members = {};
  // Returns the error of the whole answer. If it has none, returns the first error of a member for
  // which is_group_verdict() is true.
  KafkaError verdict() const;
  void refuse_all(KafkaError why) { *this = {.error = why}; }
};
struct LeaveGroup {
  using Answer = LeftGroup;
  struct Member {
    std::string id;  // empty: the instance id identifies the member
    std::optional<std::string> instance_id = {};
  };
  std::string group_id = {};
  std::vector<Member> members = {};
  Answer refusal(KafkaError error) const { return {error, {}}; }
};

// --- The consumer protocol (KIP-848)

struct TopicIdPartition {
  Uuid topic_id;
  int32_t partition = 0;
  auto operator<=>(const TopicIdPartition&) const = default;
};

struct ConsumerGroupHeartbeatAnswer {
  KafkaError error = KafkaError::None;
  std::string message = {};  // text of the error
  std::string member_id = {};
  int32_t member_epoch = 0;
  int32_t heartbeat_interval_ms = 0;
  // The partitions that the member may use, sorted; nullopt if they have not changed.
  std::optional<std::vector<TopicIdPartition>> assignment = {};
};
struct ConsumerGroupHeartbeat {
  using Answer = ConsumerGroupHeartbeatAnswer;
  std::string group_id = {}, member_id = {};
  // 0: the member joins, -1: it leaves, -2: it leaves temporarily, as an instance.
  int32_t member_epoch = 0;
  // The following fields are absent if they have not changed since the member has sent them last.
  std::optional<std::string> instance_id = {}, rack_id = {};
  int32_t rebalance_timeout_ms = -1;
  std::optional<std::vector<std::string>> topics = {};
  std::optional<std::string> regex = {}, assignor = {};
  std::optional<std::vector<TopicIdPartition>> owned = {};
  bool makes_member_id = false;  // the client creates its own id, from version 1 on (KIP-1082)
  std::string client_id = {}, client_host = {};
  Answer refusal(KafkaError error, std::string why = {}) const {
    return {.error = error, .message = std::move(why), .member_id = member_id};
  }
};

// --- Offsets

struct PartitionError {
  int32_t partition = 0;
  KafkaError error = KafkaError::None;
};
using TopicErrors = std::vector<std::pair<std::string, std::vector<PartitionError>>>;

struct CommittedOffsets {
  TopicErrors topics;  // in the order of the request
  // Returns the first error for which is_group_verdict() is true, or None. Such an error concerns
  // the member and not a partition, so it is the same for all partitions.
  KafkaError verdict() const;
  void refuse_all(KafkaError why);
};
struct CommitOffsets {
  using Answer = CommittedOffsets;
  struct Partition {
    int32_t partition = 0;
    int64_t offset = -1;
    int32_t leader_epoch = -1;
    std::string metadata = {};
  };
  std::string group_id = {};
  int32_t generation = -1;  // a generation, or the epoch of a consumer member; -1: no member
  std::string member_id = {};
  std::optional<std::string> instance_id = {};
  int64_t retention_ms = -1;  // -1: the server's default applies
  std::vector<std::pair<std::string, std::vector<Partition>>> topics = {};
  // True for requests of version 9 and later, whose answers have error codes for member epochs.
  bool knows_member_epochs = false;
  std::optional<ProducerIdentity> producer = {};  // set for commits in a transaction
  // Confirms that the producer's transaction includes the partition; see CoordinatorPort::append().
  std::shared_ptr<const storage::TransactionGuard> guard = {};
  // Returns whether a member sends the request. Other clients only store offsets under the group's
  // id.
  bool is_of_member() const { return generation >= 0 || !member_id.empty() || instance_id; }
  Answer refusal(KafkaError error) const;
};

// The answer to EndOffsets, a request that commits or discards the offsets of a transaction.
struct EndedOffsets {
  KafkaError error = KafkaError::None;
};
struct EndOffsets {
  using Answer = EndedOffsets;
  TransactionEnded ended;
  bool is_stored = false;  // the partition's log has the transaction's marker already
  // The leader epoch that the coordinator must have to accept the request; nullopt: any epoch.
  std::optional<LeaderEpoch> under = {};
  Answer refusal(KafkaError error) const { return {error}; }
};

struct FetchedOffsets {
  static constexpr bool kTellsWhatIsStored = true;
  struct Partition {
    int32_t partition = 0;
    int64_t offset = -1;  // -1: none
    int32_t leader_epoch = -1;
    std::string metadata = {};
    KafkaError error = KafkaError::None;
  };
  KafkaError error = KafkaError::None;
  std::vector<std::pair<std::string, std::vector<Partition>>> topics = {};
};
struct FetchOffsets {
  using Answer = FetchedOffsets;
  std::string group_id = {};
  std::optional<std::string> member_id = {};
  int32_t member_epoch = -1;
  // The partitions whose offsets are fetched; nullopt: all partitions of the group.
  std::optional<std::vector<std::pair<std::string, std::vector<int32_t>>>> topics = {};
  // If true, the answer for a partition is UNSTABLE_OFFSET_COMMIT while an open transaction may
  // change its offset.
  bool must_be_stable = false;
  Answer refusal(KafkaError error) const { return {error, {}}; }
};

struct DeletedOffsets {
  KafkaError error = KafkaError::None;
  TopicErrors topics = {};
};
struct DeleteOffsets {
  using Answer = DeletedOffsets;
  std::string group_id = {};
  std::vector<std::pair<std::string, std::vector<int32_t>>> topics = {};
  Answer refusal(KafkaError error) const { return {error, {}}; }
};

// --- For administrators

struct GroupListing {
  std::string group_id, protocol_type, state, type;  // in Kafka's spelling
};

struct GroupDescription {
  static constexpr bool kTellsWhatIsStored = true;
  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id, client_host, metadata, assignment;
  };
  KafkaError error = KafkaError::None;
  std::string group_id = {}, state = {}, protocol_type = {}, protocol_name = {};
  std::vector<Member> members = {};
};
// Description of a group with the consumer protocol.
struct ConsumerGroupDescription {
  static constexpr bool kTellsWhatIsStored = true;
  using Partitions = std::vector<TopicIdPartition>;
  struct Member {
    std::string id;
    std::optional<std::string> instance_id, rack_id;
    int32_t epoch = 0;
    std::string client_id, client_host;
    std::vector<std::string> topics;
    std::string regex;  // empty: none
    Partitions assigned, target;
    bool is_classic = false;
  };
  KafkaError error = KafkaError::None;
  std::string group_id = {}, state = {};
  int32_t epoch = 0, assignment_epoch = 0;
  std::string assignor = {};
  std::vector<Member> members = {};
};
struct DescribeConsumerGroup {
  using Answer = ConsumerGroupDescription;
  std::string group_id;
  Answer refusal(KafkaError error) const { return {.error = error, .group_id = group_id}; }
};

struct DescribeGroup {
  using Answer = GroupDescription;
  std::string group_id;
  Answer refusal(KafkaError error) const { return {.error = error, .group_id = group_id}; }
};

// The progress of a group in each partition that it reads.
struct GroupProgress {
  struct Partition {
    std::string topic;
    int32_t partition = 0;
    std::optional<int64_t> committed = {};
    std::string member = {};  // the member that reads the partition, if any
    // The end of the partition. The coordinator leaves it empty, and its node then asks the leader
    // of the partition for it.
    std::optional<int64_t> end = {};
  };
  std::string group_id, state, protocol_type, protocol;
  size_t members = 0;
  std::vector<Partition> partitions = {};  // partitions with committed offsets or a reader; sorted
};

struct GroupDeletion {
  KafkaError error = KafkaError::None;
};
struct DeleteGroup {
  using Answer = GroupDeletion;
  std::string group_id;
  Answer refusal(KafkaError error) const { return {error}; }
};

}  // namespace server::coordinator
