#include "client/properties.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace client {
namespace {

TEST(Properties, a_later_one_replaces_an_earlier_one) {
  const Result<Properties> properties = parse_properties({"a=1", "b==", "a=2", "c="}, "property");
  ASSERT_TRUE(properties);
  EXPECT_EQ(*properties, (Properties{{"a", "2"}, {"b", "="}, {"c", ""}}));
}

TEST(Properties, one_without_a_value_is_refused) {
  EXPECT_EQ(parse_properties({"acks"}, "producer-property").error().message,
            "--producer-property: \"acks\" is not of the form key=value");
  EXPECT_FALSE(parse_properties({"=x"}, "property"));
}

TEST(Properties, a_file_may_have_remarks_and_blanks) {
  const std::string path = testing::TempDir() + "/millrace_properties_test";
  std::ofstream(path) << "# remark\n! another\n\n  acks = all \nlinger.ms:5\r\n";
  EXPECT_EQ(*read_properties_file(path), (Properties{{"acks", "all"}, {"linger.ms", "5"}}));
  std::remove(path.c_str());
  EXPECT_EQ(read_properties_file(path).error().message, "cannot read " + path);
}

TEST(Properties, java_names_become_librdkafkas) {
  EXPECT_EQ(to_librdkafka("buffer.memory", "33554432"),
            (Setting{"queue.buffering.max.kbytes", "32768"}));
  EXPECT_EQ(to_librdkafka("fetch.max.wait.ms", "7"), (Setting{"fetch.wait.max.ms", "7"}));
  EXPECT_EQ(to_librdkafka("value.serializer", "x").name, "");
  EXPECT_EQ(to_librdkafka("linger.ms", "5"), (Setting{"linger.ms", "5"}));
}

TEST(Properties, truth_has_two_words) {
  EXPECT_TRUE(*parse_bool("print.key", "True"));
  EXPECT_FALSE(*parse_bool("print.key", "false"));
  EXPECT_EQ(parse_bool("print.key", "yes").error().message,
            "print.key=yes: neither true nor false");
}

}  // namespace
}  // namespace client
