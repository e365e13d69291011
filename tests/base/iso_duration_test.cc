#include "base/iso_duration.h"

#include <gtest/gtest.h>

TEST(IsoDuration, is_of_days_hours_minutes_and_seconds) {
  EXPECT_EQ(parse_iso_duration("PT1H30M").value_or(-1), 5'400'000);
  EXPECT_EQ(parse_iso_duration("P1DT1S").value_or(-1), 86'401'000);
  for (const char* wrong :
       {"", "P", "PT", "1H", "P1H", "PT1D", "PT1", "P1Y", "PT-1H", "PT99999999999H"})
    EXPECT_FALSE(parse_iso_duration(wrong)) << wrong;
}
