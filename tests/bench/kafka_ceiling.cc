// A Kafka server that does no work: it drops produced records unread and answers fetches from one
// batch in memory. So the throughput of a client against this server is limited only by the client.
// tests/bench/bench_kafka.py compares it with the throughput against the real server.
//
//   kafka_ceiling        listens on a free port of 127.0.0.1, prints it, and serves until it is
//                        killed; every topic exists, with kPartitions partitions
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <thread>

#include "records/batch_builder.h"
#include "server/kafka/codec.h"
#include "server/kafka/frame_reader.h"
#include "server/kafka/handlers/handlers.h"

namespace server::kafka {
namespace {

constexpr const char* kTopic = "millrace-bench";  // returned to a client that requests all topics
constexpr int32_t kPartitions = 6;
constexpr int32_t kRecordsInBatch = 64;
constexpr size_t kRecordSize = 1024, kBatchesInFetch = 15;  // just below 1 MB
constexpr int64_t kEndOffset = int64_t{1} << 40;

struct Server {
  int32_t port;
  std::string batch;  // a batch of kRecordsInBatch records

  MetadataResponse answer(const MetadataRequest& request) const {
    MetadataResponse response;
    response.brokers.push_back({1, "127.0.0.1", port, std::nullopt});
    response.controller_id = 1;
    const std::vector<MetadataRequest::Topic> all = {{.name = kTopic}};
    for (const auto& asked : request.topics.value_or(all)) {
      auto& topic = response.topics.emplace_back();
      topic.name = asked.name;
      for (int32_t i = 0; i < kPartitions; ++i) {
        auto& partition = topic.partitions.emplace_back();
        partition.partition_index = i;
        partition.leader_id = 1;
        partition.replica_nodes = partition.isr_nodes = {1};
      }
    }
    return response;
  }

  ProduceResponse answer(const ProduceRequest& request) const {
    ProduceResponse response;
    for (const auto& asked : request.topic_data) {
      auto& topic = response.responses.emplace_back();
      topic.name = asked.name;
      for (const auto& partition : asked.partition_data)
        topic.partition_responses.emplace_back().index = partition.index;
    }
    return response;
  }

  ListOffsetsResponse answer(const ListOffsetsRequest& request) const {
    ListOffsetsResponse response;
    for (const auto& asked : request.topics) {
      auto& topic = response.topics.emplace_back();
      topic.name = asked.name;
      for (const auto& partition : asked.partitions) {
        auto& answer = topic.partitions.emplace_back();
        answer.partition_index = partition.partition_index;
        answer.offset = partition.timestamp == -1 ? kEndOffset : 0;
      }
    }
    return response;
  }

  InitProducerIdResponse answer(const InitProducerIdRequest&) const {
    InitProducerIdResponse response;
    response.producer_id = 1;
    response.producer_epoch = 0;
    return response;
  }

  // Writes the records into `records`, to which the answer refers.
  FetchResponse answer(const FetchRequest& request, std::vector<std::string>& records) const {
    FetchResponse response;
    records.clear();
    records.reserve(request.topics.size() * kPartitions);
    for (const auto& asked : request.topics) {
      auto& topic = response.responses.emplace_back();
      topic.topic = asked.topic;
      for (const auto& partition : asked.partitions) {
        std::string& bytes = records.emplace_back();
        for (size_t i = 0; i < kBatchesInFetch; ++i) {
          bytes += batch;
          records::set_base_offset(
              bytes.data() + i * batch.size(),
              Offset(partition.fetch_offset + static_cast<int64_t>(i) * kRecordsInBatch));
        }
        auto& answer = topic.partitions.emplace_back();
        answer.partition_index = partition.partition;
        answer.high_watermark = answer.last_stable_offset = kEndOffset;
        answer.records = bytes;
      }
    }
    return response;
  }
};

// Serves one connection: reads a request, answers it, then reads the next.
class Conversation {
 public:
  Conversation(const Server& server, int fd) : server_(server), fd_(fd) {}
  ~Conversation() { close(fd_); }

  void run() {
    std::string input(1 << 20, '\0');
    for (;;) {
      const ssize_t got = read(fd_, input.data(), input.size());
      if (got <= 0) return;
      frames_.receive({input.data(), static_cast<size_t>(got)});
      for (;;) {
        const auto frame = frames_.next();
        if (!frame) return;
        if (!*frame) break;
        if (!handle(**frame) || !send_output()) return;
      }
    }
  }

 private:
  template <class Request, class Answer>
  bool reply(const RequestFrame& frame, Answer answer) {
    const Result<Request> request = decode_request<Request>(frame);
    if (request)
      append_response(output_, frame.header.correlation_id, frame.header.api_version,
                      answer(*request));
    return static_cast<bool>(request);
  }

  bool handle(std::string_view bytes) {
    const Result<RequestFrame> frame = parse_request(bytes);
    if (!frame) return false;
    const auto plain = [&](const auto& request) { return server_.answer(request); };
    switch (frame->header.api_key) {
      case ApiVersionsRequest::kApiKey:
        return reply<ApiVersionsRequest>(*frame, [](const auto&) { return supported_versions(); });
      case MetadataRequest::kApiKey:
        return reply<MetadataRequest>(*frame, plain);
      case ProduceRequest::kApiKey:
        return reply<ProduceRequest>(*frame, plain);
      case ListOffsetsRequest::kApiKey:
        return reply<ListOffsetsRequest>(*frame, plain);
      case InitProducerIdRequest::kApiKey:
        return reply<InitProducerIdRequest>(*frame, plain);
      case FetchRequest::kApiKey:
        return reply<FetchRequest>(
            *frame, [&](const auto& request) { return server_.answer(request, records_); });
      default:
        return false;
    }
  }

  bool send_output() {
    size_t sent = 0;
    while (sent < output_.size()) {
      const ssize_t took = write(fd_, output_.data() + sent, output_.size() - sent);
      if (took <= 0) return false;
      sent += static_cast<size_t>(took);
    }
    output_.clear();
    return true;
  }

  const Server& server_;
  const int fd_;
  FrameReader frames_;
  std::string output_;
  std::vector<std::string> records_;
};

std::string make_batch() {
  records::BatchBuilder builder;
  const std::string value(kRecordSize, 'x');
  for (int32_t i = 0; i < kRecordsInBatch; ++i) builder.append(1'700'000'000'000, {}, value);
  return builder.finish();
}

int serve() {
  std::signal(SIGPIPE, SIG_IGN);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      listen(listener, 64) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::perror("kafka_ceiling");
    return 1;
  }
  const Server server{ntohs(address.sin_port), make_batch()};
  fmt::print("kafka listening on 127.0.0.1:{}\nready\n", server.port);
  std::fflush(stdout);
  for (;;) {
    const int fd = accept(listener, nullptr, nullptr);
    if (fd < 0) continue;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::thread([&server, fd] { Conversation(server, fd).run(); }).detach();
  }
}

}  // namespace
}  // namespace server::kafka

int main() { return server::kafka::serve(); }
