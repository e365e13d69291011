#include "engine/testing/case_json.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

std::string round_trip(std::string_view text) {
  const Result<CaseJson> node = parse_case_json(text);
  return node ? case_json_text(*node) : "error: " + node.error().message;
}

TEST(CaseJson, keeps_how_numbers_are_spelled) {
  EXPECT_EQ(round_trip("[1, 1.0, 1.50, 1E2, -0.0, 123456789012345678901234567890.5]"),
            "[1,1.0,1.50,1E2,-0.0,123456789012345678901234567890.5]");
}

TEST(CaseJson, reads_scalars_as_documents) {
  EXPECT_EQ(round_trip("null"), "null");
  EXPECT_EQ(round_trip(" 10 "), "10");
  EXPECT_EQ(round_trip("\"a\\nb\""), "\"a\\nb\"");
}

TEST(CaseJson, the_last_of_two_members_of_one_name_counts) {
  EXPECT_EQ(round_trip(R"({"a": 1, "b": 2, "a": 3})"), R"({"b":2,"a":3})");
}

TEST(CaseJson, refuses_text_that_is_not_one_json_value) {
  EXPECT_FALSE(parse_case_json(""));
  EXPECT_FALSE(parse_case_json("1, 2"));
  EXPECT_FALSE(parse_case_json("{\"a\": }"));
  EXPECT_FALSE(parse_case_json("[1"));
  EXPECT_FALSE(parse_case_json(std::string(100'000, '[')));
}

}  // namespace
}  // namespace engine
