#include <algorithm>
#include <set>
#include <span>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using Answer = FetchResponse::Topic::Partition;

constexpr int64_t kMaxResponseSize = 55 << 20;  // Kafka's fetch.max.bytes
// So much is answered however little memory is left: most batches are smaller.
constexpr int64_t kSmallAnswer = 64 << 10;
constexpr int64_t kMaxWaitMs = 60'000;
// While there is no memory for an answer its client waits this long, then gets an empty one.
constexpr int64_t kMemoryWaitMs = 500;
// A wait for many bytes looks at all of them again, not at each commit: so long at least after it has
// found too few, and so many times as long as that took. One that has found nothing was woken for records
// that it has had already; the next one must not wait for that.
constexpr int64_t kLookPauseUs = 5'000, kLookPauseFactor = 10;

// Ends of long waits fall together, a tenth later at most, so that many idle consumers cost few
// wake-ups. New records end a wait at once.
int64_t deadline_us(int64_t now_us, int64_t wait_ms) {
  const int64_t grid_us = wait_ms >= 500 ? 50'000 : wait_ms >= 100 ? 10'000 : 1'000;
  return (now_us + wait_ms * 1000 + grid_us - 1) / grid_us * grid_us;
}

// One look at the log for a request, in a turn of the reader. What it finds lies in the memory
// map, so the answer is written before the turn ends.
class FetchPass {
 public:
  FetchPass(HandlerContext& context, const FetchRequest& request)
      : reader_(context.backend.reader()),
        topics_(context.backend.topics()),
        request_(request),
        room_(context.memory ? static_cast<int64_t>(context.memory->available_bytes() / 2)
                             : kMaxResponseSize),
        size_left_(std::clamp<int64_t>(request.max_bytes, 0, std::min(kMaxResponseSize, room_))) {}

  FetchResponse take() {
    for (const FetchRequest::Topic& topic : request_.topics) {
      FetchResponse::Topic& answer = response_.responses.emplace_back();
      answer.topic = topic.topic;
      for (const FetchRequest::Topic::Partition& asked : topic.partitions)
        answer.partitions.push_back(partition(topics_->find(topic.topic), asked));
    }
    return std::move(response_);
  }

  size_t size_bytes() const { return size_bytes_; }
  // There are records, and not even the first batch of them may be answered now.
  bool lacks_memory() const { return lacks_memory_; }
  bool has_error() const { return has_error_; }
  const std::vector<storage::TopicPartition>& partitions() const { return partitions_; }

 private:
  Answer partition(const storage::TopicInfo* topic, const FetchRequest::Topic::Partition& asked) {
    Answer answer;
    answer.partition_index = asked.partition;
    answer.records = "";
    answer.high_watermark = -1;
    if (request_.isolation_level == 1) answer.aborted_transactions.emplace();
    if (!topic || asked.partition < 0 || asked.partition >= topic->partition_count) {
      answer.error_code = KafkaError::UnknownTopicOrPartition;
      has_error_ = true;
      return answer;
    }
    const storage::TopicPartition id{topic->id, PartitionId(asked.partition)};
    if (!seen_.insert(id).second) {  // each time would read it anew
      answer.error_code = KafkaError::InvalidRequest;
      has_error_ = true;
      return answer;
    }
    partitions_.push_back(id);
    if (const Status found = fill(answer, id, asked); !found) {
      answer.error_code = kafka_error(found.error().code);
      has_error_ = true;
    }
    return answer;
  }

  Status fill(Answer& answer, const storage::TopicPartition& id,
              const FetchRequest::Topic::Partition& asked) {
    answer.log_start_offset = TRY(reader_.log_start(id)).value();
    answer.high_watermark = TRY(reader_.readable_end(id)).value();
    answer.last_stable_offset = answer.high_watermark;
    const int64_t limit = std::min<int64_t>(asked.partition_max_bytes, size_left_);
    // Nothing fits any more; the offset is still looked at.
    const bool must_fit = size_bytes_ > 0;
    const auto batches = TRY(reader_.read(id, Offset(asked.fetch_offset),
                                          static_cast<size_t>(std::max<int64_t>(limit, 1))));
    size_t count = 0, size = 0;
    for (const storage::BatchRef& batch : batches) {
      // The first batch of an answer is given however large it is, or its reader would be stuck.
      const bool fits = static_cast<int64_t>(size + batch.bytes.size()) <= limit;
      if (!fits && (must_fit || count > 0)) break;
      if (static_cast<int64_t>(batch.bytes.size()) > std::max(room_, kSmallAnswer)) {
        lacks_memory_ = true;
        break;
      }
      ++count;
      size += batch.bytes.size();
    }
    size_bytes_ += size;
    size_left_ -= static_cast<int64_t>(size);
    for (const storage::BatchRef& batch : std::span(batches).first(count))
      answer.records->add(batch.bytes);
    return {};
  }

  storage::LogReader& reader_;
  std::shared_ptr<const storage::TopicSnapshot> topics_;
  const FetchRequest& request_;
  // Half of what the connection may still hold: an answer may lie here and with the socket for a
  // moment.
  const int64_t room_;
  int64_t size_left_;
  size_t size_bytes_ = 0;
  bool has_error_ = false, lacks_memory_ = false;
  FetchResponse response_;
  std::vector<storage::TopicPartition> partitions_;
  std::set<storage::TopicPartition> seen_;
};

struct Turn {
  storage::LogReader& reader;
  ~Turn() { reader.end_turn(); }
};

// What an answer waits for.
struct Awaited {
  std::vector<storage::TopicPartition> partitions;  // that may have more later
  bool is_memory = false;                           // or rather: that others give some back
  bool has_found_some = false;                      // too little
};

// Answers when there is enough or no more time. Else says what to wait for.
std::optional<Awaited> answer(HandlerContext& context, const FetchRequest& request,
                              const Reply<FetchResponse>& reply, bool is_last) {
  storage::LogReader& reader = context.backend.reader();
  if (const Status begun = reader.begin_turn(); !begun) {
    FetchResponse failed;
    failed.error_code = kafka_error(begun.error().code);
    reply.send(failed);
    return std::nullopt;
  }
  const Turn turn{reader};  // until the answer is written: it points into the memory map
  FetchPass pass(context, request);
  const FetchResponse response = pass.take();
  // More than an answer may have never comes.
  const int64_t enough =
      std::min<int64_t>({request.min_bytes, request.max_bytes, kMaxResponseSize});
  const bool is_enough = static_cast<int64_t>(pass.size_bytes()) >= enough;
  if (!is_last && !pass.has_error() &&
      (!is_enough || (pass.lacks_memory() && pass.size_bytes() == 0)))
    return Awaited{pass.partitions(), pass.lacks_memory(),
                   pass.size_bytes() > 0 || pass.lacks_memory()};
  constexpr size_t kRoomForFields = 4096;
  reply.expect_size(pass.size_bytes() + kRoomForFields);
  reply.send(response);
  return std::nullopt;
}

}  // namespace

void handle_fetch(HandlerContext& context, FetchRequest request, Reply<FetchResponse> reply) {
  // Sessions are declined by never giving one; asking for one that we did not give is an error.
  if (request.session_id != 0) {
    FetchResponse refusal;
    refusal.error_code = kFetchSessionNotFound;
    return reply.send(refusal);
  }
  const bool may_wait = request.max_wait_ms > 0 && !request.topics.empty();
  auto awaited = answer(context, request, reply, !may_wait);
  if (!awaited) return;
  const int64_t wait_ms =
      std::min<int64_t>(request.max_wait_ms, awaited->is_memory ? kMemoryWaitMs : kMaxWaitMs);
  context.waiting_fetch.emplace(WaitingFetch{std::move(request), reply,
                                             deadline_us(context.clock.monotonic_us(), wait_ms),
                                             std::move(awaited->partitions)});
}

void retry_waiting_fetch(HandlerContext& context) {
  WaitingFetch& waiting = *context.waiting_fetch;
  const int64_t begin_us = context.clock.monotonic_us();
  const auto awaited =
      answer(context, waiting.request, waiting.reply, begin_us >= waiting.deadline_us);
  if (!awaited) return context.waiting_fetch.reset();
  const int64_t now_us = context.clock.monotonic_us();
  const int64_t least_us = awaited->has_found_some ? kLookPauseUs : 0;
  waiting.next_look_us = now_us + std::max(least_us, (now_us - begin_us) * kLookPauseFactor);
  if (awaited->is_memory)
    waiting.deadline_us =
        std::min(waiting.deadline_us, deadline_us(context.clock.monotonic_us(), kMemoryWaitMs));
}

}  // namespace server::kafka
