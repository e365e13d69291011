#include "client/admin/share_groups.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/admin/bootstrap.h"
#include "client/connection.h"

namespace client {

namespace {

constexpr int16_t kListGroups = 16, kShareGroupDescribe = 77, kDescribeShareGroupOffsets = 90;
constexpr int16_t kGroupIdNotFound = 69;
constexpr size_t kTopicIdBytes = 16;

Status check(int16_t code, const std::string& group) {
  if (code == 0) return {};
  if (code == kGroupIdNotFound)
    return Error{ErrorCode::UndefinedObject,
                 fmt::format("share group \"{}\" does not exist", group)};
  return kafka_failure(static_cast<rd_kafka_resp_err_t>(code));
}

void skip_topic_id(WireReader& in) {
  for (size_t i = 0; i < kTopicIdBytes; ++i) in.number<int8_t>();
}

Result<WireConnection> open(const Connection::Settings& server) {
  return Bootstrap(server.bootstrap_server, server.properties).connect();
}

GroupMember read_member(WireReader& in) {
  GroupMember member;
  member.id = in.text();
  in.text();  // skips the rack
  in.number<int32_t>();
  member.client_id = in.text();
  member.host = in.text();
  for (size_t topics = in.count(); topics > 0 && in.ok(); --topics) in.text();
  for (size_t topics = in.count(); topics > 0 && in.ok(); --topics) {
    skip_topic_id(in);
    const std::string topic = in.text();
    for (size_t left = in.count(); left > 0 && in.ok(); --left)
      member.partitions.emplace_back(topic, PartitionId(in.number<int32_t>()));
    in.end();
  }
  in.end();
  in.end();
  std::ranges::sort(member.partitions);
  return member;
}

Status read_group(WireReader& in, ShareGroupDescription& group) {
  in.number<int32_t>();
  if (in.count() != 1) return cut_short();
  const auto error = in.number<int16_t>();
  in.text();
  in.text();
  group.state = in.text();
  in.number<int32_t>();
  in.number<int32_t>();
  in.text();
  for (size_t left = in.count(); left > 0 && in.ok(); --left)
    group.members.push_back(read_member(in));
  return check(error, group.id);
}

Status read_offsets(WireReader& in, ShareGroupDescription& group) {
  in.number<int32_t>();
  if (in.count() != 1) return cut_short();
  in.text();
  for (size_t topics = in.count(); topics > 0 && in.ok(); --topics) {
    const std::string topic = in.text();
    skip_topic_id(in);
    for (size_t left = in.count(); left > 0 && in.ok(); --left) {
      SharedPartition& each = group.partitions.emplace_back();
      each.partition = {topic, PartitionId(in.number<int32_t>())};
      each.start_offset = in.number<int64_t>();
      in.number<int32_t>();
      each.lag = in.number<int64_t>();
      in.number<int16_t>();
      in.text();
      in.end();
    }
    in.end();
  }
  if (!in.ok()) return cut_short();
  std::ranges::sort(group.partitions, {}, &SharedPartition::partition);
  return check(in.number<int16_t>(), group.id);
}

}  // namespace

Result<std::vector<GroupListing>> list_share_groups(const Connection::Settings& server) {
  WireConnection connection = TRY(open(server));
  WireWriter request;
  request.count(0).count(1).text("share").end();
  constexpr int16_t kVersion = 5;
  WireReader in(TRY(connection.ask(kListGroups, kVersion, request)));
  in.number<int32_t>();
  TRY(check(in.number<int16_t>(), ""));
  std::vector<GroupListing> groups;
  for (size_t left = in.count(); left > 0 && in.ok(); --left) {
    GroupListing& group = groups.emplace_back();
    group.id = in.text();
    in.text();
    group.state = in.text();
    in.text();
    in.end();
  }
  if (!in.ok()) return cut_short();
  std::ranges::sort(groups, {}, &GroupListing::id);
  return groups;
}

Result<ShareGroupDescription> describe_share_group(const Connection::Settings& server,
                                                   const std::string& group) {
  WireConnection connection = TRY(open(server));
  ShareGroupDescription described{.id = group};
  WireWriter which;
  which.count(1).text(group).number<int8_t>(0).end();
  WireReader members(TRY(connection.ask(kShareGroupDescribe, 1, which)));
  TRY(read_group(members, described));
  WireWriter where;
  where.count(1).text(group).count(-1).end().end();
  WireReader offsets(TRY(connection.ask(kDescribeShareGroupOffsets, 1, where)));
  TRY(read_offsets(offsets, described));
  return described;
}

}  // namespace client
