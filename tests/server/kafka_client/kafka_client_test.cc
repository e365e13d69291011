#include "server/kafka_client/kafka_client.h"

#include <gtest/gtest.h>

#include <optional>

#include "base/bytes.h"
#include "records/batch.h"
#include "records/batch_builder.h"
#include "records/crc32c.h"
#include "server/kafka/messages/api_versions_request.h"
#include "server/kafka/messages/fetch_request.h"
#include "server/kafka/messages/list_offsets_request.h"
#include "server/kafka_client/topic_reader.h"
#include "tests/server/kafka_client/scripted_broker.h"

namespace server::kafka_client {
namespace {

constexpr int64_t kPatienceUs = 20'000'000;

std::string versions(const kafka::RequestFrame& request) {
  return answer_bytes(request, versions_of<kafka::ApiVersionsRequest, kafka::MetadataRequest,
                                           kafka::ListOffsetsRequest, kafka::FetchRequest>());
}

// A client and the loop on which the test's brokers run as well.
struct Meeting {
  ~Meeting() {
    if (!client) return;
    client->close({ErrorCode::ObjectState, "the test ends"});
    run_posted();
  }
  void use(std::vector<Address> bootstrap) {
    ClientSettings settings;
    settings.bootstrap = std::move(bootstrap);
    settings.setup_timeout_ms = 200;
    client = KafkaClient::make(loop, clock, std::move(settings), Random(7));
  }
  Result<kafka::MetadataResponse> ask_metadata() {
    std::optional<Result<kafka::MetadataResponse>> answer;
    client->ask_metadata(std::nullopt, clock.monotonic_us() + kPatienceUs,
                         [&](Result<kafka::MetadataResponse> got) {
                           answer = std::move(got);
                           loop.stop();
                         });
    loop.run();
    return std::move(*answer);
  }
  void run_posted() {
    loop.post([this] { loop.stop(); });
    loop.run();
  }

  Loop loop;
  SystemClock clock;
  std::shared_ptr<KafkaClient> client;
};

// Answers Metadata with one topic of one partition, which the broker at `address` leads.
ScriptedBroker::Answer broker_of(const Address* address, std::string topic = "orders",
                                 KafkaError error = KafkaError::None) {
  return [=](const kafka::RequestFrame& request) {
    if (request.header.api_key != kafka::MetadataRequest::kApiKey) return versions(request);
    kafka::MetadataResponse response;
    response.cluster_id = "far-away";
    response.brokers.push_back({1, address->host, address->port, std::nullopt});
    auto& described = response.topics.emplace_back();
    described.name = topic;
    described.error_code = error;
    auto& partition = described.partitions.emplace_back();
    partition.leader_id = 1;
    return answer_bytes(request, response);
  };
}

TEST(KafkaClient, a_silent_broker_does_not_use_up_the_time_of_the_others) {
  Meeting meeting;
  Address at;
  ScriptedBroker silent(meeting.loop, [](const kafka::RequestFrame&) { return std::string(); });
  ScriptedBroker good(meeting.loop, broker_of(&at));
  at = good.address();
  meeting.use({silent.address(), good.address()});
  const auto answer = meeting.ask_metadata();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->cluster_id, "far-away");
}

TEST(KafkaClient, all_brokers_are_named_if_none_can_be_used) {
  Meeting meeting;
  ScriptedBroker silent(meeting.loop, [](const kafka::RequestFrame&) { return std::string(); });
  ScriptedBroker other(meeting.loop, [](const kafka::RequestFrame&) { return std::string(); });
  meeting.use({silent.address(), other.address()});
  const auto answer = meeting.ask_metadata();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::NetworkFailure);
  for (const Address& each : {silent.address(), other.address()})
    EXPECT_NE(answer.error().message.find(each.to_string()), std::string::npos);
}

TEST(KafkaClient, a_lost_connection_is_opened_again_for_the_same_request) {
  Meeting meeting;
  Address at;
  ScriptedBroker broker(meeting.loop, broker_of(&at));
  at = broker.address();
  meeting.use({broker.address()});
  ASSERT_TRUE(meeting.ask_metadata());
  broker.disconnect();  // as a broker does with idle connections
  const auto answer = meeting.ask_metadata();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(broker.accepted, 2);
}

TEST(KafkaClient, closing_it_fails_the_calls_that_wait) {
  Meeting meeting;
  ScriptedBroker silent(meeting.loop, [](const kafka::RequestFrame&) { return std::string(); });
  meeting.use({silent.address()});
  std::optional<Error> error;
  meeting.client->ask_metadata(
      std::nullopt, meeting.clock.monotonic_us() + kPatienceUs,
      [&](Result<kafka::MetadataResponse> answer) { error = answer.error(); });
  meeting.client->close({ErrorCode::ObjectState, "the link was dropped"});
  meeting.run_posted();
  ASSERT_TRUE(error);
  EXPECT_NE(error->message.find("the link was dropped"), std::string::npos) << error->message;
}

// --- Reading a topic

Result<ForeignRecords> read_next(Meeting& meeting, TopicReader& reader) {
  std::optional<Result<ForeignRecords>> records;
  reader.next([&](Result<ForeignRecords> got) {
    records = std::move(got);
    meeting.loop.stop();
  });
  meeting.loop.run();
  return std::move(*records);
}

// Reads a topic whose only partition answers Fetch with these bytes.
Result<ForeignRecords> read_bytes(const std::string& bytes, KafkaError error = KafkaError::None) {
  Meeting meeting;
  Address at;
  const auto metadata = broker_of(&at);
  ScriptedBroker broker(meeting.loop, [&](const kafka::RequestFrame& request) {
    if (request.header.api_key == kafka::ListOffsetsRequest::kApiKey) {
      kafka::ListOffsetsResponse response;
      auto& topic = response.topics.emplace_back();
      topic.name = "orders";
      topic.partitions.emplace_back().offset = 0;
      return answer_bytes(request, response);
    }
    if (request.header.api_key != kafka::FetchRequest::kApiKey) return metadata(request);
    kafka::FetchResponse response;
    auto& topic = response.responses.emplace_back();
    topic.topic = "orders";
    auto& partition = topic.partitions.emplace_back();
    partition.error_code = error;
    partition.log_start_offset = 5;
    partition.records = kafka::Records(bytes);
    return answer_bytes(request, response);
  });
  at = broker.address();
  meeting.use({broker.address()});
  const auto reader = TopicReader::make(meeting.client, "orders", TopicReader::Start::Beginning);
  TRY(read_next(meeting, *reader));  // shows that the topic exists
  auto records = read_next(meeting, *reader);
  reader->close();
  return records;
}

std::string batch_of(std::initializer_list<std::string_view> values) {
  records::BatchBuilder builder;
  for (const std::string_view value : values) builder.append(1000, std::nullopt, value);
  return builder.finish();
}

TEST(TopicReader, records_come_in_their_order) {
  const auto records = read_bytes(batch_of({"a", "b"}) + batch_of({"c"}).substr(0, 30));
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->records.size(), 2u);
  EXPECT_EQ(records->records[1].value, "b");
}

TEST(TopicReader, damaged_and_cut_batches_are_errors) {
  std::string damaged = batch_of({"a", "b"});
  damaged.back() ^= 1;
  std::string old = batch_of({"a"});
  old[16] = 1;  // the version of the batch
  std::string empty = batch_of({"a"}).substr(0, records::kBatchHeaderSize);
  store_be(empty.data() + 8, static_cast<int32_t>(empty.size() - records::kBatchPrefixSize));
  store_be(empty.data() + 17, records::crc32c(std::string_view(empty).substr(21)));
  for (const std::string& bytes :
       {damaged, old, empty, batch_of({"a"}).substr(0, 40), std::string(100, '\0')}) {
    const auto records = read_bytes(bytes);
    ASSERT_FALSE(records);
    EXPECT_EQ(records.error().code, ErrorCode::CorruptRecord) << records.error().message;
    EXPECT_TRUE(records.error().message.starts_with("partition 0 of topic \"orders\", offset 0: "))
        << records.error().message;
  }
}

TEST(TopicReader, records_that_were_deleted_before_they_were_read_are_reported) {
  const auto records = read_bytes({}, KafkaError::OffsetOutOfRange);
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->losses.size(), 1u);
  EXPECT_EQ(
      records->losses[0],
      "partition 0 of topic \"orders\": the offsets 0 to 4 were deleted before they were read");
}

TEST(TopicReader, a_topic_without_rights_is_refused_with_the_command_that_gives_them) {
  const auto records = read_bytes({}, KafkaError::TopicAuthorizationFailed);
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code, ErrorCode::InsufficientPrivilege);
  EXPECT_EQ(records.error().message, "not allowed to READ topic \"orders\"");
  EXPECT_NE(records.error().hint.find("--operation READ --topic orders"), std::string::npos);
}

TEST(TopicReader, a_missing_topic_is_refused) {
  Meeting meeting;
  Address at;
  ScriptedBroker broker(meeting.loop,
                        broker_of(&at, "orders", KafkaError::UnknownTopicOrPartition));
  at = broker.address();
  meeting.use({broker.address()});
  const auto reader = TopicReader::make(meeting.client, "orders", TopicReader::Start::End);
  const auto records = read_next(meeting, *reader);
  reader->close();
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code, ErrorCode::UndefinedSource);
}

}  // namespace
}  // namespace server::kafka_client
