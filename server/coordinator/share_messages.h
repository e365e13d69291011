// What share groups are asked and answer (KIP-932): the contents of Kafka's requests without their versions.
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
inline constexpr KafkaError kShareSessionLimitReached{133};
inline constexpr KafkaError kUnknownTopicOfId{100};  // UNKNOWN_TOPIC_ID

// --- Members

struct ShareGroupHeartbeatAnswer {
  KafkaError error = KafkaError::None;
  std::string message = {};  // of an error
  std::string member_id = {};
  int32_t member_epoch = 0;
  int32_t heartbeat_interval_ms = 0;
  // What the member reads, sorted; nothing when that has not changed.
  std::optional<std::vector<TopicIdPartition>> assignment = {};
};
struct ShareGroupHeartbeat {
  using Answer = ShareGroupHeartbeatAnswer;
  std::string group_id = {}, member_id = {};
  int32_t member_epoch = 0;  // 0 joins, -1 leaves
  // What is not there has not changed since it was said last.
  std::optional<std::string> rack_id = {};
  std::optional<std::vector<std::string>> topics = {};  // sorted, each once
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

// What a member says of records that it has: with the numbers of the protocol.
enum class Acknowledgement : int8_t {
  Gap = 0,      // there is no such record
  Accept = 1,   // done
  Release = 2,  // for another try
  Reject = 3,   // never again
  Renew = 4,    // it needs more time
};
struct AcknowledgedBatch {
  int64_t first = 0, last = 0;
  std::vector<int8_t> types = {};  // one for all, or one for each offset
};
// Records that a member has got and nobody else gets meanwhile.
struct AcquiredRecords {
  int64_t first = 0, last = 0;
  int16_t delivery_count = 0;  // this time included
  bool operator==(const AcquiredRecords&) const = default;
};

struct ShareFetched {
  struct Partition {
    TopicIdPartition id = {};
    KafkaError error = KafkaError::None;
    bool has_acknowledged = false;  // the request said something of it
    KafkaError acknowledge_error = KafkaError::None;
    std::vector<AcquiredRecords> acquired = {};
  };
  KafkaError error = KafkaError::None;
  std::string message = {};
  int32_t lock_timeout_ms = 0;
  bool reads_committed = false;
  std::vector<Partition> partitions = {};
};
// Acknowledges what a member has, and lends it more.
struct ShareFetch {
  using Answer = ShareFetched;
  struct Partition {
    TopicIdPartition id = {};
    std::vector<AcknowledgedBatch> acknowledged = {};
  };
  std::string group_id = {}, member_id = {};
  int32_t session_epoch = 0;  // 0 opens a session, -1 closes it
  uint64_t connection = 0;    // whose end is the session's, too
  bool acknowledges_only = false;
  bool may_renew = false;
  int64_t max_wait_ms = 0;
  int64_t max_bytes = 0;
  int64_t max_records = 0;
  bool is_strict = false;  // no more records than that, else whole batches
  int64_t batch_size = 0;  // of records that are told as one
  std::vector<Partition> partitions = {};
  std::vector<TopicIdPartition> forgotten = {};
  Answer refusal(KafkaError why, std::string text = {}) const {
    return {.error = why, .message = std::move(text)};
  }
};

struct ClosedShareSession {};
// The connection of a session has ended: others get what its member had.
struct CloseShareSession {
  using Answer = ClosedShareSession;
  std::string group_id, member_id;
  uint64_t connection = 0;
  Answer refusal(KafkaError) const { return {}; }
};

// --- Offsets

struct ShareGroupOffsets {
  struct Partition {
    int32_t partition = 0;
    int64_t start_offset = -1;  // -1: nobody has read it yet
    int64_t lag = -1;           // records that are still to be done; -1: not known
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
  // None: all that there are.
  std::optional<std::vector<std::pair<std::string, std::vector<int32_t>>>> topics = {};
  Answer refusal(KafkaError error) const { return {error, {}}; }
};

// The group begins there, and forgets what was done behind.
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
