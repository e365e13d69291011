#include "client/line_parser.h"

#include <gtest/gtest.h>

namespace client {
namespace {

LineFormat format(const Properties& properties) {
  const Result<LineFormat> parsed = LineFormat::from(properties);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *parsed;
}

TEST(LineParser, a_line_is_a_value_without_a_key) {
  const Result<OutgoingRecord> record = parse_line({}, "a\tb", 1);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->key, std::nullopt);
  EXPECT_EQ(record->value, "a\tb");
  EXPECT_EQ(parse_line({}, "", 1)->value, "");
}

TEST(LineParser, the_key_ends_at_the_first_separator) {
  const LineFormat keyed = format({{"parse.key", "true"}, {"key.separator", ":"}});
  const Result<OutgoingRecord> record = parse_line(keyed, "k2:v2:x", 1);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->key, "k2");
  EXPECT_EQ(record->value, "v2:x");
  EXPECT_EQ(parse_line(keyed, ":v", 1)->key, "");
}

TEST(LineParser, a_line_without_separator_is_refused_or_a_value) {
  const LineFormat strict = format({{"parse.key", "true"}});
  EXPECT_EQ(parse_line(strict, "nosep", 3).error().message,
            "No key separator found on line number 3: 'nosep'");
  const LineFormat lenient = format({{"parse.key", "true"}, {"ignore.error", "true"}});
  EXPECT_EQ(parse_line(lenient, "nosep", 3)->value, "nosep");
  EXPECT_EQ(parse_line(lenient, "nosep", 3)->key, std::nullopt);
}

TEST(LineParser, headers_come_first) {
  const LineFormat all = format({{"parse.key", "true"}, {"parse.headers", "true"}});
  const Result<OutgoingRecord> record = parse_line(all, "h1:x,h2:,h1:y:z\tk\tv", 1);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->headers, (std::vector<OutgoingHeader>{{"h1", "x"}, {"h2", ""}, {"h1", "y:z"}}));
  EXPECT_EQ(record->key, "k");
  EXPECT_EQ(record->value, "v");
  EXPECT_EQ(parse_line(all, "h1\tk\tv", 1).error().message,
            "No header key separator found in pair 'h1' on line number 1");
  EXPECT_TRUE(parse_line(all, "\tk\tv", 1)->headers.empty());
}

TEST(LineParser, the_null_marker_stands_for_null_in_every_part) {
  const LineFormat all =
      format({{"parse.key", "true"}, {"parse.headers", "true"}, {"null.marker", "NULL"}});
  const Result<OutgoingRecord> record = parse_line(all, "h:NULL\tNULL\tNULL", 1);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->headers, (std::vector<OutgoingHeader>{{"h", std::nullopt}}));
  EXPECT_EQ(record->key, std::nullopt);
  EXPECT_EQ(record->value, std::nullopt);
  EXPECT_TRUE(parse_line(all, "NULL\tk\tv", 1)->headers.empty());
  EXPECT_FALSE(parse_line(all, "NULL:x\tk\tv", 1));
}

TEST(LineParser, separators_must_be_there_and_differ) {
  EXPECT_FALSE(LineFormat::from({{"parse.key", "true"}, {"key.separator", ""}}));
  EXPECT_EQ(
      LineFormat::from({{"parse.headers", "true"}, {"headers.separator", ":"}}).error().message,
      "headers.separator and headers.key.separator may not be equal");
  EXPECT_EQ(LineFormat::from({{"parse.kye", "true"}}).error().message,
            "unrecognized property parse.kye");
}

}  // namespace
}  // namespace client
