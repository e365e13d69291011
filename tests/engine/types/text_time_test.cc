#include "engine/types/text_time.h"

#include <limits>

namespace engine {
namespace {

std::string date(int64_t days) {
  std::string text;
  append_date(text, days);
  return text;
}
std::string time(int64_t ms) {
  std::string text;
  append_time(text, ms);
  return text;
}
std::string timestamp(int64_t ms) {
  std::string text;
  append_timestamp(text, ms);
  return text;
}

TEST(TextTime, every_day_of_eight_centuries_comes_back) {
  int64_t expected = days_from_civil({1600, 1, 1});
  for (int64_t year = 1600; year < 2400; ++year)
    for (int month = 1; month <= 12; ++month)
      for (int day = 1; day <= days_in_month(year, month); ++day) {
        const CivilDate civil{year, month, day};
        ASSERT_EQ(days_from_civil(civil), expected);
        ASSERT_EQ(civil_from_days(expected), civil);
        ++expected;
      }
}

TEST(TextTime, dates_times_and_timestamps_print_as_iso) {
  EXPECT_EQ(date(0), "1970-01-01");
  EXPECT_EQ(date(-1), "1969-12-31");
  EXPECT_EQ(time(0), "00:00");
  EXPECT_EQ(time(36'930'000), "10:15:30");
  EXPECT_EQ(time(36'900'999), "10:15");
  EXPECT_EQ(timestamp(1'704'164'645'678), "2024-01-02T03:04:05.678");
  EXPECT_EQ(timestamp(-1), "1969-12-31T23:59:59.999");
  timestamp(std::numeric_limits<int64_t>::min());
  timestamp(std::numeric_limits<int64_t>::max());
}

TEST(TextTime, partial_dates_are_completed) {
  EXPECT_EQ(parse_date("1970"), 0);
  EXPECT_EQ(parse_date("1970-02"), 31);
  EXPECT_EQ(parse_date("2000-02-29"), 11016);
  for (const char* wrong : {"", "70", "1970-", "1970-13", "1999-02-29", "1970-01-01T", "1970-1-1x"})
    EXPECT_FALSE(parse_date(wrong)) << wrong;
}

TEST(TextTime, times_need_hours_and_minutes) {
  EXPECT_EQ(parse_time("10:15"), 36'900'000);
  EXPECT_EQ(parse_time("10:15:30.5"), 36'930'500);
  EXPECT_EQ(parse_time("23:59:59.999999"), 86'399'999);
  for (const char* wrong : {"", "10", "10:", "24:00", "10:60", "10:15:60", "10:15:30.", "10:15Z"})
    EXPECT_FALSE(parse_time(wrong)) << wrong;
}

TEST(TextTime, partial_timestamps_are_completed_and_moved_to_utc) {
  EXPECT_EQ(parse_timestamp("2024"), 1'704'067'200'000);
  EXPECT_EQ(parse_timestamp("2024-01-02T03"), 1'704'164'400'000);
  EXPECT_EQ(parse_timestamp("2024-01-02T03:04:05.678"), 1'704'164'645'678);
  EXPECT_EQ(parse_timestamp("2024-01-02T03:04:05.678Z"), 1'704'164'645'678);
  EXPECT_EQ(parse_timestamp("2024-01-02T03:04:05.678+0100"), 1'704'161'045'678);
  EXPECT_EQ(parse_timestamp("2024-01-02T03:04:05.678-01:30"), 1'704'170'045'678);
  EXPECT_EQ(parse_timestamp("1969-12-31T23:59:59.999"), -1);
  EXPECT_EQ(parse_timestamp("2024-01-02 03:04:05.678"), 1'704'164'645'678);
  EXPECT_EQ(parse_timestamp("2024-01-02 03:04:05.678 +01"), 1'704'161'045'678);
  EXPECT_EQ(parse_timestamp("2024-01-02 03:04:05.678 UTC"), 1'704'164'645'678);
  for (const char* wrong :
       {"", "x", "2024-01-02  03:04", "2024-01-02T03:04:05+9900", "2024-01-02Tx",
        "2024-01-02 03:04  +01", "2024-01-02 x", "2024-01-02 03:04 "})
    EXPECT_FALSE(parse_timestamp(wrong)) << wrong;
}

TEST(TextTime, weeks_begin_on_monday) {
  EXPECT_EQ(day_of_week(0), 4);
  EXPECT_EQ(day_of_week(-3), 1);
  EXPECT_EQ(day_of_week(-4), 7);
}

}  // namespace
}  // namespace engine
