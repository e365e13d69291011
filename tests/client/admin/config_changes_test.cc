#include "client/admin/config_changes.h"

#include <gtest/gtest.h>

namespace client {
namespace {

TEST(ConfigChanges, names_are_separated_by_commas) {
  EXPECT_EQ(split_config_list("a, b"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(split_config_list(",a,,"), (std::vector<std::string>{"a"}));
  EXPECT_TRUE(split_config_list("").empty());
}

TEST(ConfigChanges, a_value_in_brackets_may_hold_commas) {
  EXPECT_EQ(parse_config_additions("retention.ms=1000,cleanup.policy=[compact,delete]").value(),
            (Properties{{"cleanup.policy", "compact,delete"}, {"retention.ms", "1000"}}));
  EXPECT_EQ(parse_config_additions("a=").value(), (Properties{{"a", ""}}));
  EXPECT_EQ(parse_config_additions("a=b=c").value(), (Properties{{"a", "b=c"}}));
  for (const char* wrong : {"a", "=1", "a=1,b"})
    EXPECT_FALSE(parse_config_additions(wrong)) << wrong;
}

}  // namespace
}  // namespace client
