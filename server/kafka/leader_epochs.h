// The leader epoch that a client believes in, beside the partition's own (KIP-320).
#pragma once
#include "server/kafka/wire_errors.h"
#include "storage/log/log_reader.h"

namespace server::kafka {

// An older one has missed a change of leaders, a newer one knows of one that has not come here yet; -1
// asks for no check. Within a turn. Fails with UnknownTopic.
inline Result<KafkaError> check_leader_epoch(storage::LogReader& reader,
                                             const storage::TopicPartition& partition,
                                             int32_t believed) {
  if (believed == -1) return KafkaError::None;
  const int32_t ours = TRY(reader.leader_epoch(partition)).value();
  if (believed == ours) return KafkaError::None;
  return believed < ours ? KafkaError::FencedLeaderEpoch : kUnknownLeaderEpoch;
}

}  // namespace server::kafka
