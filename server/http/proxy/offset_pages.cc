// Serves POST /v3/clusters/CLUSTER/consumer-groups/GROUP/offsets, which changes committed offsets of a group.
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <utility>
#include <vector>

#include "server/http/proxy/proxy_call.h"
#include "server/http/proxy/proxy_handlers.h"
#include "server/kafka/messages/consumer_group_describe_request.h"
#include "server/kafka/messages/consumer_group_describe_response.h"
#include "server/kafka/messages/describe_groups_request.h"
#include "server/kafka/messages/describe_groups_response.h"
#include "server/kafka/messages/find_coordinator_request.h"
#include "server/kafka/messages/find_coordinator_response.h"
#include "server/kafka/messages/offset_commit_request.h"
#include "server/kafka/messages/offset_commit_response.h"

namespace server::http {

namespace {

using engine::JsonTree;
using Call = std::shared_ptr<ProxyCall>;

// https://kafka.apache.org/protocol#protocol_error_codes
constexpr KafkaError kOtherCoordinator{16}, kGroupHasMembers{25};

constexpr std::string_view kOffsetsBody[] = {"offsets"};
constexpr std::string_view kNamesOfOffset[] = {"topic_name", "partition_id", "offset"};

// Adds one element of "offsets" to the request. If the element is not valid, refuses the call and returns false.
bool add_offset(const Call& call, const JsonTree& item, kafka::OffsetCommitRequest& request) {
  if (!has_only(call, item, kNamesOfOffset)) return false;
  const std::string topic = item.text_of("topic_name");
  const JsonTree *partition = item.find("partition_id"), *offset = item.find("offset");
  kafka::OffsetCommitRequest::Topic::Partition added;
  if (topic.empty() || !partition || !offset ||
      !absl::SimpleAtoi(partition->text, &added.partition_index) || added.partition_index < 0 ||
      !absl::SimpleAtoi(offset->text, &added.committed_offset) || added.committed_offset < 0) {
    call->refuse(422, "each element of \"offsets\" must have topic_name, partition_id and offset");
    return false;
  }
  if (request.topics.empty() || request.topics.back().name != topic)
    request.topics.push_back({.name = topic});
  request.topics.back().partitions.push_back(std::move(added));
  return true;
}

void refuse_members(const Call& call, const std::vector<std::string>& members) {
  constexpr size_t kMostNames = 5;
  std::string names;
  for (size_t i = 0; i < members.size() && i < kMostNames; ++i)
    names += (i == 0 ? "" : ", ") + members[i];
  if (members.size() > kMostNames)
    names += fmt::format(" and {} others", members.size() - kMostNames);
  call->answer(proxy_error(
      40905, fmt::format("Consumer group {} has members{}: its offsets can be changed when all of "
                         "them have left.",
                         call->parameter(1), names.empty() ? "" : " (" + names + ")")));
}

// Refuses the call with the names of the members that prevent the change. Two requests are needed to find them:
// DescribeGroups returns the members of groups with the classic protocol, and ConsumerGroupDescribe the members of
// groups with the protocol of KIP-848.
void refuse_for_members(const Call& call) {
  kafka::DescribeGroupsRequest request;
  request.groups = {call->parameter(1)};
  call->ask<kafka::DescribeGroupsRequest, kafka::DescribeGroupsResponse>(
      request, 5, [call](const kafka::DescribeGroupsResponse& response) {
        std::vector<std::string> members;
        for (const auto& group : response.groups)
          for (const auto& member : group.members) members.emplace_back(member.client_id);
        if (!members.empty()) return refuse_members(call, members);
        kafka::ConsumerGroupDescribeRequest newer;
        newer.group_ids = {call->parameter(1)};
        call->ask<kafka::ConsumerGroupDescribeRequest, kafka::ConsumerGroupDescribeResponse>(
            newer, 0, [call](const kafka::ConsumerGroupDescribeResponse& described) {
              std::vector<std::string> names;
              for (const auto& group : described.groups)
                for (const auto& member : group.members) names.emplace_back(member.client_id);
              refuse_members(call, names);
            });
      });
}

// Refuses the call with the id of the node that coordinates the group.
void refuse_for_coordinator(const Call& call) {
  kafka::FindCoordinatorRequest request;
  request.coordinator_keys = {call->parameter(1)};
  call->ask<kafka::FindCoordinatorRequest, kafka::FindCoordinatorResponse>(
      request, 4, [call](const kafka::FindCoordinatorResponse& response) {
        for (const auto& one : response.coordinators)
          if (one.error_code == KafkaError::None)
            return call->answer(proxy_error(
                50003, fmt::format("Node {} ({}) coordinates consumer group {}: send the request "
                                   "to that node.",
                                   one.node_id, one.host, call->parameter(1))));
        call->answer(proxy_error(kOtherCoordinator));
      });
}

void answer_commit(const Call& call, const kafka::OffsetCommitResponse& response) {
  KafkaError error = KafkaError::None;
  std::string where;
  size_t committed = 0;
  for (const auto& topic : response.topics)
    for (const auto& partition : topic.partitions) {
      committed += partition.error_code == KafkaError::None;
      if (partition.error_code == KafkaError::None || error != KafkaError::None) continue;
      error = partition.error_code;
      where = fmt::format("partition {} of topic {}", partition.partition_index, topic.name);
    }
  if (error == KafkaError::None) return call->answer({{.status = 204, .content_type = ""}, ""});
  if (error == kGroupHasMembers) return refuse_for_members(call);
  if (error == kOtherCoordinator) return refuse_for_coordinator(call);
  ProxyProblem problem = problem_of(error);
  problem.message = fmt::format("The offset of {} is not changed: {}", where, problem.message);
  if (committed > 0)
    problem.message += fmt::format(" The offsets of {} other partitions are changed.", committed);
  call->answer(proxy_error(problem.code, problem.message));
}

void commit_offsets(const Call& call) {
  if (!is_this_cluster(call)) return;
  const auto tree = body_of(call);
  if (!tree)
    return call->refuse(400, "the body of the request cannot be read: " + tree.error().message);
  if (!has_only(call, *tree, kOffsetsBody)) return;
  const JsonTree* offsets = tree->find("offsets");
  if (!offsets || offsets->items.empty())
    return call->refuse(422, "the body of the request has no list of offsets in \"offsets\"");
  // A generation below 0 marks a commit of a client that is not a member. The coordinator accepts
  // it from an empty group only (https://kafka.apache.org/protocol, OffsetCommit).
  kafka::OffsetCommitRequest request;
  request.group_id = call->parameter(1);
  request.generation_id_or_member_epoch = -1;
  for (const JsonTree& item : offsets->items)
    if (!add_offset(call, item, request)) return;
  call->ask<kafka::OffsetCommitRequest, kafka::OffsetCommitResponse>(
      request, 8,
      [call](const kafka::OffsetCommitResponse& response) { answer_commit(call, response); });
}

}  // namespace

void add_offset_pages(Routes& routes, const ProxyView& view) {
  routes.add({"POST", "/v3/clusters/{cluster}/consumer-groups/{group}/offsets",
              proxy_handler(view, commit_offsets)});
}

}  // namespace server::http
