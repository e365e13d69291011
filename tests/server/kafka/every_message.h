// All messages that the schemas describe, for tests that go through every one.
#pragma once
#include "server/kafka/codec.h"
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
#include "server/kafka/messages/fetch_request.h"
#include "server/kafka/messages/fetch_response.h"
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

namespace server::kafka {

// Calls visit.operator()<Message>() for each request, or each response.
template <class Visit>
void for_each_request(Visit visit) {
  visit.template operator()<ApiVersionsRequest>();
  visit.template operator()<CreatePartitionsRequest>();
  visit.template operator()<CreateTopicsRequest>();
  visit.template operator()<DeleteGroupsRequest>();
  visit.template operator()<DeleteTopicsRequest>();
  visit.template operator()<DescribeConfigsRequest>();
  visit.template operator()<DescribeGroupsRequest>();
  visit.template operator()<FetchRequest>();
  visit.template operator()<FindCoordinatorRequest>();
  visit.template operator()<HeartbeatRequest>();
  visit.template operator()<InitProducerIdRequest>();
  visit.template operator()<JoinGroupRequest>();
  visit.template operator()<LeaveGroupRequest>();
  visit.template operator()<ListGroupsRequest>();
  visit.template operator()<ListOffsetsRequest>();
  visit.template operator()<MetadataRequest>();
  visit.template operator()<OffsetCommitRequest>();
  visit.template operator()<OffsetDeleteRequest>();
  visit.template operator()<OffsetFetchRequest>();
  visit.template operator()<ProduceRequest>();
  visit.template operator()<SyncGroupRequest>();
}
template <class Visit>
void for_each_response(Visit visit) {
  visit.template operator()<ApiVersionsResponse>();
  visit.template operator()<CreatePartitionsResponse>();
  visit.template operator()<CreateTopicsResponse>();
  visit.template operator()<DeleteGroupsResponse>();
  visit.template operator()<DeleteTopicsResponse>();
  visit.template operator()<DescribeConfigsResponse>();
  visit.template operator()<DescribeGroupsResponse>();
  visit.template operator()<FetchResponse>();
  visit.template operator()<FindCoordinatorResponse>();
  visit.template operator()<HeartbeatResponse>();
  visit.template operator()<InitProducerIdResponse>();
  visit.template operator()<JoinGroupResponse>();
  visit.template operator()<LeaveGroupResponse>();
  visit.template operator()<ListGroupsResponse>();
  visit.template operator()<ListOffsetsResponse>();
  visit.template operator()<MetadataResponse>();
  visit.template operator()<OffsetCommitResponse>();
  visit.template operator()<OffsetDeleteResponse>();
  visit.template operator()<OffsetFetchResponse>();
  visit.template operator()<ProduceResponse>();
  visit.template operator()<SyncGroupResponse>();
}

}  // namespace server::kafka
