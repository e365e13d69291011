// The access checks of authorize.h for requests about consumer groups and transactions.
#pragma once
#include "server/kafka/authorize.h"

namespace server::kafka {

// ---- Groups.

namespace authorization {

// Checks access to the group of a heartbeat, and to the subscribed topics that the heartbeat lists.
template <class Request, class Response>
bool ask_subscription(const HandlerContext& context, const Request& request,
                      Reply<Response>& reply) {
  if (!ask_group(context, request.group_id, Operation::Read, reply)) return false;
  if (request.subscribed_topic_names)
    for (const std::string& topic : *request.subscribed_topic_names)
      if (!context.permissions->may_topic(Operation::Describe, topic))
        return refuse_all(reply, kTopicRefused);
  return true;
}

// Checks requests that describe groups. The answer has an error for each group that the user may
// not access.
template <class Response>
bool ask_described(const HandlerContext& context, std::vector<std::string>& groups,
                   Reply<Response>& reply) {
  std::vector<typename Response::Group> refused;
  take_refused(
      groups,
      [&](const auto& group) { return context.permissions->may_group(Operation::Describe, group); },
      [&](const auto& group) {
        auto& answer = refused.emplace_back();
        answer.group_id = group;
        answer.error_code = kGroupRefused;
      });
  add_later(reply, &Response::groups, std::move(refused));
  return true;
}

}  // namespace authorization

inline bool authorize(HandlerContext& context, JoinGroupRequest& request,
                      Reply<JoinGroupResponse>& reply) {
  if (context.permissions->may_group(Operation::Read, request.group_id)) return true;
  JoinGroupResponse response;
  response.error_code = kGroupRefused;
  response.protocol_name = "";
  reply.send(response);
  return false;
}
inline bool authorize(HandlerContext& context, SyncGroupRequest& request,
                      Reply<SyncGroupResponse>& reply) {
  return authorization::ask_group(context, request.group_id, Operation::Read, reply);
}
inline bool authorize(HandlerContext& context, HeartbeatRequest& request,
                      Reply<HeartbeatResponse>& reply) {
  return authorization::ask_group(context, request.group_id, Operation::Read, reply);
}
inline bool authorize(HandlerContext& context, LeaveGroupRequest& request,
                      Reply<LeaveGroupResponse>& reply) {
  return authorization::ask_group(context, request.group_id, Operation::Read, reply);
}
inline bool authorize(HandlerContext& context, ConsumerGroupHeartbeatRequest& request,
                      Reply<ConsumerGroupHeartbeatResponse>& reply) {
  return authorization::ask_subscription(context, request, reply);
}
inline bool authorize(HandlerContext& context, ShareGroupHeartbeatRequest& request,
                      Reply<ShareGroupHeartbeatResponse>& reply) {
  return authorization::ask_subscription(context, request, reply);
}

namespace authorization {

// Checks ShareFetch and ShareAcknowledge, which name topics by their ids. Each partition of a topic
// that the user may not read is answered with an error.
template <class Request, class Response>
bool ask_shared(const HandlerContext& context, Request& request, Reply<Response>& reply) {
  using Topic = typename Response::Topic;
  if (!ask_group(context, request.group_id.value_or(""), Operation::Read, reply)) return false;
  std::vector<Topic> refused;
  take_refused(
      request.topics,
      [&](const auto& topic) { return may_topic(context, Operation::Read, "", topic.topic_id); },
      [&](const auto& topic) {
        Topic& answer = refused.emplace_back();
        answer.topic_id = topic.topic_id;
        for (const auto& each : topic.partitions) {
          auto& partition = answer.partitions.emplace_back();
          partition.partition_index = each.partition_index;
          partition.error_code = kTopicRefused;
          if constexpr (requires { partition.acknowledge_error_code; })
            if (!each.acknowledgement_batches.empty())
              partition.acknowledge_error_code = kTopicRefused;
        }
      });
  add_later(reply, &Response::responses, std::move(refused));
  return true;
}

// Checks the requests of administrators about the offsets of share groups. These requests contain
// the names of topics, not ids.
template <class Request, class Response, class Refuse>
bool ask_share_offsets(const HandlerContext& context, Operation operation, Request& request,
                       Reply<Response>& reply, Refuse refuse) {
  if (!ask_group(context, request.group_id, operation, reply)) return false;
  std::vector<typename Response::Topic> refused;
  take_refused(
      request.topics,
      [&](const auto& topic) {
        return context.permissions->may_topic(Operation::Read, topic.topic_name);
      },
      [&](const auto& topic) {
        refused.emplace_back().topic_name = topic.topic_name;
        refuse(topic, refused.back());
      });
  add_later(reply, &Response::responses, std::move(refused));
  return true;
}

}  // namespace authorization

inline bool authorize(HandlerContext& context, ShareFetchRequest& request,
                      Reply<ShareFetchResponse>& reply) {
  return authorization::ask_shared(context, request, reply);
}
inline bool authorize(HandlerContext& context, ShareAcknowledgeRequest& request,
                      Reply<ShareAcknowledgeResponse>& reply) {
  return authorization::ask_shared(context, request, reply);
}
// Checks requests that only nodes of a cluster send.
template <class Request, class Response>
bool ask_share_state(const HandlerContext& context, const Request& request,
                     Reply<Response>& reply) {
  if (context.permissions->may_cluster(Operation::ClusterAction)) return true;
  Response response;
  for (const auto& asked : request.topics) {
    auto& topic = response.results.emplace_back();
    topic.topic_id = asked.topic_id;
    for (const auto& each : asked.partitions) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition = each.partition;
      partition.error_code = kClusterRefused;
    }
  }
  reply.send(response);
  return false;
}
inline bool authorize(HandlerContext& context, ReadShareGroupStateRequest& request,
                      Reply<ReadShareGroupStateResponse>& reply) {
  return ask_share_state(context, request, reply);
}
inline bool authorize(HandlerContext& context, WriteShareGroupStateRequest& request,
                      Reply<WriteShareGroupStateResponse>& reply) {
  return ask_share_state(context, request, reply);
}
inline bool authorize(HandlerContext& context, AlterShareGroupOffsetsRequest& request,
                      Reply<AlterShareGroupOffsetsResponse>& reply) {
  return authorization::ask_share_offsets(context, Operation::Read, request, reply,
                                          [](const auto& topic, auto& answer) {
                                            for (const auto& each : topic.partitions) {
                                              auto& partition = answer.partitions.emplace_back();
                                              partition.partition_index = each.partition_index;
                                              partition.error_code = kTopicRefused;
                                            }
                                          });
}
inline bool authorize(HandlerContext& context, DeleteShareGroupOffsetsRequest& request,
                      Reply<DeleteShareGroupOffsetsResponse>& reply) {
  return authorization::ask_share_offsets(
      context, Operation::Delete, request, reply,
      [](const auto&, auto& answer) { answer.error_code = kTopicRefused; });
}
inline bool authorize(HandlerContext& context, DescribeShareGroupOffsetsRequest& request,
                      Reply<DescribeShareGroupOffsetsResponse>& reply) {
  std::vector<DescribeShareGroupOffsetsResponse::Group> refused;
  authorization::take_refused(
      request.groups,
      [&](const auto& group) {
        return context.permissions->may_group(Operation::Describe, group.group_id);
      },
      [&](const auto& group) {
        auto& answer = refused.emplace_back();
        answer.group_id = group.group_id;
        answer.error_code = kGroupRefused;
      });
  // Topics that the user may not see are left out, as if the group did not read them.
  reply.amend_with(
      [permissions = context.permissions, refused](DescribeShareGroupOffsetsResponse& response) {
        for (auto& group : response.groups)
          std::erase_if(group.topics, [&](const auto& topic) {
            return !permissions->may_topic(Operation::Describe, topic.topic_name);
          });
        response.groups.insert(response.groups.end(), refused.begin(), refused.end());
      });
  return true;
}
inline bool authorize(HandlerContext& context, ShareGroupDescribeRequest& request,
                      Reply<ShareGroupDescribeResponse>& reply) {
  return authorization::ask_described(context, request.group_ids, reply);
}
inline bool authorize(HandlerContext& context, DescribeGroupsRequest& request,
                      Reply<DescribeGroupsResponse>& reply) {
  return authorization::ask_described(context, request.groups, reply);
}
inline bool authorize(HandlerContext& context, ConsumerGroupDescribeRequest& request,
                      Reply<ConsumerGroupDescribeResponse>& reply) {
  return authorization::ask_described(context, request.group_ids, reply);
}
inline bool authorize(HandlerContext& context, DeleteGroupsRequest& request,
                      Reply<DeleteGroupsResponse>& reply) {
  std::vector<DeleteGroupsResponse::Result> refused;
  authorization::take_refused(
      request.groups_names,
      [&](const auto& group) { return context.permissions->may_group(Operation::Delete, group); },
      [&](const auto& group) {
        refused.push_back({group, kGroupRefused});
      });
  authorization::add_later(reply, &DeleteGroupsResponse::results, std::move(refused));
  return true;
}
inline bool authorize(HandlerContext& context, ListGroupsRequest&,
                      Reply<ListGroupsResponse>& reply) {
  reply.amend_with([permissions = context.permissions](ListGroupsResponse& response) {
    std::erase_if(response.groups, [&](const auto& group) {
      return !permissions->may_group(Operation::Describe, group.group_id);
    });
  });
  return true;
}

// ---- Committed offsets of groups.

namespace authorization {

template <class Request, class Response>
bool ask_offsets(const HandlerContext& context, Request& request, Reply<Response>& reply,
                 KafkaError whole) {
  using Topic = typename Response::Topic;
  std::vector<Topic> refused;
  take_refused(
      request.topics,
      [&](const auto& topic) {
        return whole == KafkaError::None &&
               context.permissions->may_topic(Operation::Read, topic.name);
      },
      [&](const auto& topic) {
        refused.push_back(all_refused(topic, &Topic::name, topic.name, &Topic::partitions,
                                      whole == KafkaError::None ? kTopicRefused : whole));
      });
  if (request.topics.empty() && !refused.empty()) {
    Response response;
    response.topics = std::move(refused);
    reply.send(response);
    return false;
  }
  add_later(reply, &Response::topics, std::move(refused));
  return true;
}

// Handles topics that the user may not see. If the request named them, they get an error; otherwise
// they are removed.
template <class Topics>
void hide_topics(const Permissions& permissions, Topics& topics, bool were_named) {
  const auto is_hidden = [&](const auto& topic) {
    return !permissions.may_topic(Operation::Describe, topic.name);
  };
  if (!were_named) {
    std::erase_if(topics, is_hidden);
    return;
  }
  for (auto& topic : topics)
    if (is_hidden(topic))
      for (auto& partition : topic.partitions) {
        partition.error_code = kTopicRefused;
        partition.committed_offset = partition.committed_leader_epoch = -1;
        partition.metadata = "";
      }
}

}  // namespace authorization

inline bool authorize(HandlerContext& context, OffsetCommitRequest& request,
                      Reply<OffsetCommitResponse>& reply) {
  const bool may = context.permissions->may_group(Operation::Read, request.group_id);
  return authorization::ask_offsets(context, request, reply,
                                    may ? KafkaError::None : kGroupRefused);
}
inline bool authorize(HandlerContext& context, TxnOffsetCommitRequest& request,
                      Reply<TxnOffsetCommitResponse>& reply) {
  const bool may_transact =
      authorization::may_transact(context, Operation::Write, request.transactional_id);
  const bool may = context.permissions->may_group(Operation::Read, request.group_id);
  return authorization::ask_offsets(context, request, reply,
                                    !may_transact ? kTransactionRefused
                                    : may         ? KafkaError::None
                                                  : kGroupRefused);
}
inline bool authorize(HandlerContext& context, OffsetFetchRequest& request,
                      Reply<OffsetFetchResponse>& reply) {
  constexpr int16_t kFirstWithGroups = 8;
  const auto permissions = context.permissions;
  if (reply.version() < kFirstWithGroups) {
    if (!permissions->may_group(Operation::Describe, request.group_id)) {
      OffsetFetchResponse response;
      response.error_code = kGroupRefused;
      if (request.topics)
        for (const auto& asked : *request.topics) {
          auto& topic = response.topics.emplace_back();
          topic.name = asked.name;
          for (const int32_t index : asked.partition_indexes)
            topic.partitions.push_back({index, -1, -1, "", kGroupRefused});
        }
      reply.send(response);
      return false;
    }
    reply.amend_with(
        [permissions, were_named = request.topics.has_value()](OffsetFetchResponse& response) {
          authorization::hide_topics(*permissions, response.topics, were_named);
        });
    return true;
  }
  std::vector<OffsetFetchResponse::Group> refused;
  authorization::take_refused(
      request.groups,
      [&](const auto& group) {
        return permissions->may_group(Operation::Describe, group.group_id);
      },
      [&](const auto& group) {
        auto& answer = refused.emplace_back();
        answer.group_id = group.group_id;
        answer.error_code = kGroupRefused;
      });
  std::vector<bool> were_named;
  for (const auto& group : request.groups) were_named.push_back(group.topics.has_value());
  reply.amend_with([permissions, were_named, refused](OffsetFetchResponse& response) {
    for (size_t i = 0; i < response.groups.size() && i < were_named.size(); ++i)
      authorization::hide_topics(*permissions, response.groups[i].topics, were_named[i]);
    response.groups.insert(response.groups.end(), refused.begin(), refused.end());
  });
  return true;
}
inline bool authorize(HandlerContext& context, OffsetDeleteRequest& request,
                      Reply<OffsetDeleteResponse>& reply) {
  using Topic = OffsetDeleteResponse::Topic;
  if (!authorization::ask_group(context, request.group_id, Operation::Delete, reply)) return false;
  std::vector<Topic> refused;
  authorization::take_refused(
      request.topics,
      [&](const auto& topic) {
        return context.permissions->may_topic(Operation::Read, topic.name);
      },
      [&](const auto& topic) {
        refused.push_back(authorization::all_refused(topic, &Topic::name, topic.name,
                                                     &Topic::partitions, kTopicRefused));
      });
  authorization::add_later(reply, &OffsetDeleteResponse::topics, std::move(refused));
  return true;
}

inline bool authorize(HandlerContext& context, FindCoordinatorRequest& request,
                      Reply<FindCoordinatorResponse>& reply) {
  constexpr int8_t kGroup = 0, kTransaction = 1;
  constexpr int16_t kFirstWithKeys = 4;
  if (request.key_type != kGroup && request.key_type != kTransaction) return true;
  const KafkaError error = request.key_type == kGroup ? kGroupRefused : kTransactionRefused;
  const auto may = [&](const std::string& key) {
    return request.key_type == kGroup
               ? context.permissions->may_group(Operation::Describe, key)
               : authorization::may_transact(context, Operation::Describe, key);
  };
  if (reply.version() < kFirstWithKeys) {
    if (may(request.key)) return true;
    FindCoordinatorResponse response;
    response.error_code = error;
    response.node_id = response.port = -1;
    reply.send(response);
    return false;
  }
  std::vector<FindCoordinatorResponse::Coordinator> refused;
  authorization::take_refused(request.coordinator_keys, may, [&](const std::string& key) {
    auto& answer = refused.emplace_back();
    answer.key = key;
    answer.node_id = answer.port = -1;
    answer.error_code = error;
  });
  authorization::add_later(reply, &FindCoordinatorResponse::coordinators, std::move(refused));
  return true;
}

// ---- Transactions.

inline bool authorize(HandlerContext& context, InitProducerIdRequest& request,
                      Reply<InitProducerIdResponse>& reply) {
  if (!request.transactional_id ||
      authorization::may_transact(context, Operation::Write, *request.transactional_id))
    return true;
  return authorization::refuse_all(reply, kTransactionRefused);
}
inline bool authorize(HandlerContext& context, EndTxnRequest& request,
                      Reply<EndTxnResponse>& reply) {
  return authorization::may_transact(context, Operation::Write, request.transactional_id) ||
         authorization::refuse_all(reply, kTransactionRefused);
}
inline bool authorize(HandlerContext& context, AddOffsetsToTxnRequest& request,
                      Reply<AddOffsetsToTxnResponse>& reply) {
  if (!authorization::may_transact(context, Operation::Write, request.transactional_id))
    return authorization::refuse_all(reply, kTransactionRefused);
  return authorization::ask_group(context, request.group_id, Operation::Read, reply);
}
// Checks access to the transactional id and to all topics. The request is refused as a whole if one
// topic is refused, because partitions are added all together or not at all.
inline bool authorize(HandlerContext& context, AddPartitionsToTxnRequest& request,
                      Reply<AddPartitionsToTxnResponse>& reply) {
  const bool may_transact =
      authorization::may_transact(context, Operation::Write, request.transactional_id);
  const auto may = [&](const auto& topic) {
    return context.permissions->may_topic(Operation::Write, topic.name);
  };
  if (may_transact && std::ranges::all_of(request.topics, may)) return true;
  AddPartitionsToTxnResponse response;
  for (const auto& topic : request.topics) {
    auto& answer = response.results_by_topic.emplace_back();
    answer.name = topic.name;
    const KafkaError error = !may_transact ? kTransactionRefused
                             : may(topic)  ? kOperationNotAttempted
                                           : kTopicRefused;
    for (const int32_t index : topic.partitions)
      answer.results_by_partition.push_back({index, error});
  }
  reply.send(response);
  return false;
}
inline bool authorize(HandlerContext& context, DescribeTransactionsRequest& request,
                      Reply<DescribeTransactionsResponse>& reply) {
  std::vector<DescribeTransactionsResponse::State> refused;
  authorization::take_refused(
      request.transactional_ids,
      [&](const auto& id) { return authorization::may_transact(context, Operation::Describe, id); },
      [&](const auto& id) {
        auto& answer = refused.emplace_back();
        answer.transactional_id = id;
        answer.error_code = kTransactionRefused;
      });
  authorization::add_later(reply, &DescribeTransactionsResponse::transaction_states,
                           std::move(refused));
  return true;
}
inline bool authorize(HandlerContext& context, ListTransactionsRequest&,
                      Reply<ListTransactionsResponse>& reply) {
  reply.amend_with([permissions = context.permissions](ListTransactionsResponse& response) {
    std::erase_if(response.transaction_states, [&](const auto& state) {
      return !permissions->may(Operation::Describe, ResourceType::TransactionalId,
                               state.transactional_id);
    });
  });
  return true;
}

}  // namespace server::kafka
