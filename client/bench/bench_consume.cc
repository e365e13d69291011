// millrace bench consume: how fast a server returns records.
#include <algorithm>
#include <chrono>

#include "client/bench/bench.h"
#include "client/command_line.h"
#include "client/progress.h"
#include "client/reader.h"

namespace client {

namespace {

using std::chrono::steady_clock;

constexpr int kReadWaitMs = 100;

int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void count(const BenchRequest& request, const rd_kafka_message_t& message, int64_t now_ms,
           BenchResult& result) {
  ++result.records;
  result.bytes += static_cast<int64_t>(message.len + message.key_len);
  if (!request.measures_latency) return;
  rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const int64_t sent_ms = rd_kafka_message_timestamp(&message, &kind);
  if (kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) result.latency_us.add((now_ms - sent_ms) * 1000);
}

Status read_all(const BenchRequest& request, Reader& reader, BenchResult& result) {
  Progress progress(request.is_json ? Progress::Wanted::No : Progress::Wanted::Yes);
  const auto began = steady_clock::now();
  std::optional<steady_clock::time_point> first, last;
  while (result.records < request.most_records && !is_interrupted() &&
         !(request.stops_at_end && reader.has_reached_ends()) &&
         std::chrono::duration<double>(steady_clock::now() - began).count() <
             request.most_seconds) {
    const auto messages = TRY(reader.read(kReadWaitMs, SIZE_MAX));
    const auto now = steady_clock::now();
    if (messages.empty()) {
      if (std::chrono::duration<double>(now - last.value_or(began)).count() >
          request.most_idle_seconds)
        break;
      continue;
    }
    last = now;
    if (!first) first = last;
    const int64_t now_ms = wall_ms();
    for (const rd_kafka_message_t* message : messages) {
      if (result.records == request.most_records) break;
      count(request, *message, now_ms, result);
      progress.show(result.records, result.bytes);
    }
  }
  // If only records that arrive later are read, the time begins with the first record.
  if (first)
    result.seconds =
        std::chrono::duration<double>(*last - (request.is_from_beginning ? began : *first)).count();
  return {};
}

}  // namespace

Result<BenchResult> bench_consume(const BenchRequest& request) {
  Reader reader = TRY(Reader::open(
      request.settings, request.stops_at_end ? Reader::Until::End : Reader::Until::Stopped));
  const std::vector<TopicDescription> topics = TRY(reader.connection().topics());
  const auto topic = std::ranges::find(topics, request.topic, &TopicDescription::name);
  if (topic == topics.end()) return no_such_topic(request.topic, topics);
  watch_for_interrupts();
  BenchResult result{"consume", request.settings.bootstrap_server, request.topic};
  result.partitions = topic->partitions.size();
  TRY(reader.start(
      *topic, {},
      {request.is_from_beginning ? StartPosition::Kind::Earliest : StartPosition::Kind::Latest}));
  TRY(read_all(request, reader, result));
  return result;
}

}  // namespace client
