#include "client/admin/groups.h"

#include <gtest/gtest.h>

using namespace client;

TEST(GroupPositions, times_are_read_as_kafkas_tools_read_them) {
  EXPECT_EQ(parse_datetime("1970-01-02T00:00:00.000").value_or(-1), 86'400'000);
  EXPECT_EQ(parse_datetime("1970-01-01T00:01").value_or(-1), 60'000);
  EXPECT_EQ(parse_datetime("1970-01-01T00:00:01.25Z").value_or(-1), 1'250);
  EXPECT_EQ(parse_datetime("1970-01-01T02:00:00+02:00").value_or(-1), 0);
  EXPECT_EQ(parse_datetime("1970-01-01T00:00:00.5-0130").value_or(-1), 5'400'500);
  for (const char* wrong :
       {"", "yesterday", "1970-01-01", "1970-01-01T00:00:00 noon", "1970-01-01T00:00+2"})
    EXPECT_FALSE(parse_datetime(wrong)) << wrong;
}
