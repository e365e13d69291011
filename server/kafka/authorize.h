// Access checks before a request's handler runs. Each function removes the items (topics, groups)
// that the user may not access, and adds an error for each of them to the answer; apis.cc selects
// the overload for the request. If no item is left, the function sends the answer itself and
// returns false. Called only for users whose rights are limited, so `context.permissions` is not
// null.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/permissions.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace authorization {

// Removes the items for which `may` is false, and calls `refuse` for each of them, in their order.
// Returns whether an item was removed.
template <class Items, class May, class Refuse>
bool take_refused(Items& items, May may, Refuse refuse) {
  const auto refused = std::erase_if(items, [&](auto& item) {
    if (may(item)) return false;
    refuse(item);
    return true;
  });
  return refused > 0;
}

// Appends the refused items to the handler's answer.
template <class Response, class Items>
void add_later(Reply<Response>& reply, Items Response::*to, Items refused) {
  if (refused.empty()) return;
  reply.amend_with([to, refused = std::move(refused)](Response& response) {
    Items& all = response.*to;
    all.insert(all.end(), refused.begin(), refused.end());
  });
}

// Checks access to a topic, which the request identifies by name or by id. An unknown id is
// accepted here, because the handler answers it with an error.
inline bool may_topic(const HandlerContext& context, Operation operation, const std::string& name,
                      const Uuid& id) {
  if (!name.empty()) return context.permissions->may_topic(operation, name);
  const auto topics = context.backend.topics();
  const storage::TopicInfo* topic = topics->find(id);
  return !topic || context.permissions->may_topic(operation, topic->name);
}

// Sends an answer that contains only the error, and returns false.
template <class Response>
bool refuse_all(Reply<Response>& reply, KafkaError error) {
  Response response;
  response.error_code = error;
  reply.send(response);
  return false;
}
template <class Response>
bool ask_group(const HandlerContext& context, const std::string& group, Operation operation,
               Reply<Response>& reply) {
  return context.permissions->may_group(operation, group) || refuse_all(reply, kGroupRefused);
}
template <class Response>
bool ask_cluster(const HandlerContext& context, Operation operation, Reply<Response>& reply) {
  return context.permissions->may_cluster(operation) || refuse_all(reply, kClusterRefused);
}
inline bool may_transact(const HandlerContext& context, Operation operation,
                         const std::string& transactional_id) {
  return context.permissions->may(operation, ResourceType::TransactionalId, transactional_id);
}

// Returns the answer for a topic that the user may not access: each partition that the request
// names has the error.
template <class Answer, class Asked, class Name, class Partitions>
Answer all_refused(const Asked& asked, Name Answer::*name, const std::string& asked_name,
                   std::vector<Partitions> Answer::*partitions, KafkaError error) {
  Answer answer;
  answer.*name = asked_name;
  for (const auto& each : asked.partitions) {
    Partitions& partition = (answer.*partitions).emplace_back();
    if constexpr (requires { partition.partition_index; })
      partition.partition_index = each.partition_index;
    else
      partition.partition = each.partition;
    partition.error_code = error;
  }
  return answer;
}

// Removes the topics that the user may not access, and adds a refusal for each to the answer.
template <class Request, class Response, class Asked, class Answer>
bool ask_topics(const HandlerContext& context, Operation operation, Request& request,
                Reply<Response>& reply, std::string Asked::*asked_name, std::string Answer::*name) {
  std::vector<Answer> refused;
  take_refused(
      request.topics,
      [&](const Asked& topic) {
        return context.permissions->may_topic(operation, topic.*asked_name);
      },
      [&](const Asked& topic) {
        refused.push_back(
            all_refused(topic, name, topic.*asked_name, &Answer::partitions, kTopicRefused));
      });
  add_later(reply, &Response::topics, std::move(refused));
  return true;
}

}  // namespace authorization

// ---- Requests that every user may send, or whose rights the handler itself checks.

inline bool authorize(HandlerContext&, ApiVersionsRequest&, Reply<ApiVersionsResponse>&) {
  return true;
}
inline bool authorize(HandlerContext&, SaslHandshakeRequest&, Reply<SaslHandshakeResponse>&) {
  return true;
}
inline bool authorize(HandlerContext&, SaslAuthenticateRequest&, Reply<SaslAuthenticateResponse>&) {
  return true;
}
inline bool authorize(HandlerContext&, DescribeClusterRequest&, Reply<DescribeClusterResponse>&) {
  return true;
}
inline bool authorize(HandlerContext&, MetadataRequest&, Reply<MetadataResponse>&) { return true; }
inline bool authorize(HandlerContext&, FetchRequest&, Reply<FetchResponse>&) { return true; }
inline bool authorize(HandlerContext&, DescribeAclsRequest&, Reply<DescribeAclsResponse>&) {
  return true;
}
inline bool authorize(HandlerContext&, CreateAclsRequest&, Reply<CreateAclsResponse>&) {
  return true;
}
inline bool authorize(HandlerContext&, DeleteAclsRequest&, Reply<DeleteAclsResponse>&) {
  return true;
}

// ---- The cluster.

inline bool authorize(HandlerContext& context, DescribeLogDirsRequest&,
                      Reply<DescribeLogDirsResponse>& reply) {
  return authorization::ask_cluster(context, Operation::Describe, reply);
}
inline bool authorize(HandlerContext& context, DescribeQuorumRequest&,
                      Reply<DescribeQuorumResponse>& reply) {
  return authorization::ask_cluster(context, Operation::Describe, reply);
}
inline bool authorize(HandlerContext& context, ListPartitionReassignmentsRequest&,
                      Reply<ListPartitionReassignmentsResponse>& reply) {
  return authorization::ask_cluster(context, Operation::Describe, reply);
}
inline bool authorize(HandlerContext& context, AlterPartitionReassignmentsRequest&,
                      Reply<AlterPartitionReassignmentsResponse>& reply) {
  return authorization::ask_cluster(context, Operation::Alter, reply);
}
inline bool authorize(HandlerContext& context, ElectLeadersRequest&,
                      Reply<ElectLeadersResponse>& reply) {
  return authorization::ask_cluster(context, Operation::Alter, reply);
}
inline bool authorize(HandlerContext& context, UnregisterBrokerRequest&,
                      Reply<UnregisterBrokerResponse>& reply) {
  return authorization::ask_cluster(context, Operation::Alter, reply);
}
inline bool authorize(HandlerContext& context, UpdateFeaturesRequest&,
                      Reply<UpdateFeaturesResponse>& reply) {
  return authorization::ask_cluster(context, Operation::Alter, reply);
}
inline bool authorize(HandlerContext& context, AlterReplicaLogDirsRequest& request,
                      Reply<AlterReplicaLogDirsResponse>& reply) {
  if (context.permissions->may_cluster(Operation::Alter)) return true;
  AlterReplicaLogDirsResponse response;
  for (const auto& directory : request.dirs)
    for (const auto& topic : directory.topics) {
      auto& answer = response.results.emplace_back();
      answer.topic_name = topic.name;
      for (const int32_t index : topic.partitions)
        answer.partitions.push_back({index, kClusterRefused});
    }
  reply.send(response);
  return false;
}
inline bool authorize(HandlerContext& context, ListConfigResourcesRequest&,
                      Reply<ListConfigResourcesResponse>& reply) {
  return authorization::ask_cluster(context, Operation::DescribeConfigs, reply);
}
inline bool authorize(HandlerContext& context, DescribeClientQuotasRequest&,
                      Reply<DescribeClientQuotasResponse>& reply) {
  return authorization::ask_cluster(context, Operation::DescribeConfigs, reply);
}
inline bool authorize(HandlerContext& context, DescribeUserScramCredentialsRequest&,
                      Reply<DescribeUserScramCredentialsResponse>& reply) {
  if (context.permissions->may_cluster(Operation::Alter)) return true;
  DescribeUserScramCredentialsResponse response;
  response.error_code = kClusterRefused;
  // librdkafka 2.16 aborts if the message is missing, so the error always has a message.
  response.error_message = "only superusers list the users that have a password";
  reply.send(response);
  return false;
}
inline bool authorize(HandlerContext& context, AlterClientQuotasRequest& request,
                      Reply<AlterClientQuotasResponse>& reply) {
  if (context.permissions->may_cluster(Operation::AlterConfigs)) return true;
  AlterClientQuotasResponse response;
  for (const auto& asked : request.entries) {
    auto& entry = response.entries.emplace_back();
    entry.error_code = kClusterRefused;
    for (const auto& part : asked.entity)
      entry.entity.push_back({part.entity_type, part.entity_name});
  }
  reply.send(response);
  return false;
}
inline bool authorize(HandlerContext& context, AlterUserScramCredentialsRequest& request,
                      Reply<AlterUserScramCredentialsResponse>& reply) {
  if (context.permissions->may_cluster(Operation::Alter)) return true;
  AlterUserScramCredentialsResponse response;
  for (const auto& each : request.deletions)
    response.results.push_back({each.name, kClusterRefused, std::nullopt});
  for (const auto& each : request.upsertions)
    response.results.push_back({each.name, kClusterRefused, std::nullopt});
  reply.send(response);
  return false;
}
inline bool authorize(HandlerContext& context, WriteTxnMarkersRequest& request,
                      Reply<WriteTxnMarkersResponse>& reply) {
  if (context.permissions->may_cluster(Operation::ClusterAction)) return true;
  WriteTxnMarkersResponse response;
  for (const auto& asked : request.markers) {
    auto& marker = response.markers.emplace_back();
    marker.producer_id = asked.producer_id;
    for (const auto& topic : asked.topics) {
      auto& answers = marker.topics.emplace_back();
      answers.name = topic.name;
      for (const int32_t index : topic.partition_indexes)
        answers.partitions.push_back({index, kClusterRefused});
    }
  }
  reply.send(response);
  return false;
}

// ---- Topics.

inline bool authorize(HandlerContext& context, ProduceRequest& request,
                      Reply<ProduceResponse>& reply) {
  const bool may_transact =
      !request.transactional_id ||
      authorization::may_transact(context, Operation::Write, *request.transactional_id);
  std::vector<ProduceResponse::Topic> refused;
  authorization::take_refused(
      request.topic_data,
      [&](const auto& topic) {
        return may_transact &&
               authorization::may_topic(context, Operation::Write, topic.name, topic.topic_id);
      },
      [&](const auto& topic) {
        auto& answer = refused.emplace_back();
        answer.name = topic.name;
        answer.topic_id = topic.topic_id;
        for (const auto& partition : topic.partition_data) {
          auto& each = answer.partition_responses.emplace_back();
          each.index = partition.index;
          each.error_code = may_transact ? kTopicRefused : kTransactionRefused;
          each.base_offset = -1;
        }
      });
  if (!refused.empty() && request.acks == 0) {  // with acks=0 the client reads no answer
    reply.end_connection();
    return false;
  }
  authorization::add_later(reply, &ProduceResponse::responses, std::move(refused));
  return true;
}
inline bool authorize(HandlerContext& context, ListOffsetsRequest& request,
                      Reply<ListOffsetsResponse>& reply) {
  return authorization::ask_topics(context, Operation::Describe, request, reply,
                                   &ListOffsetsRequest::Topic::name,
                                   &ListOffsetsResponse::Topic::name);
}
inline bool authorize(HandlerContext& context, OffsetForLeaderEpochRequest& request,
                      Reply<OffsetForLeaderEpochResponse>& reply) {
  return authorization::ask_topics(context, Operation::Describe, request, reply,
                                   &OffsetForLeaderEpochRequest::Topic::topic,
                                   &OffsetForLeaderEpochResponse::Topic::topic);
}
inline bool authorize(HandlerContext& context, DeleteRecordsRequest& request,
                      Reply<DeleteRecordsResponse>& reply) {
  return authorization::ask_topics(context, Operation::Delete, request, reply,
                                   &DeleteRecordsRequest::Topic::name,
                                   &DeleteRecordsResponse::Topic::name);
}
inline bool authorize(HandlerContext& context, DescribeProducersRequest& request,
                      Reply<DescribeProducersResponse>& reply) {
  std::vector<DescribeProducersResponse::Topic> refused;
  authorization::take_refused(
      request.topics,
      [&](const auto& topic) {
        return context.permissions->may_topic(Operation::Read, topic.name);
      },
      [&](const auto& topic) {
        auto& answer = refused.emplace_back();
        answer.name = topic.name;
        for (const int32_t index : topic.partition_indexes) {
          auto& partition = answer.partitions.emplace_back();
          partition.partition_index = index;
          partition.error_code = kTopicRefused;
        }
      });
  authorization::add_later(reply, &DescribeProducersResponse::topics, std::move(refused));
  return true;
}
inline bool authorize(HandlerContext& context, DescribeTopicPartitionsRequest& request,
                      Reply<DescribeTopicPartitionsResponse>& reply) {
  const Permissions& permissions = *context.permissions;
  if (request.topics.empty()) {
    const auto topics = context.backend.topics();
    for (const auto& [name, topic] : topics->by_name())
      if (permissions.may_topic(Operation::Describe, name)) request.topics.push_back({name});
    if (!request.topics.empty()) return true;
    reply.send({});
    return false;
  }
  std::vector<DescribeTopicPartitionsResponse::Topic> refused;
  authorization::take_refused(
      request.topics,
      [&](const auto& topic) { return permissions.may_topic(Operation::Describe, topic.name); },
      [&](const auto& topic) {
        auto& answer = refused.emplace_back();
        answer.name = topic.name;
        answer.error_code = kTopicRefused;
      });
  if (request.topics.empty()) {  // an empty list would ask for all topics
    DescribeTopicPartitionsResponse response;
    response.topics = std::move(refused);
    reply.send(response);
    return false;
  }
  authorization::add_later(reply, &DescribeTopicPartitionsResponse::topics, std::move(refused));
  return true;
}
inline bool authorize(HandlerContext& context, CreateTopicsRequest& request,
                      Reply<CreateTopicsResponse>& reply) {
  const Permissions& permissions = *context.permissions;
  std::vector<CreateTopicsResponse::Topic> refused;
  authorization::take_refused(
      request.topics,
      [&](const auto& topic) { return permissions.may_topic(Operation::Create, topic.name); },
      [&](const auto& topic) {
        auto& answer = refused.emplace_back();
        answer.name = topic.name;
        answer.error_code = kTopicRefused;
        answer.num_partitions = answer.replication_factor = -1;
      });
  authorization::add_later(reply, &CreateTopicsResponse::topics, std::move(refused));
  return true;
}
inline bool authorize(HandlerContext& context, DeleteTopicsRequest& request,
                      Reply<DeleteTopicsResponse>& reply) {
  for (std::string& name : request.topic_names)
    request.topics.emplace_back().name = std::move(name);
  request.topic_names.clear();
  std::vector<DeleteTopicsResponse::Topic> refused;
  authorization::take_refused(
      request.topics,
      [&](const auto& topic) {
        return authorization::may_topic(context, Operation::Delete, topic.name.value_or(""),
                                        topic.topic_id);
      },
      [&](const auto& topic) {
        auto& answer = refused.emplace_back();
        answer.name = topic.name;
        answer.topic_id = topic.topic_id;
        answer.error_code = kTopicRefused;
      });
  authorization::add_later(reply, &DeleteTopicsResponse::responses, std::move(refused));
  return true;
}
inline bool authorize(HandlerContext& context, CreatePartitionsRequest& request,
                      Reply<CreatePartitionsResponse>& reply) {
  std::vector<CreatePartitionsResponse::Topic> refused;
  authorization::take_refused(
      request.topics,
      [&](const auto& topic) {
        return context.permissions->may_topic(Operation::Alter, topic.name);
      },
      [&](const auto& topic) {
        refused.push_back({topic.name, kTopicRefused, std::nullopt});
      });
  authorization::add_later(reply, &CreatePartitionsResponse::results, std::move(refused));
  return true;
}

// ---- Settings, of topics and of the broker.

namespace authorization {

template <class Request, class Response, class Answers>
bool ask_resources(const HandlerContext& context, Operation operation, Request& request,
                   Reply<Response>& reply, Answers Response::*answers) {
  constexpr int8_t kTopic = 2;
  Answers refused;
  take_refused(
      request.resources,
      [&](const auto& each) {
        return each.resource_type == kTopic
                   ? context.permissions->may_topic(operation, each.resource_name)
                   : context.permissions->may_cluster(operation);
      },
      [&](const auto& each) {
        auto& answer = refused.emplace_back();
        answer.error_code = each.resource_type == kTopic ? kTopicRefused : kClusterRefused;
        answer.resource_type = each.resource_type;
        answer.resource_name = each.resource_name;
      });
  add_later(reply, answers, std::move(refused));
  return true;
}

}  // namespace authorization

inline bool authorize(HandlerContext& context, DescribeConfigsRequest& request,
                      Reply<DescribeConfigsResponse>& reply) {
  return authorization::ask_resources(context, Operation::DescribeConfigs, request, reply,
                                      &DescribeConfigsResponse::results);
}
inline bool authorize(HandlerContext& context, AlterConfigsRequest& request,
                      Reply<AlterConfigsResponse>& reply) {
  return authorization::ask_resources(context, Operation::AlterConfigs, request, reply,
                                      &AlterConfigsResponse::responses);
}
inline bool authorize(HandlerContext& context, IncrementalAlterConfigsRequest& request,
                      Reply<IncrementalAlterConfigsResponse>& reply) {
  return authorization::ask_resources(context, Operation::AlterConfigs, request, reply,
                                      &IncrementalAlterConfigsResponse::responses);
}

}  // namespace server::kafka
