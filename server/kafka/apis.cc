#include "server/kafka/apis.h"

#include <algorithm>

#include "server/kafka/authorize_groups.h"
#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

template <auto handler>
struct HandlerOf;
template <class Request, class Response, void (*handler)(HandlerContext&, Request, Reply<Response>)>
struct HandlerOf<handler> {
  static constexpr int16_t kKey = Request::kApiKey;
  static_assert(Response::kApiKey == kKey);
  static constexpr bool covers(int16_t min_version, int16_t max_version) {
    return min_version >= Request::kMinVersion && max_version <= Request::kMaxVersion;
  }
  static Status handle(HandlerContext& context, const RequestFrame& frame,
                       std::shared_ptr<AnswerSlot> slot) {
    Request request = TRY(decode_request<Request>(frame));
    Reply<Response> reply(std::move(slot), frame.header);
    if (context.permissions && !authorize(context, request, reply)) return {};
    handler(context, std::move(request), std::move(reply));
    return {};
  }
};

template <auto handler>
consteval ApiRow api(int16_t min_version, int16_t max_version) {
  if (!HandlerOf<handler>::covers(min_version, max_version)) throw "the schema has fewer versions";
  return {HandlerOf<handler>::kKey, min_version, max_version, min_version,
          HandlerOf<handler>::handle};
}

constexpr ApiRow kApis[] = {
    // Requests of versions 0 to 2 are refused. ApiVersions lists version 0 nevertheless, because
    // librdkafka 2.0 compresses only if version 0 is listed.
    api<handle_produce>(3, 13).reported_from(0),
    api<handle_fetch>(4, 17),
    api<handle_list_offsets>(1, 10).in_its_turn(),
    api<handle_metadata>(0, 13).in_its_turn(),
    api<handle_offset_commit>(2, 9),
    api<handle_offset_fetch>(1, 9),
    api<handle_find_coordinator>(0, 6).in_its_turn(),
    api<handle_join_group>(0, 9),
    api<handle_heartbeat>(0, 4),
    api<handle_leave_group>(0, 5),
    api<handle_sync_group>(0, 5),
    api<handle_sasl_handshake>(0, 1),
    api<handle_sasl_authenticate>(0, 2),
    api<handle_describe_groups>(0, 6),
    api<handle_list_groups>(0, 5),
    api<handle_api_versions>(0, 4),
    api<handle_create_topics>(2, 7),
    api<handle_delete_topics>(1, 6),
    api<handle_delete_records>(0, 2),
    api<handle_init_producer_id>(0, 5),
    api<handle_add_partitions_to_txn>(0, 3),
    api<handle_add_offsets_to_txn>(0, 4),
    api<handle_end_txn>(0, 5),
    api<handle_txn_offset_commit>(0, 5),
    api<handle_write_txn_markers>(1, 2),
    api<handle_describe_transactions>(0, 0),
    api<handle_list_transactions>(0, 1),
    api<handle_describe_configs>(1, 4),
    api<handle_create_partitions>(0, 3),
    api<handle_delete_groups>(0, 2),
    api<handle_offset_delete>(0, 0),
    api<handle_describe_acls>(1, 3),
    api<handle_create_acls>(1, 3),
    api<handle_delete_acls>(1, 3),
    api<handle_alter_replica_log_dirs>(1, 2),
    api<handle_describe_log_dirs>(1, 4),
    api<handle_elect_leaders>(0, 2),
    api<handle_alter_partition_reassignments>(0, 1),
    api<handle_list_partition_reassignments>(0, 0),
    api<handle_offset_for_leader_epoch>(2, 4),
    api<handle_describe_user_scram_credentials>(0, 0),
    api<handle_alter_user_scram_credentials>(0, 0),
    api<handle_describe_client_quotas>(0, 1),
    api<handle_alter_client_quotas>(0, 1),
    api<handle_describe_quorum>(0, 2),
    api<handle_update_features>(0, 2),
    api<handle_describe_cluster>(0, 2).in_its_turn(),
    api<handle_unregister_broker>(0, 0),
    api<handle_describe_producers>(0, 0),
    api<handle_consumer_group_heartbeat>(0, 1),
    api<handle_consumer_group_describe>(0, 1),
    api<handle_list_config_resources>(0, 1),
    api<handle_share_group_heartbeat>(1, 1),
    api<handle_share_group_describe>(1, 1),
    api<handle_share_fetch>(1, 2),
    api<handle_share_acknowledge>(1, 2),
    api<handle_read_share_group_state>(0, 0),
    api<handle_write_share_group_state>(0, 0),
    api<handle_describe_share_group_offsets>(0, 1),
    api<handle_alter_share_group_offsets>(0, 0),
    api<handle_delete_share_group_offsets>(0, 0),
    api<handle_describe_topic_partitions>(0, 0).in_its_turn(),
    api<handle_alter_configs>(0, 2),
    api<handle_incremental_alter_configs>(0, 1),
};

}  // namespace

std::span<const ApiRow> apis() { return kApis; }

const ApiRow* find_api(int16_t key) {
  const auto* found = std::ranges::find(kApis, key, &ApiRow::key);
  return found == std::end(kApis) ? nullptr : found;
}

}  // namespace server::kafka
