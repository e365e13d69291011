#include "server/kafka/apis.h"

#include <algorithm>

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
    handler(context, TRY(decode_request<Request>(frame)),
            Reply<Response>(std::move(slot), frame.header));
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
    // 0 to 2 are refused, but librdkafka 2.0 compresses only when 0 is listed.
    api<handle_produce>(3, 9).reported_from(0),
    api<handle_fetch>(4, 12),
    api<handle_list_offsets>(1, 6),
    api<handle_metadata>(0, 12),
    api<handle_find_coordinator>(0, 4),
    api<handle_api_versions>(0, 4),
    api<handle_create_topics>(2, 7),
    api<handle_delete_topics>(1, 6),
    api<handle_delete_records>(0, 2),
    api<handle_init_producer_id>(0, 4),
    api<handle_describe_configs>(1, 4),
    api<handle_create_partitions>(0, 3),
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
