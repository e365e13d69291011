// The records of __consumer_offsets, in Kafka's own layouts, so that tools that read the topic understand them
// (docs/formats/coordinators.md).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "server/coordinator/consumer_group_records.h"
#include "server/coordinator/share_records.h"

namespace server::coordinator {

// The key of a committed offset's record (Kafka's OffsetCommitKey, version 1).
struct OffsetKey {
  std::string group_id, topic;
  int32_t partition = 0;
  bool operator==(const OffsetKey&) const = default;
};
// The value of a committed offset's record (Kafka's OffsetCommitValue). Versions 0 to 4 are read. Version 4 is written,
// or 1 if a client has set an expiry.
struct OffsetValue {
  int64_t offset = -1;
  int32_t leader_epoch = -1;
  std::string metadata = {};
  int64_t commit_time_ms = -1;
  int64_t expire_time_ms = -1;  // -1: the server's retention applies
  Uuid topic_id = {};           // nil if unknown
  bool operator==(const OffsetValue&) const = default;
};

// The key of a classic group's record (Kafka's GroupMetadataKey, version 2).
struct GroupKey {
  std::string group_id;
  bool operator==(const GroupKey&) const = default;
};
// The value of a classic group's record (Kafka's GroupMetadataValue). Versions 0 to 4 are read, 3 is written.
struct GroupValue {
  struct Member {
    std::string id;
    std::optional<std::string> instance_id = {};
    std::string client_id = {}, client_host = {};
    int32_t rebalance_timeout_ms = 0, session_timeout_ms = 0;
    std::string subscription = {}, assignment = {};
    bool operator==(const Member&) const = default;
  };
  std::string protocol_type = {};
  int32_t generation = 0;
  std::optional<std::string> protocol = {}, leader = {};
  int64_t state_time_ms = -1;
  std::vector<Member> members = {};
  bool operator==(const GroupValue&) const = default;
};

std::string encode(const OffsetKey& key);
std::string encode(const OffsetValue& value);
std::string encode(const GroupKey& key);
std::string encode(const GroupValue& value);

using RecordKey = std::variant<OffsetKey, GroupKey, ConsumerGroupKey, ShareGroupKey>;
// The decoders fail with IncompatibleFormat for unknown versions, and with DataCorrupted for truncated records.
Result<RecordKey> decode_key(std::string_view bytes);
Result<OffsetValue> decode_offset_value(std::string_view bytes);
Result<GroupValue> decode_group_value(std::string_view bytes);

}  // namespace server::coordinator
