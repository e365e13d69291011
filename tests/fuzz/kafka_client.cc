// Fuzz target: the answers of a broker of another cluster, to a client that asks for the metadata and reads a topic.
// The bytes choose each answer: a valid one, a valid one with changed bytes, a frame with a given body, a given batch
// of records with a right checksum, other bytes, or the end of the connection. For any bytes each call of the client
// ends once, and the memory of all answers is released.
#include <cassert>
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "records/batch_builder.h"
#include "records/crc32c.h"
#include "server/kafka/messages/api_versions_request.h"
#include "server/kafka/messages/fetch_request.h"
#include "server/kafka/messages/list_offsets_request.h"
#include "server/kafka/messages/sasl_authenticate_request.h"
#include "server/kafka/messages/sasl_authenticate_response.h"
#include "server/kafka/messages/sasl_handshake_request.h"
#include "server/kafka/messages/sasl_handshake_response.h"
#include "server/kafka_client/topic_reader.h"
#include "tests/server/kafka_client/scripted_broker.h"

using namespace server;
using namespace server::kafka_client;

namespace {

constexpr size_t kCorrelationEnd = 2 * sizeof(int32_t);  // the end of size and correlation id
constexpr int kMostAnswers = 40;  // later requests end their connection, so that each input ends
constexpr int kMostReads = 12;
constexpr int64_t kTimeoutMs = 20;

// Takes parts of the input from its beginning.
class Input {
 public:
  explicit Input(std::string_view bytes) : left_(bytes) {}
  bool is_empty() const { return left_.empty(); }
  uint8_t byte() {
    if (left_.empty()) return 0;
    const auto value = static_cast<uint8_t>(left_.front());
    left_.remove_prefix(1);
    return value;
  }
  // Takes a size of two bytes, and then as many bytes of the input as it has.
  std::string text() {
    const size_t size = byte() * 256u + byte();
    const std::string taken(left_.substr(0, size));
    left_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view left_;
};

std::string one_batch() {
  records::BatchBuilder builder;
  builder.append(1000, "key", "value");
  return builder.finish();
}

// Returns a batch whose bytes after the checksum are from the input.
std::string batch_with(const std::string& content) {
  std::string batch = one_batch().substr(0, records::kBatchHeaderSize);
  constexpr size_t kLengthAt = 8, kCrcAt = 17, kCheckedAt = 21;
  batch.replace(kCheckedAt, std::min(content.size(), batch.size() - kCheckedAt), content);
  store_be(batch.data() + kLengthAt,
           static_cast<int32_t>(batch.size() - records::kBatchPrefixSize));
  store_be(batch.data() + kCrcAt, records::crc32c(std::string_view(batch).substr(kCheckedAt)));
  return batch;
}

struct Broker {
  explicit Broker(Input& bytes)
      : input(bytes), broker(loop, [this](const auto& request) { return answer(request); }) {}

  // Ends the connections after the handler of the request has returned.
  std::string disconnect() {
    loop.post([this] { broker.disconnect(); });
    return {};
  }

  std::string answer(const kafka::RequestFrame& request) {
    if (++answers > kMostAnswers) return disconnect();
    const uint8_t kind = input.byte() % 8;
    if (kind == 7) return disconnect();
    if (kind == 6) return input.text();
    std::string bytes = valid(request, kind == 3 ? batch_with(input.text()) : one_batch());
    if (kind == 5) {
      bytes.resize(kCorrelationEnd);
      bytes += input.text();
      store_be(bytes.data(), static_cast<int32_t>(bytes.size() - sizeof(int32_t)));
    }
    if (kind == 4)
      for (uint8_t left = input.byte() % 16; left > 0 && bytes.size() > kCorrelationEnd; --left) {
        const size_t at = (input.byte() * 256u + input.byte()) % (bytes.size() - kCorrelationEnd);
        bytes[kCorrelationEnd + at] = static_cast<char>(input.byte());
      }
    return bytes;
  }

  std::string valid(const kafka::RequestFrame& request, const std::string& batch) {
    switch (request.header.api_key) {
      case kafka::MetadataRequest::kApiKey: {
        kafka::MetadataResponse response;
        response.brokers.push_back({1, broker.address().host, broker.address().port, {}});
        auto& topic = response.topics.emplace_back();
        topic.name = "t";
        for (int32_t id = 0; id < 2; ++id)
          topic.partitions.push_back({.partition_index = id, .leader_id = 1});
        return answer_bytes(request, response);
      }
      case kafka::ListOffsetsRequest::kApiKey: {
        kafka::ListOffsetsResponse response;
        auto& topic = response.topics.emplace_back();
        topic.name = "t";
        for (int32_t id = 0; id < 2; ++id)
          topic.partitions.push_back({.partition_index = id, .offset = 0});
        return answer_bytes(request, response);
      }
      case kafka::FetchRequest::kApiKey: {
        kafka::FetchResponse response;
        auto& topic = response.responses.emplace_back();
        topic.topic = "t";
        std::list<std::string> batches;  // the response has views of them
        const auto asked = kafka::decode_request<kafka::FetchRequest>(request);
        for (const auto& each : asked->topics.at(0).partitions) {
          auto& partition = topic.partitions.emplace_back();
          partition.partition_index = each.partition;
          std::string& next = batches.emplace_back(batch);
          store_be(next.data(), each.fetch_offset);  // the offset at which the batch begins
          partition.records = kafka::Records(next);
        }
        return answer_bytes(request, response);
      }
      case kafka::SaslHandshakeRequest::kApiKey: {
        kafka::SaslHandshakeResponse response;
        response.mechanisms = {"PLAIN", "SCRAM-SHA-256"};
        return answer_bytes(request, response);
      }
      case kafka::SaslAuthenticateRequest::kApiKey:
        return answer_bytes(request, kafka::SaslAuthenticateResponse{});
      default:
        return answer_bytes(
            request, versions_of<kafka::ApiVersionsRequest, kafka::MetadataRequest,
                                 kafka::ListOffsetsRequest, kafka::FetchRequest,
                                 kafka::SaslHandshakeRequest, kafka::SaslAuthenticateRequest>());
    }
  }

  Input& input;
  Loop loop;
  ScriptedBroker broker;
  int answers = 0;
};

// Waits for the answer of one call, which must come once.
template <class Answer, class Call>
Result<Answer> wait_for(Loop& loop, Call call) {
  std::optional<Result<Answer>> answer;
  call([&](Result<Answer> got) {
    assert(!answer);
    answer = std::move(got);
    loop.stop();
  });
  loop.run();
  assert(answer);
  return std::move(*answer);
}

void read_topic(const std::shared_ptr<KafkaClient>& client) {
  Loop& loop = client->loop();
  const auto metadata = wait_for<kafka::MetadataResponse>(loop, [&](auto done) {
    client->ask_metadata(std::nullopt, client->now_us() + kTimeoutMs * 1000, std::move(done));
  });
  if (!metadata) return;
  const auto reader = TopicReader::make(client, "t", TopicReader::Start::Beginning);
  for (int reads = 0; reads < kMostReads; ++reads) {
    const auto records =
        wait_for<ForeignRecords>(loop, [&](auto done) { reader->next(std::move(done)); });
    if (!records) break;
  }
  reader->close();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(std::string_view(reinterpret_cast<const char*>(data), size));
  MemoryBudget budget(64 << 20);
  const auto memory = std::make_shared<MemoryAccount>(budget);
  {
    ClientSettings settings;
    settings.mechanism = static_cast<SaslMechanism>(input.byte() % 3);
    settings.user = settings.password = "u";
    settings.request_timeout_ms = settings.setup_timeout_ms = kTimeoutMs;
    settings.backoff_ms = settings.backoff_max_ms = 1;
    settings.memory = memory;
    Broker broker(input);
    settings.bootstrap = {broker.broker.address()};
    const SystemClock clock;
    const auto client = KafkaClient::make(broker.loop, clock, std::move(settings), Random(7));
    read_topic(client);
    client->close({ErrorCode::ObjectState, "the input has ended"});
    broker.loop.post([&] { broker.loop.stop(); });
    broker.loop.run();
  }
  assert(memory->held_bytes() == 0);
  return 0;
}
