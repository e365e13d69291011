#include "server/join/topic_records.h"

#include <memory>
#include <optional>

#include "storage/log/log_reader.h"

namespace server {

namespace {

constexpr size_t kPortionBytes = 1 << 20;

Status read_partition(storage::LogReader& reader, const storage::TopicPartition& partition,
                      const std::function<Status(std::string_view)>& visit) {
  for (std::optional<Offset> next; true;) {
    TRY(reader.begin_turn());
    const std::unique_ptr<storage::LogReader, void (*)(storage::LogReader*)> turn(
        &reader, [](storage::LogReader* open) { open->end_turn(); });
    if (!next) next = TRY(reader.log_start(partition));
    const auto batches = TRY(reader.read(partition, *next, kPortionBytes));
    if (batches.empty()) return {};
    for (const storage::BatchRef& batch : batches) {
      TRY(visit(batch.bytes));
      next = batch.last_offset + 1;
    }
  }
}

}  // namespace

Status for_each_batch(storage::Log& log, const storage::TopicInfo& topic,
                      const std::function<Status(std::string_view)>& visit) {
  const auto reader = TRY(storage::LogReader::open(log));
  for (PartitionId number{0}; number < PartitionId{topic.partition_count}; ++number) {
    const storage::TopicPartition partition{topic.id, number};
    if (log.find_partition(partition)) TRY(read_partition(*reader, partition, visit));
  }
  return {};
}

}  // namespace server
