// The handlers that the rows of apis.cc name; the parameters say which messages each is for.
#pragma once
#include "server/kafka/handler.h"
#include "server/kafka/messages/add_offsets_to_txn_request.h"
#include "server/kafka/messages/add_offsets_to_txn_response.h"
#include "server/kafka/messages/add_partitions_to_txn_request.h"
#include "server/kafka/messages/add_partitions_to_txn_response.h"
#include "server/kafka/messages/api_versions_request.h"
#include "server/kafka/messages/api_versions_response.h"
#include "server/kafka/messages/create_partitions_request.h"
#include "server/kafka/messages/create_partitions_response.h"
#include "server/kafka/messages/create_topics_request.h"
#include "server/kafka/messages/create_topics_response.h"
#include "server/kafka/messages/delete_groups_request.h"
#include "server/kafka/messages/delete_groups_response.h"
#include "server/kafka/messages/delete_topics_request.h"
#include "server/kafka/messages/delete_topics_response.h"
#include "server/kafka/messages/describe_configs_request.h"
#include "server/kafka/messages/describe_configs_response.h"
#include "server/kafka/messages/describe_groups_request.h"
#include "server/kafka/messages/describe_groups_response.h"
#include "server/kafka/messages/describe_transactions_request.h"
#include "server/kafka/messages/describe_transactions_response.h"
#include "server/kafka/messages/end_txn_request.h"
#include "server/kafka/messages/end_txn_response.h"
#include "server/kafka/messages/find_coordinator_request.h"
#include "server/kafka/messages/find_coordinator_response.h"
#include "server/kafka/messages/heartbeat_request.h"
#include "server/kafka/messages/heartbeat_response.h"
#include "server/kafka/messages/init_producer_id_request.h"
#include "server/kafka/messages/init_producer_id_response.h"
#include "server/kafka/messages/join_group_request.h"
#include "server/kafka/messages/join_group_response.h"
#include "server/kafka/messages/leave_group_request.h"
#include "server/kafka/messages/leave_group_response.h"
#include "server/kafka/messages/list_groups_request.h"
#include "server/kafka/messages/list_groups_response.h"
#include "server/kafka/messages/list_offsets_request.h"
#include "server/kafka/messages/list_offsets_response.h"
#include "server/kafka/messages/list_transactions_request.h"
#include "server/kafka/messages/list_transactions_response.h"
#include "server/kafka/messages/metadata_request.h"
#include "server/kafka/messages/metadata_response.h"
#include "server/kafka/messages/offset_commit_request.h"
#include "server/kafka/messages/offset_commit_response.h"
#include "server/kafka/messages/offset_delete_request.h"
#include "server/kafka/messages/offset_delete_response.h"
#include "server/kafka/messages/offset_fetch_request.h"
#include "server/kafka/messages/offset_fetch_response.h"
#include "server/kafka/messages/produce_request.h"
#include "server/kafka/messages/produce_response.h"
#include "server/kafka/messages/sync_group_request.h"
#include "server/kafka/messages/sync_group_response.h"
#include "server/kafka/messages/txn_offset_commit_request.h"
#include "server/kafka/messages/txn_offset_commit_response.h"

namespace server::kafka {

void handle_add_offsets_to_txn(HandlerContext& context, AddOffsetsToTxnRequest request,
                               Reply<AddOffsetsToTxnResponse> reply);
void handle_add_partitions_to_txn(HandlerContext& context, AddPartitionsToTxnRequest request,
                                  Reply<AddPartitionsToTxnResponse> reply);
void handle_describe_transactions(HandlerContext& context, DescribeTransactionsRequest request,
                                  Reply<DescribeTransactionsResponse> reply);
void handle_end_txn(HandlerContext& context, EndTxnRequest request, Reply<EndTxnResponse> reply);
void handle_list_transactions(HandlerContext& context, ListTransactionsRequest request,
                              Reply<ListTransactionsResponse> reply);
void handle_txn_offset_commit(HandlerContext& context, TxnOffsetCommitRequest request,
                              Reply<TxnOffsetCommitResponse> reply);
void handle_api_versions(HandlerContext& context, ApiVersionsRequest request,
                         Reply<ApiVersionsResponse> reply);
void handle_create_partitions(HandlerContext& context, CreatePartitionsRequest request,
                              Reply<CreatePartitionsResponse> reply);
void handle_create_topics(HandlerContext& context, CreateTopicsRequest request,
                          Reply<CreateTopicsResponse> reply);
void handle_delete_groups(HandlerContext& context, DeleteGroupsRequest request,
                          Reply<DeleteGroupsResponse> reply);
void handle_delete_topics(HandlerContext& context, DeleteTopicsRequest request,
                          Reply<DeleteTopicsResponse> reply);
void handle_describe_configs(HandlerContext& context, DescribeConfigsRequest request,
                             Reply<DescribeConfigsResponse> reply);
void handle_describe_groups(HandlerContext& context, DescribeGroupsRequest request,
                            Reply<DescribeGroupsResponse> reply);
void handle_fetch(HandlerContext& context, FetchRequest request, Reply<FetchResponse> reply);
void handle_find_coordinator(HandlerContext& context, FindCoordinatorRequest request,
                             Reply<FindCoordinatorResponse> reply);
void handle_heartbeat(HandlerContext& context, HeartbeatRequest request,
                      Reply<HeartbeatResponse> reply);
void handle_init_producer_id(HandlerContext& context, InitProducerIdRequest request,
                             Reply<InitProducerIdResponse> reply);
void handle_join_group(HandlerContext& context, JoinGroupRequest request,
                       Reply<JoinGroupResponse> reply);
void handle_leave_group(HandlerContext& context, LeaveGroupRequest request,
                        Reply<LeaveGroupResponse> reply);
void handle_list_groups(HandlerContext& context, ListGroupsRequest request,
                        Reply<ListGroupsResponse> reply);
void handle_list_offsets(HandlerContext& context, ListOffsetsRequest request,
                         Reply<ListOffsetsResponse> reply);
void handle_metadata(HandlerContext& context, MetadataRequest request,
                     Reply<MetadataResponse> reply);
void handle_offset_commit(HandlerContext& context, OffsetCommitRequest request,
                          Reply<OffsetCommitResponse> reply);
void handle_offset_delete(HandlerContext& context, OffsetDeleteRequest request,
                          Reply<OffsetDeleteResponse> reply);
void handle_offset_fetch(HandlerContext& context, OffsetFetchRequest request,
                         Reply<OffsetFetchResponse> reply);
void handle_produce(HandlerContext& context, ProduceRequest request, Reply<ProduceResponse> reply);
void handle_sync_group(HandlerContext& context, SyncGroupRequest request,
                       Reply<SyncGroupResponse> reply);

// Of apis(), for the answer to an ApiVersions request whose version we do not know.
ApiVersionsResponse supported_versions();
// Answers the long poll of the context if there is something for it, or its time is over.
void retry_waiting_fetch(HandlerContext& context);

inline constexpr int32_t kMaxPartitions = 10'000;  // of a topic

// What a client may do, as a bit for each operation of access rules (KIP-430): everything that there is, since
// nobody is refused anything yet.
inline constexpr int32_t kAllTopicOperations = 0xdf8, kAllClusterOperations = 0x1fa0;

// Of the present leader; 0 for a partition that is not there yet.
int32_t leader_epoch(const Backend& backend, const storage::TopicPartition& partition);

}  // namespace server::kafka
