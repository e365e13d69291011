// The records in which __consumer_offsets keeps share groups: their members in Kafka's own layouts, what they have done
// in layouts of our own (docs/formats/coordinators.md).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/coordinator/share_partition.h"

namespace server::coordinator {

// By the version of their keys. Kafka counts up from 0, and keeps the last two kinds in a topic of its own.
enum class ShareGroupRecord : int16_t {
  Member = 10,      // what it has said
  Group = 11,       // its epoch
  Progress = 1001,  // of a partition: all that is kept
  Change = 1002,    // of a partition: what has changed since
};

struct ShareGroupKey {
  ShareGroupRecord kind = ShareGroupRecord::Group;
  std::string group_id = {};
  std::string member_id = {};       // of a member's
  TopicIdPartition partition = {};  // of a partition's
  int32_t slot = 0;                 // of a change: the first after each Progress is 0
  auto operator<=>(const ShareGroupKey&) const = default;
};
std::string encode(const ShareGroupKey& key);
bool is_share_group_record(int16_t version);

struct ShareMemberValue {
  std::optional<std::string> rack_id = {};
  std::string client_id = {}, client_host = {};
  std::vector<std::string> topics = {};  // sorted, each once
  bool operator==(const ShareMemberValue&) const = default;
};
std::string encode(const ShareMemberValue& value);
std::string encode_share_epoch(int32_t epoch);

// Of both kinds that are about a partition.
struct ShareProgressValue {
  int32_t number = 0;  // of the Progress, or of the one that a Change is about
  int64_t start = 0;
  SharePartition::Kept ranges = {};
};
std::string encode(const ShareProgressValue& value);

// All values have version 0. They fail with IncompatibleFormat for others, with DataCorrupted for what is cut or
// contradicts itself.
Result<ShareMemberValue> decode_share_member(std::string_view value);
Result<int32_t> decode_share_epoch(std::string_view value);
Result<ShareProgressValue> decode_share_progress(std::string_view value);

}  // namespace server::coordinator
