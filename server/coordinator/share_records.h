// The records in which __consumer_offsets stores share groups: members in Kafka's own layouts, progress in layouts of
// our own (docs/formats/coordinators.md).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/coordinator/share_partition.h"

namespace server::coordinator {

// The kinds of records. Their numbers are the versions of the records' keys. Kafka stores the last two kinds in a
// separate topic, where their versions begin with 0.
enum class ShareGroupRecord : int16_t {
  Member = 10,      // the member's subscription
  Group = 11,       // the group's epoch
  Progress = 1001,  // the complete stored state of a partition
  Change = 1002,    // changes of a partition since its last Progress record
};

struct ShareGroupKey {
  ShareGroupRecord kind = ShareGroupRecord::Group;
  std::string group_id = {};
  std::string member_id = {};       // only for Member
  TopicIdPartition partition = {};  // only for Progress and Change
  int32_t slot = 0;                 // only for Change: 0 for the first Change after each Progress
  auto operator<=>(const ShareGroupKey&) const = default;
};
std::string encode(const ShareGroupKey& key);
bool is_share_group_record(int16_t version);

struct ShareMemberValue {
  std::optional<std::string> rack_id = {};
  std::string client_id = {}, client_host = {};
  std::vector<std::string> topics = {};  // sorted, without duplicates
  bool operator==(const ShareMemberValue&) const = default;
};
std::string encode(const ShareMemberValue& value);
std::string encode_share_epoch(int32_t epoch);

// The value of the kinds Progress and Change.
struct ShareProgressValue {
  // The number of the Progress record. A Change has the number of the Progress that it extends.
  int32_t number = 0;
  int64_t start = 0;
  SharePartition::Kept ranges = {};
  // The leader that may change the state, in Progress only; see ReadShareState. state_epoch 0: no leader has read it.
  int32_t leader_epoch = -1, state_epoch = 0;
};
std::string encode(const ShareProgressValue& value);

// Conversions of ranges for the requests between leader and coordinator. kept_of() returns nullopt if a batch is not
// valid.
std::vector<ShareStateBatch> batches_of(const SharePartition::Kept& ranges);
std::optional<SharePartition::Kept> kept_of(const std::vector<ShareStateBatch>& batches);

// All values have version 0. The decoders fail with IncompatibleFormat for other versions, and with DataCorrupted for
// truncated or inconsistent values.
Result<ShareMemberValue> decode_share_member(std::string_view value);
Result<int32_t> decode_share_epoch(std::string_view value);
Result<ShareProgressValue> decode_share_progress(std::string_view value);

}  // namespace server::coordinator
