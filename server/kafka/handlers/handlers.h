// The handlers that the rows of apis.cc name; the parameters say which messages each is for.
#pragma once
#include "server/kafka/handler.h"
#include "server/kafka/messages/alter_configs_request.h"
#include "server/kafka/messages/alter_configs_response.h"
#include "server/kafka/messages/api_versions_request.h"
#include "server/kafka/messages/api_versions_response.h"
#include "server/kafka/messages/create_partitions_request.h"
#include "server/kafka/messages/create_partitions_response.h"
#include "server/kafka/messages/create_topics_request.h"
#include "server/kafka/messages/create_topics_response.h"
#include "server/kafka/messages/delete_records_request.h"
#include "server/kafka/messages/delete_records_response.h"
#include "server/kafka/messages/delete_topics_request.h"
#include "server/kafka/messages/delete_topics_response.h"
#include "server/kafka/messages/describe_configs_request.h"
#include "server/kafka/messages/describe_configs_response.h"
#include "server/kafka/messages/find_coordinator_request.h"
#include "server/kafka/messages/find_coordinator_response.h"
#include "server/kafka/messages/incremental_alter_configs_request.h"
#include "server/kafka/messages/incremental_alter_configs_response.h"
#include "server/kafka/messages/init_producer_id_request.h"
#include "server/kafka/messages/init_producer_id_response.h"
#include "server/kafka/messages/list_offsets_request.h"
#include "server/kafka/messages/list_offsets_response.h"
#include "server/kafka/messages/metadata_request.h"
#include "server/kafka/messages/metadata_response.h"
#include "server/kafka/messages/produce_request.h"
#include "server/kafka/messages/produce_response.h"

namespace server::kafka {

void handle_alter_configs(HandlerContext& context, AlterConfigsRequest request,
                          Reply<AlterConfigsResponse> reply);
void handle_api_versions(HandlerContext& context, ApiVersionsRequest request,
                         Reply<ApiVersionsResponse> reply);
void handle_create_partitions(HandlerContext& context, CreatePartitionsRequest request,
                              Reply<CreatePartitionsResponse> reply);
void handle_create_topics(HandlerContext& context, CreateTopicsRequest request,
                          Reply<CreateTopicsResponse> reply);
void handle_delete_records(HandlerContext& context, DeleteRecordsRequest request,
                           Reply<DeleteRecordsResponse> reply);
void handle_delete_topics(HandlerContext& context, DeleteTopicsRequest request,
                          Reply<DeleteTopicsResponse> reply);
void handle_describe_configs(HandlerContext& context, DescribeConfigsRequest request,
                             Reply<DescribeConfigsResponse> reply);
void handle_fetch(HandlerContext& context, FetchRequest request, Reply<FetchResponse> reply);
void handle_find_coordinator(HandlerContext& context, FindCoordinatorRequest request,
                             Reply<FindCoordinatorResponse> reply);
void handle_incremental_alter_configs(HandlerContext& context,
                                      IncrementalAlterConfigsRequest request,
                                      Reply<IncrementalAlterConfigsResponse> reply);
void handle_init_producer_id(HandlerContext& context, InitProducerIdRequest request,
                             Reply<InitProducerIdResponse> reply);
void handle_list_offsets(HandlerContext& context, ListOffsetsRequest request,
                         Reply<ListOffsetsResponse> reply);
void handle_metadata(HandlerContext& context, MetadataRequest request,
                     Reply<MetadataResponse> reply);
void handle_produce(HandlerContext& context, ProduceRequest request, Reply<ProduceResponse> reply);

// Of apis(), for the answer to an ApiVersions request whose version we do not know.
ApiVersionsResponse supported_versions();
// Answers the long poll of the context if there is something for it, or its time is over.
void retry_waiting_fetch(HandlerContext& context);

inline constexpr int32_t kMaxPartitions = 10'000;  // of a topic

}  // namespace server::kafka
