// The records in which __consumer_offsets keeps consumer groups (KIP-848), in Kafka's own layouts
// (docs/formats/coordinators.md).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/coordinator/consumer_member.h"

namespace server::coordinator {

// By the version of their keys.
enum class ConsumerGroupRecord : int16_t {
  Group = 3,
  Topics = 4,             // that its members subscribe to
  Member = 5,             // what it has said
  Assignment = 6,         // of the group
  TargetAssignment = 7,   // of a member
  CurrentAssignment = 8,  // likewise
};
inline bool is_of_member(ConsumerGroupRecord kind) {
  return kind == ConsumerGroupRecord::Member || kind == ConsumerGroupRecord::TargetAssignment ||
         kind == ConsumerGroupRecord::CurrentAssignment;
}

struct ConsumerGroupKey {
  ConsumerGroupRecord kind = ConsumerGroupRecord::Group;
  std::string group_id = {};
  std::string member_id = {};  // of a member's
  auto operator<=>(const ConsumerGroupKey&) const = default;
};
std::string encode(const ConsumerGroupKey& key);

struct TopicOfGroup {
  Uuid id;
  std::string name;
  int32_t partition_count = 0;
  bool operator==(const TopicOfGroup&) const = default;
};

// Values; all have version 0. They fail with IncompatibleFormat for others, with DataCorrupted for what is cut.
std::string encode_group_epoch(int32_t epoch);
std::string encode_topics(const std::vector<TopicOfGroup>& topics);
std::string encode_member(const ConsumerMember& member);
std::string encode_assignment_epoch(int32_t epoch);
std::string encode_target(const ConsumerMember& member);
std::string encode_current(const ConsumerMember& member);

Result<int32_t> decode_epoch(std::string_view value);  // of the group or the assignment
Result<std::vector<TopicOfGroup>> decode_topics(std::string_view value);
// Fill in what the record holds, or nothing when they fail.
Status decode_member(std::string_view value, ConsumerMember& member);
Status decode_target(std::string_view value, ConsumerMember& member);
Status decode_current(std::string_view value, ConsumerMember& member);

}  // namespace server::coordinator
