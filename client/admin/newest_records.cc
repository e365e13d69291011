#include "client/admin/newest_records.h"

#include "client/connection.h"

namespace client {

Result<std::optional<int64_t>> offset_of_newest(NodeConnections& nodes,
                                                const TopicPartitionKey& partition) {
  // In ListOffsets version 7 and later, the timestamp -3 asks for the newest record.
  constexpr int16_t kListOffsets = 2, kVersion = 7;
  constexpr int32_t kNoReplica = -1, kAnyEpoch = -1;
  constexpr int64_t kMaxTimestamp = -3;
  constexpr int8_t kReadUncommitted = 0;
  WireWriter request;
  request.number(kNoReplica).number(kReadUncommitted).count(1).text(partition.first).count(1);
  request.number(partition.second).number(kAnyEpoch).number(kMaxTimestamp).end().end().end();
  const int32_t leader = TRY(nodes.leader_of(partition));
  WireReader in(TRY(nodes.ask(leader, kListOffsets, kVersion, request)));
  in.number<int32_t>();  // skips the throttle time
  const bool has_topic = in.count() == 1;
  in.text();
  const bool has_partition = in.count() == 1;
  in.number<int32_t>();
  const auto error = in.number<int16_t>();
  in.number<int64_t>();  // skips the timestamp
  const auto offset = in.number<int64_t>();
  if (!has_topic || !has_partition || !in.ok()) return cut_short();
  if (error != 0) return kafka_failure(static_cast<rd_kafka_resp_err_t>(error));
  return offset < 0 ? std::nullopt : std::optional(offset);
}

}  // namespace client
