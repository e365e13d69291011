#include <gtest/gtest.h>

#include "tests/engine/functions/call.h"

using namespace functions_test;
using engine::TypeKind;
using engine::Value;

namespace {

Typed date(int32_t days) { return {TypeKind::Date, Value::integer(days)}; }
Typed time(int32_t ms) { return {TypeKind::Time, Value::integer(ms)}; }
Typed timestamp(int64_t ms) { return {TypeKind::Timestamp, Value::bigint(ms)}; }
const Typed kNoText{TypeKind::String, {}};

}  // namespace

TEST(Datetime, functions_read_and_write_by_java_patterns) {
  EXPECT_EQ(shown("FORMAT_TIMESTAMP",
                  {timestamp(1'526'075'913'000), "yyyy-MM-dd HH:mm:ss zzz", "America/Los_Angeles"}),
            "\"2018-05-11 14:58:33 PDT\"");
  EXPECT_EQ(shown("PARSE_DATE", {"JAN-2022", "MMM-yyyy"}), "\"2022-01-01\"");
  EXPECT_EQ(shown("PARSE_TIME", {"9:05 pm", "h:mm a"}), "\"21:05:00\"");
  EXPECT_EQ(shown("STRINGTODATE", {"01-Jan-2022", "dd-MMM-yyyy"}), "18993");
  EXPECT_EQ(shown("FORMAT_TIME", {time(65'000), "HH_mm_ss_SSS"}), "\"00_01_05_000\"");
  EXPECT_EQ(shown("FORMAT_DATE", {date(-1), "dd-MM-yyyy'Sophia'"}), "\"31-12-1969Sophia\"");
  EXPECT_EQ(shown("TIMESTAMPTOSTRING", {int64_t{0}, "yyyy-MM-dd HH:mm:ss Z", "UTC"}),
            "\"1970-01-01 00:00:00 +0000\"");
}

TEST(Datetime, failures_name_the_text_and_the_pattern) {
  EXPECT_EQ(shown("PARSE_TIMESTAMP", {"soon", "yyyy"}),
            "error: Failed to parse timestamp 'soon' with formatter 'yyyy': Text 'soon' could not "
            "be parsed at index 0");
  EXPECT_EQ(shown("FORMAT_DATE", {date(0), "HH"}),
            "error: Failed to format date '0' with formatter 'HH': Unsupported field: HourOfDay");
  EXPECT_EQ(shown("PARSE_DATE", {"2022-01-01 10", "yyyy-MM-dd HH"}),
            "error: Failed to parse date '2022-01-01 10' with formatter 'yyyy-MM-dd HH': Date "
            "format contains time field.");
  EXPECT_EQ(shown("FORMAT_TIMESTAMP", {timestamp(0), "HH", "Mars"}),
            "error: unknown time zone 'Mars'");
  EXPECT_EQ(shown("FORMAT_TIMESTAMP", {timestamp(0), kNoText}), "null");
}

TEST(Datetime, zones_convert_and_overflow_is_an_error) {
  EXPECT_EQ(shown("CONVERT_TZ", {timestamp(0), "UTC", "+01:00"}), "\"1970-01-01T01:00:00.000\"");
  EXPECT_EQ(shown("CONVERT_TZ", {timestamp(INT64_MAX), "UTC", "+01:00"}),
            "error: the time is out of range");
}

TEST(Datetime, now_is_the_clock_of_the_call) {
  EXPECT_EQ(shown("UNIX_TIMESTAMP", {}), "1577836800000");
  EXPECT_EQ(shown("UNIX_DATE", {}), "18262");
  EXPECT_EQ(shown("UNIX_DATE", {date(7)}), "7");
  EXPECT_EQ(shown("FROM_DAYS", {-10}), "\"1969-12-22\"");
}

TEST(Url, parts_are_decoded_and_absent_ones_null) {
  const char kUrl[] = "http://me@confluent.io:8080/nested/a%20b?q=1&r=x%26y&flag#frag";
  EXPECT_EQ(shown("URL_EXTRACT_HOST", {kUrl}), "\"confluent.io\"");
  EXPECT_EQ(shown("URL_EXTRACT_PORT", {kUrl}), "8080");
  EXPECT_EQ(shown("URL_EXTRACT_PATH", {kUrl}), "\"/nested/a b\"");
  EXPECT_EQ(shown("URL_EXTRACT_QUERY", {kUrl}), "\"q=1&r=x&y&flag\"");
  EXPECT_EQ(shown("URL_EXTRACT_FRAGMENT", {kUrl}), "\"frag\"");
  EXPECT_EQ(shown("URL_EXTRACT_PROTOCOL", {kUrl}), "\"http\"");
  EXPECT_EQ(shown("URL_EXTRACT_PARAMETER", {kUrl, "flag"}), "\"\"");
  EXPECT_EQ(shown("URL_EXTRACT_PARAMETER", {kUrl, "none"}), "null");
  EXPECT_EQ(shown("URL_EXTRACT_PATH", {"http://www.test.com?query"}), "\"\"");
  EXPECT_EQ(shown("URL_EXTRACT_PORT", {"http://test@confluent.io"}), "null");
  EXPECT_EQ(shown("URL_EXTRACT_PROTOCOL", {"www.confluent.io"}), "null");
  EXPECT_EQ(shown("URL_EXTRACT_PATH", {"mailto:a@b.c"}), "null");
  EXPECT_EQ(shown("URL_EXTRACT_HOST", {"http://[::1]:80/"}), "\"[::1]\"");
  EXPECT_EQ(shown("URL_EXTRACT_HOST", {"http://a_b/"}), "null");
  EXPECT_EQ(shown("URL_EXTRACT_HOST", {kNoText}), "null");
  for (const char* bad : {"http://a b", "http://%zz/", "1http://x", "", "http://", "a:"})
    EXPECT_TRUE(shown("URL_EXTRACT_HOST", {bad}).starts_with("error: URL input has invalid"))
        << bad;
}

TEST(Url, parameters_are_form_encoded) {
  EXPECT_EQ(shown("URL_ENCODE_PARAM", {"?foo $bar-_.*é"}), "\"%3Ffoo+%24bar-_.*%C3%A9\"");
  EXPECT_EQ(shown("URL_DECODE_PARAM", {"a+b%26%C3%A9"}), "\"a b&é\"");
  EXPECT_TRUE(shown("URL_DECODE_PARAM", {"50%"}).starts_with("error: "));
}
