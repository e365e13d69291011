// What can be set of groups, with Kafka's names and defaults.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>

namespace server::coordinator {

struct GroupSettings {
  int32_t offsets_topic_partitions = 50;                   // offsets.topic.num.partitions
  int64_t initial_rebalance_delay_ms = 3'000;              // group.initial.rebalance.delay.ms
  int32_t min_session_timeout_ms = 6'000;                  // group.min.session.timeout.ms
  int32_t max_session_timeout_ms = 1'800'000;              // group.max.session.timeout.ms
  int32_t max_size = std::numeric_limits<int32_t>::max();  // group.max.size
  int32_t consumer_session_timeout_ms = 45'000;            // group.consumer.session.timeout.ms
  int32_t consumer_heartbeat_interval_ms = 5'000;          // group.consumer.heartbeat.interval.ms
  int32_t consumer_max_size = std::numeric_limits<int32_t>::max();  // group.consumer.max.size
  int32_t share_session_timeout_ms = 45'000;       // group.share.session.timeout.ms
  int32_t share_heartbeat_interval_ms = 5'000;     // group.share.heartbeat.interval.ms
  int32_t share_max_size = 200;                    // group.share.max.size
  int32_t share_max_sessions = 2'000;              // group.share.max.share.sessions; of each group
  int32_t share_record_lock_ms = 30'000;           // group.share.record.lock.duration.ms
  int32_t share_delivery_count_limit = 5;          // group.share.delivery.count.limit
  int32_t share_max_record_locks = 2'000;          // group.share.partition.max.record.locks
  int32_t max_metadata_bytes = 4'096;              // offset.metadata.max.bytes
  int64_t offsets_retention_ms = 10'080 * 60'000;  // offsets.retention.minutes
  int64_t retention_check_ms = 600'000;            // offsets.retention.check.interval.ms
};

// Bounds of our own, far above what anybody needs, for those who want to fill the memory.
inline constexpr size_t kMaxGroupIdBytes = 4'096;
// Of what all members of a group together say and are told.
inline constexpr size_t kMaxGroupBytes = 8 << 20;
// Of a group, of members that were told their id and have not come back with it: the oldest are
// forgotten first.
inline constexpr size_t kMaxPendingMembers = 10'000;
// A member that has not joined before sends no heartbeats while it waits to be let in, and its end is
// not seen: it has so long (Kafka's group coordinator, KAFKA-7610).
inline constexpr int64_t kNewMemberJoinTimeoutMs = 300'000;

}  // namespace server::coordinator
