#include "server/coordinator/consumer_group_records.h"

#include <algorithm>
#include <utility>

#include "server/coordinator/record_codec.h"

namespace server::coordinator {

namespace {

// The records have the schemas ConsumerGroup*.json of Apache Kafka (group-coordinator/src/main/resources/common/message
// in https://github.com/apache/kafka), all in version 0.
constexpr int16_t kVersion = 0;
constexpr uint64_t kClassicTag = 0;

Error cut() { return {ErrorCode::DataCorrupted, "a record of a consumer group is truncated"}; }

Result<RecordReading> open(std::string_view value) {
  RecordReading in(value);
  const auto version = in.number<int16_t>();
  if (!in.ok()) return cut();
  if (version != kVersion)
    return Error{ErrorCode::IncompatibleFormat, "a record of a consumer group has a newer version"};
  in.set_flexible(true);
  return in;
}

// Writes the partitions grouped by topic, as in Kafka's schema.
void write_partitions(RecordWriter& out, const AssignedPartitions& partitions) {
  std::vector<std::pair<size_t, size_t>> topics;  // first and end index
  for (size_t i = 0; i < partitions.size(); ++i) {
    if (topics.empty() || partitions[topics.back().first].topic_id != partitions[i].topic_id)
      topics.emplace_back(i, i);
    topics.back().second = i + 1;
  }
  out.array(topics.size());
  for (const auto& [from, to] : topics) {
    out.uuid(partitions[from].topic_id);
    out.array(to - from);
    for (size_t i = from; i < to; ++i) out.number(partitions[i].partition);
    out.no_tags();
  }
}

AssignedPartitions read_partitions(RecordReading& in) {
  AssignedPartitions partitions;
  const size_t topics = in.array().value_or(0);
  for (size_t i = 0; i < topics && in.ok(); ++i) {
    const Uuid id = in.uuid();
    const size_t count = in.array().value_or(0);
    for (size_t j = 0; j < count && in.ok(); ++j) partitions.push_back({id, in.number<int32_t>()});
    in.skip_tags();
  }
  std::ranges::sort(partitions);
  partitions.erase(std::ranges::unique(partitions).begin(), partitions.end());
  return partitions;
}

std::string encode_classic(const ClassicMembership& classic) {
  RecordWriter out = RecordWriter::part();
  out.number(classic.session_timeout_ms);
  out.array(classic.protocols.size());
  for (const GroupProtocol& each : classic.protocols) {
    out.text(each.name);
    out.bytes(each.metadata);
    out.no_tags();
  }
  out.no_tags();
  return out.take();
}

ClassicMembership read_classic(RecordReading& in) {
  ClassicMembership classic;
  in.set_flexible(true);
  classic.session_timeout_ms = in.number<int32_t>();
  const size_t count = in.array().value_or(0);
  for (size_t i = 0; i < count && in.ok(); ++i) {
    GroupProtocol& each = classic.protocols.emplace_back();
    each.name = in.text();
    each.metadata = in.bytes();
    in.skip_tags();
  }
  in.skip_tags();
  return classic;
}

std::string encode_epoch(int32_t epoch) {
  RecordWriter out(kVersion, true);
  out.number(epoch);
  out.no_tags();
  return out.take();
}

}  // namespace

std::string encode(const ConsumerGroupKey& key) {
  RecordWriter out(static_cast<int16_t>(key.kind));
  out.text(key.group_id);
  if (is_of_member(key.kind)) out.text(key.member_id);
  return out.take();
}

std::string encode_group_epoch(int32_t epoch) { return encode_epoch(epoch); }
std::string encode_assignment_epoch(int32_t epoch) { return encode_epoch(epoch); }

std::string encode_topics(const std::vector<TopicOfGroup>& topics) {
  RecordWriter out(kVersion, true);
  out.array(topics.size());
  for (const TopicOfGroup& each : topics) {
    out.uuid(each.id);
    out.text(each.name);
    out.number(each.partition_count);
    out.array(0);  // an empty list of racks of partitions
    out.no_tags();
  }
  out.no_tags();
  return out.take();
}

std::string encode_member(const ConsumerMember& member) {
  RecordWriter out(kVersion, true);
  out.nullable_text(member.instance_id);
  out.nullable_text(member.rack_id);
  out.text(member.client_id);
  out.text(member.client_host);
  out.array(member.topics.size());
  for (const std::string& each : member.topics) out.text(each);
  member.regex.empty() ? out.nullable_text(std::nullopt) : out.text(member.regex);
  out.number(member.rebalance_timeout_ms);
  out.nullable_text(member.assignor);
  // A nullable tagged struct starts with a byte for its presence. A missing field would not mean
  // null: its default in Kafka's schema is an empty struct.
  out.tag(kClassicTag,
          member.classic ? '\1' + encode_classic(*member.classic) : std::string(1, '\0'));
  return out.take();
}

std::string encode_target(const ConsumerMember& member) {
  RecordWriter out(kVersion, true);
  write_partitions(out, member.target);
  out.no_tags();
  return out.take();
}

std::string encode_current(const ConsumerMember& member) {
  RecordWriter out(kVersion, true);
  out.number(member.epoch);
  out.number(member.previous_epoch);
  out.number(static_cast<int8_t>(member.state));
  write_partitions(out, member.assigned);
  write_partitions(out, member.revoking);
  out.no_tags();
  return out.take();
}

Result<int32_t> decode_epoch(std::string_view value) {
  RecordReading in = TRY(open(value));
  const auto epoch = in.number<int32_t>();
  in.skip_tags();
  if (!in.ok()) return cut();
  return epoch;
}

Result<std::vector<TopicOfGroup>> decode_topics(std::string_view value) {
  RecordReading in = TRY(open(value));
  std::vector<TopicOfGroup> topics;
  const size_t count = in.array().value_or(0);
  for (size_t i = 0; i < count && in.ok(); ++i) {
    TopicOfGroup& each = topics.emplace_back();
    each.id = in.uuid();
    each.name = in.text();
    each.partition_count = in.number<int32_t>();
    const size_t partitions = in.array().value_or(0);
    for (size_t j = 0; j < partitions && in.ok(); ++j) {
      in.number<int32_t>();
      const size_t racks = in.array().value_or(0);
      for (size_t k = 0; k < racks && in.ok(); ++k) in.text();
      in.skip_tags();
    }
    in.skip_tags();
  }
  in.skip_tags();
  if (!in.ok()) return cut();
  return topics;
}

Status decode_member(std::string_view value, ConsumerMember& member) {
  RecordReading in = TRY(open(value));
  ConsumerMember read;
  read.instance_id = in.nullable_text();
  read.rack_id = in.nullable_text();
  read.client_id = in.text();
  read.client_host = in.text();
  const size_t count = in.array().value_or(0);
  for (size_t i = 0; i < count && in.ok(); ++i) read.topics.push_back(in.text());
  read.regex = in.nullable_text().value_or("");
  read.rebalance_timeout_ms = in.number<int32_t>();
  read.assignor = in.nullable_text();
  bool is_whole = true;
  in.tags([&](uint64_t tag, std::string_view field) {
    if (tag != kClassicTag || !field.starts_with('\1')) return;
    RecordReading classic(field.substr(1));
    read.classic = read_classic(classic);
    is_whole = classic.ok();
  });
  if (!in.ok() || !is_whole) return cut();
  std::ranges::sort(read.topics);
  read.topics.erase(std::ranges::unique(read.topics).begin(), read.topics.end());
  member.instance_id = std::move(read.instance_id);
  member.rack_id = std::move(read.rack_id);
  member.client_id = std::move(read.client_id);
  member.client_host = std::move(read.client_host);
  member.topics = std::move(read.topics);
  member.regex = std::move(read.regex);
  member.rebalance_timeout_ms = read.rebalance_timeout_ms;
  member.assignor = std::move(read.assignor);
  member.classic = std::move(read.classic);
  return {};
}

Status decode_target(std::string_view value, ConsumerMember& member) {
  RecordReading in = TRY(open(value));
  AssignedPartitions target = read_partitions(in);
  in.skip_tags();
  if (!in.ok()) return cut();
  member.target = std::move(target);
  return {};
}

Status decode_current(std::string_view value, ConsumerMember& member) {
  RecordReading in = TRY(open(value));
  const auto epoch = in.number<int32_t>();
  const auto previous_epoch = in.number<int32_t>();
  const auto state = in.number<int8_t>();
  AssignedPartitions assigned = read_partitions(in);
  AssignedPartitions revoking = read_partitions(in);
  in.skip_tags();
  if (!in.ok()) return cut();
  if (state < 0 || state > static_cast<int8_t>(MemberState::UnreleasedPartitions))
    return Error{ErrorCode::IncompatibleFormat,
                 "a member of a consumer group has an unknown state"};
  member.epoch = epoch;
  member.previous_epoch = previous_epoch;
  member.state = static_cast<MemberState>(state);
  member.assigned = std::move(assigned);
  member.revoking = std::move(revoking);
  return {};
}

}  // namespace server::coordinator
