// All messages that the schemas describe, for tests that go through every one.
#pragma once
#include "server/kafka/codec.h"
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
#include "server/kafka/messages/fetch_request.h"
#include "server/kafka/messages/fetch_response.h"
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

// Calls visit.operator()<Message>() for each request, or each response.
template <class Visit>
void for_each_request(Visit visit) {
  visit.template operator()<AlterConfigsRequest>();
  visit.template operator()<ApiVersionsRequest>();
  visit.template operator()<CreatePartitionsRequest>();
  visit.template operator()<CreateTopicsRequest>();
  visit.template operator()<DeleteRecordsRequest>();
  visit.template operator()<DeleteTopicsRequest>();
  visit.template operator()<DescribeConfigsRequest>();
  visit.template operator()<FetchRequest>();
  visit.template operator()<FindCoordinatorRequest>();
  visit.template operator()<IncrementalAlterConfigsRequest>();
  visit.template operator()<InitProducerIdRequest>();
  visit.template operator()<ListOffsetsRequest>();
  visit.template operator()<MetadataRequest>();
  visit.template operator()<ProduceRequest>();
}
template <class Visit>
void for_each_response(Visit visit) {
  visit.template operator()<AlterConfigsResponse>();
  visit.template operator()<ApiVersionsResponse>();
  visit.template operator()<CreatePartitionsResponse>();
  visit.template operator()<CreateTopicsResponse>();
  visit.template operator()<DeleteRecordsResponse>();
  visit.template operator()<DeleteTopicsResponse>();
  visit.template operator()<DescribeConfigsResponse>();
  visit.template operator()<FetchResponse>();
  visit.template operator()<FindCoordinatorResponse>();
  visit.template operator()<IncrementalAlterConfigsResponse>();
  visit.template operator()<InitProducerIdResponse>();
  visit.template operator()<ListOffsetsResponse>();
  visit.template operator()<MetadataResponse>();
  visit.template operator()<ProduceResponse>();
}

}  // namespace server::kafka
