#include "server/coordinator/share_records.h"

#include <algorithm>
#include <utility>

#include "server/coordinator/record_codec.h"

namespace server::coordinator {

namespace {

// The version of all values. Members and groups have the schemas ShareGroup*.json of Apache Kafka
// (group-coordinator/src/main/resources/common/message in https://github.com/apache/kafka).
constexpr int16_t kShareVersion = 0;
// The tagged field of a Progress record with the leader epoch and the state epoch. Programs that do not know the field
// skip it.
constexpr uint64_t kOwner = 0;

Error damaged() { return {ErrorCode::DataCorrupted, "a record of a share group is damaged"}; }

Result<RecordReading> open_share_record(std::string_view value) {
  RecordReading in(value);
  const auto version = in.number<int16_t>();
  if (!in.ok()) return damaged();
  if (version != kShareVersion)
    return Error{ErrorCode::IncompatibleFormat, "a record of a share group has a newer version"};
  in.set_flexible(true);
  return in;
}

bool is_kept_state(int8_t state) {
  return state == static_cast<int8_t>(RecordState::Available) ||
         state == static_cast<int8_t>(RecordState::Acknowledged) ||
         state == static_cast<int8_t>(RecordState::Archived);
}

}  // namespace

bool is_share_group_record(int16_t version) {
  return version == static_cast<int16_t>(ShareGroupRecord::Member) ||
         version == static_cast<int16_t>(ShareGroupRecord::Group) ||
         version == static_cast<int16_t>(ShareGroupRecord::Progress) ||
         version == static_cast<int16_t>(ShareGroupRecord::Change);
}

std::string encode(const ShareGroupKey& key) {
  RecordWriter out(static_cast<int16_t>(key.kind));
  out.text(key.group_id);
  if (key.kind == ShareGroupRecord::Member) out.text(key.member_id);
  if (key.kind == ShareGroupRecord::Progress || key.kind == ShareGroupRecord::Change) {
    out.uuid(key.partition.topic_id);
    out.number(key.partition.partition);
  }
  if (key.kind == ShareGroupRecord::Change) out.number(key.slot);
  return out.take();
}

std::string encode(const ShareMemberValue& value) {
  RecordWriter out(kShareVersion, true);
  out.nullable_text(value.rack_id);
  out.text(value.client_id);
  out.text(value.client_host);
  out.array(value.topics.size());
  for (const std::string& each : value.topics) out.text(each);
  out.no_tags();
  return out.take();
}

std::string encode_share_epoch(int32_t epoch) {
  RecordWriter out(kShareVersion, true);
  out.number(epoch);
  out.number(int64_t{0});  // a hash of the group's topics, not used by this server
  out.no_tags();
  return out.take();
}

std::string encode(const ShareProgressValue& value) {
  RecordWriter out(kShareVersion, true);
  out.number(value.number);
  out.number(value.start);
  out.array(value.ranges.size());
  for (const auto& [first, range] : value.ranges) {
    out.number(first);
    out.number(range.end);
    out.number(static_cast<int8_t>(range.state));
    out.number(range.delivery_count);
    out.no_tags();
  }
  if (value.state_epoch == 0) {
    out.no_tags();
  } else {
    RecordWriter owner = RecordWriter::part();
    owner.number(value.leader_epoch);
    owner.number(value.state_epoch);
    out.tag(kOwner, owner.take());
  }
  return out.take();
}

std::vector<ShareStateBatch> batches_of(const SharePartition::Kept& ranges) {
  std::vector<ShareStateBatch> batches;
  batches.reserve(ranges.size());
  for (const auto& [first, range] : ranges)
    batches.push_back(
        {first, range.end - 1, static_cast<int8_t>(range.state), range.delivery_count});
  return batches;
}

std::optional<SharePartition::Kept> kept_of(const std::vector<ShareStateBatch>& batches) {
  SharePartition::Kept ranges;
  ranges.reserve(batches.size());
  for (const ShareStateBatch& batch : batches) {
    if (batch.first < 0 || batch.last < batch.first || batch.last == INT64_MAX ||
        !is_kept_state(batch.state) || batch.delivery_count < 0)
      return std::nullopt;
    ranges.emplace_back(batch.first,
                        SharePartition::Range{.end = batch.last + 1,
                                              .state = static_cast<RecordState>(batch.state),
                                              .delivery_count = batch.delivery_count});
  }
  return ranges;
}

Result<ShareMemberValue> decode_share_member(std::string_view value) {
  RecordReading in = TRY(open_share_record(value));
  ShareMemberValue read;
  read.rack_id = in.nullable_text();
  read.client_id = in.text();
  read.client_host = in.text();
  const size_t count = in.array().value_or(0);
  for (size_t i = 0; i < count && in.ok(); ++i) read.topics.push_back(in.text());
  in.skip_tags();
  if (!in.ok()) return damaged();
  std::ranges::sort(read.topics);
  read.topics.erase(std::ranges::unique(read.topics).begin(), read.topics.end());
  return read;
}

Result<int32_t> decode_share_epoch(std::string_view value) {
  RecordReading in = TRY(open_share_record(value));
  const auto epoch = in.number<int32_t>();
  if (!in.ok()) return damaged();
  return epoch;
}

Result<ShareProgressValue> decode_share_progress(std::string_view value) {
  RecordReading in = TRY(open_share_record(value));
  ShareProgressValue read;
  read.number = in.number<int32_t>();
  read.start = in.number<int64_t>();
  const size_t count = in.array().value_or(0);
  for (size_t i = 0; i < count && in.ok(); ++i) {
    const auto first = in.number<int64_t>();
    SharePartition::Range range;
    range.end = in.number<int64_t>();
    const auto state = in.number<int8_t>();
    range.delivery_count = in.number<int16_t>();
    in.skip_tags();
    if (first < 0 || range.end <= first || !is_kept_state(state)) return damaged();
    range.state = static_cast<RecordState>(state);
    read.ranges.emplace_back(first, range);
  }
  in.tags([&](uint64_t tag, std::string_view field) {
    if (tag != kOwner) return;
    RecordReading owner(field);
    read.leader_epoch = owner.number<int32_t>();
    read.state_epoch = owner.number<int32_t>();
    if (!owner.ok()) read.start = -1;
  });
  if (!in.ok() || read.start < 0) return damaged();
  return read;
}

}  // namespace server::coordinator
