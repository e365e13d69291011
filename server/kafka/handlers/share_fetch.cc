#include <algorithm>
#include <span>
#include <utility>

#include "server/kafka/handlers/fetch_pass.h"
#include "server/kafka/handlers/share_messages.h"
#include "server/kafka/permissions.h"
#include "server/kafka/turn.h"

namespace server::kafka {

namespace {

using coordinator::AcquiredRecords;
using coordinator::ShareFetched;

constexpr int64_t kMaxShareWaitMs = 60'000;

// Adds the batches that contain the acquired records. If records were deleted meanwhile, it fails
// with the reader's OffsetOutOfRange, which the caller ignores.
Status add_records(storage::LogReader& reader, const storage::TopicPartition& id,
                   std::span<const AcquiredRecords> acquired, Records& to, int64_t& size) {
  constexpr size_t kReadBytes = 1 << 20;
  auto wanted = acquired.begin();
  int64_t from = wanted->first;
  while (wanted != acquired.end()) {
    const auto batches = TRY(reader.read(id, Offset(std::max(from, wanted->first)), kReadBytes));
    if (batches.empty()) return {};
    for (const storage::BatchRef& batch : batches) {
      while (wanted != acquired.end() && wanted->last < batch.base_offset.value()) ++wanted;
      if (wanted == acquired.end()) return {};
      from = batch.last_offset.value() + 1;
      if (wanted->first >= from) continue;
      to.add(batch.bytes);
      size += static_cast<int64_t>(batch.bytes.size());
    }
    while (wanted != acquired.end() && wanted->last < from) ++wanted;
  }
  return {};
}

// Creates an answer. Until it is sent, the answer contains views of the log's memory map. These are valid only within a
// turn of the LogReader, so the answer is created and sent within one turn.
struct Answering {
  Backend& backend;
  std::shared_ptr<const Permissions> permissions;
  std::shared_ptr<const storage::TopicSnapshot> topics = backend.topics();
  int64_t size_bytes = 0;

  void fill(ShareFetchResponse::Topic::Partition& to, const ShareFetched::Partition& from) {
    to.partition_index = from.id.partition;
    to.error_code = from.error;
    to.acknowledge_error_code = from.acknowledge_error;
    to.current_leader = {-1, -1};
    to.records = "";
    if (from.acquired.empty()) return;
    const storage::TopicInfo* topic = topics->find(from.id.topic_id);
    // The user's rights may have changed since the session began.
    if (topic && permissions && !permissions->may_topic(Operation::Read, topic->name)) {
      to.error_code = kTopicRefused;
      return;
    }
    storage::LogReader& reader = backend.reader();
    const Status added = add_records(reader, {from.id.topic_id, PartitionId(from.id.partition)},
                                     from.acquired, to.records, size_bytes);
    if (!added && added.error().code != ErrorCode::OffsetOutOfRange) {
      to.error_code = kafka_error(added.error().code);
      return;
    }
    for (const AcquiredRecords& each : from.acquired)
      to.acquired_records.push_back({each.first, each.last, each.delivery_count});
  }
};

void answer(Backend& backend, const std::shared_ptr<const Permissions>& permissions,
            const std::weak_ptr<ShareConnection>& connection, int32_t throttle_ms,
            ShareFetched fetched, const Reply<ShareFetchResponse>& reply) {
  ShareFetchResponse response;
  response.throttle_time_ms = throttle_ms;
  response.error_code = share_error(fetched.error);
  if (!fetched.message.empty()) response.error_message = std::move(fetched.message);
  response.acquisition_lock_timeout_ms = fetched.lock_timeout_ms;
  const Turn turn(backend.reader());
  if (!turn.begun()) {
    response.error_code = kafka_error(turn.begun().error().code);
    return reply.send(response);
  }
  std::ranges::stable_sort(fetched.partitions, {}, &ShareFetched::Partition::id);
  Answering answering{backend, permissions};
  for (const ShareFetched::Partition& each : fetched.partitions)
    answering.fill(topic_of(response.responses, each.id.topic_id).partitions.emplace_back(), each);
  constexpr size_t kRoomForFields = 4096;
  reply.expect_size(static_cast<size_t>(answering.size_bytes) + kRoomForFields);
  reply.send(response);
  if (const auto known = connection.lock()) known->sent_bytes += answering.size_bytes;
}

// Returns the delay before the client's next request if its previous answers have exceeded the
// quota. Acquired records cannot be taken back, so they are always sent, and their bytes are
// counted with the next request.
int32_t throttle(HandlerContext& context) {
  const int64_t bytes = std::exchange(context.shares->sent_bytes, 0);
  if (bytes == 0 || !context.throttle || !context.throttle->rates) return 0;
  const auto quotas = context.backend.quotas();
  if (quotas->empty()) return 0;
  const QuotaRates::Wait wait =
      context.throttle->rates->record(*quotas, QuotaKind::Fetch, context.throttle->client(), bytes,
                                      context.clock.monotonic_us() / 1000);
  context.throttle->mute(context.clock, wait.ms);
  return wait.ms;
}

}  // namespace

void handle_share_fetch(HandlerContext& context, ShareFetchRequest request,
                        Reply<ShareFetchResponse> reply) {
  constexpr int8_t kUpToRecords = 1;  // as in Kafka's ShareAcquireMode
  const int64_t room =
      context.memory ? static_cast<int64_t>(context.memory->available_bytes() / 2) : kMaxFetchSize;
  coordinator::ShareFetch fetch;
  fetch.max_wait_ms = std::clamp<int64_t>(request.max_wait_ms, 0, kMaxShareWaitMs);
  fetch.max_bytes = std::clamp<int64_t>(request.max_bytes, 0, std::min(kMaxFetchSize, room));
  fetch.max_records = request.max_records;
  fetch.is_strict = request.share_acquire_mode == kUpToRecords;
  fetch.batch_size = request.batch_size;
  for (const auto& topic : request.forgotten_topics_data)
    for (const int32_t partition : topic.partitions)
      fetch.forgotten.push_back({topic.topic_id, partition});
  if (!begin_share_request(context, request, reply, fetch)) return;
  const int32_t throttle_ms = throttle(context);
  context.backend.groups().ask_here(
      std::move(fetch),
      [reply, throttle_ms, &backend = context.backend, permissions = context.permissions,
       connection = std::weak_ptr(context.shares)](ShareFetched fetched) {
        answer(backend, permissions, connection, throttle_ms, std::move(fetched), reply);
      });
}

}  // namespace server::kafka
