#include "client/admin/topic_plan.h"

#include <gtest/gtest.h>

namespace client {
namespace {

TEST(TopicPlan, rates_are_read_as_people_write_them) {
  EXPECT_EQ(parse_rate("15MB/s").value(), 15e6);
  EXPECT_EQ(parse_rate("1.5 GB").value(), 1.5e9);
  EXPECT_EQ(parse_rate("800kb/S").value(), 800e3);
  EXPECT_EQ(parse_rate("7B/s").value(), 7);
  for (const char* wrong :
       {"", "MB/s", "15", "-1MB/s", "0MB/s", "15MB/h", "1e3MB/s", "x15MB", "nanB"})
    EXPECT_FALSE(parse_rate(wrong)) << wrong;
  EXPECT_EQ(parse_client_rates("4x15MB/s")->count, 4);
  EXPECT_EQ(parse_client_rates("4x15MB/s")->together(), 60e6);
  EXPECT_EQ(parse_client_rates("15MB/s")->count, 1);
  for (const char* wrong : {"0x15MB/s", "ax15MB/s", "4x", "x15MB/s", "-4x15MB/s"})
    EXPECT_FALSE(parse_client_rates(wrong)) << wrong;
}

TEST(TopicPlan, the_larger_of_both_sides_counts) {
  const PartitionPlan plan{200e6, {4, 15e6}, {6, 20e6}};
  EXPECT_EQ(plan.for_producers(), 4);
  EXPECT_EQ(plan.for_consumers(), 2);
  EXPECT_EQ(plan.partitions(), 4);
  EXPECT_EQ(plan.for_one_group(), 10);
  const std::string text = explain(plan);
  EXPECT_TRUE(text.starts_with("4 partitions\n")) << text;
  for (const char* words :
       {"200 MB/s", "t/p = 3.33, so 4", "t/c = 1.67, so 2", "of 6 in one group 2 would be idle",
        "Each partition carries 50 MB/s", "needs 10"})
    EXPECT_NE(text.find(words), text.npos) << words << "\n" << text;
  EXPECT_EQ((PartitionPlan{600e6, {1, 200e6}, {1, 300e6}}.partitions()), 3) << "exactly";
  EXPECT_EQ((PartitionPlan{1, {1, 200e6}, {1, 300e6}}.partitions()), 1) << "at least one";
}

TEST(TopicPlan, names_against_the_conventions_are_noticed) {
  for (const char* usual : {"orders", "orders.paid", "orders-paid-2", "orders_paid", "o"})
    EXPECT_EQ(unusual_about_name(usual), "") << usual;
  for (const char* unusual : {"Orders", "orders.paid_out", "__orders", "-orders", "orders."})
    EXPECT_NE(unusual_about_name(unusual), "") << unusual;
}

}  // namespace
}  // namespace client
