#include "client/admin/topic_pattern.h"

#include <gtest/gtest.h>

namespace client {
namespace {

std::string chosen(std::string pattern) {
  const Result<std::vector<TopicDescription>> topics =
      matching({{"test", {}}, {"test.a", {}}, {"test7", {}}, {"xtest", {}}}, std::move(pattern));
  if (!topics) return topics.error().message;
  std::string names;
  for (const TopicDescription& topic : *topics) names += topic.name + ' ';
  return names;
}

TEST(TopicPattern, the_whole_name_must_match) {
  EXPECT_EQ(chosen("test"), "test ");
  EXPECT_EQ(chosen("test.*"), "test test.a test7 ");
  EXPECT_EQ(chosen("test\\.a"), "test.a ");
  EXPECT_EQ(chosen("test\\d"), "test7 ");
}

TEST(TopicPattern, a_comma_means_or) { EXPECT_EQ(chosen("test,x.*"), "test xtest "); }

TEST(TopicPattern, an_invalid_pattern_is_refused) {
  EXPECT_EQ(chosen("("), "\"(\" is not a regular expression");
}

TEST(TopicPattern, a_pattern_that_would_take_for_ever_is_given_up) {
  const std::string name(200, 'a');
  const Result<std::vector<TopicDescription>> topics = matching({{name, {}}}, "(a|a)*b");
  ASSERT_TRUE(topics);
  EXPECT_TRUE(topics->empty());
}

}  // namespace
}  // namespace client
