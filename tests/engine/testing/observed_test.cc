#include "engine/testing/observed.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

// Returns the difference between an expected JSON text and the contents of a JSON topic.
std::string json_mismatch(std::string_view expected, std::string actual,
                          NumberReading numbers = NumberReading::Exact) {
  const Result<Observed> observed = read_observed(actual, {.name = "JSON"}, {}, numbers);
  if (!observed) return observed.error().message;
  return mismatch(*parse_case_json(expected), *observed);
}

TEST(Observed, json_numbers_with_a_point_are_compared_as_spelled) {
  EXPECT_EQ(json_mismatch("1.0", "1.0"), "");
  EXPECT_NE(json_mismatch("1.0", "1.00"), "");
  EXPECT_NE(json_mismatch("0.0001", "1.0E-4"), "");
  EXPECT_EQ(json_mismatch("1.0E-4", "1.0E-4"), "");
  EXPECT_EQ(json_mismatch("0.0001", "1.0E-4", NumberReading::Rounded), "");
}

TEST(Observed, an_integer_literal_matches_a_decimal_only_without_fraction_digits) {
  EXPECT_NE(json_mismatch("1", "1.0"), "");
  EXPECT_EQ(json_mismatch("10000000", "1.0E7"), "");
  EXPECT_EQ(json_mismatch("1.0", "1"), "");
}

TEST(Observed, fields_are_found_by_their_name_or_its_upper_case) {
  EXPECT_EQ(json_mismatch(R"({"a": 1})", R"({"A": 1})"), "");
  EXPECT_EQ(json_mismatch(R"({"a": 1})", R"({"a": null, "A": 1})").substr(0, 8), "expected");
  EXPECT_EQ(json_mismatch(R"({"A": null})", R"({})").substr(0, 8), "expected");
  EXPECT_EQ(json_mismatch(R"({"A": null})", R"({"B": 1})"), "");
}

TEST(Observed, names_the_place_of_a_difference) {
  EXPECT_EQ(json_mismatch(R"({"A": [1, {"B": "x"}]})", R"({"A": [1, {"B": "y"}]})"),
            "A[1].B: expected \"x\", got \"y\"");
}

TEST(Observed, texts_match_decimals_and_base64) {
  EXPECT_EQ(json_mismatch("\"1.50\"", "1.50"), "");
  const std::vector<ColumnDef> bytes = {{"B", TypeKind::Bytes}};
  const Result<Observed> read =
      read_observed("hello", {.name = "KAFKA"}, bytes, NumberReading::Exact);
  ASSERT_TRUE(read);
  EXPECT_EQ(mismatch(*parse_case_json("\"aGVsbG8=\""), *read), "");
}

TEST(Observed, kafka_bytes_are_read_by_the_columns_type) {
  const std::vector<ColumnDef> bigint = {{"B", TypeKind::Bigint}};
  const std::string eight("\0\0\0\0\0\0\1\0", 8);
  const Result<Observed> read =
      read_observed(eight, {.name = "KAFKA"}, bigint, NumberReading::Exact);
  ASSERT_TRUE(read);
  EXPECT_EQ(mismatch(*parse_case_json("256"), *read), "");
  EXPECT_FALSE(read_observed("1234", {.name = "KAFKA"}, bigint, NumberReading::Exact));
}

TEST(Observed, empty_bytes_count_as_null) {
  const std::vector<ColumnDef> bytes = {{"B", TypeKind::Bytes}};
  const Result<Observed> read = read_observed("", {.name = "KAFKA"}, bytes, NumberReading::Exact);
  ASSERT_TRUE(read);
  EXPECT_EQ(mismatch(CaseJson{}, *read), "");
}

}  // namespace
}  // namespace engine
