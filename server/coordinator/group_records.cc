#include "server/coordinator/group_records.h"

#include <fmt/format.h>

#include "server/coordinator/record_codec.h"

namespace server::coordinator {

namespace {

// Versions of the keys and values of records in Apache Kafka's schemas OffsetCommitKey,
// OffsetCommitValue, GroupMetadataKey and GroupMetadataValue
// (group-coordinator/src/main/resources/common/message in https://github.com/apache/kafka).
constexpr int16_t kOffsetKey = 1, kGroupKey = 2;
constexpr int16_t kOffsetWithExpiry = 1, kOffsetWithTopicId = 4;
constexpr int16_t kGroupVersion = 3;
constexpr int16_t kFirstFlexible = 4, kLastVersion = 4;
constexpr uint64_t kTopicIdTag = 0;

Error unknown_version(std::string_view what, int16_t version) {
  return {ErrorCode::IncompatibleFormat,
          fmt::format("{} has the unknown version {}", what, version)};
}
Error cut(std::string_view what) {
  return {ErrorCode::DataCorrupted, fmt::format("{} is truncated", what)};
}

GroupValue::Member read_member(RecordReading& in, int16_t version) {
  GroupValue::Member member;
  member.id = in.text();
  if (version >= 3) member.instance_id = in.nullable_text();
  member.client_id = in.text();
  member.client_host = in.text();
  if (version >= 1) member.rebalance_timeout_ms = in.number<int32_t>();
  member.session_timeout_ms = in.number<int32_t>();
  if (version < 1) member.rebalance_timeout_ms = member.session_timeout_ms;
  member.subscription = in.bytes();
  member.assignment = in.bytes();
  in.skip_tags();
  return member;
}

ShareGroupKey read_share_key(ShareGroupRecord kind, RecordReading& in) {
  ShareGroupKey key{kind, in.text()};
  if (kind == ShareGroupRecord::Member) key.member_id = in.text();
  if (kind == ShareGroupRecord::Progress || kind == ShareGroupRecord::Change) {
    key.partition.topic_id = in.uuid();
    key.partition.partition = in.number<int32_t>();
  }
  if (kind == ShareGroupRecord::Change) key.slot = in.number<int32_t>();
  return key;
}

}  // namespace

std::string encode(const OffsetKey& key) {
  RecordWriter out(kOffsetKey);
  out.text(key.group_id);
  out.text(key.topic);
  out.number(key.partition);
  return out.take();
}

// Writes version 1 if the offset has an expiry, because only version 1 can store an expiry.
// Otherwise writes version 4, because only version 4 stores the topic's id.
std::string encode(const OffsetValue& value) {
  const bool expires = value.expire_time_ms >= 0;
  RecordWriter out(expires ? kOffsetWithExpiry : kOffsetWithTopicId, !expires);
  out.number(value.offset);
  if (!expires) out.number(value.leader_epoch);
  out.text(value.metadata);
  out.number(value.commit_time_ms);
  if (expires) {
    out.number(value.expire_time_ms);
  } else {
    std::string id(reinterpret_cast<const char*>(value.topic_id.bytes.data()),
                   value.topic_id.bytes.size());
    value.topic_id.is_nil() ? out.no_tags() : out.tag(kTopicIdTag, id);
  }
  return out.take();
}

std::string encode(const GroupKey& key) {
  RecordWriter out(kGroupKey);
  out.text(key.group_id);
  return out.take();
}

std::string encode(const GroupValue& value) {
  RecordWriter out(kGroupVersion);
  out.text(value.protocol_type);
  out.number(value.generation);
  out.nullable_text(value.protocol);
  out.nullable_text(value.leader);
  out.number(value.state_time_ms);
  out.array(value.members.size());
  for (const GroupValue::Member& member : value.members) {
    out.text(member.id);
    out.nullable_text(member.instance_id);
    out.text(member.client_id);
    out.text(member.client_host);
    out.number(member.rebalance_timeout_ms);
    out.number(member.session_timeout_ms);
    out.bytes(member.subscription);
    out.bytes(member.assignment);
  }
  return out.take();
}

Result<RecordKey> decode_key(std::string_view bytes) {
  RecordReading in(bytes);
  const auto version = in.number<int16_t>();
  if (!in.ok()) return cut("a key");
  RecordKey key;
  if (version == 0 || version == kOffsetKey) {
    OffsetKey offset;
    offset.group_id = in.text();
    offset.topic = in.text();
    offset.partition = in.number<int32_t>();
    key = std::move(offset);
  } else if (version == kGroupKey) {
    key = GroupKey{in.text()};
  } else if (version >= static_cast<int16_t>(ConsumerGroupRecord::Group) &&
             version <= static_cast<int16_t>(ConsumerGroupRecord::CurrentAssignment)) {
    ConsumerGroupKey of{static_cast<ConsumerGroupRecord>(version), in.text()};
    if (is_of_member(of.kind)) of.member_id = in.text();
    key = std::move(of);
  } else if (is_share_group_record(version)) {
    key = read_share_key(static_cast<ShareGroupRecord>(version), in);
  } else {
    return unknown_version("a key", version);
  }
  if (!in.ok()) return cut("a key");
  return key;
}

Result<OffsetValue> decode_offset_value(std::string_view bytes) {
  RecordReading in(bytes);
  const auto version = in.number<int16_t>();
  if (version < 0 || version > kLastVersion) return unknown_version("an offset", version);
  in.set_flexible(version >= kFirstFlexible);
  OffsetValue value;
  value.offset = in.number<int64_t>();
  if (version >= 3) value.leader_epoch = in.number<int32_t>();
  value.metadata = in.text();
  value.commit_time_ms = in.number<int64_t>();
  if (version == 1) value.expire_time_ms = in.number<int64_t>();
  in.tags([&](uint64_t tag, std::string_view field) {
    if (tag == kTopicIdTag) value.topic_id = RecordReading(field).uuid();
  });
  if (!in.ok()) return cut("an offset");
  return value;
}

Result<GroupValue> decode_group_value(std::string_view bytes) {
  RecordReading in(bytes);
  const auto version = in.number<int16_t>();
  if (version < 0 || version > kLastVersion) return unknown_version("a group", version);
  in.set_flexible(version >= kFirstFlexible);
  GroupValue value;
  value.protocol_type = in.text();
  value.generation = in.number<int32_t>();
  value.protocol = in.nullable_text();
  value.leader = in.nullable_text();
  if (version >= 2) value.state_time_ms = in.number<int64_t>();
  const size_t count = in.array().value_or(0);
  for (size_t i = 0; i < count && in.ok(); ++i) value.members.push_back(read_member(in, version));
  in.skip_tags();
  if (!in.ok()) return cut("a group");
  return value;
}

}  // namespace server::coordinator
