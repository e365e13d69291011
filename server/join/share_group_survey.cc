#include "server/join/share_group_survey.h"

#include <string_view>

#include "records/batch.h"
#include "server/coordinator/group_records.h"
#include "server/join/topic_records.h"

namespace server {

namespace {

// The keys that exist: the last record of each has a value. A record without a value deletes its
// key.
using LiveKeys = std::set<coordinator::ShareGroupKey>;

Status note_batch(std::string_view bytes, LiveKeys& live) {
  const auto batch = TRY(records::parse_batch(bytes, records::BatchCheck::Shape));
  if (batch.header.is_control()) return {};
  std::string scratch;
  auto reader = TRY(records::RecordReader::open(batch, scratch));
  for (records::RecordView record; reader.next(record);) {
    if (!record.key) continue;
    // A key of an unknown version is skipped, as coordinators do.
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

}  // namespace

Result<std::set<std::string>> share_groups_in(storage::Log& log, const storage::TopicInfo& topic) {
  LiveKeys live;
  TRY(for_each_batch(log, topic, [&](std::string_view bytes) { return note_batch(bytes, live); }));
  std::set<std::string> groups;
  for (const coordinator::ShareGroupKey& key : live) groups.insert(key.group_id);
  return groups;
}

}  // namespace server
