#include "engine/java/postgres_zone.h"

#include <gtest/gtest.h>

#include "engine/types/text_time.h"

namespace engine {
namespace {

std::string name_of(std::string_view name) {
  const auto zone = find_postgres_zone(name);
  return zone ? zone->name : zone.error().message;
}
int64_t east_minutes(std::string_view name, int64_t at_ms = 0) {
  const auto zone = find_postgres_zone(name);
  return zone ? (zone->clock ? zone->clock->east_ms(at_ms) / 60'000 : 0) : -1'000;
}

TEST(PostgresZone, names_are_of_the_tz_database_in_any_case) {
  EXPECT_EQ(name_of("europe/berlin"), "Europe/Berlin");
  EXPECT_EQ(name_of("utc"), "UTC");
  EXPECT_EQ(name_of("est5edt"), "EST5EDT");
  EXPECT_EQ(name_of("Asia/Calcutta"), "Asia/Calcutta");
  EXPECT_EQ(find_postgres_zone("Etc/UTC")->clock, nullptr);
  EXPECT_NE(find_postgres_zone("Europe/London")->clock, nullptr);
}

TEST(PostgresZone, abbreviations_and_nonsense_are_refused) {
  for (const std::string_view name : {"CEST", "PST", "BST", "Z", "", "Nowhere/X", "  UTC", "LOCAL",
                                      "Etc/Unknown", "GMT+", "FOO+3x", "UTC+2:", "<x+3", "+", "-"})
    EXPECT_EQ(name_of(name),
              "invalid value for parameter \"TimeZone\": \"" + std::string(name) + "\"");
  EXPECT_EQ(find_postgres_zone("200").error().detail, "UTC timezone offset is out of range.");
}

TEST(PostgresZone, plain_hours_count_to_the_east_and_posix_hours_to_the_west) {
  EXPECT_EQ(name_of("5"), "<+05>-05");
  EXPECT_EQ(name_of("-7"), "<-07>+07");
  EXPECT_EQ(name_of("5.5"), "<+05:30>-05:30");
  EXPECT_EQ(east_minutes("5.5"), 330);
  EXPECT_EQ(east_minutes("+05:30"), -330);
  EXPECT_EQ(east_minutes("FOO-3:30"), 210);
  EXPECT_EQ(east_minutes("GMT+2"), -120);
  EXPECT_EQ(east_minutes("<-03>+3"), -180);
  EXPECT_EQ(name_of("GMT-05:30"), "GMT-05:30");
  EXPECT_EQ(find_postgres_zone("<-03>+3")->clock->abbreviation(0), "-03");
  EXPECT_EQ(find_postgres_zone("FOO+3")->clock->abbreviation(0), "FOO");
}

TEST(PostgresZone, clocks_that_change_are_read_as_postgresql_reads_them) {
  const ZoneClockPtr berlin = find_postgres_zone("Europe/Berlin")->clock;
  const auto at = [](std::string_view text) { return *parse_timestamp(text); };
  EXPECT_EQ(berlin->instant_ms(at("2024-07-01T12:00")), at("2024-07-01T10:00"));
  // this local time does not exist
  EXPECT_EQ(berlin->instant_ms(at("2024-03-31T02:30")), at("2024-03-31T01:30"));
  // this local time occurs twice
  EXPECT_EQ(berlin->instant_ms(at("2024-10-27T02:30")), at("2024-10-27T01:30"));
  EXPECT_EQ(berlin->abbreviation(at("2024-07-01")), "CEST");
  EXPECT_EQ(berlin->abbreviation(at("2024-01-01")), "CET");
  EXPECT_EQ(find_postgres_zone("Asia/Kathmandu")->clock->abbreviation(at("2024-01-01")), "+0545");
}

}  // namespace
}  // namespace engine
