#include "engine/testing/test_case.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

std::vector<TestCase> read(std::string_view tests) {
  Result<std::vector<TestCase>> cases =
      read_cases("{\"tests\": [" + std::string(tests) + "]}", "file");
  EXPECT_TRUE(cases) << cases.error().message;
  return cases ? *std::move(cases) : std::vector<TestCase>();
}

TEST(TestCase, templates_are_a_cross_product) {
  const auto cases = read(R"({"name": "n", "format": ["JSON", "AVRO"], "config": ["a", "b"],
                              "properties": {"p": "{CONFIG}"},
                              "statements": ["S '{FORMAT}';"]})");
  ASSERT_EQ(cases.size(), 4u);
  EXPECT_EQ(cases[0].id, "file/n - JSON - p=a");
  EXPECT_EQ(cases[3].id, "file/n - AVRO - p=b");
  EXPECT_EQ(cases[3].statements[0], "S 'AVRO';");
  EXPECT_EQ(cases[3].properties.at("p"), "b");
}

TEST(TestCase, records_keep_their_numbers_windows_and_headers) {
  const auto cases = read(R"({"name": "n", "statements": ["S;"], "outputs": [
      {"topic": "T", "key": 1.50, "value": null, "timestamp": 7,
       "window": {"start": 10, "end": 20, "type": "Session"},
       "headers": [{"KEY": "k", "VALUE": "aGk="}, {"KEY": "n", "VALUE": null}]}]})");
  const CaseRecord& record = cases.at(0).outputs.at(0);
  EXPECT_EQ(record.key.text, "1.50");
  EXPECT_TRUE(record.value.is_null());
  EXPECT_EQ(record.timestamp, 7);
  EXPECT_TRUE(record.window->is_session);
  EXPECT_EQ(record.window->end_ms, 20);
  EXPECT_EQ(record.headers[0], (CaseHeader{"k", "hi"}));
  EXPECT_EQ(record.headers[1], (CaseHeader{"n", std::nullopt}));
}

std::string skip_reason_of(std::string_view members) {
  return read("{\"name\": \"n\", " + std::string(members) + "}")[0].skip_reason;
}

TEST(TestCase, names_the_reason_for_a_skipped_case) {
  EXPECT_EQ(skip_reason_of(R"("enabled": false, "statements": [])"), "disabled in the case file");
  EXPECT_EQ(skip_reason_of(R"("versions": {"max": "6.0.0"}, "statements": [])"),
            "for ksqlDB up to 6.0.0");
  EXPECT_EQ(skip_reason_of(R"("versions": {"min": "7.2.0"}, "statements": [])"), "");
  EXPECT_EQ(skip_reason_of(R"("statements": ["SELECT bad_udf (a);"])"),
            "test-only function BAD_UDF");
  EXPECT_EQ(skip_reason_of(R"("statements": ["SELECT MY_VAR_ARG(a);"])"), "");
}

TEST(TestCase, a_malformed_case_is_named) {
  const auto cases =
      read_cases(R"({"tests": [{"name": "n", "statements": [], "inputs": [{}]}]})", "file");
  ASSERT_FALSE(cases);
  EXPECT_EQ(cases.error().message, "case \"n\": a record has no topic");
}

}  // namespace
}  // namespace engine
