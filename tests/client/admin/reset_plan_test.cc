#include "client/admin/reset_plan.h"

#include <gtest/gtest.h>

namespace client {
namespace {

PartitionName at(const std::string& topic, int32_t partition) {
  return {topic, PartitionId{partition}};
}

TEST(ResetPlan, a_file_of_one_group_names_topics_partitions_and_offsets) {
  const auto plan = parse_reset_plan("orders,0,5\r\n\n\"orders\",1,7", "billing");
  ASSERT_TRUE(plan);
  EXPECT_EQ(*plan, (ResetPlan{{"billing", {{at("orders", 0), 5}, {at("orders", 1), 7}}}}));
}

TEST(ResetPlan, a_file_of_several_groups_names_them) {
  const auto plan = parse_reset_plan("a,orders,0,5\n\"b, \"\"c\"\"\",orders,0,6\n", "");
  ASSERT_TRUE(plan);
  EXPECT_EQ(*plan,
            (ResetPlan{{"a", {{at("orders", 0), 5}}}, {"b, \"c\"", {{at("orders", 0), 6}}}}));
}

TEST(ResetPlan, errors_name_the_line) {
  const auto error = [](std::string_view text, const std::string& group) {
    const auto plan = parse_reset_plan(text, group);
    return plan ? std::string("read") : plan.error().message;
  };
  EXPECT_EQ(error("orders,0,5\norders,0\n", "g"), "line 2: expected topic,partition,offset");
  EXPECT_EQ(error("orders,0,5\n", ""), "line 1: expected group,topic,partition,offset");
  EXPECT_EQ(error("\norders,x,5\n", "g"), "line 2: x,5 are not a partition and an offset");
  EXPECT_EQ(error("orders,0,-1\n", "g"), "line 1: 0,-1 are not a partition and an offset");
  EXPECT_EQ(error("\"orders,0,5\n", "g"), "line 1: a quote is not closed");
}

}  // namespace
}  // namespace client
