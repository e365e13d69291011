#include "client/table.h"

#include <gtest/gtest.h>

namespace client {
namespace {

TEST(Table, columns_are_as_wide_as_their_widest_cell) {
  using enum Column::Align;
  EXPECT_EQ(format_table({{"TOPIC"}, {"PARTITIONS", Right}, {"NOTE"}},
                         {{"a_long_name", "4", ""}, {"b", "1000", "x"}}),
            "TOPIC        PARTITIONS  NOTE\n"
            "a_long_name           4\n"
            "b                  1000  x\n");
}

TEST(Table, without_rows_there_is_the_head) { EXPECT_EQ(format_table({{"TOPIC"}}, {}), "TOPIC\n"); }

}  // namespace
}  // namespace client
