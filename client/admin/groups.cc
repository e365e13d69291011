#include "client/admin/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "client/admin/admin_request.h"
#include "client/admin/topics.h"
#include "client/flags.h"

namespace client {

namespace {

using DeleteGroupHandle = Owned<rd_kafka_DeleteGroup_t, rd_kafka_DeleteGroup_destroy>;
using ListOffsetsHandle =
    Owned<rd_kafka_ListConsumerGroupOffsets_t, rd_kafka_ListConsumerGroupOffsets_destroy>;
using AlterOffsetsHandle =
    Owned<rd_kafka_AlterConsumerGroupOffsets_t, rd_kafka_AlterConsumerGroupOffsets_destroy>;
using DeleteOffsetsHandle =
    Owned<rd_kafka_DeleteConsumerGroupOffsets_t, rd_kafka_DeleteConsumerGroupOffsets_destroy>;

std::string text(const char* from) { return from ? from : ""; }

Error failure(const rd_kafka_error_t* error) {
  return kafka_failure(rd_kafka_error_code(error), rd_kafka_error_string(error));
}

PartitionName name_of(const rd_kafka_topic_partition_t& partition) {
  return {partition.topic, PartitionId{partition.partition}};
}

PartitionList to_list(const Offsets& offsets) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const auto& [name, offset] : offsets)
    rd_kafka_topic_partition_list_add(list.get(), name.first.c_str(), name.second.value())->offset =
        offset;
  return list;
}

GroupMember to_member(const rd_kafka_MemberDescription_t* from) {
  GroupMember member;
  member.id = text(rd_kafka_MemberDescription_consumer_id(from));
  member.client_id = text(rd_kafka_MemberDescription_client_id(from));
  member.host = text(rd_kafka_MemberDescription_host(from));
  if (const char* instance = rd_kafka_MemberDescription_group_instance_id(from))
    member.instance_id = instance;
  const auto* assignment = rd_kafka_MemberDescription_assignment(from);
  const auto* partitions = assignment ? rd_kafka_MemberAssignment_partitions(assignment) : nullptr;
  for (int i = 0; partitions && i < partitions->cnt; ++i)
    member.partitions.push_back(name_of(partitions->elems[i]));
  std::ranges::sort(member.partitions);
  return member;
}

// Returns the only group of a result.
Result<const rd_kafka_group_result_t*> only_group(const rd_kafka_group_result_t* const* results) {
  if (const rd_kafka_error_t* error = rd_kafka_group_result_error(results[0]))
    return failure(error);
  return results[0];
}

}  // namespace

Result<std::vector<GroupListing>> list_groups(Connection& connection) {
  const Event event = TRY(ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_ListConsumerGroups(connection.handle(), nullptr, queue);
  }));
  const auto* result = rd_kafka_event_ListConsumerGroups_result(event.get());
  size_t count = 0;
  const auto* errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
  if (count > 0) return failure(errors[0]);
  const auto* groups = rd_kafka_ListConsumerGroups_result_valid(result, &count);
  std::vector<GroupListing> all;
  for (size_t i = 0; i < count; ++i)
    all.push_back(
        {text(rd_kafka_ConsumerGroupListing_group_id(groups[i])),
         rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupListing_state(groups[i]))});
  std::ranges::sort(all, {}, &GroupListing::id);
  return all;
}

Result<GroupDescription> describe_group(Connection& connection, const std::string& group) {
  const char* names[] = {group.c_str()};
  const Event event = TRY(ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_DescribeConsumerGroups(connection.handle(), names, 1, nullptr, queue);
  }));
  size_t count = 0;
  const auto* groups = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  const rd_kafka_ConsumerGroupDescription_t* from = groups[0];
  if (const rd_kafka_error_t* error = rd_kafka_ConsumerGroupDescription_error(from))
    return failure(error);
  GroupDescription described{.id = group};
  described.state =
      rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(from));
  described.assignor = text(rd_kafka_ConsumerGroupDescription_partition_assignor(from));
  if (const rd_kafka_Node_t* node = rd_kafka_ConsumerGroupDescription_coordinator(from))
    described.coordinator = fmt::format("{}:{} ({})", rd_kafka_Node_host(node),
                                        rd_kafka_Node_port(node), rd_kafka_Node_id(node));
  for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(from); ++i)
    described.members.push_back(to_member(rd_kafka_ConsumerGroupDescription_member(from, i)));
  return described;
}

Result<Offsets> committed_offsets(Connection& connection, const std::string& group) {
  const ListOffsetsHandle request(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), nullptr));
  rd_kafka_ListConsumerGroupOffsets_t* requests[] = {request.get()};
  const Event event = TRY(ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_ListConsumerGroupOffsets(connection.handle(), requests, 1, nullptr, queue);
  }));
  size_t count = 0;
  const auto* result = TRY(only_group(rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count)));
  Offsets offsets;
  const auto* list = rd_kafka_group_result_partitions(result);
  for (int i = 0; list && i < list->cnt; ++i)
    if (list->elems[i].offset >= 0) offsets[name_of(list->elems[i])] = list->elems[i].offset;
  return offsets;
}

Status commit_offsets(Connection& connection, const std::string& group, const Offsets& offsets) {
  const PartitionList list = to_list(offsets);
  const AlterOffsetsHandle request(
      rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get()));
  rd_kafka_AlterConsumerGroupOffsets_t* requests[] = {request.get()};
  const Event event = TRY(ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_AlterConsumerGroupOffsets(connection.handle(), requests, 1, nullptr, queue);
  }));
  size_t count = 0;
  const auto* result = TRY(only_group(rd_kafka_AlterConsumerGroupOffsets_result_groups(
      rd_kafka_event_AlterConsumerGroupOffsets_result(event.get()), &count)));
  const auto* answers = rd_kafka_group_result_partitions(result);
  for (int i = 0; answers && i < answers->cnt; ++i)
    if (answers->elems[i].err) return kafka_failure(answers->elems[i].err);
  return {};
}

Status delete_group(Connection& connection, const std::string& group) {
  const DeleteGroupHandle request(rd_kafka_DeleteGroup_new(group.c_str()));
  rd_kafka_DeleteGroup_t* requests[] = {request.get()};
  const Event event = TRY(ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_DeleteGroups(connection.handle(), requests, 1, nullptr, queue);
  }));
  size_t count = 0;
  TRY(only_group(rd_kafka_DeleteGroups_result_groups(
      rd_kafka_event_DeleteGroups_result(event.get()), &count)));
  return {};
}

Result<std::map<PartitionName, Status>> delete_offsets(
    Connection& connection, const std::string& group,
    const std::vector<PartitionName>& partitions) {
  Offsets named;
  for (const PartitionName& each : partitions) named[each] = RD_KAFKA_OFFSET_INVALID;
  const PartitionList list = to_list(named);
  const DeleteOffsetsHandle request(
      rd_kafka_DeleteConsumerGroupOffsets_new(group.c_str(), list.get()));
  rd_kafka_DeleteConsumerGroupOffsets_t* requests[] = {request.get()};
  const Event event = TRY(ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_DeleteConsumerGroupOffsets(connection.handle(), requests, 1, nullptr, queue);
  }));
  size_t count = 0;
  const auto* result = TRY(only_group(rd_kafka_DeleteConsumerGroupOffsets_result_groups(
      rd_kafka_event_DeleteConsumerGroupOffsets_result(event.get()), &count)));
  std::map<PartitionName, Status> statuses;
  const auto* answers = rd_kafka_group_result_partitions(result);
  for (int i = 0; answers && i < answers->cnt; ++i)
    statuses[name_of(answers->elems[i])] =
        answers->elems[i].err ? Status(kafka_failure(answers->elems[i].err)) : Status();
  return statuses;
}

Result<std::vector<PartitionProgress>> group_progress(Connection& connection,
                                                      const GroupDescription& group) {
  const Offsets committed = TRY(committed_offsets(connection, group.id));
  std::map<PartitionName, PartitionProgress> all;
  for (const auto& [name, offset] : committed) all[name].committed = offset;
  for (const GroupMember& member : group.members)
    for (const PartitionName& name : member.partitions) all[name].reader = &member;
  std::vector<PartitionProgress> progress;
  for (auto& [name, each] : all) {
    each.partition = name;
    // For a partition of a deleted topic, offset_range() fails, and the lag is not shown.
    if (const auto range = offset_range(connection, name.first, name.second))
      each.end = range->end_offset.value();
    progress.push_back(each);
  }
  return progress;
}

// --- Positions

Result<Offsets> new_offsets(Connection& connection, const NewPosition& position,
                            const std::vector<PartitionName>& partitions,
                            const Offsets& committed) {
  using enum NewPosition::Kind;
  Offsets found;
  for (const PartitionName& name : partitions) {
    const OffsetRange range = TRY(offset_range(connection, name.first, name.second));
    const int64_t first = range.first_offset.value(), end = range.end_offset.value();
    const auto known = committed.find(name);
    int64_t offset = end;
    switch (position.kind) {
      case Earliest:
        offset = first;
        break;
      case Latest:
        break;
      case Offset:
        offset = position.value;
        break;
      case Current:
        if (known != committed.end()) offset = known->second;
        break;
      case ShiftBy:
        if (known == committed.end())
          return Error{ErrorCode::InvalidParameter,
                       fmt::format("Cannot shift offset for partition {}-{} since there is no "
                                   "current committed offset",
                                   name.first, name.second.value())};
        offset = known->second + position.value;
        break;
      case Time: {
        const auto times =
            TRY(offsets_at_time(connection, {name.first, {{.id = name.second}}}, position.value));
        if (times.at(0) >= 0) offset = times[0];
        break;
      }
    }
    found[name] = std::clamp(offset, first, end);
  }
  return found;
}

Result<int64_t> parse_datetime(const std::string& text) {
  const Error wrong{
      ErrorCode::InvalidParameter,
      fmt::format("\"{}\" is not a date and time such as 2026-01-31T12:30:00.000", text)};
  std::tm parts{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M", &parts);
  if (!rest) return wrong;
  if (*rest == ':') {
    rest = strptime(rest, ":%S", &parts);
    if (!rest) return wrong;
  }
  int64_t ms = int64_t{timegm(&parts)} * 1000;
  if (*rest == '.' || *rest == ',') {
    int64_t unit = 100;
    for (++rest; std::isdigit(static_cast<unsigned char>(*rest)); ++rest, unit /= 10)
      ms += (*rest - '0') * unit;
  }
  if (std::string_view(rest).empty() || std::string_view(rest) == "Z") return ms;
  int hours = 0, minutes = 0, used = 0;
  const bool is_zone = (*rest == '+' || *rest == '-') &&
                       (std::sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &used) == 2 ||
                        std::sscanf(rest + 1, "%2d%2d%n", &hours, &minutes, &used) == 2);
  if (!is_zone || rest[1 + used] != '\0') return wrong;
  const int64_t zone_ms = (hours * 60 + minutes) * int64_t{60'000};
  return *rest == '+' ? ms - zone_ms : ms + zone_ms;
}

Result<std::vector<PartitionName>> named_partitions(Connection& connection,
                                                    const std::vector<std::string>& texts) {
  const std::vector<TopicDescription> topics = TRY(connection.topics());
  std::vector<PartitionName> all;
  for (const std::string& each : texts) {
    const size_t colon = each.find(':');
    const std::string name = each.substr(0, colon);
    const auto topic = std::ranges::find(topics, name, &TopicDescription::name);
    if (topic == topics.end()) return no_such_topic(name, topics);
    if (colon == each.npos) {
      for (const PartitionDescription& partition : topic->partitions)
        all.emplace_back(name, partition.id);
      continue;
    }
    for (size_t at = colon + 1; at <= each.size();) {
      const size_t comma = std::min(each.find(',', at), each.size());
      const auto number = parse_number(each.substr(at, comma - at), 0, INT32_MAX);
      if (!number || *number >= static_cast<int64_t>(topic->partitions.size()))
        return Error{ErrorCode::InvalidParameter, fmt::format("topic {} has no partition \"{}\"",
                                                              name, each.substr(at, comma - at))};
      all.emplace_back(name, PartitionId{static_cast<int32_t>(*number)});
      at = comma + 1;
    }
  }
  return all;
}

}  // namespace client
