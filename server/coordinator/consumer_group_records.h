// The records in which __consumer_offsets stores consumer groups (KIP-848), in Kafka's own layouts
// (docs/formats/coordinators.md).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/coordinator/consumer_member.h"

namespace server::coordinator {

// The kinds of records. Their numbers are the versions of the records' keys.
enum class ConsumerGroupRecord : int16_t {
  Group = 3,
  Topics = 4,             // topics to which the group's members have subscribed
  Member = 5,             // the member's subscription and settings
  Assignment = 6,         // epoch of the group's assignment
  TargetAssignment = 7,   // target partitions of a member
  CurrentAssignment = 8,  // current partitions of a member
};
inline bool is_of_member(ConsumerGroupRecord kind) {
  return kind == ConsumerGroupRecord::Member || kind == ConsumerGroupRecord::TargetAssignment ||
         kind == ConsumerGroupRecord::CurrentAssignment;
}

struct ConsumerGroupKey {
  ConsumerGroupRecord kind = ConsumerGroupRecord::Group;
  std::string group_id = {};
  std::string member_id = {};  // only for records of a member
  auto operator<=>(const ConsumerGroupKey&) const = default;
};
std::string encode(const ConsumerGroupKey& key);

struct TopicOfGroup {
  Uuid id;
  std::string name;
  int32_t partition_count = 0;
  bool operator==(const TopicOfGroup&) const = default;
};

// The following functions encode and decode values, all in version 0. The decoders fail with IncompatibleFormat for
// other versions, and with DataCorrupted for truncated values.
std::string encode_group_epoch(int32_t epoch);
std::string encode_topics(const std::vector<TopicOfGroup>& topics);
std::string encode_member(const ConsumerMember& member);
std::string encode_assignment_epoch(int32_t epoch);
std::string encode_target(const ConsumerMember& member);
std::string encode_current(const ConsumerMember& member);

Result<int32_t> decode_epoch(std::string_view value);  // epoch of the group or of its assignment
Result<std::vector<TopicOfGroup>> decode_topics(std::string_view value);
// These functions set those fields of the member that the record contains. If they fail, the member
// is unchanged.
Status decode_member(std::string_view value, ConsumerMember& member);
Status decode_target(std::string_view value, ConsumerMember& member);
Status decode_current(std::string_view value, ConsumerMember& member);

}  // namespace server::coordinator
