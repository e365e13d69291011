#include <set>

#include "records/batch.h"
#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

using Asked = ListOffsetsRequest::Topic::Partition;
using Answer = ListOffsetsResponse::Topic::Partition;

constexpr int64_t kLatest = -1, kEarliest = -2;

// The timestamp of the record at the offset, which is there.
Result<int64_t> timestamp_at(storage::LogReader& reader, const storage::TopicPartition& partition,
                             Offset offset) {
  const auto batches = TRY(reader.read(partition, offset, 1));
  if (batches.empty()) return records::kNoTimestamp;
  const auto batch = TRY(records::parse_batch(batches.front().bytes, records::BatchCheck::Shape));
  std::string scratch;
  auto records_in = TRY(records::RecordReader::open(batch, scratch));
  for (records::RecordView record; records_in.next(record);)
    if (batches.front().base_offset + record.offset_delta == offset) return record.timestamp;
  return records::kNoTimestamp;
}

Status find(storage::LogReader& reader, const storage::TopicPartition& partition,
            const Asked& asked, Answer& answer) {
  answer.leader_epoch = 0;
  if (asked.timestamp == kEarliest) {
    answer.offset = TRY(reader.log_start(partition)).value();
    return {};
  }
  const Offset end = TRY(reader.readable_end(partition));
  if (asked.timestamp == kLatest) {
    answer.offset = end.value();
    return {};
  }
  if (asked.timestamp < 0)
    return Error{ErrorCode::NotSupported, "this kind of offset is not supported yet"};
  const Offset found = TRY(reader.offset_for_time(partition, asked.timestamp));
  if (found == end) {  // no record is that young
    answer.offset = -1;
    return {};
  }
  answer.offset = found.value();
  answer.timestamp = TRY(timestamp_at(reader, partition, found));
  return {};
}

}  // namespace

void handle_list_offsets(HandlerContext& context, ListOffsetsRequest request,
                         Reply<ListOffsetsResponse> reply) {
  storage::LogReader& reader = context.backend.reader();
  const auto topics = context.backend.topics();
  const Status begun = reader.begin_turn();
  ListOffsetsResponse response;
  std::set<storage::TopicPartition> seen;
  for (const ListOffsetsRequest::Topic& topic : request.topics) {
    const storage::TopicInfo* known = topics->find(topic.name);
    ListOffsetsResponse::Topic& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const Asked& asked : topic.partitions) {
      Answer& answer = answers.partitions.emplace_back();
      answer.partition_index = asked.partition_index;
      if (!known) {
        answer.error_code = KafkaError::UnknownTopicOrPartition;
        continue;
      }
      const storage::TopicPartition partition{known->id, PartitionId(asked.partition_index)};
      if (!seen.insert(partition).second) {  // as Kafka; a search by time may take long
        answer.error_code = KafkaError::InvalidRequest;
        continue;
      }
      const Status found = begun ? find(reader, partition, asked, answer) : begun;
      if (!found) answer.error_code = kafka_error(found.error().code);
    }
  }
  if (begun) reader.end_turn();
  reply.send(response);
}

}  // namespace server::kafka
