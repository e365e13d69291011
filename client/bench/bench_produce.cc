// millrace bench produce: how fast a server accepts records.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "base/random.h"
#include "client/admin/topics.h"
#include "client/bench/bench.h"
#include "client/command_line.h"
#include "client/progress.h"

namespace client {

namespace {

using std::chrono::steady_clock;

constexpr size_t kPayloads = 64;  // different payloads, sent in turn
constexpr int kReportWaitMs = 100;
// records between two checks of the clock and of interrupts
constexpr int64_t kRecordsPerLook = 64;

int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             steady_clock::now().time_since_epoch())
      .count();
}

// Returns payloads of random letters, as kafka-producer-perf-test sends them. Compression makes
// them about half as large at best.
std::vector<std::string> make_payloads(size_t size) {
  Random random(1);
  std::vector<std::string> payloads(kPayloads, std::string(size, ' '));
  for (std::string& payload : payloads)
    for (char& letter : payload) letter = static_cast<char>('A' + random.next() % 26);
  return payloads;
}

// Time limit, and pause between attempts, to find a topic that was just created: a Kafka broker
// learns of the topic a moment after the controller has confirmed its creation.
constexpr auto kTopicSettles = std::chrono::seconds(5);
constexpr auto kLookAgain = std::chrono::milliseconds(50);

Result<TopicDescription> find_or_create(Connection& connection, const BenchRequest& request) {
  for (const TopicDescription& topic : TRY(connection.topics()))
    if (topic.name == request.topic) return topic;
  const Status made = create_topic(connection, {request.topic, request.partitions, {}, {}});
  if (!made && made.error().code != ErrorCode::TopicExists) return made.error();
  for (const auto end = steady_clock::now() + kTopicSettles;;) {
    if (auto topic = TRY(connection.topic(request.topic, Connection::IfMissing::Leave)))
      return std::move(*topic);
    if (steady_clock::now() > end)
      return Error{ErrorCode::UnknownTopic,
                   fmt::format("topic \"{}\" was created but is not available", request.topic)};
    std::this_thread::sleep_for(kLookAgain);
  }
}

// Counts delivery reports on a thread of its own, because the thread that sends records sleeps to
// limit the rate.
class DeliveryReports {
 public:
  DeliveryReports(Connection& connection, const BenchRequest& request)
      : connection_(connection),
        request_(request),
        queue_(rd_kafka_queue_get_main(connection.handle())) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  void stop() {
    thread_.request_stop();
    thread_.join();
  }
  int64_t delivered() const { return delivered_; }

  // The results, which are valid after stop().
  const Histogram& latency_us() const { return latency_us_; }
  int64_t failed() const { return failed_; }
  int64_t last_us() const { return last_us_; }
  const std::optional<Error>& failure() const { return failure_; }

 private:
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const Event event(rd_kafka_queue_poll(queue_.get(), kReportWaitMs));
      if (request_.on_interval) end_interval_if_due();
      if (!event) continue;
      if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_ERROR) {
        connection_.note(rd_kafka_event_error(event.get()),
                         rd_kafka_event_error_string(event.get()));
        connection_.warn_if_lost();
        continue;
      }
      last_us_ = now_us();
      int64_t delivered = 0;
      while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event.get())) {
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
          ++delivered;
          const int64_t latency_us = last_us_ - reinterpret_cast<intptr_t>(message->_private);
          latency_us_.add(latency_us);
          if (request_.on_interval) interval_latency_us_.add(latency_us);
        } else {
          ++failed_;
          if (!failure_) failure_ = kafka_failure(message->err);
        }
      }
      delivered_ += delivered;
    }
  }

  void end_interval_if_due() {
    const double seconds = static_cast<double>(now_us() - interval_began_us_) / 1e6;
    if (seconds < request_.interval_seconds) return;
    BenchResult since{"produce", request_.settings.bootstrap_server, request_.topic};
    since.records = interval_latency_us_.count();
    since.bytes = since.records * static_cast<int64_t>(request_.record_bytes);
    since.seconds = seconds;
    since.latency_us = std::exchange(interval_latency_us_, {});
    interval_began_us_ = now_us();
    request_.on_interval(since);
  }

  Connection& connection_;
  const BenchRequest& request_;
  const Queue queue_;
  std::atomic<int64_t> delivered_ = 0;
  // While thread_ runs, only it uses these members.
  Histogram latency_us_, interval_latency_us_;
  int64_t interval_began_us_ = now_us();
  int64_t failed_ = 0, last_us_ = 0;
  std::optional<Error> failure_;
  std::jthread thread_;  // declared last: it uses the members above
};

// Returns when record `index` is due, in microseconds since the start.
int64_t due_us(const BenchRequest& request, int64_t index) {
  return request.most_per_second == 0
             ? 0
             : static_cast<int64_t>(static_cast<double>(index) * 1e6 /
                                    static_cast<double>(request.most_per_second));
}

// Sends records until the request is fulfilled. Returns the number of sent records.
Result<int64_t> send_all(const BenchRequest& request, Connection& connection,
                         const DeliveryReports& reports, std::vector<std::string>& payloads) {
  const TopicHandle topic(rd_kafka_topic_new(connection.handle(), request.topic.c_str(), nullptr));
  Progress progress(request.is_json ? Progress::Wanted::No : Progress::Wanted::Yes);
  const int64_t began = now_us();
  int64_t index = 0;
  for (; index < request.most_records; ++index) {
    int64_t now = now_us();
    if (const int64_t due = began + due_us(request, index); now < due) {
      std::this_thread::sleep_for(std::chrono::microseconds(due - now));
      now = now_us();
    }
    if (index % kRecordsPerLook == 0 &&
        (is_interrupted() || static_cast<double>(now - began) > request.most_seconds * 1e6))
      break;
    std::string& payload = payloads[static_cast<size_t>(index) % kPayloads];
    if (rd_kafka_produce(topic.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_BLOCK, payload.data(),
                         payload.size(), nullptr, 0, reinterpret_cast<void*>(now)) != 0)
      return kafka_failure(rd_kafka_last_error());
    progress.show(reports.delivered(),
                  reports.delivered() * static_cast<int64_t>(request.record_bytes));
  }
  while (rd_kafka_outq_len(connection.handle()) > 0 && !is_interrupted()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    progress.show(reports.delivered(),
                  reports.delivered() * static_cast<int64_t>(request.record_bytes));
  }
  return index;
}

}  // namespace

Result<BenchResult> bench_produce(const BenchRequest& request) {
  const Properties defaults{{"enable.idempotence", request.is_idempotent ? "true" : "false"},
                            {"acks", request.acks},
                            {"compression.codec", request.codec},
                            {"message.timeout.ms", "60000"}};
  // librdkafka refers to the payloads without a copy, so they are declared before the connection,
  // and outlive it.
  std::vector<std::string> payloads = make_payloads(request.record_bytes);
  Connection connection =
      TRY(Connection::open(RD_KAFKA_PRODUCER, request.settings, defaults, RD_KAFKA_EVENT_DR));
  const TopicDescription topic = TRY(find_or_create(connection, request));
  watch_for_interrupts();
  DeliveryReports reports(connection, request);
  const int64_t began = now_us();
  const Result<int64_t> sent = send_all(request, connection, reports, payloads);
  reports.stop();
  if (!sent) return sent.error();
  if (reports.delivered() == 0 && reports.failure()) return *reports.failure();
  BenchResult result{"produce", request.settings.bootstrap_server, request.topic};
  result.partitions = topic.partitions.size();
  result.records = reports.delivered();
  result.bytes = result.records * static_cast<int64_t>(request.record_bytes);
  result.failed_records = reports.failed();
  if (reports.failure()) result.failure = reports.failure()->message;
  result.seconds = static_cast<double>(reports.last_us() - began) / 1e6;
  result.latency_us = reports.latency_us();
  return result;
}

}  // namespace client
