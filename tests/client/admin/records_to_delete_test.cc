#include "client/admin/records_to_delete.h"

#include <gtest/gtest.h>

using namespace client;

namespace {

std::string refusal_of(std::string_view text) {
  const auto parsed = parse_records_to_delete(text);
  return parsed ? "none" : parsed.error().message;
}

}  // namespace

TEST(RecordsToDelete, are_listed_by_partition) {
  const auto parsed = parse_records_to_delete(
      R"({"partitions": [{"topic": "a", "partition": 1, "offset": 10},
                         {"topic": "b", "partition": 0, "offset": -1, "note": "all"}]})");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, (std::vector<RecordsToDelete>{{"a", 1, 10}, {"b", 0, -1}}));
}

TEST(RecordsToDelete, an_invalid_file_is_refused) {
  EXPECT_TRUE(refusal_of("").starts_with("The input string is not a valid JSON"));
  EXPECT_EQ(refusal_of("[]"), "Missing partitions field");
  EXPECT_EQ(refusal_of(R"({"version": 2, "partitions": []})"),
            "Not supported version field value 2");
  const auto refusal_of_one = [](const std::string& fields) {
    return refusal_of("{\"partitions\": [{" + fields + "}]}");
  };
  EXPECT_NE(refusal_of_one(R"("partition": 0, "offset": 1)").find("topic"), std::string::npos);
  EXPECT_NE(
      refusal_of_one(R"("topic": "a", "partition": 3000000000, "offset": 1)").find("partition"),
      std::string::npos);
  EXPECT_NE(refusal_of_one(R"("topic": "a", "partition": 0, "offset": -2)").find("offset"),
            std::string::npos);
  EXPECT_NE(refusal_of_one(R"("topic": "a", "partition": 0, "offset": 1.5)").find("offset"),
            std::string::npos);
}

// If a partition occurs twice, the command cannot know which offset is meant, so it fails.
TEST(RecordsToDelete, a_partition_is_named_once) {
  EXPECT_EQ(refusal_of(R"({"partitions": [{"topic": "a", "partition": 1, "offset": 1},
                                          {"topic": "a", "partition": 1, "offset": 2}]})"),
            "Offset json file contains duplicate topic partitions: a-1");
}
