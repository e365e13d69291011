// Requests and answers of share groups (KIP-932): the contents of Kafka's requests, in one form for
// all versions of the protocol.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/coordinator/group_messages.h"

namespace server::coordinator {

inline constexpr KafkaError kInvalidRecordState{121};
inline constexpr KafkaError kShareSessionNotFound{122};
inline constexpr KafkaError kInvalidShareSessionEpoch{123};
inline constexpr KafkaError kFencedStateEpoch{124};
inline constexpr KafkaError kShareSessionLimitReached{133};
inline constexpr KafkaError kUnknownTopicOfId{100};  // UNKNOWN_TOPIC_ID

// --- Members

struct ShareGroupHeartbeatAnswer {
  KafkaError error = KafkaError::None;
  std::string message = {};  // text of the error
  std::string member_id = {};
  int32_t member_epoch = 0;
  int32_t heartbeat_interval_ms = 0;
  // The partitions that the member reads, sorted; none if unchanged.
  std::optional<std::vector<TopicIdPartition>> assignment = {};
};
struct ShareGroupHeartbeat {
  using Answer = ShareGroupHeartbeatAnswer;
  std::string group_id = {}, member_id = {};
  int32_t member_epoch = 0;  // 0: joins, -1: leaves
  // The following fields are absent if they have not changed since the member has sent them last.
  std::optional<std::string> rack_id = {};
  std::optional<std::vector<std::string>> topics = {};  // sorted, without duplicates
  std::string client_id = {}, client_host = {};
  Answer refusal(KafkaError error, std::string why = {}) const {
    return {.error = error, .message = std::move(why), .member_id = member_id};
  }
};

struct ShareGroupDescription {
  struct Member {
    std::string id;
    std::optional<std::string> rack_id;
    int32_t epoch = 0;
    std::string client_id, client_host;
    std::vector<std::string> topics;
    std::vector<TopicIdPartition> assigned;
  };
  KafkaError error = KafkaError::None;
  std::string group_id = {}, state = {};
  int32_t epoch = 0;
  std::vector<Member> members = {};
};
struct DescribeShareGroup {
  using Answer = ShareGroupDescription;
  std::string group_id;
  Answer refusal(KafkaError error) const { return {.error = error, .group_id = group_id}; }
};

// --- Records

// The result that a member reports for a record that it has acquired. The numbers are those of
// Kafka's protocol.
enum class Acknowledgement : int8_t {
  Gap = 0,      // the record does not exist
  Accept = 1,   // the member has processed the record
  Release = 2,  // the record is to be delivered again
  Reject = 3,   // the record is not delivered again
  Renew = 4,    // the member needs more time to process the record
};
struct AcknowledgedBatch {
  int64_t first = 0, last = 0;
  std::vector<int8_t> types = {};  // one type for all offsets, or one for each offset
};
// Records that a member has acquired. No other member gets them until the member releases them or their lock expires.
struct AcquiredRecords {
  int64_t first = 0, last = 0;
  int16_t delivery_count = 0;  // includes this delivery
  bool operator==(const AcquiredRecords&) const = default;
};

struct ShareFetched {
  struct Partition {
    TopicIdPartition id = {};
    KafkaError error = KafkaError::None;
    bool has_acknowledged = false;  // the request has acknowledgements for this partition
    KafkaError acknowledge_error = KafkaError::None;
    std::vector<AcquiredRecords> acquired = {};
  };
  KafkaError error = KafkaError::None;
  std::string message = {};
  int32_t lock_timeout_ms = 0;
  bool reads_committed = false;
  std::vector<Partition> partitions = {};
};
// A request of a member of a share group to the leader of partitions. It acknowledges records that were delivered to
// the member, and asks for more records, which are then reserved ("lent") for this member until their lock time-out.
struct ShareFetch {
  using Answer = ShareFetched;
  struct Partition {
    TopicIdPartition id = {};
    std::vector<AcknowledgedBatch> acknowledged = {};
  };
  std::string group_id = {}, member_id = {};
  int32_t session_epoch = 0;  // 0: opens a session, -1: closes it
  uint64_t connection = 0;    // when the connection ends, the session ends, too
  bool acknowledges_only = false;
  bool may_renew = false;
  int64_t max_wait_ms = 0;
  int64_t max_bytes = 0;
  int64_t max_records = 0;
  // True: lends at most max_records. False: the last batch is lent as a whole, so the number may be
  // higher.
  bool is_strict = false;
  int64_t batch_size = 0;  // number of records reported as one range
  std::vector<Partition> partitions = {};
  std::vector<TopicIdPartition> forgotten = {};
  Answer refusal(KafkaError why, std::string text = {}) const {
    return {.error = why, .message = std::move(text)};
  }
};

struct ClosedShareSession {};
// Closes a session whose connection has ended. The records that the session's member has acquired
// become available to other members.
struct CloseShareSession {
  using Answer = ClosedShareSession;
  std::string group_id, member_id;
  uint64_t connection = 0;
  Answer refusal(KafkaError) const { return {}; }
};

// --- State

// The leader of a partition delivers its records; the coordinator of the group stores which of them are done. The
// requests correspond to ReadShareGroupState and WriteShareGroupState of Kafka's protocol.

struct ShareStateBatch {
  int64_t first = 0, last = 0;
  int8_t state = 0;  // a RecordState, but not Acquired
  int16_t delivery_count = 0;
  bool operator==(const ShareStateBatch&) const = default;
};
struct ShareStateRead {
  struct Partition {
    TopicIdPartition id = {};
    KafkaError error = KafkaError::None;
    int32_t state_epoch = 0;
    int64_t start = -1;  // -1: the group has not read the partition yet
    std::vector<ShareStateBatch> batches = {};
  };
  KafkaError error = KafkaError::None;
  std::vector<Partition> partitions = {};  // in the order of the request
};
// Reads the state of partitions for their leader. The coordinator then accepts changes of this leader only: the answer
// has a new state epoch, and changes with an earlier one are refused.
struct ReadShareState {
  using Answer = ShareStateRead;
  struct Partition {
    TopicIdPartition id = {};
    int32_t leader_epoch = 0;
  };
  std::string group_id;
  std::vector<Partition> partitions = {};
  Answer refusal(KafkaError error) const { return {error, {}}; }
};
struct ShareStateWritten {
  struct Partition {
    TopicIdPartition id = {};
    KafkaError error = KafkaError::None;
  };
  KafkaError error = KafkaError::None;
  std::vector<Partition> partitions = {};  // in the order of the request
};
// A request of a partition's leader to the group's coordinator: stores which records are done. The leader sends the
// request again if the answer was lost, so it must have the same effect twice.
struct WriteShareState {
  using Answer = ShareStateWritten;
  struct Partition {
    TopicIdPartition id = {};
    int32_t leader_epoch = 0, state_epoch = 0;
    int64_t start = 0;
    std::vector<ShareStateBatch> batches = {};  // the changed records
  };
  std::string group_id;
  // Increases with each new request of the leader. A request with a lower number than the last one is refused.
  int64_t sequence = 0;
  std::vector<Partition> partitions = {};
  Answer refusal(KafkaError error) const { return {error, {}}; }
};

// --- Offsets

struct ShareGroupOffsets {
  struct Partition {
    int32_t partition = 0;
    int64_t start_offset = -1;  // -1: not read yet
    int64_t lag = -1;           // records that are not processed yet; -1: unknown
    KafkaError error = KafkaError::None;
  };
  struct Topic {
    std::string name;
    Uuid id = {};
    std::vector<Partition> partitions = {};
  };
  KafkaError error = KafkaError::None;
  std::vector<Topic> topics = {};
};
struct DescribeShareGroupOffsets {
  using Answer = ShareGroupOffsets;
  std::string group_id;
  // The partitions to describe; nullopt: all partitions of the group.
  std::optional<std::vector<std::pair<std::string, std::vector<int32_t>>>> topics = {};
  Answer refusal(KafkaError error) const { return {error, {}}; }
};

// Sets the start offsets of partitions, and discards the progress after these offsets.
struct AlterShareGroupOffsets {
  using Answer = ShareGroupOffsets;
  std::string group_id;
  std::vector<std::pair<std::string, std::vector<std::pair<int32_t, int64_t>>>> topics = {};
  Answer refusal(KafkaError error) const { return {error, {}}; }
};

struct DeletedShareOffsets {
  struct Topic {
    std::string name;
    Uuid id = {};
    KafkaError error = KafkaError::None;
  };
  KafkaError error = KafkaError::None;
  std::vector<Topic> topics = {};
};
struct DeleteShareGroupOffsets {
  using Answer = DeletedShareOffsets;
  std::string group_id;
  std::vector<std::string> topics = {};
  Answer refusal(KafkaError error) const { return {error, {}}; }
};

}  // namespace server::coordinator
