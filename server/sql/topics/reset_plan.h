// Computes the new offsets of ALTER CONSUMER GROUP ... RESET OFFSETS.
#pragma once
#include <optional>
#include <vector>

#include "engine/sql/ast_topic.h"
#include "engine/system_tables/information.h"
#include "server/sql/topics/kafka_admin.h"

namespace server {

struct OffsetChange {
  KafkaAdmin::Place place;
  std::optional<int64_t> now;  // none: the group has not committed an offset
  int64_t then = 0;
  int64_t end = 0;  // the offset after the last record of the partition
};

// The facts about the partitions of a reset. `first` and `end` have all partitions.
struct ResetFacts {
  KafkaAdmin::Offsets committed, first, end;
  KafkaAdmin::Offsets at_time = {};  // resets to a time; partitions with a later record
  KafkaAdmin::Offsets other = {};    // resets to the offsets of another group
};

// Returns the committed offsets of the group.
KafkaAdmin::Offsets committed_by(const engine::ConsumerGroup& group);
// Returns the new offset of each partition in `first`, between the partition's beginning and its end; in the order of
// topics and partitions. A partition is left out if its new offset depends on a missing offset of this group, or of the
// group whose offsets are copied.
std::vector<OffsetChange> plan_reset(const engine::ResetOffsets& reset, const ResetFacts& facts);
// Returns the rows of the statement: topic, partition, the offsets before and after the change, the number of records
// that are read again or skipped, and the lag after the change.
engine::Schema reset_schema();
engine::InformationRows rows_of(const std::vector<OffsetChange>& changes);

}  // namespace server
