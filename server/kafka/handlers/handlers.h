// The handlers that the rows of apis.cc refer to; the parameters determine each handler's messages.
#pragma once
#include "base/topic_limits.h"
#include "server/kafka/cluster_view.h"
#include "server/kafka/handler.h"
#include "server/kafka/messages/add_offsets_to_txn_request.h"
#include "server/kafka/messages/add_offsets_to_txn_response.h"
#include "server/kafka/messages/add_partitions_to_txn_request.h"
#include "server/kafka/messages/add_partitions_to_txn_response.h"
#include "server/kafka/messages/alter_client_quotas_request.h"
#include "server/kafka/messages/alter_client_quotas_response.h"
#include "server/kafka/messages/alter_configs_request.h"
#include "server/kafka/messages/alter_configs_response.h"
#include "server/kafka/messages/alter_partition_reassignments_request.h"
#include "server/kafka/messages/alter_partition_reassignments_response.h"
#include "server/kafka/messages/alter_replica_log_dirs_request.h"
#include "server/kafka/messages/alter_replica_log_dirs_response.h"
#include "server/kafka/messages/alter_share_group_offsets_request.h"
#include "server/kafka/messages/alter_share_group_offsets_response.h"
#include "server/kafka/messages/alter_user_scram_credentials_request.h"
#include "server/kafka/messages/alter_user_scram_credentials_response.h"
#include "server/kafka/messages/api_versions_request.h"
#include "server/kafka/messages/api_versions_response.h"
#include "server/kafka/messages/consumer_group_describe_request.h"
#include "server/kafka/messages/consumer_group_describe_response.h"
#include "server/kafka/messages/consumer_group_heartbeat_request.h"
#include "server/kafka/messages/consumer_group_heartbeat_response.h"
#include "server/kafka/messages/create_acls_request.h"
#include "server/kafka/messages/create_acls_response.h"
#include "server/kafka/messages/create_partitions_request.h"
#include "server/kafka/messages/create_partitions_response.h"
#include "server/kafka/messages/create_topics_request.h"
#include "server/kafka/messages/create_topics_response.h"
#include "server/kafka/messages/delete_acls_request.h"
#include "server/kafka/messages/delete_acls_response.h"
#include "server/kafka/messages/delete_groups_request.h"
#include "server/kafka/messages/delete_groups_response.h"
#include "server/kafka/messages/delete_records_request.h"
#include "server/kafka/messages/delete_records_response.h"
#include "server/kafka/messages/delete_share_group_offsets_request.h"
#include "server/kafka/messages/delete_share_group_offsets_response.h"
#include "server/kafka/messages/delete_topics_request.h"
#include "server/kafka/messages/delete_topics_response.h"
#include "server/kafka/messages/describe_acls_request.h"
#include "server/kafka/messages/describe_acls_response.h"
#include "server/kafka/messages/describe_client_quotas_request.h"
#include "server/kafka/messages/describe_client_quotas_response.h"
#include "server/kafka/messages/describe_cluster_request.h"
#include "server/kafka/messages/describe_cluster_response.h"
#include "server/kafka/messages/describe_configs_request.h"
#include "server/kafka/messages/describe_configs_response.h"
#include "server/kafka/messages/describe_groups_request.h"
#include "server/kafka/messages/describe_groups_response.h"
#include "server/kafka/messages/describe_log_dirs_request.h"
#include "server/kafka/messages/describe_log_dirs_response.h"
#include "server/kafka/messages/describe_producers_request.h"
#include "server/kafka/messages/describe_producers_response.h"
#include "server/kafka/messages/describe_quorum_request.h"
#include "server/kafka/messages/describe_quorum_response.h"
#include "server/kafka/messages/describe_share_group_offsets_request.h"
#include "server/kafka/messages/describe_share_group_offsets_response.h"
#include "server/kafka/messages/describe_topic_partitions_request.h"
#include "server/kafka/messages/describe_topic_partitions_response.h"
#include "server/kafka/messages/describe_transactions_request.h"
#include "server/kafka/messages/describe_transactions_response.h"
#include "server/kafka/messages/describe_user_scram_credentials_request.h"
#include "server/kafka/messages/describe_user_scram_credentials_response.h"
#include "server/kafka/messages/elect_leaders_request.h"
#include "server/kafka/messages/elect_leaders_response.h"
#include "server/kafka/messages/end_txn_request.h"
#include "server/kafka/messages/end_txn_response.h"
#include "server/kafka/messages/find_coordinator_request.h"
#include "server/kafka/messages/find_coordinator_response.h"
#include "server/kafka/messages/heartbeat_request.h"
#include "server/kafka/messages/heartbeat_response.h"
#include "server/kafka/messages/incremental_alter_configs_request.h"
#include "server/kafka/messages/incremental_alter_configs_response.h"
#include "server/kafka/messages/init_producer_id_request.h"
#include "server/kafka/messages/init_producer_id_response.h"
#include "server/kafka/messages/join_group_request.h"
#include "server/kafka/messages/join_group_response.h"
#include "server/kafka/messages/leave_group_request.h"
#include "server/kafka/messages/leave_group_response.h"
#include "server/kafka/messages/list_config_resources_request.h"
#include "server/kafka/messages/list_config_resources_response.h"
#include "server/kafka/messages/list_groups_request.h"
#include "server/kafka/messages/list_groups_response.h"
#include "server/kafka/messages/list_offsets_request.h"
#include "server/kafka/messages/list_offsets_response.h"
#include "server/kafka/messages/list_partition_reassignments_request.h"
#include "server/kafka/messages/list_partition_reassignments_response.h"
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
#include "server/kafka/messages/offset_for_leader_epoch_request.h"
#include "server/kafka/messages/offset_for_leader_epoch_response.h"
#include "server/kafka/messages/produce_request.h"
#include "server/kafka/messages/produce_response.h"
#include "server/kafka/messages/read_share_group_state_request.h"
#include "server/kafka/messages/read_share_group_state_response.h"
#include "server/kafka/messages/sasl_authenticate_request.h"
#include "server/kafka/messages/sasl_authenticate_response.h"
#include "server/kafka/messages/sasl_handshake_request.h"
#include "server/kafka/messages/sasl_handshake_response.h"
#include "server/kafka/messages/share_acknowledge_request.h"
#include "server/kafka/messages/share_acknowledge_response.h"
#include "server/kafka/messages/share_fetch_request.h"
#include "server/kafka/messages/share_fetch_response.h"
#include "server/kafka/messages/share_group_describe_request.h"
#include "server/kafka/messages/share_group_describe_response.h"
#include "server/kafka/messages/share_group_heartbeat_request.h"
#include "server/kafka/messages/share_group_heartbeat_response.h"
#include "server/kafka/messages/sync_group_request.h"
#include "server/kafka/messages/sync_group_response.h"
#include "server/kafka/messages/txn_offset_commit_request.h"
#include "server/kafka/messages/txn_offset_commit_response.h"
#include "server/kafka/messages/unregister_broker_request.h"
#include "server/kafka/messages/unregister_broker_response.h"
#include "server/kafka/messages/update_features_request.h"
#include "server/kafka/messages/update_features_response.h"
#include "server/kafka/messages/write_share_group_state_request.h"
#include "server/kafka/messages/write_share_group_state_response.h"
#include "server/kafka/messages/write_txn_markers_request.h"
#include "server/kafka/messages/write_txn_markers_response.h"

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
void handle_unregister_broker(HandlerContext& context, UnregisterBrokerRequest request,
                              Reply<UnregisterBrokerResponse> reply);
void handle_update_features(HandlerContext& context, UpdateFeaturesRequest request,
                            Reply<UpdateFeaturesResponse> reply);
void handle_write_txn_markers(HandlerContext& context, WriteTxnMarkersRequest request,
                              Reply<WriteTxnMarkersResponse> reply);
void handle_alter_configs(HandlerContext& context, AlterConfigsRequest request,
                          Reply<AlterConfigsResponse> reply);
void handle_alter_replica_log_dirs(HandlerContext& context, AlterReplicaLogDirsRequest request,
                                   Reply<AlterReplicaLogDirsResponse> reply);
void handle_api_versions(HandlerContext& context, ApiVersionsRequest request,
                         Reply<ApiVersionsResponse> reply);
void handle_create_partitions(HandlerContext& context, CreatePartitionsRequest request,
                              Reply<CreatePartitionsResponse> reply);
void handle_create_topics(HandlerContext& context, CreateTopicsRequest request,
                          Reply<CreateTopicsResponse> reply);
void handle_delete_groups(HandlerContext& context, DeleteGroupsRequest request,
                          Reply<DeleteGroupsResponse> reply);
void handle_delete_records(HandlerContext& context, DeleteRecordsRequest request,
                           Reply<DeleteRecordsResponse> reply);
void handle_delete_topics(HandlerContext& context, DeleteTopicsRequest request,
                          Reply<DeleteTopicsResponse> reply);
void handle_describe_configs(HandlerContext& context, DescribeConfigsRequest request,
                             Reply<DescribeConfigsResponse> reply);
void handle_consumer_group_heartbeat(HandlerContext& context, ConsumerGroupHeartbeatRequest request,
                                     Reply<ConsumerGroupHeartbeatResponse> reply);
void handle_consumer_group_describe(HandlerContext& context, ConsumerGroupDescribeRequest request,
                                    Reply<ConsumerGroupDescribeResponse> reply);
void handle_describe_groups(HandlerContext& context, DescribeGroupsRequest request,
                            Reply<DescribeGroupsResponse> reply);
void handle_fetch(HandlerContext& context, FetchRequest request, Reply<FetchResponse> reply);
void handle_find_coordinator(HandlerContext& context, FindCoordinatorRequest request,
                             Reply<FindCoordinatorResponse> reply);
void handle_heartbeat(HandlerContext& context, HeartbeatRequest request,
                      Reply<HeartbeatResponse> reply);
void handle_incremental_alter_configs(HandlerContext& context,
                                      IncrementalAlterConfigsRequest request,
                                      Reply<IncrementalAlterConfigsResponse> reply);
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
void handle_sasl_authenticate(HandlerContext& context, SaslAuthenticateRequest request,
                              Reply<SaslAuthenticateResponse> reply);
void handle_sasl_handshake(HandlerContext& context, SaslHandshakeRequest request,
                           Reply<SaslHandshakeResponse> reply);
void handle_sync_group(HandlerContext& context, SyncGroupRequest request,
                       Reply<SyncGroupResponse> reply);

void handle_alter_partition_reassignments(HandlerContext& context,
                                          AlterPartitionReassignmentsRequest request,
                                          Reply<AlterPartitionReassignmentsResponse> reply);
void handle_alter_user_scram_credentials(HandlerContext& context,
                                         AlterUserScramCredentialsRequest request,
                                         Reply<AlterUserScramCredentialsResponse> reply);
void handle_create_acls(HandlerContext& context, CreateAclsRequest request,
                        Reply<CreateAclsResponse> reply);
void handle_delete_acls(HandlerContext& context, DeleteAclsRequest request,
                        Reply<DeleteAclsResponse> reply);
void handle_describe_acls(HandlerContext& context, DescribeAclsRequest request,
                          Reply<DescribeAclsResponse> reply);
void handle_describe_cluster(HandlerContext& context, DescribeClusterRequest request,
                             Reply<DescribeClusterResponse> reply);
void handle_describe_log_dirs(HandlerContext& context, DescribeLogDirsRequest request,
                              Reply<DescribeLogDirsResponse> reply);
void handle_describe_producers(HandlerContext& context, DescribeProducersRequest request,
                               Reply<DescribeProducersResponse> reply);
void handle_describe_quorum(HandlerContext& context, DescribeQuorumRequest request,
                            Reply<DescribeQuorumResponse> reply);
void handle_describe_topic_partitions(HandlerContext& context,
                                      DescribeTopicPartitionsRequest request,
                                      Reply<DescribeTopicPartitionsResponse> reply);
void handle_describe_user_scram_credentials(HandlerContext& context,
                                            DescribeUserScramCredentialsRequest request,
                                            Reply<DescribeUserScramCredentialsResponse> reply);
void handle_elect_leaders(HandlerContext& context, ElectLeadersRequest request,
                          Reply<ElectLeadersResponse> reply);
void handle_list_config_resources(HandlerContext& context, ListConfigResourcesRequest request,
                                  Reply<ListConfigResourcesResponse> reply);
void handle_list_partition_reassignments(HandlerContext& context,
                                         ListPartitionReassignmentsRequest request,
                                         Reply<ListPartitionReassignmentsResponse> reply);
void handle_offset_for_leader_epoch(HandlerContext& context, OffsetForLeaderEpochRequest request,
                                    Reply<OffsetForLeaderEpochResponse> reply);
void handle_alter_client_quotas(HandlerContext& context, AlterClientQuotasRequest request,
                                Reply<AlterClientQuotasResponse> reply);
void handle_describe_client_quotas(HandlerContext& context, DescribeClientQuotasRequest request,
                                   Reply<DescribeClientQuotasResponse> reply);
void handle_share_group_heartbeat(HandlerContext& context, ShareGroupHeartbeatRequest request,
                                  Reply<ShareGroupHeartbeatResponse> reply);
void handle_share_group_describe(HandlerContext& context, ShareGroupDescribeRequest request,
                                 Reply<ShareGroupDescribeResponse> reply);
void handle_share_fetch(HandlerContext& context, ShareFetchRequest request,
                        Reply<ShareFetchResponse> reply);
void handle_share_acknowledge(HandlerContext& context, ShareAcknowledgeRequest request,
                              Reply<ShareAcknowledgeResponse> reply);
void handle_describe_share_group_offsets(HandlerContext& context,
                                         DescribeShareGroupOffsetsRequest request,
                                         Reply<DescribeShareGroupOffsetsResponse> reply);
void handle_alter_share_group_offsets(HandlerContext& context,
                                      AlterShareGroupOffsetsRequest request,
                                      Reply<AlterShareGroupOffsetsResponse> reply);
void handle_read_share_group_state(HandlerContext& context, ReadShareGroupStateRequest request,
                                   Reply<ReadShareGroupStateResponse> reply);
void handle_write_share_group_state(HandlerContext& context, WriteShareGroupStateRequest request,
                                    Reply<WriteShareGroupStateResponse> reply);
void handle_delete_share_group_offsets(HandlerContext& context,
                                       DeleteShareGroupOffsetsRequest request,
                                       Reply<DeleteShareGroupOffsetsResponse> reply);

// Returns the answer to ApiVersions: the versions in apis(), and the features.
ApiVersionsResponse supported_versions();
// The name of the Kafka feature that shows the cluster's feature level. A single node does not have
// this feature.
inline constexpr std::string_view kClusterFeature = "millrace.version";
// Answers the context's waiting fetch if records are available or if its time is over.
void retry_waiting_fetch(HandlerContext& context);

inline constexpr int32_t kMaxPartitions = kMostPartitionsOfTopic;

// The reason why Backend::has_share_groups() is false.
inline constexpr const char* kNoShareGroupsYet =
    "share groups need feature level 6: when all nodes run a program that supports it, run "
    "millrace cluster upgrade";

// Returns the owner of a topic that the client creates, or nullopt if no users exist.
std::optional<std::string> owner_of_new(const HandlerContext& context);

// Checks that the nodes can have a partition's replicas. Fails with InvalidParameter.
Status check_replicas(const std::vector<int32_t>& replicas, const HandlerContext& context);
// Checks the replicas of a new partition: in addition to check_replicas(), enough of the nodes must
// be up for writes. Fails with InvalidParameter.
Status check_new_replicas(const std::vector<int32_t>& replicas, const HandlerContext& context);

// The nodes that clients can connect to, and the node that clients treat as the controller.
struct Brokers {
  std::vector<ClusterView::Node> all;
  int32_t controller_id;
};
Brokers brokers_of(const HandlerContext& context);

// Returns the epoch of the present leader, or 0 for a partition that does not exist yet.
int32_t leader_epoch(const Backend& backend, const storage::TopicPartition& partition);

}  // namespace server::kafka
