// Settings of groups, with Kafka's names and defaults.
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

// The following limits do not exist in Kafka. They are far above the needs of real clients, and
// prevent clients from filling the memory.
inline constexpr size_t kMaxGroupIdBytes = 4'096;
// Limit, per group, for what the coordinator keeps of the members: their ids, subscriptions and assignments.
inline constexpr size_t kMaxGroupBytes = 8 << 20;
// Limit, per group, for clients that have received a member id and have not joined with it yet.
// Beyond the limit, the oldest of these clients is removed.
inline constexpr size_t kMaxPendingMembers = 10'000;
// A new member that waits for its first generation sends no heartbeats, so the coordinator cannot
// detect that it has disappeared. It is removed after this time (as in Kafka's group coordinator,
// KAFKA-7610).
inline constexpr int64_t kNewMemberJoinTimeoutMs = 300'000;

}  // namespace server::coordinator
