#include "engine/java/java_time.h"

#include <gtest/gtest.h>

using namespace engine;

namespace {

constexpr int64_t kMay2018 = 1'526'075'913'000;  // 2018-05-11T21:58:33Z

std::string printed(std::string_view pattern, int64_t ms, std::string_view zone = "UTC") {
  const auto compiled = TimePattern::compile(pattern);
  if (!compiled) return compiled.error().message;
  const auto text = compiled->format_timestamp(ms, *TimeZone::find(zone));
  return text ? *text : text.error().message;
}

std::string parsed(std::string_view pattern, std::string_view text, std::string_view zone = "UTC") {
  const auto compiled = TimePattern::compile(pattern);
  if (!compiled) return compiled.error().message;
  const auto ms = compiled->parse_timestamp(text, *TimeZone::find(zone));
  return ms ? std::to_string(*ms) : ms.error().message;
}

int64_t lenient(std::string_view pattern, std::string_view text) {
  const auto ms = TimePattern::compile_simple(pattern)->parse_lenient_date(text);
  return ms ? *ms : -1;
}

}  // namespace

TEST(TimePattern, prints_fields_by_their_letters) {
  EXPECT_EQ(printed("yyyy-MM-dd HH:mm:ss", kMay2018), "2018-05-11 21:58:33");
  EXPECT_EQ(printed("yyyy-MM-dd'T'HH:mm:ss.SSSX", kMay2018 + 7), "2018-05-11T21:58:33.007Z");
  EXPECT_EQ(printed("EEEE, d MMMM yy, h:mm a", kMay2018), "Friday, 11 May 18, 9:58 PM");
  EXPECT_EQ(printed("D Q G e w", kMay2018), "131 2 AD 6 19");
  EXPECT_EQ(printed("''yyyy'it''s'", kMay2018), "'2018it's");
  EXPECT_EQ(printed("ppppd|kk|K", kMay2018), "  11|21|9");
}

TEST(TimePattern, prints_zones) {
  EXPECT_EQ(printed("HH:mm zzz", kMay2018, "America/Los_Angeles"), "14:58 PDT");
  EXPECT_EQ(printed("HH:mm zzzz", kMay2018, "America/Los_Angeles"), "14:58 Pacific Daylight Time");
  EXPECT_EQ(printed("VV z", kMay2018, "Europe/Paris"), "Europe/Paris CEST");
  EXPECT_EQ(printed("HH Z X XXX xx O OOOO", kMay2018, "+05:30"),
            "03 +0530 +0530 +05:30 +0530 GMT+5:30 GMT+05:30");
  EXPECT_EQ(printed("Z x xxx XXX O z", kMay2018, "UTC"), "+0000 +00 +00:00 Z GMT UTC");
}

TEST(TimePattern, refuses_the_patterns_that_java_refuses) {
  EXPECT_EQ(printed("yyyy-bb", 0), "Unknown pattern letter: b");
  EXPECT_NE(TimePattern::compile("yyyy-MM-ddTHH").error().hint.find("dd''T''HH"),
            std::string::npos);
  EXPECT_EQ(printed("HHH", 0), "Too many pattern letters: H");
  EXPECT_EQ(printed("yyyy'T", 0), "Pattern ends with an incomplete string literal: yyyy'T");
  EXPECT_EQ(printed("{", 0), "Pattern includes reserved character: '{'");
  EXPECT_EQ(TimePattern::compile("yyyy HH")->format_date(3).error().message,
            "Unsupported field: HourOfDay");
  EXPECT_EQ(TimePattern::compile("HH dd")->format_time(3).error().message,
            "Unsupported field: DayOfMonth");
}

TEST(TimePattern, reads_timestamps_and_fills_in_missing_fields) {
  EXPECT_EQ(parsed("yyyy-MM-dd'T'HH:mm:ssX", "2018-05-11t21:58:33z"), "1526075913000");
  EXPECT_EQ(parsed("yyyy-MM-dd'T'HH:mm:ss zzz", "2018-05-11T21:58:33 PST"), "1526101113000");
  EXPECT_EQ(parsed("yyyy-MM-dd HH:mm:ss.SSS", "2018-05-11 21:58:33.250"), "1526075913250");
  EXPECT_EQ(parsed("yyyyMMddHHmmssSSS", "20180511215833250"), "1526075913250");
  EXPECT_EQ(parsed("yyyy", "1971"), "31536000000");
  EXPECT_EQ(parsed("HH:mm", "01:00"), "3600000");
  EXPECT_EQ(parsed("HH:mm", "01:00", "Europe/Paris"), "0");
  EXPECT_EQ(parsed("yyyy-MM-dd['T'HH:mm[:ss]]", "1970-01-02"), "86400000");
  EXPECT_EQ(parsed("yyyy-MM-dd['T'HH:mm[:ss]]", "1970-01-02T00:01"), "86460000");
  EXPECT_EQ(parsed("yyyy-MM-dd HH:mm", "1970-01-01 24:00"), "86400000");
  EXPECT_EQ(parsed("yyyy-D", "1972-366"), "94608000000");
  EXPECT_EQ(parsed("D", "366"), "Leap day cannot be parsed without supplying the year field");
  EXPECT_EQ(parsed("MMM d yyyy h:mm a", "jan 2 1970 1:00 pm"), "133200000");
  EXPECT_EQ(parsed("yyyy-MM-dd", "2021-02-31"), parsed("yyyy-MM-dd", "2021-02-28"));
}

TEST(TimePattern, names_the_position_of_a_mismatch) {
  EXPECT_EQ(parsed("yyyy-MM-dd", "2021-3-04"), "Text '2021-3-04' could not be parsed at index 5");
  EXPECT_EQ(parsed("yyyy-MM-dd", "2021-03-04x"),
            "Text '2021-03-04x' could not be parsed, unparsed text found at index 10");
  EXPECT_EQ(parsed("yyyy-MM-dd", "2021-13-04"),
            "Invalid value for MonthOfYear (valid values 1 - 12): 13");
  EXPECT_EQ(parsed("yyyy", ""), "Text '' could not be parsed at index 0");
}

// Each record may contain a pattern. The parser of patterns is recursive, so the depth must be
// limited.
TEST(TimePattern, has_a_bound_for_optional_sections_within_each_other) {
  const auto nested = [](size_t levels) {
    return std::string(levels, '[') + "yyyy" + std::string(levels, ']');
  };
  EXPECT_EQ(parsed(nested(100), "1970"), "0");
  for (const size_t levels : {size_t{101}, size_t{1'000'000}})
    EXPECT_EQ(parsed(nested(levels), "1970"),
              "Pattern has more than 100 optional sections within each other");
  std::string beside;
  for (int i = 0; i < 20'000; ++i) beside += "[MM]";
  EXPECT_EQ(parsed("yyyy" + beside, "1970"), "0");
}

TEST(TimePattern, reads_times_and_dates_alone) {
  EXPECT_EQ(*TimePattern::compile("HHmmss")->parse_time("002034"), 1'234'000);
  EXPECT_EQ(TimePattern::compile("HH dd")->parse_time("00 01").error().message,
            "Time format contains date field.");
  EXPECT_EQ(*TimePattern::compile("dd-MMM-yyyy")->parse_date("01-Jan-2022"), 18'993);
  EXPECT_FALSE(TimePattern::compile("MMM-yyyy")->parse_date("Jan-2022"));
}

TEST(TimePattern, reads_dates_leniently_as_simple_date_format) {
  constexpr int64_t kDay = 86'400'000;
  EXPECT_EQ(lenient("yyyy-MM-dd'Lit'", "2018-05-11Lit"), 17'662 * kDay);
  EXPECT_EQ(lenient("dd-MMM-yyyy", "01-JAN-2022"), 18'993 * kDay);
  EXPECT_EQ(lenient("MMM-yyyy", "JAN-2022"), 18'993 * kDay);
  EXPECT_EQ(lenient("yyyyMMdd", "20220101 and more"), 18'993 * kDay);
  EXPECT_EQ(lenient("yyyy-MM-dd", "2021-13-01"), 18'993 * kDay);
  EXPECT_EQ(lenient("yyyy-MM-dd", "soon"), -1);
}

TEST(TimeZone, local_times_in_gaps_and_overlaps_follow_java) {
  const TimeZone zone = *TimeZone::find("America/Los_Angeles");
  constexpr int64_t kHour = 3'600'000;
  // 2021-03-14T02:30 does not exist in this zone; it becomes 03:30 daylight time.
  EXPECT_EQ(zone.to_epoch_ms(1'615'689'000'000), 1'615'689'000'000 + 8 * kHour);
  // 2021-11-07T01:30 occurs twice in this zone; the first one is daylight time.
  EXPECT_EQ(zone.to_epoch_ms(1'636'248'600'000), 1'636'248'600'000 + 7 * kHour);
}

TEST(TimeZone, ids_are_javas) {
  EXPECT_TRUE(TimeZone::find("GMT+2"));
  EXPECT_TRUE(TimeZone::find("+0530"));
  EXPECT_FALSE(TimeZone::find("PST"));
  EXPECT_FALSE(TimeZone::find("Nowhere/City"));
  EXPECT_FALSE(TimeZone::find(""));
  EXPECT_FALSE(TimeZone::find("+19:00"));
}
