// Tests the bytes of requests and answers. The expected bytes were written by hand from the
// definition of the protocol.
#include "server/kafka/codec.h"

#include "server/kafka/messages/every_message.h"

using namespace server::kafka;
using namespace std::string_literals;

namespace {

template <class Request>
Request decode(std::string_view frame) {
  const Result<RequestFrame> parsed = parse_request(frame);
  EXPECT_TRUE(parsed);
  EXPECT_EQ(parsed->header.api_key, Request::kApiKey);
  Result<Request> request = decode_request<Request>(*parsed);
  EXPECT_TRUE(request);
  return request ? *request : Request{};
}

template <class Response>
std::string encode(int16_t version, const Response& response) {
  std::string out;
  append_response(out, 7, version, response);
  return out;
}

}  // namespace

TEST(Codec, an_old_request_header_has_a_client_id_that_may_be_null) {
  const std::string frame = "\0\3\0\4\0\0\0\x2a\0\4kcatbody"s;
  const Result<RequestFrame> named = parse_request(frame);
  ASSERT_TRUE(named);
  EXPECT_EQ(named->header.api_key, 3);
  EXPECT_EQ(named->header.api_version, 4);
  EXPECT_EQ(named->header.correlation_id, 42);
  EXPECT_EQ(named->header.client_id, "kcat");
  EXPECT_EQ(named->body, "body");
  const Result<RequestFrame> nameless = parse_request("\0\3\0\4\0\0\0\x2a\xff\xff"s);
  ASSERT_TRUE(nameless);
  EXPECT_EQ(nameless->header.client_id, std::nullopt);
  EXPECT_FALSE(parse_request("\0\3\0\4\0\0\0\x2a\0\5kcat"s));
}

TEST(Codec, librdkafkas_first_request_is_api_versions_3) {
  const auto request = decode<ApiVersionsRequest>(
      "\0\x12\0\3\0\0\0\1\0\7rdkafka\0\x0blibrdkafka\x06"
      "2.0.2\0"s);
  EXPECT_EQ(request.client_software_name, "librdkafka");
  EXPECT_EQ(request.client_software_version, "2.0.2");
}

TEST(Codec, an_api_versions_response_has_no_tags_in_its_header) {
  ApiVersionsResponse response;
  response.api_keys = {{.api_key = 18, .min_version = 0, .max_version = 4}};
  EXPECT_EQ(encode(0, response), "\0\0\0\x10\0\0\0\7\0\0\0\0\0\1\0\x12\0\0\0\4"s);
  EXPECT_EQ(encode(3, response), "\0\0\0\x13\0\0\0\7\0\0\2\0\x12\0\0\0\4\0\0\0\0\0\0"s);
}

TEST(Codec, a_metadata_request_for_all_topics_is_empty_in_0_and_null_from_1_on) {
  EXPECT_TRUE(decode<MetadataRequest>("\0\3\0\0\0\0\0\1\xff\xff\0\0\0\0"s).topics.value().empty());
  const auto request = decode<MetadataRequest>("\0\3\0\4\0\0\0\1\xff\xff\xff\xff\xff\xff\0"s);
  EXPECT_EQ(request.topics, std::nullopt);
  EXPECT_FALSE(request.allow_auto_topic_creation);
  const auto named = decode<MetadataRequest>("\0\3\0\1\0\0\0\1\xff\xff\0\0\0\1\0\1t"s);
  EXPECT_EQ(named.topics.value().front().name, "t");
  EXPECT_TRUE(named.allow_auto_topic_creation) << "always so before version 4";
}

TEST(Codec, a_flexible_response_has_tags_in_its_header_and_after_each_struct) {
  MetadataResponse response;
  response.brokers = {{.node_id = 1, .host = "h", .port = 9092, .rack = std::nullopt}};
  response.cluster_id = "c";
  response.controller_id = 1;
  EXPECT_EQ(encode(9, response),
            "\0\0\0\x22\0\0\0\7\0"           // size, correlation id, no tags
            "\0\0\0\0"                       // throttle time
            "\2\0\0\0\1\2h\0\0\x23\x84\0\0"  // one broker, its rack null, no tags
            "\2c\0\0\0\1"                    // cluster id, controller id
            "\1"                             // no topics
            "\x80\0\0\0\0"s);                // authorized operations unknown, no tags
}

TEST(Codec, produce_7_carries_a_batch_for_each_partition) {
  const std::string frame =
      "\0\0\0\7\0\0\0\5\xff\xff"      // header
      "\xff\xff\xff\xff\0\0\x75\x30"  // no transaction, all replicas, 30 s
      "\0\0\0\1\0\6orders\0\0\0\1"s   // one topic, one partition
      "\0\0\0\2\0\0\0\5batch"s;
  // the records of the request are views into `frame`
  const auto request = decode<ProduceRequest>(frame);
  EXPECT_EQ(request.transactional_id, std::nullopt);
  EXPECT_EQ(request.acks, -1);
  EXPECT_EQ(request.timeout_ms, 30'000);
  ASSERT_EQ(request.topic_data.size(), 1u);
  EXPECT_EQ(request.topic_data[0].name, "orders");
  ASSERT_EQ(request.topic_data[0].partition_data.size(), 1u);
  EXPECT_EQ(request.topic_data[0].partition_data[0].index, 2);
  EXPECT_EQ(request.topic_data[0].partition_data[0].records, "batch");
}

TEST(Codec, a_produce_response_grows_with_its_versions) {
  ProduceResponse response;
  response.responses = {{.name = "t",
                         .partition_responses = {
                             {.error_code = KafkaError::CorruptMessage, .error_message = "bad"}}}};
  const std::string common =
      "\0\0\0\7\0\0\0\1\0\1t\0\0\0\1"       // one topic, one partition
      "\0\0\0\0\0\2"                        // partition 0, error 2
      "\xff\xff\xff\xff\xff\xff\xff\xff"    // no base offset
      "\xff\xff\xff\xff\xff\xff\xff\xff"s;  // no append time
  const std::string log_start(8, '\xff'), throttle("\0\0\0\0"s);
  EXPECT_EQ(encode(3, response).substr(4), common + throttle);
  EXPECT_EQ(encode(5, response).substr(4), common + log_start + throttle);
  EXPECT_EQ(encode(8, response).substr(4), common + log_start + "\0\0\0\0\0\3bad"s + throttle);
}

TEST(Codec, tagged_fields_are_written_in_the_order_of_their_tags_and_only_when_set) {
  FetchResponse response;
  response.responses = {{.topic = "t", .partitions = {{.records = ""}}}};
  const size_t bare = encode(12, response).size();
  auto& partition = response.responses[0].partitions[0];
  partition.current_leader = {.leader_id = 1, .leader_epoch = 2};
  const std::string set = encode(12, response);
  EXPECT_EQ(set.size(), bare + 2 + 9);  // tag and size, two numbers and an empty list of tags
  EXPECT_NE(set.find("\1\1\x09\0\0\0\1\0\0\0\2\0"s), std::string::npos);
  const auto again = decode_response<FetchResponse>(std::string_view(set).substr(8), 12);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, response);
}

TEST(Codec, records_that_lie_apart_are_written_as_one) {
  FetchResponse apart, whole;
  apart.responses = {{.topic = "t", .partitions = {{.records = Records()}}}};
  for (const char* piece : {"one", "two", "three"})
    apart.responses[0].partitions[0].records->add(piece);
  whole.responses = {{.topic = "t", .partitions = {{.records = "onetwothree"}}}};
  for (const int16_t version : std::initializer_list<int16_t>{4, 11, 12})
    EXPECT_EQ(encode(version, apart), encode(version, whole));
}

// librdkafka since version 2.3 requests all topics in this form.
TEST(Codec, bytes_behind_the_body_of_a_request_are_ignored) {
  const std::string frame =
      "\0\x03\0\x0c\0\0\0\1\0\x07rdkafka\0"s  // Metadata, version 12
      "\0\0\0\0"                              // all topics, none is made, no operations, no tags
      "\1\0\0"s;                              // bytes after the body
  const auto request = decode_request<MetadataRequest>(parse_request(frame).value());
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->topics.has_value());
  EXPECT_FALSE(request->allow_auto_topic_creation);
  const std::string cut = frame.substr(0, frame.size() - 4);
  EXPECT_FALSE(decode_request<MetadataRequest>(parse_request(cut).value()));
}

TEST(Codec, every_request_is_read_as_written_in_every_version) {
  for_each_request([]<class Request>() {
    for (int16_t version = Request::kMinVersion; version <= Request::kMaxVersion; ++version) {
      std::string sent;
      append_request(sent, {.api_version = version, .client_id = "test"}, Request{});
      const auto frame = parse_request(std::string_view(sent).substr(4));
      ASSERT_TRUE(frame);
      EXPECT_EQ(frame->header.api_key, Request::kApiKey);
      const auto request = decode_request<Request>(*frame);
      ASSERT_TRUE(request) << "key " << Request::kApiKey << " version " << version;
    }
  });
}

TEST(Codec, every_response_is_read_as_written_in_every_version) {
  for_each_response([]<class Response>() {
    for (int16_t version = Response::kMinVersion; version <= Response::kMaxVersion; ++version) {
      std::string sent;
      append_response(sent, 1, version, Response{});
      const auto response = decode_response<Response>(std::string_view(sent).substr(8), version);
      ASSERT_TRUE(response) << "key " << Response::kApiKey << " version " << version;
    }
  });
}
