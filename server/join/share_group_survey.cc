#include "server/join/share_group_survey.h"

#include <memory>
#include <optional>
#include <string_view>

#include "records/batch.h"
#include "server/coordinator/group_records.h"
#include "storage/log/log_reader.h"

namespace server {

namespace {

constexpr size_t kPortionBytes = 1 << 20;

// A record without a value takes back what one with its key has said.
using LiveKeys = std::set<coordinator::ShareGroupKey>;

Status note_batch(std::string_view bytes, LiveKeys& live) {
  const auto batch = TRY(records::parse_batch(bytes, records::BatchCheck::Shape));
  if (batch.header.is_control()) return {};
  std::string scratch;
  auto reader = TRY(records::RecordReader::open(batch, scratch));
  for (records::RecordView record; reader.next(record);) {
    if (!record.key) continue;
    // Of a version that nobody here knows: coordinators leave it out, too.
    const auto key = coordinator::decode_key(*record.key);
    const auto* share = key ? std::get_if<coordinator::ShareGroupKey>(&*key) : nullptr;
    if (share == nullptr) continue;
    if (record.value)
      live.insert(*share);
    else
      live.erase(*share);
  }
  return reader.status();
}

Status read_partition(storage::LogReader& reader, const storage::TopicPartition& partition,
                      LiveKeys& live) {
  for (std::optional<Offset> next; true;) {
    TRY(reader.begin_turn());
    const std::unique_ptr<storage::LogReader, void (*)(storage::LogReader*)> turn(
        &reader, [](storage::LogReader* open) { open->end_turn(); });
    if (!next) next = TRY(reader.log_start(partition));
    const auto batches = TRY(reader.read(partition, *next, kPortionBytes));
    if (batches.empty()) return {};
    for (const storage::BatchRef& batch : batches) {
      TRY(note_batch(batch.bytes, live));
      next = batch.last_offset + 1;
    }
  }
}

}  // namespace

Result<std::set<std::string>> share_groups_in(storage::Log& log, const storage::TopicInfo& topic) {
  const auto reader = TRY(storage::LogReader::open(log));
  std::set<std::string> groups;
  for (PartitionId number{0}; number < PartitionId{topic.partition_count}; ++number) {
    const storage::TopicPartition partition{topic.id, number};
    if (!log.find_partition(partition)) continue;
    LiveKeys live;
    TRY(read_partition(*reader, partition, live));
    for (const coordinator::ShareGroupKey& key : live) groups.insert(key.group_id);
  }
  return groups;
}

}  // namespace server
