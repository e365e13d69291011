// A fixture with a client of one session, over a log in memory.
#pragma once
#include "records/batch_builder.h"
#include "server/kafka/messages/every_message.h"
#include "server/kafka/session.h"
#include "tests/server/kafka/memory_backend.h"

namespace server::kafka {

struct Answer {
  int32_t correlation_id;
  std::string body;
};

// A client of one session. It runs the session as a loop would.
class SessionTest : public testing::Test, public SessionHost {
 protected:
  void wake() override { ++wakes; }

  template <class Request>
  void send(const Request& request, int16_t version) {
    std::string bytes;
    append_request(bytes, {.api_version = version, .correlation_id = ++last_id}, request);
    session.receive(bytes);
    session.run();
  }
  std::vector<Answer> answers() {
    answered.receive(session.take_output());
    std::vector<Answer> all;
    while (auto frame = answered.next().value())
      all.push_back({load_be<int32_t>(frame->data()), std::string(frame->substr(4))});
    return all;
  }
  template <class Response, class Request>
  Response ask(const Request& request, int16_t version) {
    send(request, version);
    const std::vector<Answer> all = answers();
    EXPECT_EQ(all.size(), 1u);
    if (all.empty()) return {};
    EXPECT_EQ(all.front().correlation_id, last_id);
    const auto response = decode_response<Response>(all.front().body, version);
    EXPECT_TRUE(response);
    return response.value_or(Response{});
  }

  void create_topic(const std::string& name, int32_t partitions = 1) {
    CreateTopicsRequest request;
    request.topics = {{.name = name, .num_partitions = partitions}};
    EXPECT_EQ(ask<CreateTopicsResponse>(request, 4).topics.at(0).error_code, KafkaError::None);
  }
  static std::string batch(const std::string& value, int64_t timestamp = 1000) {
    records::BatchBuilder builder;
    builder.append(timestamp, "key", value);
    return builder.finish();
  }
  static ProduceRequest produce(const std::string& topic, std::string_view records,
                                int16_t acks = -1, int32_t partition = 0) {
    ProduceRequest request;
    request.acks = acks;
    request.topic_data = {
        {.name = topic, .partition_data = {{.index = partition, .records = records}}}};
    return request;
  }
  static FetchRequest fetch(const std::string& topic, int64_t offset, int32_t max_wait_ms = 0) {
    FetchRequest request;
    request.max_wait_ms = max_wait_ms;
    request.min_bytes = 1;
    request.topics = {
        {.topic = topic,
         .partitions = {{.partition = 0, .fetch_offset = offset, .partition_max_bytes = 1 << 20}}}};
    return request;
  }
  KafkaError produce_error(const ProduceRequest& request, int16_t version = 7) {
    const auto response = ask<ProduceResponse>(request, version);
    return response.responses.at(0).partition_responses.at(0).error_code;
  }

  int wakes = 0;
  int32_t last_id = 0;
  MemoryBackend backend;
  SimulatedClock clock;
  NodeView node{.host = "127.0.0.1", .port = 9092, .cluster_id = "test", .internal_topic = "own"};
  Session session{backend, *this, clock, node};
  FrameReader answered;
};

}  // namespace server::kafka
