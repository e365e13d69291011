// Tests the REST proxy without a socket: records and groups over a log in memory.
#include <gtest/gtest.h>

#include "server/http/proxy/proxy_json.h"

#include "tests/server/http/proxy_api.h"

namespace server::http {
namespace {

class ProxyPages : public testing::Test {
 protected:
  void SetUp() override {
    backend().create_topic("t", 2, {}, {},
                           [](const Result<storage::TopicInfo>& made) { ASSERT_TRUE(made); });
  }
  kafka::MemoryBackend& backend() { return api.backend; }
  // Expects that the answer has this status and contains these words.
  void expect(const std::string& answer, std::string_view status, std::string_view words = "") {
    EXPECT_TRUE(answer.starts_with(status) && answer.find(words) != answer.npos) << answer;
  }

  ProxyApi api;
};

TEST_F(ProxyPages, produced_records_are_consumed) {
  expect(api.v2("POST", "/topics/t",
                R"({"records":[{"key":1,"value":{"a":1},"partition":0},)"
                R"({"value":[2],"partition":1}]})"),
         "200", R"("offset":0)");
  expect(api.v2("POST", "/consumers/g",
                R"({"name":"one","format":"json","auto.offset.reset":"earliest"})"),
         "200", R"("instance_id":"one")");
  const std::string one = "/consumers/g/instances/one";
  expect(api.v2("POST", one + "/assignments",
                R"({"partitions":[{"topic":"t","partition":0},{"topic":"t","partition":1}]})"),
         "204");
  const std::string records = api.v2("GET", one + "/records?timeout=10");
  expect(records, "200", R"("value":{"a":1})");
  expect(records, "200", R"("value":[2])");
  expect(api.v2("POST", one + "/offsets"), "204");
  expect(api.v2("GET", one + "/offsets", R"({"partitions":[{"topic":"t","partition":0}]})"), "200",
         R"("offset":1)");
  expect(api.v2("DELETE", one), "204");
  expect(api.v2("GET", one + "/records"), "404", "40403");
}

TEST_F(ProxyPages, consumers_are_known_by_group_and_name) {
  const std::string body = R"({"name":"one","format":"json"})";
  expect(api.v2("POST", "/consumers/g", body), "200");
  expect(api.v2("POST", "/consumers/g", body), "409", "40902");
  expect(api.v2("POST", "/consumers/h", body), "200");
  expect(api.v2("POST", "/consumers/g", R"({"name":"x","format":"xml"})"), "422");
  expect(api.v2("POST", "/consumers/g/instances/none/subscription", R"({"topics":["t"]})"), "404",
         "40403");
  const std::string one = "/consumers/g/instances/one";
  expect(api.v2("POST", one + "/subscription", R"({"topics":["t"]})"), "204");
  expect(api.v2("POST", one + "/assignments", R"({"partitions":[{"topic":"t","partition":0}]})"),
         "409", "40903");
  expect(api.v2("GET", one + "/subscription"), "200", R"({"topics":["t"]})");
  expect(api.v2("DELETE", one + "/subscription"), "204");
  expect(api.v2("GET", one + "/records", "", "avro"), "406", "40601");
}

TEST_F(ProxyPages, the_number_of_open_consumers_is_bounded) {
  for (size_t i = 0; i < ConsumerInstances::kMost; ++i)
    ASSERT_TRUE(
        api.v2("POST", "/consumers/g", fmt::format(R"({{"name":"c{}"}})", i)).starts_with("200"));
  const std::string refused = api.v2("POST", "/consumers/g", R"({"name":"more"})");
  EXPECT_TRUE(refused.starts_with("4") || refused.starts_with("5")) << refused;
  expect(api.v2("DELETE", "/consumers/g/instances/c7"), "204");
  expect(api.v2("POST", "/consumers/g", R"({"name":"more"})"), "200");
}

TEST_F(ProxyPages, values_are_checked_against_their_json_schema) {
  const std::string schema =
      R"("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]}")";
  const auto produce = [&](const std::string& value) {
    return api.v2("POST", "/topics/t",
                  R"({"value_schema":)" + schema + R"(,"records":[{"value":)" + value + "}]}",
                  "jsonschema");
  };
  expect(produce(R"({"a":1})"), "200", R"("value_schema_id":1)");
  expect(produce(R"({"a":"x"})"), "422", "record 1: value: #/a: expected type");
  expect(produce(R"({})"), "422", "required key [a] not found");
  expect(api.ask("POST", "/v3/clusters/c1/topics/t/records",
                 R"({"value":{"type":"JSONSCHEMA","schema_id":1,"data":{"a":"x"}}})"),
         "200", "#/a: expected type");
  expect(api.ask("POST", "/v3/clusters/c1/topics/t/records",
                 R"({"value":{"type":"JSONSCHEMA","schema_id":1,"data":{"a":3}}})"),
         "200", R"("offset":)");
}

// The schema is small, but its check takes too long. It must end with an error and not delay
// others.
TEST_F(ProxyPages, a_check_has_an_end) {
  std::string defs = R"(\"x0\":{\"type\":\"string\"})";
  for (int i = 1; i <= 60; ++i)
    defs += fmt::format(
        R"(,\"x{0}\":{{\"anyOf\":[{{\"$ref\":\"#/$defs/x{1}\"}},{{\"$ref\":\"#/$defs/x{1}\"}}]}})",
        i, i - 1);
  expect(api.v2("POST", "/topics/t",
                R"({"value_schema":"{\"$defs\":{)" + defs +
                    R"(},\"$ref\":\"#/$defs/x60\"}","records":[{"value":1}]})",
                "jsonschema"),
         "422", "too intricate");
}

TEST_F(ProxyPages, a_temporary_error_of_kafka_may_be_retried) {
  for (const int error : {5, 6, 7, 14, 15, 16, 19, 20, 41, 56, 74, 75})
    EXPECT_EQ(problem_of(static_cast<KafkaError>(static_cast<int16_t>(error)), "").code, 50003)
        << error;
  EXPECT_EQ(problem_of(KafkaError::UnknownTopicOrPartition, "").code, 40403);
}

}  // namespace
}  // namespace server::http
