// Compares the leader epoch that a client expects with the partition's own (KIP-320).
#pragma once
#include "server/kafka/wire_errors.h"
#include "storage/log/log_reader.h"

namespace server::kafka {

// Returns the error for a client that expects the epoch `believed`. A client with an older epoch
// has missed a change of the leader. If the client's epoch is newer, this node has missed the
// change. -1 disables the check. Called within a turn of the reader. Fails with UnknownTopic.
inline Result<KafkaError> check_leader_epoch(storage::LogReader& reader,
                                             const storage::TopicPartition& partition,
                                             int32_t believed) {
  if (believed == -1) return KafkaError::None;
  const int32_t ours = TRY(reader.leader_epoch(partition)).value();
  if (believed == ours) return KafkaError::None;
  return believed < ours ? KafkaError::FencedLeaderEpoch : kUnknownLeaderEpoch;
}

}  // namespace server::kafka
